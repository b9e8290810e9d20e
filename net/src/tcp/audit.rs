//! The variables of a connection as they are, for whoever checks from outside that they make
//! sense: simulations, and a debugger's commands. Nothing in the stack uses it.

use super::TcpId;
use super::connection::{Connection, Owner};
use super::state::TcpState;
use super::store::{Marks, Store};
use super::table::TcpSocket;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;

/// A connection's variables at one moment, named as in RFC 9293, Section 3.3.1. Sizes are octets
/// or, where SYN and FIN count, sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpAudit {
    /// The socket, whether or not a user has it.
    pub id: TcpId,
    /// The state.
    pub state: TcpState,
    /// Its user has closed it.
    pub orphaned: bool,
    /// SND.UNA.
    pub snd_una: SequenceNumber,
    /// SND.NXT.
    pub snd_nxt: SequenceNumber,
    /// The number behind everything that the user has written, a FIN included.
    pub snd_end: SequenceNumber,
    /// SND.WND, scaled.
    pub snd_wnd: u32,
    /// The counts that the sender works with.
    pub counted: TcpSendCounts,
    /// The same, counted anew over the queue; `None` when the queue is not in order.
    pub recounted: Option<TcpSendCounts>,
    /// What the sender takes to be in the network.
    pub pipe: u32,
    /// Congestion window.
    pub cwnd: u32,
    /// Slow start threshold.
    pub ssthresh: u32,
    /// Octets of data in a full segment.
    pub mss: u32,
    /// RCV.NXT.
    pub rcv_nxt: SequenceNumber,
    /// The right edge of the window that was advertised: it never moves back.
    pub rcv_edge: SequenceNumber,
    /// Octets that can be read.
    pub readable: u32,
    /// Octets that can be read and that wait behind holes, counted anew; `None` when they are not
    /// in order or overlap.
    pub received: Option<(u32, u32)>,
    /// Octets that may wait to be read.
    pub receive_limit: u32,
    /// Places that it takes of those that all connections share.
    pub pieces: usize,
    /// When the first of its timers is due, if one is set.
    pub next_timer: Option<Instant>,
    /// It is in line for room in the queue of its interface.
    pub waits_for_room: bool,
}

/// What a sender's queue adds up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpSendCounts {
    /// Sequence numbers that the other side has behind a hole.
    pub sacked: u32,
    /// Sequence numbers that are taken to be lost.
    pub lost: u32,
    /// Of the lost ones, those that were sent again.
    pub again: u32,
    /// Octets of data, sent or not.
    pub data: u32,
}

fn recount_send<B: PacketBuffer>(
    connection: &Connection,
    store: &Store<B>,
) -> Option<TcpSendCounts> {
    let send = &connection.send;
    let mut counts = TcpSendCounts::default();
    let mut next = send.una;
    let mut sent = true;
    for at in store.places(send.front()) {
        let piece = store.get(at)?;
        sent &= Some(at) != send.unsent();
        let has = |mark| piece.marks.contains(mark);
        let in_order = piece.sequence == next && piece.len() > 0;
        let on_its_side = sent == piece.sequence.is_before(send.nxt);
        let marks_make_sense = (sent || piece.marks.is_empty())
            && (has(Marks::LOST) || !has(Marks::IN_FLIGHT_AGAIN))
            && !(has(Marks::LOST) && has(Marks::SACKED));
        if !(in_order && on_its_side && marks_make_sense) {
            return None;
        }
        next = piece.end();
        counts.data += piece.data_len();
        counts.sacked += if has(Marks::SACKED) { piece.len() } else { 0 };
        counts.lost += if has(Marks::LOST) { piece.len() } else { 0 };
        counts.again += if has(Marks::IN_FLIGHT_AGAIN) { piece.len() } else { 0 };
    }
    (next == send.end || connection.state == TcpState::Closed).then_some(counts)
}

fn recount_receive<B: PacketBuffer>(
    connection: &Connection,
    store: &Store<B>,
) -> Option<(u32, u32)> {
    let [ready, behind] = connection.receive.fronts();
    let mut readable = 0;
    for at in store.places(ready) {
        readable += store.get(at)?.data_len();
    }
    let mut waiting = 0;
    let mut last = connection.receive.nxt;
    for at in store.places(behind) {
        let piece = store.get(at)?;
        if piece.sequence.is_before(last) || piece.data_len() == 0 {
            return None;
        }
        last = piece.end();
        waiting += piece.data_len();
    }
    Some((readable, waiting))
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The variables of all connections, also of those that no user has any more. Costs time in
    /// proportion to what is queued.
    pub fn tcp_audit(&self) -> impl Iterator<Item = TcpAudit> + '_ {
        self.tcp.iter().filter_map(|(id, socket)| self.tcp_audit_one(id, socket))
    }

    fn tcp_audit_one(&self, id: TcpId, socket: &TcpSocket) -> Option<TcpAudit> {
        let connection = socket.connection()?;
        let Connection { state, owner, send, receive, window, timers, .. } = connection;
        let next = timers.next();
        Some(TcpAudit {
            id,
            state: *state,
            orphaned: *owner == Owner::Nobody,
            snd_una: send.una,
            snd_nxt: send.nxt,
            snd_end: send.end,
            snd_wnd: send.window,
            counted: TcpSendCounts {
                sacked: send.sacked(),
                lost: send.lost(),
                again: send.again(),
                data: send.data,
            },
            recounted: recount_send(connection, &self.tcp.store),
            pipe: connection.pipe(),
            cwnd: window.cwnd,
            ssthresh: window.ssthresh,
            mss: window.mss,
            rcv_nxt: receive.nxt,
            rcv_edge: receive.edge(),
            readable: receive.readable(),
            received: recount_receive(connection, &self.tcp.store),
            receive_limit: receive.limit,
            pieces: send.pieces() + receive.pieces(),
            next_timer: (next != Instant::FAR_FUTURE).then_some(next),
            waits_for_room: socket.pending,
        })
    }
}
