//! Waiting for several files: ppoll(2), pselect6(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::time::{Timespec, duration_from, timespec_from};
use super::user_memory::{UserPtr, plain};
use crate::fs::descriptor::DESCRIPTORS_MAX;
use crate::fs::file::{OpenFile, Readiness};
use crate::process::Process;
use crate::process::deliver::replace_mask_for_call;
use crate::process::signal::SignalSet;
use crate::time::{self, Instant};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::task::{Context, Poll};

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy)]
struct PollFd {
    fd: i32,
    events: u16,
    revents: u16,
}

plain!(PollFd);

/// Descriptors that one call may name.
const POLL_MAX: usize = DESCRIPTORS_MAX;

/// A time limit, read and written back.
struct Limit {
    at: Option<UserPtr<Timespec>>,
    deadline: Option<Instant>,
}

impl Limit {
    fn read(at: UserPtr<Timespec>) -> Result<Self, Errno> {
        let at = at.present();
        let deadline = match at {
            Some(at) => Some(time::now() + duration_from(at.read()?)?),
            None => None,
        };
        Ok(Self { at, deadline })
    }

    /// Tells the program how much was left, as Linux does. A read-only structure stays as it is.
    fn write_back(&self) {
        if let (Some(at), Some(deadline)) = (self.at, self.deadline) {
            let _ = at.write(&timespec_from(deadline.saturating_since(time::now())));
        }
    }
}

/// Sets the signal mask for the time of the call, if there is one.
fn set_mask(process: &Process, mask: UserPtr<u64>, size: u64) -> Result<(), Errno> {
    if let Some(mask) = mask.present() {
        if size != 8 {
            return Err(Errno::INVAL);
        }
        replace_mask_for_call(process, SignalSet(mask.read()?));
    }
    Ok(())
}

/// Waits until `check` finds something. It is asked again whenever one of the files may have
/// changed. `None` at the end of the time.
pub(super) async fn wait_for_any<T>(
    process: &Process,
    files: &[Rc<OpenFile>],
    deadline: Option<Instant>,
    mut check: impl FnMut() -> Option<T>,
) -> Result<Option<T>, Errno> {
    // First without waiting: with a time limit of zero this is all there is.
    if let Some(found) = check() {
        return Ok(Some(found));
    }
    if deadline.is_some_and(|deadline| deadline <= time::now()) {
        return Ok(None);
    }
    let waiting = core::future::poll_fn(|context: &mut Context<'_>| {
        // Register first, or a change between the check and the registration is lost.
        for file in files {
            if let Some(queue) = file.file().wait_queue() {
                queue.register(context);
            }
        }
        check().map_or(Poll::Pending, Poll::Ready)
    });
    process.interruptible_until(deadline, waiting).await.map_err(Errno::never_restart)
}

pub(super) async fn ppoll(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let count = arguments.unsigned(1) as usize;
    let entries = arguments.pointer::<PollFd>(0);
    let mut polled = entries.read_array(count, POLL_MAX)?;
    let limit = Limit::read(arguments.pointer(2))?;
    set_mask(process, arguments.pointer(3), arguments.long(4))?;

    // Each entry with its file: negative descriptors are skipped, closed ones reported.
    let files: Vec<Option<Rc<OpenFile>>> =
        polled.iter().map(|entry| process.file(entry.fd).ok()).collect();
    let open: Vec<Rc<OpenFile>> = files.iter().flatten().cloned().collect();
    let found = wait_for_any(process, &open, limit.deadline, || {
        let mut ready = 0;
        for (entry, file) in polled.iter_mut().zip(&files) {
            let wanted = Readiness::from_bits_retain(entry.events) | Readiness::ALWAYS;
            let found = match file {
                Some(file) => file.file().readiness() & wanted,
                None if entry.fd < 0 => Readiness::empty(),
                None => Readiness::INVALID,
            };
            entry.revents = found.bits();
            ready += usize::from(!found.is_empty());
        }
        (ready > 0).then_some(ready)
    })
    .await;
    limit.write_back();
    let ready = found?.unwrap_or(0);
    for (index, entry) in polled.iter().enumerate() {
        entries.element(index).write(entry)?;
    }
    Ok(ready)
}

/// One of the three sets of select(2).
struct FdSet {
    at: UserPtr<u64>,
    words: Vec<u64>,
    wanted: Readiness,
}

impl FdSet {
    fn read(at: UserPtr<u64>, count: usize, wanted: Readiness) -> Result<Self, Errno> {
        let length = count.div_ceil(64);
        let mut words =
            if at.is_null() { alloc::vec![0; length] } else { at.read_array(length, length)? };
        // Descriptors from `count` on are not asked about.
        if !count.is_multiple_of(64)
            && let Some(last) = words.last_mut()
        {
            *last &= (1 << (count % 64)) - 1;
        }
        Ok(Self { at, words, wanted })
    }

    fn has(&self, fd: usize) -> bool {
        self.words.get(fd / 64).is_some_and(|word| word & (1 << (fd % 64)) != 0)
    }

    fn write(&self, found: &[u64]) -> Result<(), Errno> {
        if !self.at.is_null() {
            for (index, word) in found.iter().enumerate() {
                self.at.element(index).write(word)?;
            }
        }
        Ok(())
    }
}

pub(super) async fn pselect6(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let count = usize::try_from(arguments.int(0)).map_err(|_| Errno::INVAL)?;
    let count = count.min(DESCRIPTORS_MAX);
    let end = Readiness::HANG_UP | Readiness::ERROR;
    let sets = [
        FdSet::read(arguments.pointer(1), count, Readiness::IN | end)?,
        FdSet::read(arguments.pointer(2), count, Readiness::OUT | Readiness::ERROR)?,
        FdSet::read(arguments.pointer(3), count, Readiness::PRIORITY)?,
    ];
    let limit = Limit::read(arguments.pointer(4))?;
    if let Some(mask) = arguments.pointer::<[u64; 2]>(5).present() {
        let [mask, size] = mask.read()?;
        set_mask(process, UserPtr::new(mask), size)?;
    }
    let mut files = Vec::new();
    for fd in 0..count {
        if sets.iter().any(|set| set.has(fd)) {
            files.push((fd, process.file(fd as i32)?));
        }
    }
    let open: Vec<Rc<OpenFile>> = files.iter().map(|(_, file)| file.clone()).collect();
    let mut found = sets.each_ref().map(|set| alloc::vec![0_u64; set.words.len()]);
    let ready = wait_for_any(process, &open, limit.deadline, || {
        let mut ready = 0;
        for (fd, file) in &files {
            let readiness = file.file().readiness();
            for (set, words) in sets.iter().zip(&mut found) {
                if set.has(*fd) && readiness.intersects(set.wanted) {
                    words[fd / 64] |= 1 << (fd % 64);
                    ready += 1;
                }
            }
        }
        (ready > 0).then_some(ready)
    })
    .await;
    limit.write_back();
    let ready = ready?.unwrap_or(0);
    for (set, words) in sets.iter().zip(&found) {
        set.write(words)?;
    }
    Ok(ready)
}
