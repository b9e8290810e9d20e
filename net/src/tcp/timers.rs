//! The timers of a connection: points in time, none of which does anything by itself.

use super::micros::Micros;
use crate::time::{Duration, Instant};

/// RFC 9293, Section 3.8.6.3: below 500 ms. As long as Linux's shortest.
pub(crate) const DELAYED_ACK: Duration = Duration::from_millis(40);
/// What another system may delay its acknowledgments: WCDelAckT (RFC 8985, Section 7.2).
pub(crate) const WORST_DELAYED_ACK: Micros = Micros::from_millis(200);
/// RFC 9293, Section 3.8.3: R2 for a SYN is three minutes at least.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(180);
/// RFC 9293, Section 3.8.3: R2 is 100 s at least. Linux's 15 retransmissions take as long.
pub(crate) const DATA_TIMEOUT: Duration = Duration::from_secs(924);
/// R2 of a connection that nobody uses any more: what was written should still arrive, but not
/// hold memory for a quarter of an hour.
pub(crate) const ORPHAN_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a connection that nobody uses any more waits for the other side's FIN
/// (Linux's `tcp_fin_timeout`).
pub(crate) const FIN_WAIT_2: Duration = Duration::from_secs(60);
/// TIME-WAIT: 2 MSL with Linux's MSL of 30 s.
pub(crate) const TIME_WAIT: Duration = Duration::from_secs(60);
/// How soon what found no buffer is tried again.
pub(crate) const RETRY: Duration = Duration::from_millis(10);
/// RFC 9293, Section 3.8.6.2.1: between 0.1 and 1 s.
pub(crate) const OVERRIDE: Duration = Duration::from_millis(200);

/// What the retransmission timer is set for: it has one purpose at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// RFC 6298, Section 5.
    Retransmit,
    /// RFC 8985, Section 7.
    TailLossProbe,
    /// RFC 8985, Section 6.2, step 5.
    Reordering,
    /// RFC 9293, Section 3.8.6.1: the window is closed.
    Persist,
    /// RFC 9293, Section 3.8.6.2.1, or a corked segment: send what there is.
    Override,
}

/// All timers. [`Instant::FAR_FUTURE`] is "not set".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    pub(crate) retransmit: Option<(Instant, Purpose)>,
    pub(crate) delayed_ack: Instant,
    /// How long the other side may say nothing: until it is asked (keep-alive), or until its FIN is
    /// not waited for any more (see [`super::connection::Connection::waits_for_fin`]).
    pub(crate) silence: Instant,
    pub(crate) retry: Instant,
    /// When pacing lets the next segment go.
    pub(crate) pacing: Instant,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        const NEVER: Instant = Instant::FAR_FUTURE;
        Self { retransmit: None, delayed_ack: NEVER, silence: NEVER, retry: NEVER, pacing: NEVER }
    }

    /// When the first of them is due.
    #[inline]
    pub(crate) fn next(&self) -> Instant {
        let Self { retransmit, delayed_ack, silence, retry, pacing } = *self;
        let retransmit = retransmit.map_or(Instant::FAR_FUTURE, |(at, _)| at);
        retransmit.min(delayed_ack).min(silence).min(retry).min(pacing)
    }
}
