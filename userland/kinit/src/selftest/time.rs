//! Time and chance.

use core::time::Duration;

use rt::ExitCode;
use rt::bstr::ByteSlice;
use rt::process::{Fork, fork, wait};
use rt::rustix::process::{Signal, kill_process};
use rt::rustix::time::{ClockId, clock_gettime};
use rustix::rand::{GetRandomFlags, getrandom};

use super::waiting::{PATIENCE, now, pause, since};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "time: it goes forward", run: forward },
    Test { name: "time: a sleep is not too short", run: sleep },
    Test { name: "time: /proc/uptime and the clocks agree", run: agreement },
    Test {
        name: "time: a program that computes for ever does not stop the others",
        run: preemption,
    },
    Test { name: "chance: random numbers do not repeat", run: random },
];

fn forward() -> Outcome {
    let start = now();
    let mut last = start;
    for _ in 0..10_000 {
        let time = now();
        check!(time >= last, "{time:?} comes after {last:?}");
        last = time;
    }
    check!(last > start, "it stands still at {start:?}");
    Ok(())
}

fn sleep() -> Outcome {
    for milliseconds in [0, 1, 20, 100] {
        let wanted = Duration::from_millis(milliseconds);
        let start = now();
        pause(wanted);
        let elapsed = since(start);
        check!(elapsed >= wanted && elapsed < PATIENCE, "{wanted:?} took {elapsed:?}");
    }
    Ok(())
}

fn realtime() -> Duration {
    let time = clock_gettime(ClockId::Realtime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn agreement() -> Outcome {
    let text = because("/proc/uptime", rt::input::read_file("/proc/uptime"))?;
    let seconds = text.to_str().ok().and_then(|text| text.split('.').next()?.parse().ok());
    let uptime: u64 = seconds.ok_or_else(|| alloc::format!("{:?}", text.as_bstr()))?;
    let monotonic = now().as_secs();
    check!(monotonic.abs_diff(uptime) <= 1, "uptime {uptime} s, clock {monotonic} s");
    let (wall, start) = (realtime(), now());
    pause(Duration::from_millis(50));
    let (wall, steady) = (realtime().saturating_sub(wall), since(start));
    // Reading two clocks takes a moment, more so on a busy machine.
    check!(
        wall.abs_diff(steady) < Duration::from_millis(40),
        "{wall:?} by the wall clock, {steady:?} by the other"
    );
    Ok(())
}

fn preemption() -> Outcome {
    let child = match because("fork", fork())? {
        Fork::Child => loop {
            // Not a system call among it.
            core::hint::spin_loop();
            if core::hint::black_box(false) {
                rt::exit::exit_now(ExitCode::FAILURE);
            }
        },
        Fork::Parent(child) => child,
    };
    let start = now();
    for _ in 0..10 {
        pause(Duration::from_millis(2));
    }
    let elapsed = since(start);
    because("kill", kill_process(child, Signal::KILL))?;
    let status = because("wait4", wait(child))?;
    check!(status.terminating_signal() == Some(Signal::KILL.as_raw()), "{status:?}");
    check!(elapsed < Duration::from_secs(5), "ten short sleeps took {elapsed:?}");
    Ok(())
}

fn random() -> Outcome {
    let draw = || -> Result<[u8; 32], alloc::string::String> {
        let mut bytes = [0; 32];
        let count = because("getrandom", getrandom(&mut bytes[..], GetRandomFlags::empty()))?;
        check!(count == bytes.len(), "{count} of {} bytes", bytes.len());
        Ok(bytes)
    };
    let draws = [draw()?, draw()?, draw()?];
    for (place, bytes) in draws.iter().enumerate() {
        check!(bytes != &[0; 32], "all zero");
        check!(!draws.iter().skip(place + 1).any(|other| other == bytes), "{bytes:?} twice");
    }
    // 96 bytes with hardly any different values are not random: 80 of 256 is what chance gives.
    let mut seen = [false; 256];
    draws.iter().flatten().for_each(|&byte| seen[usize::from(byte)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    check!(different >= 48, "only {different} different values in 96 bytes");
    Ok(())
}
