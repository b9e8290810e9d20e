//! Acting upon signals before the program goes on: default actions, and entering handlers.

use super::address_space::TRAMPOLINE;
use super::group;
use super::object::{Process, RunState};
use super::signal::{Action, Cause, DefaultAction, Disposition, Sent, Signal, SignalSet};
use super::signal_frame::{
    self, FRAME_RECORD, FRAME_SIZE, FrameContents, MINIMUM_STACK, Registers, UCONTEXT,
};
use super::status::{Change, ExitStatus};
use super::{kill, wait};
use crate::arch::aarch64::UserContext;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserSlice};
use linux_raw_sys::general::{SA_ONSTACK, SA_RESTORER};

/// A system call that a signal interrupted: X0 as the program gave it, to make the call again.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// The first argument.
    pub first_argument: u64,
}

/// Bytes of the `svc` instruction.
const INSTRUCTION: u64 = 4;

impl Restart {
    /// Has the program make its call again.
    fn rewind(self, context: &mut UserContext) {
        context.x[0] = self.first_argument;
        context.pc -= INSTRUCTION;
    }
}

/// Acts upon all signals that are due. `restart` is the call that one of them interrupted; X0
/// holds `-EINTR` then. Returns how the process ends, if it does.
pub(super) async fn deliver(
    process: &Process,
    context: &mut UserContext,
    mut restart: Option<Restart>,
) -> Option<ExitStatus> {
    loop {
        let taken = process.signals.borrow_mut().take();
        let Some((sent, action)) = taken else { break };
        match action.disposition() {
            Disposition::Ignore => {}
            Disposition::Handler(handler) => {
                if let Some(restart) = restart.take()
                    && action.restarts()
                {
                    restart.rewind(context);
                }
                enter_handler(process, context, &sent, &action, handler);
            }
            Disposition::Default => match sent.signal.default_action() {
                DefaultAction::Terminate | DefaultAction::Core => {
                    return Some(ExitStatus::Killed(sent.signal));
                }
                DefaultAction::Stop => stop(process, sent.signal).await,
                DefaultAction::Ignore | DefaultAction::Continue => {}
            },
        }
    }
    // No handler ran: the call is made again as if nothing had happened, and a mask that was set
    // for its duration only is taken back.
    if let Some(restart) = restart {
        restart.rewind(context);
    }
    let mut signals = process.signals.borrow_mut();
    if let Some(mask) = signals.saved_mask.take() {
        signals.set_blocked(mask);
    }
    None
}

async fn stop(process: &Process, signal: Signal) {
    // Keys do not stop a group that nobody could continue.
    if signal != Signal::STOP && group::is_orphaned(process.family().group) {
        return;
    }
    process.state.set(RunState::Stopped(signal));
    wait::report(process, Change::Stopped(signal));
    process.wait_until_continued().await;
}

fn registers_of(context: &UserContext) -> Registers {
    Registers {
        x: context.x,
        sp: context.sp,
        pc: context.pc,
        pstate: context.pstate & 0xf000_0000,
        v: context.vector.v,
        fpcr: context.vector.fpcr as u32,
        fpsr: context.vector.fpsr as u32,
    }
}

/// Puts a frame on the program's stack and has it go on in the handler. Without room for the frame
/// the program cannot be told anything any more, and ends.
fn enter_handler(
    process: &Process,
    context: &mut UserContext,
    sent: &Sent,
    action: &Action,
    handler: u64,
) {
    let (mask, alternate_stack) = {
        let mut signals = process.signals.borrow_mut();
        (signals.enter_handler(sent.signal, action), signals.alternate_stack)
    };
    let top = match alternate_stack {
        Some(stack) if action.has(SA_ONSTACK) && !stack.contains(context.sp) => {
            stack.start.wrapping_add(stack.size)
        }
        _ => context.sp,
    };
    let frame_at = top.wrapping_sub(FRAME_SIZE as u64) & !15;
    let registers = registers_of(context);
    let contents = FrameContents { sent: *sent, registers: &registers, mask, alternate_stack };
    let frame = signal_frame::encode(&contents, None);
    if UserSlice::new(frame_at, FRAME_SIZE as u64).write(&frame).is_err() {
        log::error!("process {}: no room for a signal frame at {frame_at:#x}", process.pid());
        process.signals.borrow_mut().set_action(Signal::SEGV, Action::default());
        kill::force(process, Sent { signal: Signal::SEGV, cause: Cause::Kernel });
        return;
    }
    context.x[0] = u64::from(sent.signal.number());
    context.x[1] = frame_at;
    context.x[2] = frame_at + UCONTEXT as u64;
    context.x[29] = frame_at + FRAME_RECORD as u64;
    context.x[30] = if action.has(SA_RESTORER) { action.restorer } else { TRAMPOLINE };
    context.sp = frame_at;
    context.pc = handler;
}

/// rt_sigreturn(2): restores what the frame at the stack pointer holds. A program whose frame
/// makes no sense ends with SIGSEGV.
pub fn return_from_handler(process: &Process, context: &mut UserContext) {
    let slices = [UserSlice::new(context.sp, FRAME_SIZE as u64)];
    let frame = UserReader::new(&slices).copy_all();
    let decoded = frame.and_then(|frame| signal_frame::decode(&frame).map_err(|_| Errno::FAULT));
    let Ok((registers, mask)) = decoded else {
        log::debug!("process {}: bad signal frame at {:#x}", process.pid(), context.sp);
        kill::force(process, Sent { signal: Signal::SEGV, cause: Cause::Kernel });
        return;
    };
    let Registers { x, sp, pc, pstate, v, fpcr, fpsr } = registers;
    (context.x, context.sp, context.pc, context.pstate) = (x, sp, pc, pstate);
    context.vector.v = v;
    (context.vector.fpcr, context.vector.fpsr) = (u64::from(fpcr), u64::from(fpsr));
    process.signals.borrow_mut().set_blocked(mask);
}

/// The smallest alternate stack that sigaltstack(2) takes.
pub const ALTERNATE_STACK_MIN: u64 = MINIMUM_STACK;

/// Replaces the mask for the time of one call (rt_sigsuspend, ppoll): it is put back when a
/// handler returns, or when the call ends without one.
pub fn replace_mask_for_call(process: &Process, mask: SignalSet) {
    let mut signals = process.signals.borrow_mut();
    let old = signals.blocked;
    signals.saved_mask = Some(old);
    signals.set_blocked(mask);
}
