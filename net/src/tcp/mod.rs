//! TCP (RFC 9293) and stream sockets.
//!
//! # For the system around the stack
//!
//! Calls are methods of [`crate::stack::Stack`]; none waits. Their errors say which errno they
//! become.
//!
//! - [`tcp_open`](crate::stack::Stack::tcp_open), `tcp_bind`, `tcp_listen`, `tcp_accept`,
//!   `tcp_connect`, `tcp_disconnect`
//! - [`tcp_send`](crate::stack::Stack::tcp_send),
//!   [`tcp_receive`](crate::stack::Stack::tcp_receive), `tcp_send_more`,
//!   `tcp_send_urgent`, `tcp_at_mark`, `tcp_shutdown`, `tcp_close`, `tcp_abort`, `tcp_destroy`
//! - [`tcp_readiness`](crate::stack::Stack::tcp_readiness), `tcp_take_error`,
//!   `tcp_receive_error`, `tcp_unread`, `tcp_unacknowledged`, `tcp_unsent`, `tcp_path_mtu`,
//!   `tcp_state`, `tcp_info`, `tcp_sockets`
//! - `tcp_options`, `change_tcp_options`
//!
//! After any call, [`crate::event::Event::Tcp`] names sockets about whose readiness something may
//! have changed. A blocking call is a loop: try, and wait for the event while it says
//! `WouldBlock`. A blocking connect waits until the socket is writable, then takes the error.
//! close(2) with SO_LINGER and a time is `tcp_shutdown` of sending, waiting until
//! `tcp_unacknowledged` is 0, then `tcp_close`; with a time of zero it is `tcp_abort`.
//!
//! # Inside
//!
//! ```text
//!  input ─┬─ connection ─ arrival ─┬─ acknowledgment ─ send, sack, rack, recovery,
//!         │                        │                  delivery_rate, congestion
//!         │                        └─ receive
//!         ├─ listener_input ─ half_open, syn_cookie ─► connection, waiting to be accepted
//!         ├─ time_wait
//!         └─ table (listeners)         transmit ◄─ output, pacing ◄─ connection ◄─ timeout
//! ```
//!
//! A `connection::Connection` is pure: segments and time go in, segments come out. The data of
//! all connections lies in one `store::Store` of packet buffers. `input`, `transmit`, `open`,
//! `stream`, `urgent`, `error_input`, `option`, `info`, `summary` and `destroy` join connections with
//! the rest of the stack.
//!
//! Nearly every segment takes a shorter way that does the same: `prediction` coming in,
//! `plain_output` with a `template` going out.
//!
//! Urgent data is read in line (RFC 6093).

mod acknowledgment;
mod arrival;
mod audit;
mod black_hole;
mod congestion;
mod connection;
mod counts;
mod deadline_heap;
mod delivery_rate;
mod destroy;
mod ecn;
mod error;
mod error_input;
mod half_open;
mod info;
mod input;
mod isn;
mod listener_input;
mod micros;
mod millis;
mod open;
mod option;
mod output;
mod pacing;
mod packed_options;
mod plain_output;
mod port;
mod prediction;
mod rack;
mod receive;
mod recovery;
mod right_sizing;
mod rtt;
mod sack;
mod seconds;
mod segment;
mod send;
mod state;
mod store;
mod stream;
mod summary;
mod syn_cookie;
mod table;
mod template;
mod time_wait;
mod timeout;
mod timers;
mod transmit;
mod urgent;
mod waiting_line;
mod zone;

pub use audit::{TcpAudit, TcpSendCounts};
pub use congestion::CongestionAlgorithm;
pub use counts::TcpCounts;
pub use ecn::EcnMode;
pub use error::{
    TcpAcceptError, TcpConnectError, TcpError, TcpListenError, TcpOpenError, TcpReceiveError,
    TcpSendError,
};
pub use info::{TcpInfo, TcpOutstanding, TcpRecovery};
pub use option::TcpSocketOptions;
pub use state::TcpState;
pub use stream::TcpReadiness;
pub use summary::{TcpSummary, TcpTimer};

pub(crate) use table::TcpTable;
pub(crate) use transmit::WayMemo;

/// A stream socket. Closed sockets' numbers do not come back soon, so an old one finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TcpId {
    slot: u16,
    generation: u32,
}

#[cfg(test)]
mod arrival_tests;
#[cfg(test)]
mod connection_properties;
#[cfg(test)]
mod receive_tests;
#[cfg(test)]
mod send_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
