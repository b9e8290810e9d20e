//! Streams that belong together: those of a client, or those that a server has from one host. They
//! are reported by the same intervals and have a sum.

use alloc::vec::Vec;

use rt::strerror;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::enhanced::{self, Calls};
use super::flow::{Buffers, Flow, Step};
use super::header::Test;
use super::options::Options;
use super::report::{self, Subject, heading, transfer};
use super::units::Format;
use crate::clock::{now, timespec};
use crate::interrupt::LONGEST_WAIT;

/// When reports are due.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// When the test began, microseconds of the monotonic clock.
    pub started: u64,
    interval: Option<u64>,
    /// When the interval began that is running, since `started`.
    begin: u64,
}

impl Intervals {
    /// Intervals from now on.
    #[must_use]
    pub const fn new(started: u64, interval: Option<u64>) -> Self {
        Self { started, interval, begin: 0 }
    }

    /// How long until the next report, microseconds.
    #[must_use]
    pub fn wait(&self, now: u64) -> u64 {
        self.interval
            .map_or(u64::MAX, |interval| (self.started + self.begin + interval).saturating_sub(now))
    }

    /// Takes an interval that is over: from and to, since the start.
    pub fn take(&mut self, now: u64) -> Option<(u64, u64)> {
        let end = self.begin + self.interval?;
        if now < self.started + end {
            return None;
        }
        let span = (self.begin, end);
        self.begin = end;
        Some(span)
    }
}

/// What a round of steps came to.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Some stream can go on at once.
    pub busy: bool,
    /// How long there is nothing to do unless a socket is ready, microseconds.
    pub wait: u64,
}

/// The streams.
#[derive(Debug)]
pub struct Group {
    /// All of them, also those that are over.
    pub flows: Vec<Flow>,
    /// A stream broke off.
    pub failed: bool,
    /// When reports are due.
    pub intervals: Intervals,
    format: Format,
    enhanced: bool,
    /// The last heading was one for streams that send.
    headed: Option<bool>,
    /// Whether each stream waits for its time rather than for its socket.
    sleeping: Vec<bool>,
}

impl Group {
    /// No streams yet.
    #[must_use]
    pub const fn new(options: &Options, started: u64) -> Self {
        Self {
            flows: Vec::new(),
            failed: false,
            intervals: Intervals::new(started, options.interval),
            format: options.format,
            enhanced: options.enhanced,
            headed: None,
            sleeping: Vec::new(),
        }
    }

    /// Whether all streams are over.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.flows.iter().all(Flow::is_finished)
    }

    /// Lets each stream do one read or write; `begun` learns of tests that begin.
    pub fn round(
        &mut self,
        buffers: &mut Buffers,
        mut begun: impl FnMut(&mut Flow, &Test),
    ) -> Round {
        let mut round = Round { busy: false, wait: u64::MAX };
        self.sleeping.clear();
        self.sleeping.resize(self.flows.len(), false);
        let mut over = Vec::new();
        for (index, flow) in self.flows.iter_mut().enumerate() {
            if flow.is_finished() {
                continue;
            }
            let now = now();
            match flow.step(buffers, now) {
                Ok(Step::More) => round.busy = true,
                Ok(Step::Blocked) => {}
                Ok(Step::Begun(test)) => {
                    round.busy = true;
                    begun(flow, &test);
                }
                Ok(Step::Wait(wait)) => {
                    round.wait = round.wait.min(wait);
                    if let Some(sleeping) = self.sleeping.get_mut(index) {
                        *sleeping = true;
                    }
                }
                Ok(Step::Finished) => over.push(index),
                Err(errno) => {
                    rt::warn!("[{:3}] {}", flow.number, strerror(errno));
                    self.failed = true;
                    flow.finish(now);
                    over.push(index);
                }
            }
        }
        self.report_intervals();
        self.report_ends(&over);
        round.wait = round.wait.min(self.intervals.wait(now()));
        round
    }

    /// What has to be ready for a stream to go on.
    pub fn wanted<'a>(&'a self, list: &mut Vec<PollFd<'a>>) {
        for (flow, sleeping) in self.flows.iter().zip(&self.sleeping) {
            if !flow.is_finished() {
                // One that sleeps is woken by errors only.
                let flags = if *sleeping { PollFlags::empty() } else { flow.wants() };
                list.push(PollFd::new(&flow.socket, flags));
            }
        }
    }

    /// Prints the heading, when there is none or the last was about other streams.
    fn head(&mut self) {
        let sending = self.flows.iter().any(|flow| flow.sends);
        if self.headed.is_none() || self.enhanced && self.headed != Some(sending) {
            self.headed = Some(sending);
            report::print(if self.enhanced { enhanced::heading(sending) } else { heading(false) });
        }
    }

    /// The line of a stream.
    fn line(
        &self,
        flow: &Flow,
        (from, to): (u64, u64),
        bytes: u64,
        calls: &Calls,
    ) -> alloc::string::String {
        let mut line = transfer(Self::subject(flow), from, to, bytes, self.format);
        if self.enhanced {
            line.push_str(&if flow.sends {
                enhanced::sent(calls, &flow.progress, bytes, to.saturating_sub(from))
            } else {
                enhanced::received(calls)
            });
        }
        line
    }

    /// The line of all streams together.
    fn sum(&self, (from, to): (u64, u64), bytes: u64, calls: &Calls) -> alloc::string::String {
        let mut line = transfer(Subject::Sum, from, to, bytes, self.format);
        if self.enhanced {
            let sends = self.flows.iter().any(|flow| flow.sends);
            let told = if sends { enhanced::sent_sum(calls) } else { enhanced::received(calls) };
            line.push_str(&told);
        }
        line
    }

    fn subject(flow: &Flow) -> Subject {
        if flow.reversed { Subject::Reversed(flow.number) } else { Subject::Stream(flow.number) }
    }

    fn report_intervals(&mut self) {
        while let Some((from, to)) = self.intervals.take(now()) {
            let mut sum = 0;
            let mut all_calls = Calls::default();
            let mut count = 0;
            let mut lines = Vec::new();
            self.head();
            for index in 0..self.flows.len() {
                let Some(flow) = self.flows.get_mut(index).filter(|flow| !flow.is_finished())
                else {
                    continue;
                };
                if self.enhanced {
                    flow.look();
                }
                let (bytes, calls) =
                    (flow.bytes - flow.reported, flow.calls.since(&flow.reported_calls));
                (flow.reported, flow.reported_calls) = (flow.bytes, flow.calls);
                sum += bytes;
                all_calls = all_calls.and(&calls);
                count += 1;
                lines.extend(
                    self.flows.get(index).map(|flow| self.line(flow, (from, to), bytes, &calls)),
                );
            }
            for line in &lines {
                report::print(line);
            }
            if count > 1 {
                report::print(&self.sum((from, to), sum, &all_calls));
            }
        }
    }

    /// The last lines of streams that are over, and the sum after the last one.
    fn report_ends(&mut self, indexes: &[usize]) {
        if indexes.is_empty() {
            return;
        }
        self.head();
        let started = self.intervals.started;
        for flow in indexes.iter().filter_map(|index| self.flows.get(*index)) {
            let end = flow.finished.unwrap_or(started).saturating_sub(started);
            report::print(&self.line(flow, (0, end), flow.bytes, &flow.calls));
        }
        if self.is_finished() && self.flows.len() > 1 {
            let sum = self.flows.iter().map(|flow| flow.bytes).sum();
            let end = self.flows.iter().filter_map(|flow| flow.finished).max().unwrap_or(started);
            let span = end.saturating_sub(started);
            let calls = self.flows.iter().fold(Calls::default(), |all, flow| all.and(&flow.calls));
            report::print(&self.sum((0, span), sum, &calls));
        }
    }

    /// Does `end` to each stream and reports those that are over by it.
    fn end_with(&mut self, end: impl Fn(&mut Flow, u64)) {
        let now = now();
        let mut over = Vec::new();
        for (index, flow) in self.flows.iter_mut().enumerate() {
            if !flow.is_finished() {
                end(flow, now);
                if flow.is_finished() {
                    over.push(index);
                }
            }
        }
        self.report_ends(&over);
    }

    /// Stops sending and receiving because the user wants to; what was sent still arrives.
    pub fn stop(&mut self) {
        self.end_with(Flow::stop);
    }

    /// Ends everything at once.
    pub fn abandon(&mut self) {
        self.end_with(Flow::finish);
    }
}

/// Waits until a socket of `list` is ready, or for `wait` microseconds.
pub fn sleep(list: &mut [PollFd<'_>], wait: u64) -> Result<(), Errno> {
    match poll(list, Some(&timespec(wait.min(LONGEST_WAIT)))) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::Intervals;

    #[test]
    fn intervals() {
        let mut intervals = Intervals::new(1000, Some(500));
        assert_eq!(intervals.wait(1200), 300);
        assert_eq!(intervals.take(1499), None);
        assert_eq!(intervals.take(2100), Some((0, 500)));
        assert_eq!(intervals.take(2100), Some((500, 1000)));
        assert_eq!(intervals.take(2100), None);
        assert_eq!(intervals.wait(2100), 400);
        assert_eq!(Intervals::new(0, None).take(u64::MAX), None);
    }
}
