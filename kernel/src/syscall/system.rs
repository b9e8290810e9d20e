//! The system as a whole: uname(2), sysinfo(2), syslog(2), getrandom(2), reboot(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::user_memory::{UserSlice, UserWriter};
use crate::board::{console, power};
use crate::fs::proc::system::{RELEASE, VERSION, since_boot};
use crate::process::table;
use crate::sync::TaskCell;
use crate::{logging, memory, random};
use alloc::vec::Vec;
use linux_raw_sys::general::{
    GRND_INSECURE, GRND_NONBLOCK, GRND_RANDOM, LINUX_REBOOT_CMD_CAD_OFF, LINUX_REBOOT_CMD_CAD_ON,
    LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_RESTART,
    LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_MAGIC2B,
    LINUX_REBOOT_MAGIC2C,
};
use log::LevelFilter;

/// Bytes of each field of `struct utsname`.
const FIELD: usize = 65;
/// Longest host name with its NUL (`__NEW_UTS_LEN` and one).
const HOST_NAME_MAX: usize = 64;

static HOST_NAME: TaskCell<heapless::Vec<u8, HOST_NAME_MAX>> = TaskCell::new(heapless::Vec::new());

/// What the host is called until somebody says otherwise.
const DEFAULT_HOST_NAME: &[u8] = b"mona";

pub(super) fn uname(arguments: Arguments) -> Result<usize, Errno> {
    let host = HOST_NAME.with(|name| name.clone());
    let host = if host.is_empty() { DEFAULT_HOST_NAME } else { &host };
    let fields = [b"Linux", host, RELEASE.as_bytes(), VERSION.as_bytes(), b"aarch64", b"(none)"];
    let mut bytes = Vec::with_capacity(FIELD * fields.len());
    for field in fields {
        let end = bytes.len() + FIELD;
        bytes.extend_from_slice(field.get(..FIELD - 1).unwrap_or(field));
        bytes.resize(end, 0);
    }
    UserSlice::new(arguments.long(0), bytes.len() as u64).write(&bytes)?;
    Ok(0)
}

pub(super) fn sethostname(arguments: Arguments) -> Result<usize, Errno> {
    let length = arguments.int(1);
    if !(0..=HOST_NAME_MAX as i32).contains(&length) {
        return Err(Errno::INVAL);
    }
    let name = UserSlice::new(arguments.long(0), length as u64).read()?;
    HOST_NAME.with(|host| {
        host.clear();
        host.extend_from_slice(&name).map_err(|_| Errno::INVAL)
    })?;
    Ok(0)
}

/// sysinfo(2): `struct sysinfo` is 112 bytes, without the gap that other machines have.
pub(super) fn sysinfo(arguments: Arguments) -> Result<usize, Errno> {
    let memory = memory::statistics();
    let (processes, _, _) = table::statistics();
    let words: [u64; 10] =
        [since_boot().as_secs(), 0, 0, 0, memory.total as u64, memory.free as u64, 0, 0, 0, 0];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend((processes as u16).to_le_bytes());
    // Padding, high memory (none), then the unit of all sizes: a byte.
    bytes.resize(104, 0);
    bytes.extend(1_u32.to_le_bytes());
    bytes.resize(112, 0);
    UserSlice::new(arguments.long(0), 112).write(&bytes)?;
    Ok(0)
}

/// Actions of syslog(2), which no header names for programs.
mod action {
    pub(super) const CLOSE: u32 = 0;
    pub(super) const OPEN: u32 = 1;
    pub(super) const READ_ALL: u32 = 3;
    pub(super) const READ_CLEAR: u32 = 4;
    pub(super) const CLEAR: u32 = 5;
    pub(super) const CONSOLE_OFF: u32 = 6;
    pub(super) const CONSOLE_ON: u32 = 7;
    pub(super) const CONSOLE_LEVEL: u32 = 8;
    pub(super) const SIZE_UNREAD: u32 = 9;
    pub(super) const SIZE_BUFFER: u32 = 10;
}

/// syslog(2), for `dmesg`.
pub(super) fn syslog(arguments: Arguments) -> Result<usize, Errno> {
    let action = arguments.unsigned(0);
    match action {
        action::OPEN | action::CLOSE => {}
        action::READ_ALL | action::READ_CLEAR => {
            let length = u64::try_from(arguments.int(2)).map_err(|_| Errno::INVAL)?;
            let count = read_log(UserSlice::new(arguments.long(1), length))?;
            if action == action::READ_CLEAR {
                logging::clear();
            }
            return Ok(count);
        }
        action::CLEAR => logging::clear(),
        action::CONSOLE_OFF => logging::set_console_level(LevelFilter::Error),
        action::CONSOLE_ON => logging::set_console_level(LevelFilter::Trace),
        action::CONSOLE_LEVEL => {
            // Linux's levels go from 0 (emergency) to 7 (debug); the number is the first that
            // is not shown.
            let level = match arguments.int(2) {
                1..=4 => LevelFilter::Error,
                5 => LevelFilter::Warn,
                6 | 7 => LevelFilter::Info,
                8 => LevelFilter::Trace,
                _ => return Err(Errno::INVAL),
            };
            logging::set_console_level(level);
        }
        action::SIZE_UNREAD => return Ok(logging::length()),
        action::SIZE_BUFFER => return Ok(logging::capacity()),
        _ => return Err(Errno::INVAL),
    }
    Ok(0)
}

/// The last of the log, as much as there is room for.
fn read_log(to: UserSlice) -> Result<usize, Errno> {
    let slices = [to];
    let mut writer = UserWriter::new(&slices);
    let skip = logging::length().saturating_sub(to.length) as u64;
    let mut position = logging::end().saturating_sub(logging::length() as u64) + skip;
    let mut part = alloc::vec![0; 4096];
    let mut total = 0;
    loop {
        let (count, next) = logging::read(Some(position), &mut part);
        let copied = writer.copy(&part[..count])?;
        total += copied;
        if copied == 0 || copied < count {
            return Ok(total);
        }
        position = next;
    }
}

/// getrandom(2): the generator is seeded before programs run, so it never waits.
pub(super) fn getrandom(arguments: Arguments) -> Result<usize, Errno> {
    const STEP: usize = 256;
    let flags = arguments.unsigned(2);
    if flags & !(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) != 0
        || flags & (GRND_RANDOM | GRND_INSECURE) == (GRND_RANDOM | GRND_INSECURE)
    {
        return Err(Errno::INVAL);
    }
    let slices = [arguments.slice(0)];
    let mut writer = UserWriter::new(&slices);
    let mut total = 0;
    let mut step = [0; STEP];
    while writer.remaining() > 0 {
        let count = writer.remaining().min(STEP);
        random::fill(&mut step[..count]);
        match writer.copy(&step[..count]) {
            Ok(copied) => total += copied,
            Err(_) if total > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// reboot(2).
pub(super) fn reboot(arguments: Arguments) -> Result<usize, Errno> {
    let known =
        [LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_MAGIC2C];
    if arguments.unsigned(0) != LINUX_REBOOT_MAGIC1 || !known.contains(&arguments.unsigned(1)) {
        return Err(Errno::INVAL);
    }
    match arguments.unsigned(2) {
        LINUX_REBOOT_CMD_RESTART => {
            log::info!("restarting");
            console::flush();
            power::restart()
        }
        LINUX_REBOOT_CMD_POWER_OFF | LINUX_REBOOT_CMD_HALT => {
            log::info!("power off");
            console::flush();
            power::power_off()
        }
        // Ctrl-Alt-Del: there is no such keyboard.
        LINUX_REBOOT_CMD_CAD_ON | LINUX_REBOOT_CMD_CAD_OFF => Ok(0),
        _ => Err(Errno::INVAL),
    }
}
