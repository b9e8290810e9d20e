//! What one connection reaches from A to B over a [`Path`]: goodput, and the time that a transfer
//! of a given length takes.

use crate::host::{Host, address_of};
use crate::path::{Link, Path};
use alloc::vec;
use alloc::vec::Vec;
use net::tcp::CongestionAlgorithm;
use net::time::{Duration, Instant};

const PORT: u16 = 5001;
/// Octets of one call to write or read.
const CHUNK: usize = 64 * 1024;
/// How long the handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A path whose connection is open, over a link without losses so far.
fn open<H: Host>(
    link: Link,
    congestion: CongestionAlgorithm,
    seed: u64,
) -> (Path<H>, [H::Stream; 2]) {
    let clean = Link { loss: 0, late: 0, ..link };
    let mut path = Path::<H>::new(clean, congestion, seed);
    path.hosts[1].listen(PORT, 1);
    let from = path.hosts[0].connect((address_of(2), PORT), path.now);
    let mut to = None;
    let open = path.run(path.now + PATIENCE, |path| {
        to = to.or_else(|| path.hosts[1].accept(PORT));
        to.is_some() && path.hosts[0].is_open(from)
    });
    assert!(open, "no connection over a good link");
    path.set_link(link);
    (path, [from, to.expect("it is open")])
}

/// Octets of user data per second that reach the program at B in `time`, from the opening on.
pub fn goodput<H: Host>(
    link: Link,
    congestion: CongestionAlgorithm,
    seed: u64,
    time: Duration,
) -> f64 {
    let (mut path, [from, to]) = open::<H>(link, congestion, seed);
    let data = vec![0x55; CHUNK];
    let mut room = vec![0; CHUNK];
    let mut received = 0u32;
    path.run(path.now + time, |path| {
        let now = path.now;
        while path.hosts[0].write(from, &data, now) > 0 {}
        received += read_all(&mut path.hosts[1], to, &mut room, now) as u32;
        false
    });
    f64::from(received) / time.as_secs_f64()
}

fn read_all<H: Host>(host: &mut H, stream: H::Stream, room: &mut [u8], now: Instant) -> usize {
    let mut sum = 0;
    loop {
        match host.read(stream, room, now) {
            0 => return sum,
            count => sum += count,
        }
    }
}

/// From the first write at A until the last of `length` octets is read at B; `None` if that takes
/// longer than two minutes.
pub fn completion<H: Host>(
    link: Link,
    congestion: CongestionAlgorithm,
    seed: u64,
    length: usize,
) -> Option<Duration> {
    let (mut path, [from, to]) = open::<H>(link, congestion, seed);
    let begin = path.now;
    let data = vec![0x55; CHUNK];
    let mut room = vec![0; CHUNK];
    let (mut written, mut received) = (0, 0);
    path.run(begin + Duration::from_mins(2), |path| {
        let now = path.now;
        while written < length {
            let rest = CHUNK.min(length - written);
            match path.hosts[0].write(from, &data[..rest], now) {
                0 => break,
                count => written += count,
            }
        }
        received += read_all(&mut path.hosts[1], to, &mut room, now);
        received >= length
    })
    .then(|| path.now.saturating_since(begin))
}

/// [`completion`] with `seeds` seeds: median and 95th percentile. What never ends counts as two
/// minutes.
pub fn completions<H: Host>(
    link: Link,
    congestion: CongestionAlgorithm,
    seeds: u64,
    length: usize,
) -> (Duration, Duration) {
    let mut times: Vec<_> = (1..=seeds)
        .map(|seed| {
            completion::<H>(link, congestion, seed, length).unwrap_or(Duration::from_mins(2))
        })
        .collect();
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 95 / 100])
}
