//! BBR on a model of a path: a rate, a delay, a queue, and losses where it overflows or where the
//! test says. One step is one acknowledgment of one segment.

use super::*;
use crate::time::Duration;
use std::collections::VecDeque;

const MSS: u32 = 1000;
const RATE: u32 = 12_500_000;
const DELAY: Duration = Duration::from_millis(20);
/// Octets that fit the path.
const BDP: u32 = 250_000;

#[derive(Clone, Copy)]
struct Sent {
    at: Instant,
    arrives: Instant,
    lost: bool,
    delivered: u32,
    delivered_at: Instant,
    lost_before: u32,
    in_flight: u32,
    limited: bool,
}

/// A sender of endless data with BBR, and its path.
struct Path {
    bbr: Bbr,
    window: Window,
    now: Instant,
    /// When the bottleneck has sent all that it has.
    busy_until: Instant,
    /// Octets that may wait there.
    queue: u64,
    /// One in so many segments is lost at random, if not 0.
    loss: u32,
    count: u32,
    flight: VecDeque<Sent>,
    in_flight: u32,
    delivered: u32,
    delivered_at: Instant,
    lost: u32,
    lost_seen: u32,
    release: Instant,
    recovering_until: Option<u32>,
    /// The sender has less to send than it could.
    limited: bool,
    /// All states that were passed through, without repetitions.
    states: Vec<State>,
}

impl Path {
    fn new(queue: u64, loss: u32) -> Self {
        let now = Instant::from_secs(100);
        Self {
            bbr: Bbr::new(7, now),
            window: Window::initial(MSS, false),
            now,
            busy_until: now,
            queue,
            loss,
            count: 0,
            flight: VecDeque::new(),
            in_flight: 0,
            delivered: 0,
            delivered_at: now,
            lost: 0,
            lost_seen: 0,
            release: now,
            recovering_until: None,
            limited: false,
            states: vec![State::Startup],
        }
    }

    fn send(&mut self) {
        while self.in_flight + MSS <= self.window.cwnd && self.release <= self.now {
            if self.limited && self.in_flight >= 20 * MSS {
                return;
            }
            if let Some(rate) = self.bbr.pacing_rate() {
                let gap = Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / u64::from(rate));
                self.release = self.release.max(self.now - Duration::from_millis(1)) + gap;
            }
            self.count += 1;
            let wait = self.busy_until.saturating_since(self.now);
            let waiting = wait.as_micros() as u64 * u64::from(RATE) / 1_000_000;
            let lost = waiting + u64::from(MSS) > self.queue
                || self.loss != 0 && self.count.is_multiple_of(self.loss);
            if !lost {
                let serial = Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / u64::from(RATE));
                self.busy_until = self.busy_until.max(self.now) + serial;
            }
            if self.in_flight == 0 {
                self.delivered_at = self.now;
            }
            self.in_flight += MSS;
            self.flight.push_back(Sent {
                at: self.now,
                arrives: self.busy_until.max(self.now) + DELAY,
                lost,
                delivered: self.delivered,
                delivered_at: self.delivered_at,
                lost_before: self.lost,
                in_flight: self.in_flight,
                limited: self.limited,
            });
        }
    }

    /// The next acknowledgment arrives, and with it news of losses before it.
    fn acknowledge(&mut self) {
        while let Some(sent) = self.flight.pop_front() {
            self.in_flight -= MSS;
            if sent.lost {
                self.lost += MSS;
                let piece = LostPiece {
                    len: MSS,
                    in_flight_then: sent.in_flight,
                    lost_since: self.lost - sent.lost_before,
                    limited: sent.limited,
                    total: self.delivered,
                };
                self.bbr.on_piece_lost(&self.window, &piece, self.now);
                if self.recovering_until.is_none() {
                    self.bbr.on_loss(&mut self.window, self.in_flight, self.now);
                    self.recovering_until = Some(self.delivered + self.in_flight);
                }
                continue;
            }
            self.now = self.now.max(sent.arrives);
            self.delivered += MSS;
            self.delivered_at = self.now;
            let interval = self.now.saturating_since(sent.delivered_at).as_micros() as u64;
            let delivered = self.delivered - sent.delivered;
            let delivery = RateSample {
                rate: (u64::from(delivered) * 1_000_000 / interval) as u32,
                delivered,
                prior_delivered: sent.delivered,
                total: self.delivered,
                newly: MSS,
                newly_lost: self.lost - core::mem::replace(&mut self.lost_seen, self.lost),
                in_flight_then: sent.in_flight,
                lost: self.lost - sent.lost_before,
                limited: sent.limited,
                rtt: Some(Micros::between(sent.at, self.now)),
            };
            if self.recovering_until.is_some_and(|end| self.delivered >= end) {
                self.recovering_until = None;
                self.bbr.on_recovered(&mut self.window);
            }
            let sample = AckSample {
                in_flight: self.in_flight,
                cwnd_limited: self.in_flight + MSS >= self.window.cwnd,
                smoothed_rtt: Some(Micros::new(DELAY.as_micros() as u32)),
                delivery,
                ..super::super::growth(MSS, self.now)
            };
            self.bbr.on_ack(&mut self.window, &sample);
            if self.states.last() != Some(&self.bbr.state) {
                self.states.push(self.bbr.state);
            }
            return;
        }
    }

    fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        for _ in 0..2_000_000 {
            self.send();
            if self.flight.is_empty() {
                self.now = self.now.max(self.release);
                continue;
            }
            // Pacing may let something go before the next acknowledgment.
            let next = self.flight.iter().find(|sent| !sent.lost).map(|sent| sent.arrives);
            let may_send = self.in_flight + MSS <= self.window.cwnd;
            if may_send && !self.limited && next.is_none_or(|next| self.release < next) {
                self.now = self.now.max(self.release);
                continue;
            }
            self.acknowledge();
            if done(self) {
                return;
            }
        }
        panic!("still in {:?} at {:?}", self.bbr.state, self.now);
    }

    fn run_for(&mut self, time: Duration) -> u32 {
        let (end, before) = (self.now + time, self.delivered);
        self.run_until(|path| path.now >= end);
        self.delivered - before
    }
}

/// The states in their order, with what each is there for.
#[test]
fn the_path_is_found_and_drained_and_probed() {
    let mut path = Path::new(1_000_000, 0);
    path.run_until(|path| path.bbr.state != State::Startup);
    // Found without losses: 4 ln 2 doubles the rate in each round trip.
    assert_eq!(path.bbr.state, State::Drain);
    assert!(path.now < Instant::from_secs(101));
    let found = path.bbr.max_bw();
    assert!((RATE / 100 * 97..=RATE / 100 * 103).contains(&found), "{found}");
    assert!(path.in_flight > BDP);
    path.run_until(|path| path.bbr.state != State::Drain);
    let rounds = path.bbr.round_count - path.bbr.drain_start_round;
    let most = path.bbr.inflight(&path.window, 100);
    assert!(path.in_flight <= most, "{} > {most} after {rounds} round trips", path.in_flight);
    path.run_until(|path| path.bbr.state == State::ProbeBwUp);
    path.run_until(|path| path.bbr.state == State::ProbeBwDown);
    assert_eq!(
        path.states,
        [
            State::Startup,
            State::Drain,
            // Nothing is left for ProbeBW_DOWN to drain.
            State::ProbeBwCruise,
            State::ProbeBwRefill,
            State::ProbeBwUp,
            State::ProbeBwDown,
        ]
    );
    assert_eq!(path.lost, 0);
}

/// While it cruises, the path is full and the queue is not.
#[test]
fn cruising_fills_the_path_and_not_the_queue() {
    let mut path = Path::new(1_000_000, 0);
    path.run_until(|path| path.bbr.state == State::ProbeBwCruise);
    let octets = path.run_for(Duration::from_millis(500));
    assert!(octets > RATE / 2 / 100 * 95, "{octets}");
    let waiting = path.busy_until.saturating_since(path.now);
    assert!(waiting < DELAY / 4, "{waiting:?}");
}

/// The round trip is measured anew every five seconds, with half of the path in use for 200 ms.
#[test]
fn the_round_trip_is_probed() {
    let mut path = Path::new(1_000_000, 0);
    path.run_until(|path| path.bbr.state == State::ProbeRtt);
    let since = path.now.saturating_since(Instant::from_secs(100));
    assert!(since > Duration::from_secs(5) && since < Duration::from_secs(8), "{since:?}");
    assert!(path.window.cwnd <= BDP / 2 + 2 * MSS, "{}", path.window.cwnd);
    let begin = path.now;
    path.run_until(|path| path.bbr.state != State::ProbeRtt);
    assert_eq!(path.bbr.state, State::ProbeBwCruise);
    let took = path.now.saturating_since(begin);
    assert!(took >= Duration::from_millis(200) && took < Duration::from_millis(300), "{took:?}");
    // The window is what it was.
    assert!(path.window.cwnd > BDP, "{}", path.window.cwnd);
    assert!(path.bbr.min_rtt.abs_diff(20_000) < 500, "{}", path.bbr.min_rtt);
}

/// BBR.MinRTTFilterLen: a path that has become longer is believed after ten seconds.
#[test]
fn a_longer_round_trip_is_believed_in_time() {
    let mut bbr = Bbr::new(1, Instant::ZERO);
    let ack = |now: u64, rtt: u32| AckSample {
        delivery: RateSample { rtt: Some(Micros::from_millis(rtt)), ..RateSample::default() },
        ..super::super::growth(MSS, Instant::from_millis(now))
    };
    bbr.update_min_rtt(&ack(1, 30));
    assert_eq!(bbr.min_rtt, 30_000);
    bbr.update_min_rtt(&ack(100, 25));
    assert_eq!(bbr.min_rtt, 25_000);
    for now in (200..10_100).step_by(100) {
        bbr.update_min_rtt(&ack(now, 60));
        assert_eq!(bbr.min_rtt, 25_000, "at {now}");
    }
    bbr.update_min_rtt(&ack(10_102, 60));
    assert_eq!(bbr.min_rtt, 60_000);
}

/// A queue of a tenth of the path: the losses teach how much fits, and the rate stays high.
#[test]
fn a_shallow_queue_bounds_what_is_in_flight() {
    let mut path = Path::new(u64::from(BDP / 10), 0);
    path.run_for(Duration::from_secs(3));
    assert!(path.bbr.inflight_longterm < INFINITE);
    let lost = path.lost;
    let octets = path.run_for(Duration::from_secs(10));
    assert!(octets > RATE / 10 * 85, "{octets}");
    let lost = path.lost - lost;
    assert!(lost < octets / 50, "{lost} of {octets}");
}

/// What is lost at random says nothing of the path.
#[test]
fn random_losses_do_not_matter_much() {
    for loss in [100, 33] {
        let mut path = Path::new(500_000, loss);
        path.run_for(Duration::from_secs(2));
        let octets = path.run_for(Duration::from_secs(10));
        assert!(octets > RATE / 10 * 80, "one in {loss}: {octets}");
    }
}

/// A path that has become half as fast is noticed within some cycles.
#[test]
fn rates_measured_while_there_is_too_little_to_send_do_not_count() {
    let mut path = Path::new(1_000_000, 0);
    path.run_until(|path| path.bbr.state == State::ProbeBwCruise);
    let found = path.bbr.max_bw();
    path.limited = true;
    path.run_for(Duration::from_secs(4));
    assert_eq!(path.bbr.max_bw(), found);
}

/// Losses that were none leave no trace, and Startup goes on.
#[test]
fn an_undone_loss_is_forgotten() {
    let mut path = Path::new(1_000_000, 0);
    path.run_until(|path| path.bbr.state == State::ProbeBwCruise);
    let (window, now) = (path.window, path.now);
    path.bbr.on_loss(&mut path.window, 0, now);
    path.bbr.bw_shortterm = 5;
    path.bbr.inflight_shortterm = 6;
    path.bbr.inflight_longterm = 7;
    path.bbr.undo.state = Some(State::Startup);
    path.window.cwnd = MSS;
    path.bbr.on_undo(&mut path.window, now);
    assert_eq!(path.window.cwnd, window.cwnd);
    let bbr = &path.bbr;
    assert_eq!(
        (bbr.bw_shortterm, bbr.inflight_shortterm, bbr.inflight_longterm),
        (INFINITE, INFINITE, INFINITE)
    );
    assert_eq!((bbr.state, bbr.is(Flags::FULL_BW_REACHED)), (State::Startup, false));
}

#[test]
fn it_is_small() {
    assert!(size_of::<Bbr>() <= 176, "{}", size_of::<Bbr>());
}
