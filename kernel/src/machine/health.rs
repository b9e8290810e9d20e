//! How the board fares: clocks, temperature, supply. The firmware measures; it is asked at boot,
//! every few seconds afterwards, and by whoever reads the files in `/sys`, which are called as on a
//! Raspberry Pi with Linux.

use super::throttling::Throttling;
use crate::board::firmware::{self, Clock, MailboxError};
use crate::time::{self, Duration};
use crate::{executor, fs};
use alloc::string::String;
use core::fmt::Write;

/// How often the supply is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Has the cores run at full speed, says how the board fares, and goes on watching it.
pub(crate) fn start() {
    raise_clock();
    log::info!(
        target: "kernel",
        "clocks: cores {} MHz, VideoCore {} MHz, UART {} MHz; {}",
        megahertz(Clock::Arm),
        megahertz(Clock::Core),
        megahertz(Clock::Uart),
        Celsius(firmware::temperature())
    );
    fs::sys::register_file("class/thermal/thermal_zone0/type", |text| {
        text.push_str("cpu-thermal\n");
    });
    fs::sys::register_file("class/thermal/thermal_zone0/temp", temperature);
    fs::sys::register_file("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", |text| {
        kilohertz(text, firmware::clock_rate(Clock::Arm));
    });
    fs::sys::register_file("devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", |text| {
        kilohertz(text, firmware::max_clock_rate(Clock::Arm));
    });
    // An emulator has no supply that could be weak, and doesn't know the call.
    if let Ok(flags) = firmware::throttled() {
        fs::sys::register_file("devices/platform/soc/soc:firmware/get_throttled", throttled);
        executor::spawn("health", watch(Throttling(flags)));
    }
}

/// The firmware starts a kernel at the idle clock (600 MHz on a Zero 2 W, of 1000), and lowers the
/// clock by itself when it becomes too hot.
fn raise_clock() {
    let Some(most) = firmware::max_clock_rate(Clock::Arm) else { return };
    if let Err(error) = firmware::set_clock_rate(Clock::Arm, most) {
        log::warn!(target: "kernel", "the cores stay at their idle clock: {error:?}");
    }
}

async fn watch(first: Throttling) {
    let mut before = Throttling::default();
    let mut now = first.since_boot();
    loop {
        for (level, text) in now.changes(before) {
            log::log!(target: "kernel", level, "{text} ({})", Celsius(firmware::temperature()));
        }
        before = now;
        time::sleep(INTERVAL).await;
        now = match firmware::throttled() {
            Ok(flags) => Throttling(flags),
            Err(error) => {
                // Each further question might cost as much time as this one.
                log::error!(target: "kernel", "the firmware does not answer any more: {error:?}");
                return;
            }
        };
    }
}

fn temperature(text: &mut String) {
    if let Ok(value) = firmware::temperature() {
        let _ = writeln!(text, "{value}");
    }
}

fn throttled(text: &mut String) {
    if let Ok(flags) = firmware::throttled() {
        let _ = writeln!(text, "{flags:x}");
    }
}

fn kilohertz(text: &mut String, rate: Option<u32>) {
    if let Some(rate) = rate {
        let _ = writeln!(text, "{}", rate / 1000);
    }
}

fn megahertz(clock: Clock) -> u32 {
    firmware::clock_rate(clock).unwrap_or(0) / 1_000_000
}

/// A temperature as text.
struct Celsius(Result<u32, MailboxError>);

impl core::fmt::Display for Celsius {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Ok(value) => write!(f, "{}.{} \u{b0}C", value / 1000, value % 1000 / 100),
            Err(_) => f.write_str("temperature unknown"),
        }
    }
}
