//! Limits and use of resources: prlimit(2), getrusage(2), times(2), the scheduler.

use super::arguments::Arguments;
use super::errno::Errno;
use super::time::timeval_from;
use super::user_memory::plain;
use crate::fs::descriptor::{DESCRIPTORS_MAX, DescriptorLimit};
use crate::fs::proc::system::since_boot;
use crate::process::address_space::STACK_SIZE;
use crate::process::initial_stack::CLOCK_TICKS;
use crate::process::{PROCESSES_MAX, Process, table};
use crate::time::Duration;
use linux_raw_sys::general::{
    RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RTTIME, RLIMIT_STACK, RUSAGE_CHILDREN,
    RUSAGE_SELF, RUSAGE_THREAD,
};

/// `struct rusage`: two times, the largest resident size in KiB, and thirteen counts.
pub(super) type Rusage = [i64; 18];
/// `struct rlimit`: soft and hard.
type Limit = [u64; 2];
/// `struct tms`.
type Tms = [i64; 4];

plain!(Rusage);

const INFINITY: u64 = u64::MAX;

/// RLIMIT_NOFILE can be changed. The other limits are fixed; most there are not.
fn limit(process: &Process, resource: u32) -> Result<Limit, Errno> {
    Ok(match resource {
        RLIMIT_STACK => [STACK_SIZE, STACK_SIZE],
        RLIMIT_NOFILE => {
            let limit = process.descriptors().borrow().limit();
            [limit.soft as u64, limit.hard as u64]
        }
        RLIMIT_NPROC => [PROCESSES_MAX as u64; 2],
        RLIMIT_CORE => [0, 0],
        0..=RLIMIT_RTTIME => [INFINITY; 2],
        _ => return Err(Errno::INVAL),
    })
}

/// Asking for less of what is fixed succeeds and changes nothing; for more it is `EPERM`. As every
/// process is privileged, it may raise RLIMIT_NOFILE to what there can be at most.
fn change_limit(process: &Process, resource: u32, [soft, hard]: Limit) -> Result<(), Errno> {
    let current = limit(process, resource)?;
    if soft > hard {
        return Err(Errno::INVAL);
    }
    let highest = if resource == RLIMIT_NOFILE { DESCRIPTORS_MAX as u64 } else { current[1] };
    if hard > highest {
        return Err(Errno::PERM);
    }
    if resource == RLIMIT_NOFILE {
        let limit = DescriptorLimit { soft: soft as usize, hard: hard as usize };
        process.descriptors().borrow_mut().set_limit(limit);
    }
    Ok(())
}

/// prlimit64(2).
pub(super) fn prlimit64(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (pid, resource) = (arguments.int(0), arguments.unsigned(1));
    let other = (pid != 0 && pid != process.pid()).then(|| table::find(pid).ok_or(Errno::SRCH));
    let other = other.transpose()?;
    let process = other.as_deref().unwrap_or(process);
    let before = limit(process, resource)?;
    if let Some(new) = arguments.pointer::<Limit>(2).present() {
        change_limit(process, resource, new.read()?)?;
    }
    if let Some(to) = arguments.pointer::<Limit>(3).present() {
        to.write(&before)?;
    }
    Ok(0)
}

pub(super) fn getrlimit(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    arguments.pointer::<Limit>(1).write(&limit(process, arguments.unsigned(0))?)?;
    Ok(0)
}

pub(super) fn setrlimit(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let new = arguments.pointer::<Limit>(1).read()?;
    change_limit(process, arguments.unsigned(0), new)?;
    Ok(0)
}

fn rusage(user: Duration, system: Duration, peak: u64) -> Rusage {
    let mut words = [0; 18];
    words[..2].copy_from_slice(&timeval_from(user));
    words[2..4].copy_from_slice(&timeval_from(system));
    words[4] = (peak / 1024) as i64;
    words
}

/// What a child used, its own children included, for wait4(2).
pub(super) fn rusage_of(process: &Process) -> Rusage {
    let times = process.times();
    let peak = process.memory().map_or(0, |memory| memory.peak());
    rusage(times.user + times.children_user, times.system + times.children_system, peak)
}

pub(super) fn getrusage(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let times = process.times();
    let words = match arguments.int(0) {
        who if who == RUSAGE_SELF as i32 || who == RUSAGE_THREAD as i32 => {
            let peak = process.memory().map_or(0, |memory| memory.peak());
            rusage(times.user, times.system, peak)
        }
        RUSAGE_CHILDREN => rusage(times.children_user, times.children_system, 0),
        _ => return Err(Errno::INVAL),
    };
    arguments.pointer(1).write(&words)?;
    Ok(0)
}

fn ticks(duration: Duration) -> i64 {
    (duration.as_millis() * u128::from(CLOCK_TICKS) / 1000) as i64
}

/// times(2): the result is the time since boot in ticks.
pub(super) fn times(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    if let Some(to) = arguments.pointer::<Tms>(0).present() {
        let times = process.times();
        let words = [times.user, times.system, times.children_user, times.children_system];
        to.write(&words.map(ticks))?;
    }
    Ok(ticks(since_boot()) as usize)
}

/// sched_getaffinity(2): the only processor.
pub(super) fn sched_getaffinity(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let pid = arguments.int(0);
    if pid != 0 && pid != process.pid() && table::find(pid).is_none() {
        return Err(Errno::SRCH);
    }
    if arguments.unsigned(1) < 8 {
        return Err(Errno::INVAL);
    }
    arguments.pointer::<u64>(2).write(&1)?;
    Ok(8)
}

/// getcpu(2).
pub(super) fn getcpu(arguments: Arguments) -> Result<usize, Errno> {
    for index in 0..2 {
        if let Some(to) = arguments.pointer::<u32>(index).present() {
            to.write(&0)?;
        }
    }
    Ok(0)
}

/// getpriority(2): the raw call answers 20 less the nice value, and everybody's is 0.
pub(super) const PRIORITY: usize = 20;
