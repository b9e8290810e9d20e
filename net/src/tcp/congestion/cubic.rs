//! CUBIC (RFC 9438) with HyStart++ (RFC 9406), in integers.

use super::hystart::{Advice, HyStart};
use super::{AckSample, CongestionControl, Idle, Window};
use crate::tcp::micros::Micros;
use crate::tcp::millis::Millis;
use crate::time::Instant;

/// beta_cubic, Section 4.6: what is left of the window after a loss, in tenths.
const BETA_TENTHS: u64 = 7;

/// A phase of congestion avoidance, Section 4.1.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    start: Millis,
    /// K in milliseconds: when the window is back at `w_max`.
    k: u32,
    /// The window at the start, if it was above `w_max`, else `w_max`.
    origin: u32,
    estimate: Estimate,
}

/// W_est, Section 4.3: where Reno would be, in octets and 65536ths.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    octets: u32,
    fraction: u16,
}

impl Estimate {
    /// Grows by so many 65536ths of an octet.
    fn grow(&mut self, step: u64) {
        let sum = (u64::from(self.octets) << 16 | u64::from(self.fraction)).saturating_add(step);
        self.octets = u32::try_from(sum >> 16).unwrap_or(u32::MAX);
        self.fraction = sum as u16;
    }
}

/// The variables of Section 4.1 that a loss changes.
#[derive(Clone, Copy, Debug)]
struct Past {
    epoch: Option<Epoch>,
    /// W_max; zero before the first loss.
    w_max: u32,
    /// cwnd_prior: the window before the last loss.
    prior: u32,
}

/// The variables once the first slow start is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    past: Past,
    /// Before the last loss, in case it was none.
    saved: Past,
    /// When the last acknowledgment came.
    last: Millis,
}

/// The algorithm's variables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cubic {
    /// The first slow start, which ends before the first loss if delays tell in time.
    SlowStart(HyStart),
    /// After it.
    Avoidance(Curve),
}

/// The integer cube root.
fn cube_root(value: u64) -> u64 {
    let mut root = 0u64;
    for bit in (0..22).rev() {
        let candidate = root | 1 << bit;
        if candidate.checked_pow(3).is_some_and(|cube| cube <= value) {
            root = candidate;
        }
    }
    root
}

impl Curve {
    fn new(now: Instant) -> Self {
        const NONE: Past = Past { epoch: None, w_max: 0, prior: 0 };
        Self { past: NONE, saved: NONE, last: now.into() }
    }

    fn begin_epoch(&self, window: &Window, now: Instant) -> Epoch {
        // Figure 2: K = cubic_root((W_max - cwnd_epoch) / C), with C = 0.4 segments a second
        // cubed, that is 0.4 / 10^9 a millisecond cubed.
        let missing = u64::from(self.past.w_max.saturating_sub(window.cwnd));
        let k = cube_root(missing * 2_500_000_000 / u64::from(window.mss.max(1))) as u32;
        let origin = self.past.w_max.max(window.cwnd);
        let estimate = Estimate { octets: window.cwnd, fraction: 0 };
        Epoch { start: now.into(), k, origin, estimate }
    }

    /// W_cubic(t), Section 4.2, in octets after `t` milliseconds.
    fn w_cubic(epoch: &Epoch, mss: u32, t: u64) -> u32 {
        let t = t.min(10_000_000);
        let distance = u128::from(t.abs_diff(epoch.k.into()));
        let octets = distance.pow(3) * 4 * u128::from(mss) / 10_000_000_000;
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        if t < u64::from(epoch.k) {
            epoch.origin.saturating_sub(octets)
        } else {
            epoch.origin.saturating_add(octets)
        }
    }

    fn avoid_congestion(&mut self, window: &mut Window, sample: &AckSample) {
        let epoch = match self.past.epoch {
            Some(epoch) => epoch,
            None => self.begin_epoch(window, sample.now),
        };
        let mut epoch = epoch;
        let rtt = sample.smoothed_rtt.unwrap_or(Micros::ZERO);
        let cwnd = u64::from(window.cwnd.max(1));
        // Section 4.3, equation 4: alpha_cubic = 3 * (1 - beta) / (1 + beta) = 9/17 until Reno
        // has reached the window before the loss, then 1.
        let step = ((u64::from(sample.acked) * u64::from(window.mss)) << 16) / cwnd;
        let caught_up = epoch.estimate.octets >= self.past.prior;
        epoch.estimate.grow(if caught_up { step } else { step * 9 / 17 });
        self.past.epoch = Some(epoch);
        let reno = epoch.estimate.octets;
        let time = u64::from(epoch.start.passed(sample.now));
        if Self::w_cubic(&epoch, window.mss, time) < reno {
            if reno > window.cwnd {
                window.grow(reno - window.cwnd);
            }
            return;
        }
        // Section 4.4 and 4.5: the target one round trip ahead, at most half as much again.
        let time = u64::from(epoch.start.passed(sample.now + rtt));
        let target = Self::w_cubic(&epoch, window.mss, time);
        let target = target.clamp(window.cwnd, window.cwnd.saturating_add(window.cwnd / 2));
        let growth = u64::from(target - window.cwnd) * u64::from(sample.acked) / cwnd;
        window.grow(growth as u32);
    }

    /// The time in which the window was not used up does not count (Section 4.2).
    #[inline]
    fn stand_still(&mut self, millis: u32, now: Instant) {
        if let Some(epoch) = &mut self.past.epoch {
            epoch.start = epoch.start.later(millis);
        }
        self.last = now.into();
    }

    fn reduce(&mut self, window: &mut Window, flight: u32) {
        self.saved = self.past;
        let cwnd = window.cwnd;
        // Section 4.7, fast convergence: leave room for newcomers.
        let w_max = if cwnd < self.past.w_max {
            (u64::from(cwnd) * (10 + BETA_TENTHS) / 20) as u32
        } else {
            cwnd
        };
        self.past = Past { epoch: None, w_max, prior: cwnd };
        // Section 4.6: of what is in flight, so that an unused window does not count.
        let base = u64::from(flight.min(cwnd));
        window.ssthresh = ((base * BETA_TENTHS / 10) as u32).max(window.floor());
    }
}

impl Cubic {
    pub(crate) const fn new() -> Self {
        Self::SlowStart(HyStart::new())
    }

    /// An acknowledgment of data that did not use the window up.
    #[inline]
    pub(crate) fn on_ack_without_growth(&mut self, now: Instant) {
        if let Self::Avoidance(curve) = self {
            curve.stand_still(curve.last.passed(now), now);
        }
    }

    /// The variables of congestion avoidance, which ends the first slow start for good.
    fn curve(&mut self, now: Instant) -> &mut Curve {
        if matches!(self, Self::SlowStart(_)) {
            *self = Self::Avoidance(Curve::new(now));
        }
        match self {
            Self::Avoidance(curve) => curve,
            Self::SlowStart(_) => unreachable!("it has just ended"),
        }
    }

    /// Slow start: how much the window grows.
    fn slow_start(&mut self, sample: &AckSample) -> Advice {
        match self {
            Self::SlowStart(hystart) => {
                let round_ended = hystart.ends_round(sample.una, sample.nxt);
                hystart.on_ack(sample.acked, sample.rtt, round_ended)
            }
            Self::Avoidance(curve) => {
                curve.last = sample.now.into();
                Advice::Grow(sample.acked)
            }
        }
    }
}

impl CongestionControl for Cubic {
    fn on_ack(&mut self, window: &mut Window, sample: &AckSample) {
        if !sample.grows {
            return self.on_ack_without_growth(sample.now);
        }
        if !window.in_slow_start() {
            let curve = self.curve(sample.now);
            curve.last = sample.now.into();
            return curve.avoid_congestion(window, sample);
        }
        match self.slow_start(sample) {
            Advice::Grow(octets) => window.grow(octets.min(8 * window.mss)),
            Advice::Leave => {
                window.ssthresh = window.cwnd;
                self.curve(sample.now);
            }
        }
    }

    fn on_loss(&mut self, window: &mut Window, flight: u32, now: Instant) {
        self.curve(now).reduce(window, flight);
    }

    fn on_timeout(&mut self, window: &mut Window, flight: u32, now: Instant) {
        let curve = self.curve(now);
        curve.reduce(window, flight);
        // Section 4.8: K is 0 and W_max the window when congestion avoidance begins again.
        curve.past.w_max = 0;
    }

    #[inline]
    fn on_idle_restart(&mut self, window: &mut Window, _limited: bool, idle: Idle) {
        if let Self::Avoidance(curve) = self {
            curve.stand_still(idle.pause, idle.now);
        }
        super::restart_window(window, idle);
    }

    fn on_undo(&mut self, _window: &mut Window, _now: Instant) {
        if let Self::Avoidance(curve) = self {
            curve.past = curve.saved;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::growth;
    use super::*;

    fn past(cubic: &Cubic) -> &Past {
        match cubic {
            Cubic::Avoidance(curve) => &curve.past,
            Cubic::SlowStart(_) => panic!("slow start is over"),
        }
    }

    #[test]
    fn cube_roots() {
        for value in [0, 1, 7, 8, 26, 27, 1_000_000, 999_999_999_999, u64::MAX] {
            let root = cube_root(value);
            assert!(root.pow(3) <= value);
            assert!((root + 1).checked_pow(3).is_none_or(|cube| cube > value), "{value}");
        }
    }

    /// Section 4.2: the window comes back to W_max after K = cbrt(W_max * 0.3 / 0.4) seconds.
    /// Rows: TCP-CUBIC
    #[test]
    fn the_window_follows_the_curve() {
        let rtt = Micros::from_millis(100);
        let mut window = Window { cwnd: 1_000_000, ssthresh: 0, mss: 1000 };
        let mut cubic = Cubic::new();
        cubic.on_loss(&mut window, 1_000_000, Instant::ZERO);
        assert_eq!(window.ssthresh, 700_000);
        window.cwnd = window.ssthresh;
        let mut at_k = 0;
        for step in 0..150 {
            let now = Instant::from_millis(step * 100);
            let mut left = window.cwnd;
            while left > 0 {
                let acked = left.min(2000);
                left -= acked;
                let smoothed_rtt = Some(rtt);
                let sample = AckSample { rtt: smoothed_rtt, smoothed_rtt, ..growth(acked, now) };
                cubic.on_ack(&mut window, &sample);
            }
            // K = cbrt(300 / 0.4) = 9.086 s.
            if step == 91 {
                at_k = window.cwnd;
            }
        }
        assert!((990_000..1_010_000).contains(&at_k), "{at_k}");
        // At 15 s: 1000 + 0.4 * (15 - 9.086)^3 = 1083 segments.
        assert!((1_075_000..1_095_000).contains(&window.cwnd), "{}", window.cwnd);
    }

    /// Rows: TCP-CUBIC
    #[test]
    fn a_small_window_grows_no_slower_than_reno() {
        let mut window = Window { cwnd: 10_000, ssthresh: 0, mss: 1000 };
        let mut cubic = Cubic::new();
        cubic.on_loss(&mut window, 10_000, Instant::ZERO);
        window.cwnd = window.ssthresh;
        // 40 round trips of 1 ms: the curve has hardly moved.
        for step in 0..40 {
            let now = Instant::from_millis(step);
            let smoothed_rtt = Some(Micros::from_millis(1));
            for _ in 0..window.cwnd / 1000 {
                let sample = AckSample { smoothed_rtt, ..growth(1000, now) };
                cubic.on_ack(&mut window, &sample);
            }
        }
        assert!(window.cwnd > 27_000, "{}", window.cwnd);
    }

    /// Section 4.8: from the window at which congestion avoidance begins again, as if the curve
    /// had its middle there.
    #[test]
    fn after_a_timeout_the_curve_begins_anew() {
        let mut window = Window { cwnd: 100_000, ssthresh: 0, mss: 1000 };
        let mut cubic = Cubic::new();
        cubic.on_timeout(&mut window, 100_000, Instant::ZERO);
        assert_eq!(window.ssthresh, 70_000);
        window.cwnd = 70_000;
        cubic.on_ack(&mut window, &growth(1000, Instant::from_secs(1)));
        let epoch = past(&cubic).epoch.unwrap();
        assert_eq!((epoch.k, epoch.origin), (0, 70_000));
    }

    /// Section 4.2: a sender that has little to send does not find the window grown afterwards.
    /// Rows: TCP-IDLE
    #[test]
    fn time_without_use_does_not_count() {
        let mut window = Window { cwnd: 100_000, ssthresh: 0, mss: 1000 };
        let mut cubic = Cubic::new();
        cubic.on_loss(&mut window, 100_000, Instant::ZERO);
        window.cwnd = window.ssthresh;
        cubic.on_ack(&mut window, &growth(1000, Instant::from_secs(1)));
        for second in 2..60 {
            let idle = AckSample { grows: false, ..growth(1000, Instant::from_secs(second)) };
            cubic.on_ack(&mut window, &idle);
        }
        let pause = 60_000;
        let timeout = Micros::from_secs(100);
        let idle = Idle { pause, timeout, now: Instant::from_secs(119) };
        cubic.on_idle_restart(&mut window, true, idle);
        cubic.on_ack(&mut window, &growth(1000, Instant::from_secs(119)));
        assert!(window.cwnd < 71_000, "{}", window.cwnd);
        let epoch = past(&cubic).epoch.unwrap();
        assert_eq!(epoch.start, Instant::from_secs(119).into());
    }

    /// Rows: TCP-CUBIC
    #[test]
    fn fast_convergence_and_undo() {
        let mut window = Window { cwnd: 100_000, ssthresh: 0, mss: 1000 };
        let mut cubic = Cubic::new();
        cubic.on_loss(&mut window, 100_000, Instant::ZERO);
        window.cwnd = 80_000;
        cubic.on_loss(&mut window, 80_000, Instant::ZERO);
        assert_eq!((past(&cubic).w_max, window.ssthresh), (68_000, 56_000));
        cubic.on_undo(&mut window, Instant::ZERO);
        assert_eq!(past(&cubic).w_max, 100_000);
    }
}
