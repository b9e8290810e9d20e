//! What is true of every connection of our stack at any time, whatever happens: checked after
//! each thing that happens to a host.

use crate::host::HostStack;
use net::tcp::{TcpAudit, TcpId, TcpState};
use net::time::Instant;
use std::collections::BTreeMap;

/// No congestion window is larger.
const LARGEST_WINDOW: u32 = 1 << 30;
/// What rounding up by the window scale may add to a window: receive buffers of this stack need
/// no more than a shift of 3.
const ROUNDING: u32 = 8;

/// The rules, and how the connections were when they were last looked at.
#[derive(Debug, Default)]
pub struct Invariants {
    last: BTreeMap<TcpId, TcpAudit>,
}

macro_rules! ensure {
    ($condition:expr, $rule:expr) => {
        if !$condition {
            return Err($rule);
        }
    };
}

impl Invariants {
    /// Looks at all connections. Gives the rule that is broken, if any, and by which connection.
    pub fn check(&mut self, stack: &HostStack, now: Instant) -> Result<(), String> {
        let mut seen = BTreeMap::new();
        let mut pieces = 0;
        let mut first_timer = Instant::FAR_FUTURE;
        for audit in stack.tcp_audit() {
            let before = self.last.get(&audit.id);
            check_one(&audit)
                .and_then(|()| before.map_or(Ok(()), |before| check_step(before, &audit)))
                .map_err(|rule| format!("{rule}: {audit:?}, before {before:?}"))?;
            pieces += audit.pieces;
            first_timer = first_timer.min(audit.next_timer.unwrap_or(Instant::FAR_FUTURE));
            seen.insert(audit.id, audit);
        }
        self.last = seen;
        if pieces != stack.tcp_pieces() {
            return Err(format!("{pieces} pieces are in queues, {} taken", stack.tcp_pieces()));
        }
        if first_timer != Instant::FAR_FUTURE
            && stack.next_deadline().is_none_or(|at| at > first_timer.max(now))
        {
            return Err(format!("nobody wakes the stack for the timer at {first_timer:?}"));
        }
        Ok(())
    }
}

/// What is true of a connection by itself.
fn check_one(audit: &TcpAudit) -> Result<(), &'static str> {
    let flight = audit.snd_nxt.offset_from(audit.snd_una);
    ensure!(
        flight >= 0 && audit.snd_nxt.is_at_or_before(audit.snd_end),
        "SND.UNA =< SND.NXT =< what is written"
    );
    if audit.state == TcpState::Closed {
        ensure!(audit.next_timer.is_none(), "what is closed waits for nothing");
        ensure!(audit.counted.data == 0, "what is closed has nothing to send");
        return Ok(());
    }
    let flight = flight as u32;
    ensure!(audit.recounted.is_some(), "the send queue is in order");
    ensure!(audit.recounted == Some(audit.counted), "the scoreboard's sums are right");
    let counts = audit.counted;
    ensure!(counts.sacked + counts.lost <= flight, "marks are on what is in flight");
    ensure!(counts.again <= counts.lost, "only what was lost is sent again");
    ensure!(audit.pipe <= flight, "the pipe holds no more than what is in flight");
    ensure!(audit.mss > 0 && audit.cwnd >= audit.mss, "a segment fits the congestion window");
    ensure!(audit.cwnd <= LARGEST_WINDOW, "the congestion window is bounded");
    ensure!(audit.ssthresh > 0, "there is a threshold");
    let received = audit.received.ok_or("received data is in order and does not overlap")?;
    ensure!(received.0 == audit.readable, "what can be read is counted right");
    // A FIN may be right behind the edge.
    let window = audit.rcv_edge.offset_from(audit.rcv_nxt);
    ensure!(window >= -1, "RCV.NXT is inside of what was allowed");
    let window = u32::try_from(window).unwrap_or(0);
    ensure!(received.1 <= window, "what waits behind holes is in the window");
    // Rounding up by the window scale may add a quarter.
    ensure!(
        audit.readable + window <= audit.receive_limit + audit.receive_limit / 4 + ROUNDING,
        "the window promises no more than the buffer holds"
    );
    // Whatever is to be sent or acknowledged has something that brings it on.
    ensure!(
        audit.snd_una == audit.snd_end || audit.next_timer.is_some() || audit.waits_for_room,
        "a connection with something to send waits for something"
    );
    Ok(())
}

/// What never goes back.
fn check_step(before: &TcpAudit, after: &TcpAudit) -> Result<(), &'static str> {
    ensure!(before.snd_una.is_at_or_before(after.snd_una), "SND.UNA never goes back");
    ensure!(before.snd_nxt.is_at_or_before(after.snd_nxt), "SND.NXT never goes back");
    ensure!(before.snd_end.is_at_or_before(after.snd_end), "what is written stays written");
    // Before that, the other side's numbers are not known.
    if before.state != TcpState::SynSent && after.state != TcpState::Closed {
        ensure!(before.rcv_nxt.is_at_or_before(after.rcv_nxt), "RCV.NXT never goes back");
        ensure!(before.rcv_edge.is_at_or_before(after.rcv_edge), "the window is never withdrawn");
    }
    ensure!(
        before.state != TcpState::Closed || after.state == TcpState::Closed,
        "what is closed stays closed"
    );
    ensure!(!before.orphaned || after.orphaned, "an orphan finds no user");
    Ok(())
}
