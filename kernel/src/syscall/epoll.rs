//! epoll(7): a set of files that is waited for again and again.

use super::arguments::Arguments;
use super::errno::Errno;
use super::poll::wait_for_any;
use super::user_memory::{UserPtr, plain};
use crate::executor::WaitQueue;
use crate::fs::file::{Access, File, OpenFile, Readiness, Status};
use crate::fs::stat::{DeviceNumber, Kind, Stat};
use crate::process::Process;
use crate::process::deliver::replace_mask_for_call;
use crate::process::signal::SignalSet;
use crate::time::{self, Duration};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};
use linux_raw_sys::general::{
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET, EPOLLEXCLUSIVE,
    EPOLLONESHOT,
};

/// `struct epoll_event`; not packed on aarch64.
#[repr(C)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    gap: u32,
    data: u64,
}

plain!(Event);

/// What says how an interest works, not what it waits for. That only one of several waiting
/// processes is woken (`EPOLLEXCLUSIVE`) is a favor, which is not done here.
const FLAGS: u32 = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE;

/// The most events that one call returns.
const EVENTS_MAX: usize = 1024;

struct Interest {
    file: Weak<OpenFile>,
    events: Cell<u32>,
    data: u64,
    /// With `EPOLLET`: how often the file's wait queue had been woken when it was reported last.
    /// Only what happened since is news, but all of that, as a program that has just emptied the
    /// file waits for the next arrival.
    seen: Cell<Option<u64>>,
}

impl Interest {
    /// What is ready and to be reported now.
    fn check(&self) -> Option<Event> {
        let file = self.file.upgrade()?;
        let events = self.events.get();
        // Taken before the look: what happens meanwhile is news next time.
        let wakes = file.file().wait_queue().map(WaitQueue::wakes);
        // A one-shot interest that has fired waits for EPOLL_CTL_MOD.
        let wanted = Readiness::from_bits_truncate(events as u16);
        if events & !FLAGS == 0 || events & EPOLLET != 0 && self.seen.get() == wakes {
            return None;
        }
        self.seen.set(wakes);
        let ready = file.file().readiness() & (wanted | Readiness::ALWAYS);
        if ready.is_empty() {
            return None;
        }
        if events & EPOLLONESHOT != 0 {
            self.events.set(events & FLAGS);
        }
        Some(Event { events: u32::from(ready.bits()), gap: 0, data: self.data })
    }
}

/// An epoll instance.
struct Epoll {
    interests: RefCell<BTreeMap<i32, Interest>>,
    /// Count of changes of the interests by epoll_ctl.
    changes: Cell<u64>,
    /// Woken when the interests change.
    changed: WaitQueue,
}

impl File for Epoll {
    fn stat(&self) -> Result<Stat, Errno> {
        Ok(Stat::new(DeviceNumber::new(0, 14), 1, Kind::Regular, 0o600))
    }

    fn readiness(&self) -> Readiness {
        let ready = self.interests.borrow().values().any(|interest| {
            let wanted = Readiness::from_bits_truncate(interest.events.get() as u16);
            let file = interest.file.upgrade();
            file.is_some_and(|file| file.file().readiness().intersects(wanted | Readiness::ALWAYS))
        });
        if ready { Readiness::IN } else { Readiness::empty() }
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.changed)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) fn epoll_create1(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let flags = arguments.unsigned(0);
    if flags & !EPOLL_CLOEXEC != 0 {
        return Err(Errno::INVAL);
    }
    let epoll = Epoll {
        interests: RefCell::new(BTreeMap::new()),
        changes: Cell::new(0),
        changed: WaitQueue::new(),
    };
    let file = OpenFile::new(Box::new(epoll), Access::BOTH, Status::empty())?;
    Ok(process.insert_file(file, flags & EPOLL_CLOEXEC != 0)? as usize)
}

pub(super) fn epoll_ctl(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (instance, operation, fd) = (arguments.int(0), arguments.unsigned(1), arguments.int(2));
    let instance = process.file(instance)?;
    let file = process.file(fd)?;
    let epoll = instance.downcast::<Epoll>().ok_or(Errno::INVAL)?;
    // Instances do not watch each other: nobody has asked for it, and cycles would have no end.
    if file.downcast::<Epoll>().is_some() {
        return Err(Errno::INVAL);
    }
    if file.file().wait_queue().is_none() {
        return Err(Errno::PERM);
    }
    let mut interests = epoll.interests.borrow_mut();
    interests.retain(|_, interest| interest.file.strong_count() > 0);
    let known = interests.get(&fd).is_some_and(|interest| {
        interest.file.upgrade().is_some_and(|known| Rc::ptr_eq(&known, &file))
    });
    match operation {
        EPOLL_CTL_DEL if known => {
            interests.remove(&fd);
        }
        EPOLL_CTL_ADD if known => return Err(Errno::EXIST),
        EPOLL_CTL_MOD | EPOLL_CTL_DEL if !known => return Err(Errno::NOENT),
        EPOLL_CTL_ADD | EPOLL_CTL_MOD => {
            let Event { events, data, .. } = arguments.pointer::<Event>(3).read()?;
            let interest = Interest {
                file: Rc::downgrade(&file),
                events: Cell::new(events),
                data,
                seen: Cell::new(None),
            };
            interests.insert(fd, interest);
        }
        _ => return Err(Errno::INVAL),
    }
    drop(interests);
    epoll.changes.set(epoll.changes.get() + 1);
    epoll.changed.wake_all();
    Ok(0)
}

pub(super) async fn epoll_pwait(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let instance = process.file(arguments.int(0))?;
    let epoll = instance.downcast::<Epoll>().ok_or(Errno::INVAL)?;
    let room = usize::try_from(arguments.int(2)).ok().filter(|&room| room > 0);
    let room = room.ok_or(Errno::INVAL)?.min(EVENTS_MAX);
    let deadline = u64::try_from(arguments.int(3))
        .ok()
        .map(|milliseconds| time::now() + Duration::from_millis(milliseconds));
    if let Some(mask) = arguments.pointer::<u64>(4).present() {
        replace_mask_for_call(process, SignalSet(mask.read()?));
    }
    let found = wait(process, &instance, epoll, room, deadline).await?;
    let to: UserPtr<Event> = arguments.pointer(1);
    for (index, event) in found.iter().enumerate() {
        to.element(index).write(event)?;
    }
    Ok(found.len())
}

async fn wait(
    process: &Process,
    instance: &Rc<OpenFile>,
    epoll: &Epoll,
    room: usize,
    deadline: Option<time::Instant>,
) -> Result<Vec<Event>, Errno> {
    // The files as they are now; an interest added meanwhile wakes the instance's own queue, and
    // the round begins again with it.
    loop {
        let mut files: Vec<Rc<OpenFile>> =
            epoll.interests.borrow().values().filter_map(|one| one.file.upgrade()).collect();
        let changes = epoll.changes.get();
        files.push(instance.clone());
        let found = wait_for_any(process, &files, deadline, || {
            let interests = epoll.interests.borrow();
            let events: Vec<Event> =
                interests.values().filter_map(Interest::check).take(room).collect();
            (!events.is_empty() || epoll.changes.get() != changes).then_some(events)
        })
        .await?;
        match found {
            Some(events) if events.is_empty() => {}
            Some(events) => return Ok(events),
            None => return Ok(Vec::new()),
        }
    }
}
