//! Congestion control: how much may be on its way (RFC 5681, Section 2).
//!
//! An algorithm is a [`CongestionControl`]; the sender owns the [`Window`] and tells it what
//! happened. All numbers are octets and integers.

mod cubic;
mod hystart;
mod new_reno;

pub(crate) use cubic::Cubic;
pub(crate) use new_reno::NewReno;

use crate::time::{Duration, Instant};

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

/// What an acknowledgment of new data tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AckSample {
    /// Octets that it acknowledges for the first time.
    pub(crate) acked: u32,
    /// A round-trip time that it measured.
    pub(crate) rtt: Option<Duration>,
    /// The smoothed round-trip time.
    pub(crate) smoothed_rtt: Option<Duration>,
    /// It acknowledges the first octet that was sent since the last round began.
    pub(crate) round_ended: bool,
    pub(crate) now: Instant,
}

/// An algorithm.
pub(crate) trait CongestionControl {
    /// New data was acknowledged while nothing is taken to be lost and the window was in use.
    fn on_ack(&mut self, window: &mut Window, sample: &AckSample);

    /// Data was lost: sets the threshold, to which the window is brought by whoever calls.
    fn on_loss(&mut self, window: &mut Window, flight: u32, now: Instant);

    /// The retransmission timer ran out: as a loss, and what was learned of the path is void.
    fn on_timeout(&mut self, window: &mut Window, flight: u32, now: Instant);

    /// The loss had not been one: the window is what it was.
    fn on_undo(&mut self, now: Instant);
}

/// Which algorithm a connection uses (TCP_CONGESTION).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CongestionAlgorithm {
    /// RFC 9438.
    #[default]
    Cubic,
    /// RFC 5681 and RFC 6582.
    NewReno,
}

impl CongestionAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Cubic, Self::NewReno];

    /// The name that TCP_CONGESTION has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::NewReno => "reno",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// An algorithm with its variables.
#[derive(Clone, Debug)]
pub(crate) enum Congestion {
    Cubic(Cubic),
    NewReno(NewReno),
}

impl Congestion {
    pub(crate) const fn new(algorithm: CongestionAlgorithm) -> Self {
        match algorithm {
            CongestionAlgorithm::Cubic => Self::Cubic(Cubic::new()),
            CongestionAlgorithm::NewReno => Self::NewReno(NewReno),
        }
    }

    pub(crate) const fn algorithm(&self) -> CongestionAlgorithm {
        match self {
            Self::Cubic(_) => CongestionAlgorithm::Cubic,
            Self::NewReno(_) => CongestionAlgorithm::NewReno,
        }
    }

    pub(crate) const fn control(&mut self) -> &mut dyn CongestionControl {
        match self {
            Self::Cubic(cubic) => cubic,
            Self::NewReno(new_reno) => new_reno,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(Congestion::new(algorithm).algorithm(), algorithm);
        }
        assert_eq!(CongestionAlgorithm::from_name("vegas"), None);
    }
}
