//! The first process, and what must be there for it.

use super::alarm::Alarm;
use super::execute::{self, Request};
use super::object::{Family, Files, Process, ProcessTimes, Program, RunState};
use super::signal::{Signal, SignalState};
use super::{INIT, proc_files, run, table};
use crate::board::console;
use crate::executor::{self, WaitQueue};
use crate::fs::descriptor::{DescriptorLimit, DescriptorTable};
use crate::fs::open::{OpenFlags, open};
use crate::syscall::errno::Errno;
use crate::{fs, time, tty};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use linux_raw_sys::general::O_RDWR;

/// Permissions that new files do not get unless a program says otherwise.
const UMASK: u32 = 0o022;
/// What the first program finds in its environment.
const ENVIRONMENT: [&[u8]; 4] =
    [b"HOME=/", b"PATH=/bin:/sbin:/usr/bin:/usr/sbin", b"TERM=vt100", b"USER=root"];

/// Mounts the file systems and starts `path` from `archive` as the first process, with the console
/// as its input and output.
pub fn start_init(archive: &'static [u8], path: &[u8], arguments: &[&[u8]]) -> Result<(), Errno> {
    proc_files::register();
    let namespace = Rc::new(fs::mount_all(archive));
    let root = namespace.root().clone();
    let pid = table::next_pid()?;
    debug_assert_eq!(pid, INIT);

    let mut descriptors = DescriptorTable::new(DescriptorLimit::DEFAULT);
    let console = open(&namespace, &root, b"/dev/console", OpenFlags(O_RDWR), 0)?;
    for _ in 0..3 {
        descriptors.insert(console.clone(), false)?;
    }
    let files = Files { namespace, directory: RefCell::new(root.clone()), umask: Cell::new(UMASK) };
    let process = Rc::new(Process {
        pid,
        family: Cell::new(Family { parent: 0, group: pid, session: pid }),
        memory: RefCell::new(None),
        descriptors: RefCell::new(Rc::new(RefCell::new(descriptors))),
        files: Rc::new(files),
        program: RefCell::new(Program::default()),
        signals: RefCell::new(SignalState::for_init()),
        signaled: WaitQueue::new(),
        state: Cell::new(RunState::Active),
        unreported: Cell::new(None),
        children_changed: WaitQueue::new(),
        memory_left: Rc::new(WaitQueue::new()),
        shares_memory: Cell::new(false),
        exit_signal: Some(Signal::CHLD),
        clear_child_tid: Cell::new(0),
        alarm: Alarm::default(),
        times: Cell::new(ProcessTimes::default()),
        started: time::now(),
        has_executed: Cell::new(false),
    });
    let own = |strings: &[&[u8]]| strings.iter().map(|string| string.to_vec()).collect::<Vec<_>>();
    let request = Request {
        path: path.to_vec(),
        arguments: [own(&[path]), own(arguments)].concat(),
        environment: own(&ENVIRONMENT),
    };
    let context = execute::execute(&process, &root, request)?;
    executor::spawn("console input", receive_from_console());
    executor::spawn("console output", watch_console_output());
    table::insert(process.clone());
    run::start(process, Box::new(context));
    Ok(())
}

/// Lets programs write again when the console's buffer has drained.
async fn watch_console_output() {
    loop {
        console::DRAINED.wait().await;
        tty::CONSOLE.output_drained();
    }
}

/// Hands what is typed to the terminal.
async fn receive_from_console() {
    loop {
        let first = console::RECEIVED.wait_until(console::read_byte).await;
        let mut bytes: heapless::Vec<u8, 64> = heapless::Vec::new();
        let mut next = Some(first);
        while let Some(byte) = next {
            // The loop leaves while there is room.
            let _ = bytes.push(byte);
            next = (!bytes.is_full()).then(console::read_byte).flatten();
        }
        tty::CONSOLE.receive(&bytes);
        executor::yield_now().await;
    }
}
