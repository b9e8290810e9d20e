//! A program at one end of a connection: it writes, reads and closes as a seed says, in every
//! order that programs do it in.

use crate::random::Seeded;
use crate::tcp_stream::{Read, Stream};
use net::time::{Duration, Instant};

/// How a program ends its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Says that it sends no more when it has sent all, reads to the end, closes.
    Orderly,
    /// The same, but it reads to the end first.
    Passive,
    /// Closes when it has sent all, whatever it has not read.
    Hasty,
    /// Shuts receiving down at this time, and closes when it has sent all.
    Deaf(Instant),
    /// Closes at this time, as when its process ends.
    Dies(Instant),
    /// Resets at this time: closes with SO_LINGER of zero.
    Aborts(Instant),
}

impl Ending {
    /// Whether both directions end with everything delivered.
    pub const fn is_orderly(self) -> bool {
        matches!(self, Self::Orderly | Self::Passive)
    }

    /// An ending; of two that are orderly, one must not wait for the other's end.
    pub fn any(random: &mut Seeded, may_wait: bool, now: Instant) -> Self {
        let most = if random.chance(500) { 300 } else { 8000 };
        let at = now + Duration::from_millis(random.index(most) as u64);
        match random.index(7) {
            0 | 1 => Self::Hasty,
            2 => Self::Deaf(at),
            3 => Self::Dies(at),
            4 => Self::Aborts(at),
            _ => Self::orderly(random, may_wait),
        }
    }

    /// An ending with which everything arrives.
    pub fn orderly(random: &mut Seeded, may_wait: bool) -> Self {
        if may_wait && random.chance(500) { Self::Passive } else { Self::Orderly }
    }
}

/// How a program goes about one direction.
#[derive(Clone, Copy, Debug)]
struct Habit {
    /// Octets of one call.
    chunk: usize,
    /// Time between calls.
    pause: Duration,
    /// Does nothing in between.
    rest: (Instant, Instant),
    /// When it calls next.
    next: Instant,
}

impl Habit {
    fn any(random: &mut Seeded, now: Instant) -> Self {
        let chunk = match random.index(4) {
            0 => 1 + random.index(100),
            1 => 1 + random.index(2000),
            _ => 1 + random.index(20_000),
        };
        let pause = if random.chance(250) { random.index(20_000) as u64 } else { 0 };
        let rest = if random.chance(250) {
            // Long enough for the other side to look again at a closed window several times.
            let most = *random.pick(&[1000, 8000, 100_000]);
            let from = now + Duration::from_millis(random.index(2000) as u64);
            (from, from + Duration::from_millis(random.index(most) as u64))
        } else {
            (now, now)
        };
        Self { chunk, pause: Duration::from_micros(pause), rest, next: now }
    }

    /// Whether a call is due; then the next one comes after the pause.
    fn is_due(&self, now: Instant) -> bool {
        now >= self.next && !(self.rest.0 <= now && now < self.rest.1)
    }

    const fn times(&self) -> [Instant; 2] {
        [self.next, self.rest.1]
    }
}

/// The program.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "things that have happened or not")]
pub struct Program {
    /// What it sends.
    pub data: Vec<u8>,
    /// Of this, so many octets were taken.
    pub sent: usize,
    /// What it has read.
    pub got: Vec<u8>,
    /// How it ends.
    pub ending: Ending,
    writing: Habit,
    reading: Habit,
    finished: bool,
    /// It has seen the end of the stream.
    pub ended: bool,
    /// It has seen the connection fail.
    pub failed: bool,
    deaf: bool,
    closed_at: Option<Instant>,
}

impl Program {
    /// A program that sends up to `most` octets.
    pub fn new(random: &mut Seeded, most: usize, ending: Ending, now: Instant) -> Self {
        let length = if random.chance(150) { random.index(3) } else { random.index(most + 1) };
        let mut data = vec![0; length.next_multiple_of(8)];
        for chunk in data.chunks_exact_mut(8) {
            chunk.copy_from_slice(&random.draw().to_le_bytes());
        }
        data.truncate(length);
        let (mut writing, mut reading) = (Habit::any(random, now), Habit::any(random, now));
        // A few thousand calls are enough.
        writing.chunk = writing.chunk.max(length / 3000);
        reading.chunk = reading.chunk.max(most / 3000);
        Self {
            data,
            sent: 0,
            got: Vec::new(),
            ending,
            writing,
            reading,
            finished: false,
            ended: false,
            failed: false,
            deaf: false,
            closed_at: None,
        }
    }

    /// Rests for five seconds at most, and calls as often as it can else: smoltcp forgets what was
    /// not read when TIME-WAIT is over, which takes ten seconds there.
    pub fn hurry(&mut self) {
        for habit in [&mut self.writing, &mut self.reading] {
            habit.rest.1 = habit.rest.1.min(habit.rest.0 + Duration::from_secs(5));
            habit.pause = Duration::ZERO;
        }
    }

    /// Whether it has nothing left to do.
    pub const fn is_done(&self) -> bool {
        self.closed_at.is_some()
    }

    /// When it closed.
    pub const fn closed_at(&self) -> Option<Instant> {
        self.closed_at
    }

    /// When it wants to do something although nothing happens.
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let at = match self.ending {
            Ending::Deaf(at) | Ending::Dies(at) | Ending::Aborts(at) => at,
            _ => now,
        };
        let times = self.writing.times().into_iter().chain(self.reading.times()).chain([at]);
        times.filter(|&at| at > now && !self.is_done()).min()
    }

    /// Closes because nothing will come any more.
    pub fn give_up(&mut self, stream: &mut dyn Stream, now: Instant) {
        if !self.is_done() {
            stream.close(now);
            (self.failed, self.closed_at) = (true, Some(now));
        }
    }

    /// Does what can be done.
    pub fn run(&mut self, stream: &mut dyn Stream, now: Instant) {
        if self.is_done() {
            return;
        }
        match self.ending {
            Ending::Dies(at) if now >= at => {
                stream.close(now);
                self.closed_at = Some(now);
                return;
            }
            Ending::Aborts(at) if now >= at => {
                stream.abort(now);
                self.closed_at = Some(now);
                return;
            }
            Ending::Deaf(at) if now >= at && !self.deaf => {
                stream.shut_receiving_down(now);
                self.deaf = true;
            }
            _ => {}
        }
        self.write(stream, now);
        self.read(stream, now);
        let all_sent = self.sent == self.data.len();
        let waits = self.ending == Ending::Passive && !self.ended;
        let hasty = matches!(self.ending, Ending::Hasty | Ending::Deaf(_));
        if all_sent && !self.finished && !waits && !hasty {
            stream.finish(now);
            self.finished = true;
        }
        if self.failed || all_sent && hasty || self.finished && self.ended {
            stream.close(now);
            self.closed_at = Some(now);
        }
    }

    fn write(&mut self, stream: &mut dyn Stream, now: Instant) {
        while self.sent < self.data.len() && !self.failed && self.writing.is_due(now) {
            let end = (self.sent + self.writing.chunk).min(self.data.len());
            match stream.try_write(&self.data[self.sent..end], now) {
                Some(0) => break,
                Some(count) => {
                    self.sent += count;
                    self.writing.next = now + self.writing.pause;
                }
                None => self.failed = true,
            }
        }
    }

    fn read(&mut self, stream: &mut dyn Stream, now: Instant) {
        while !self.ended && !self.failed && self.reading.is_due(now) {
            match stream.read(self.reading.chunk, now) {
                Read::Data(data) => {
                    self.got.extend(data);
                    self.reading.next = now + self.reading.pause;
                }
                Read::Nothing => break,
                Read::End => self.ended = true,
                Read::Reset => self.failed = true,
            }
        }
    }

    /// What is wrong with what arrived from the other end, if anything.
    pub fn judge(&self, other: &Self) -> Result<(), String> {
        let (got, sent) = (&self.got, &other.data[..other.sent]);
        if !sent.starts_with(got) {
            return Err("what is read is not what was written".into());
        }
        if self.ended && !self.deaf && got.len() != sent.len() {
            return Err(format!("the end came after {} of {} octets", got.len(), sent.len()));
        }
        if self.ending.is_orderly() && other.ending.is_orderly() {
            if self.failed {
                let (sent, all) = (self.sent, self.data.len());
                let got = got.len();
                return Err(format!("it failed with {sent} of {all} sent, {got} read"));
            }
            if !self.ended || got.len() != other.data.len() {
                return Err(format!("{} of {} octets arrived", got.len(), other.data.len()));
            }
        }
        Ok(())
    }
}
