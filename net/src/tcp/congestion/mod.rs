//! Congestion control: how much may be on its way (RFC 5681, Section 2).
//!
//! An algorithm is a [`CongestionControl`]; the sender owns the [`Window`] and tells it what
//! happened. All numbers are octets and integers.

mod bbr;
mod cubic;
mod hystart;
mod models;
mod new_reno;

pub(crate) use bbr::Bbr;
pub(crate) use cubic::Cubic;
pub(crate) use models::{ModelPlace, Models};
pub(crate) use new_reno::NewReno;

use super::delivery_rate::{LostPiece, RateSample};
use super::micros::Micros;
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;

/// The variables that every algorithm works on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    /// Congestion window.
    pub(crate) cwnd: u32,
    /// Slow start threshold.
    pub(crate) ssthresh: u32,
    /// Sender maximum segment size.
    pub(crate) mss: u32,
}

/// No window grows beyond this: far above every buffer, far below an overflow.
const MAX_WINDOW: u32 = 1 << 30;

impl Window {
    /// At the start: the initial window of RFC 6928, or one segment when the SYN was lost
    /// (RFC 5681, Section 3.1).
    pub(crate) fn initial(mss: u32, syn_was_lost: bool) -> Self {
        let cwnd = if syn_was_lost { mss } else { Self::initial_window(mss) };
        Self { cwnd, ssthresh: MAX_WINDOW, mss }
    }

    /// RFC 6928, Section 2.
    pub(crate) fn initial_window(mss: u32) -> u32 {
        (10 * mss).min((2 * mss).max(14_600))
    }

    pub(crate) const fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Whether something lost has ever set the threshold.
    pub(crate) const fn is_reduced(&self) -> bool {
        self.ssthresh < MAX_WINDOW
    }

    fn grow(&mut self, octets: u32) {
        self.cwnd = self.cwnd.saturating_add(octets).min(MAX_WINDOW);
    }

    /// Two segments, below which no loss brings the threshold (RFC 5681, equation 4).
    const fn floor(&self) -> u32 {
        2 * self.mss
    }
}

/// What an acknowledgment tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AckSample {
    /// Octets that it acknowledges in order, for the first time.
    pub(crate) acked: u32,
    /// A round-trip time that it measured.
    pub(crate) rtt: Option<Micros>,
    /// The smoothed round-trip time.
    pub(crate) smoothed_rtt: Option<Micros>,
    /// SND.UNA and SND.NXT.
    pub(crate) una: SequenceNumber,
    pub(crate) nxt: SequenceNumber,
    /// The window may grow: nothing is taken to be lost, and the window was in use (RFC 7661).
    pub(crate) grows: bool,
    /// The window held data back lately.
    pub(crate) cwnd_limited: bool,
    /// Octets in flight now.
    pub(crate) in_flight: u32,
    /// How fast the network delivers.
    pub(crate) delivery: RateSample,
    pub(crate) now: Instant,
}

/// An algorithm. Those driven by losses let the sender bring the window to the threshold; those
/// that model the path set the window themselves ([`Congestion::governs_window`]).
pub(crate) trait CongestionControl {
    /// An acknowledgment was taken in, and losses that it shows were looked for.
    fn on_ack(&mut self, window: &mut Window, sample: &AckSample);

    /// Data was lost: sets the threshold, to which the window is brought by whoever calls.
    fn on_loss(&mut self, window: &mut Window, flight: u32, now: Instant);

    /// The retransmission timer ran out: as a loss, and what was learned of the path is void.
    fn on_timeout(&mut self, window: &mut Window, flight: u32, now: Instant);

    /// The loss had not been one: the window is what it was.
    fn on_undo(&mut self, window: &mut Window, now: Instant);

    /// The network marked packets instead of losing them (RFC 3168, Section 6.1.2), of all octets
    /// of which `delivered` had arrived.
    fn on_mark(&mut self, window: &mut Window, _delivered: u32, flight: u32, now: Instant) {
        self.on_loss(window, flight, now);
    }

    /// A piece is taken to be lost.
    fn on_piece_lost(&mut self, _window: &Window, _piece: &LostPiece, _now: Instant) {}

    /// All that was lost has arrived.
    fn on_recovered(&mut self, _window: &mut Window) {}

    /// Data follows a pause in which nothing was in flight; `limited` when that was for want of
    /// data. RFC 5681, Section 4.1: after a pause longer than the timeout, begin anew.
    fn on_idle_restart(&mut self, window: &mut Window, _limited: bool, idle: Idle) {
        restart_window(window, idle);
    }

    /// Whether it sends too little on purpose, so that rates measured now tell nothing.
    fn is_holding_back(&self) -> bool {
        false
    }
}

/// A pause in which nothing was in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Idle {
    /// How long, in milliseconds.
    pub(crate) pause: u32,
    /// The retransmission timeout.
    pub(crate) timeout: Micros,
    pub(crate) now: Instant,
}

/// RFC 5681, Section 4.1: a pause longer than the timeout leaves the initial window.
#[inline]
fn restart_window(window: &mut Window, idle: Idle) {
    if u64::from(idle.pause) * 1000 > u64::from(idle.timeout.get()) {
        window.cwnd = window.cwnd.min(Window::initial_window(window.mss));
    }
}

/// The rate at which a window is spread over a round trip: twice as fast in slow start, a fifth
/// faster in congestion avoidance, so that the window stays in use (as on Linux).
#[inline]
fn window_rate(window: &Window, smoothed_rtt: Option<Micros>) -> Option<u32> {
    let rtt = u64::from(smoothed_rtt?.get()).max(1);
    let percent = if window.cwnd < window.ssthresh / 2 { 200 } else { 120 };
    let rate = u64::from(window.cwnd) * 10_000 * percent / rtt;
    Some(u32::try_from(rate).unwrap_or(u32::MAX))
}

/// Which algorithm a connection uses (TCP_CONGESTION).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CongestionAlgorithm {
    /// RFC 9438.
    #[default]
    Cubic,
    /// RFC 5681 and RFC 6582.
    NewReno,
    /// BBR version 3 (draft-ietf-ccwg-bbr).
    Bbr,
}

impl CongestionAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Cubic, Self::NewReno, Self::Bbr];

    /// The name that TCP_CONGESTION has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::NewReno => "reno",
            Self::Bbr => "bbr",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// An algorithm with its variables.
#[derive(Debug)]
pub(crate) enum Congestion {
    Cubic(Cubic),
    NewReno(NewReno),
    Bbr(ModelPlace),
}

impl Congestion {
    /// What a connection has until it is asked for something else.
    pub(crate) const fn new() -> Self {
        Self::Cubic(Cubic::new())
    }

    /// Goes by an algorithm from now on; false when there is no room for its variables, and CUBIC
    /// has to do. `random` is anything that others do not share.
    pub(crate) fn choose(
        &mut self,
        algorithm: CongestionAlgorithm,
        models: &mut Models,
        random: u32,
        now: Instant,
    ) -> bool {
        self.release(models);
        match algorithm {
            CongestionAlgorithm::Cubic => {}
            CongestionAlgorithm::NewReno => *self = Self::NewReno(NewReno),
            CongestionAlgorithm::Bbr => match models.keep(Bbr::new(random, now)) {
                Some(place) => *self = Self::Bbr(place),
                None => return false,
            },
        }
        true
    }

    /// Gives back what is kept outside of the connection.
    pub(crate) fn release(&mut self, models: &mut Models) {
        if let Self::Bbr(place) = core::mem::replace(self, Self::new()) {
            models.forget(&place);
        }
    }

    pub(crate) const fn algorithm(&self) -> CongestionAlgorithm {
        match self {
            Self::Cubic(_) => CongestionAlgorithm::Cubic,
            Self::NewReno(_) => CongestionAlgorithm::NewReno,
            Self::Bbr(_) => CongestionAlgorithm::Bbr,
        }
    }

    pub(crate) fn control<'a>(
        &'a mut self,
        models: &'a mut Models,
    ) -> &'a mut dyn CongestionControl {
        match self {
            Self::Cubic(cubic) => cubic,
            Self::NewReno(new_reno) => new_reno,
            Self::Bbr(place) => models.control(place),
        }
    }

    /// Whether it sets the window itself, in recovery too.
    pub(crate) const fn governs_window(&self) -> bool {
        matches!(self, Self::Bbr(_))
    }

    /// [`CongestionControl::on_idle_restart`]. These three are for every segment, so they do
    /// without a table of functions.
    #[inline]
    pub(crate) fn on_idle_restart(
        &mut self,
        models: &mut Models,
        window: &mut Window,
        limited: bool,
        idle: Idle,
    ) {
        match self {
            Self::Cubic(cubic) => cubic.on_idle_restart(window, limited, idle),
            Self::NewReno(new_reno) => new_reno.on_idle_restart(window, limited, idle),
            Self::Bbr(place) => models.control(place).on_idle_restart(window, limited, idle),
        }
    }

    /// The rate at which segments leave, in octets a second; `None` is whatever the window allows.
    #[inline]
    pub(crate) fn pacing_rate(
        &self,
        models: &Models,
        window: &Window,
        smoothed_rtt: Option<Micros>,
    ) -> Option<u32> {
        match self {
            Self::Cubic(_) | Self::NewReno(_) => window_rate(window, smoothed_rtt),
            Self::Bbr(place) => models.get(place).and_then(Bbr::pacing_rate),
        }
    }

    /// [`CongestionControl::on_ack`] for an acknowledgment that does not let the window grow; false
    /// if that is not all that the algorithm wants to know of it.
    #[inline]
    pub(crate) fn on_ack_without_growth(&mut self, now: Instant) -> bool {
        match self {
            Self::Cubic(cubic) => cubic.on_ack_without_growth(now),
            Self::NewReno(_) => {}
            Self::Bbr(_) => return false,
        }
        true
    }
}

/// An acknowledgment of `acked` octets that lets the window grow.
#[cfg(test)]
fn growth(acked: u32, now: Instant) -> AckSample {
    AckSample {
        acked,
        rtt: None,
        smoothed_rtt: None,
        una: SequenceNumber(acked),
        nxt: SequenceNumber(acked),
        grows: true,
        cwnd_limited: true,
        in_flight: 0,
        delivery: RateSample::default(),
        now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: TCP-IW
    #[test]
    fn initial_windows_of_rfc_6928() {
        for (mss, expected) in [(1440, 14_400), (1220, 12_200), (8940, 17_880), (536, 5360)] {
            assert_eq!(Window::initial(mss, false).cwnd, expected);
            assert_eq!(Window::initial(mss, true).cwnd, mss);
        }
    }

    #[test]
    fn names() {
        for algorithm in CongestionAlgorithm::ALL {
            assert_eq!(CongestionAlgorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(CongestionAlgorithm::from_name("vegas"), None);
    }

    #[test]
    fn models_are_given_back_and_without_room_there_is_cubic() {
        let mut models = Models::new();
        let mut choose = |congestion: &mut Congestion, algorithm| {
            let had_room = congestion.choose(algorithm, &mut models, 1, Instant::ZERO);
            (had_room, congestion.algorithm(), models.len())
        };
        let [cubic, new_reno, bbr] = CongestionAlgorithm::ALL;
        let mut congestion = Congestion::new();
        for (algorithm, kept) in [(bbr, 1), (bbr, 1), (new_reno, 0), (bbr, 1), (cubic, 0)] {
            assert_eq!(choose(&mut congestion, algorithm), (true, algorithm, kept));
        }
        let mut all: std::vec::Vec<_> =
            (0..crate::limits::TCP_MODELS).map(|_| Congestion::new()).collect();
        for (others, congestion) in all.iter_mut().enumerate() {
            assert_eq!(choose(congestion, bbr), (true, bbr, others + 1));
        }
        let full = all.len();
        assert_eq!(choose(&mut congestion, bbr), (false, cubic, full));
        assert_eq!(choose(&mut all[3], new_reno), (true, new_reno, full - 1));
        assert_eq!(choose(&mut congestion, bbr), (true, bbr, full));
    }
}
