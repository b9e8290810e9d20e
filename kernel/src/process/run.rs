//! The life of a process: run the program, handle what happened, again.

use super::deliver::{self, Restart};
use super::object::{Process, RunState};
use super::status::ExitStatus;
use super::{exit, fault, table};
use crate::arch::aarch64::{UserContext, UserExit, enter_user};
use crate::executor;
use crate::syscall;
use crate::time;
use alloc::boxed::Box;
use alloc::rc::Rc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// What a system call leaves to do.
pub enum Next {
    /// The program goes on.
    Resume,
    /// The program goes on, unless a signal handler must run first: the call waited and a signal
    /// interrupted it.
    Interrupted(Restart),
    /// The process ends.
    Exit(ExitStatus),
}

/// Starts the process, at `context`.
pub(super) fn start(process: Rc<Process>, context: Box<UserContext>) {
    let future = Box::pin(run(process.clone(), context));
    executor::spawn("process", InProcess { process, future });
}

async fn run(process: Rc<Process>, mut context: Box<UserContext>) {
    let mut restart = None;
    let status = loop {
        if let Some(status) = deliver::deliver(&process, &mut context, restart.take()).await {
            break status;
        }
        let entered = time::now();
        let exit = enter_user(&mut context);
        let ran = time::now().saturating_since(entered);
        process.charge(|times| times.user += ran);
        match exit {
            UserExit::SystemCall => match syscall::handle(&process, &mut context).await {
                Next::Resume => {}
                Next::Interrupted(call) => restart = Some(call),
                Next::Exit(status) => break status,
            },
            UserExit::Interrupt => executor::yield_now().await,
            UserExit::Fault(found) => fault::handle(&process, &found),
        }
    };
    exit::finish(&process, status);
}

/// Polls a process's future as that process: its memory is the active one, and [`table::current`]
/// says so.
struct InProcess {
    process: Rc<Process>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

impl Future for InProcess {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let process = self.process.clone();
        let began = time::now();
        let user_before = process.times().user;
        if let Some(memory) = process.memory() {
            memory.activate();
        }
        table::set_current(Some(process.clone()));
        if !process.is_zombie() {
            process.alarm.poll(&process, context);
        }
        let poll = self.future.as_mut().poll(context);
        if poll.is_pending() {
            // The program may just have set it.
            process.alarm.poll(&process, context);
        }
        table::set_current(None);
        let took = time::now().saturating_since(began);
        process.charge(|times| {
            let ran = times.user.saturating_sub(user_before);
            times.system += took.saturating_sub(ran);
        });
        poll
    }
}

impl Process {
    /// Waits while the process is stopped, unless it is to be killed.
    pub(super) async fn wait_until_continued(&self) {
        self.signaled
            .wait_until(|| {
                let stopped = matches!(self.state.get(), RunState::Stopped(_));
                (!stopped).then_some(())
            })
            .await;
    }
}
