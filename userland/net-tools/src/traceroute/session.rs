//! A run of `traceroute6`: hop after hop.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use rt::strerror;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::options::{Method, Options};
use super::probe::{Prober, Reply, source};
use super::text::{Answer, Verdict, line};
use crate::clock::{now, timespec};
use crate::{host, interface};

/// Why it could not be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl Failure {
    /// A system call that failed.
    pub fn of(what: &str) -> impl Fn(Errno) -> Self {
        move |errno| Self(format!("{what}: {}", strerror(errno)))
    }
}

/// Traces the way; returns whether the destination answered.
pub fn run(options: &Options) -> Result<bool, Failure> {
    let resolve =
        |text: &str| host::resolve(text).map_err(|error| Failure(format!("{text}: {error}")));
    let mut destination = resolve(&options.destination)?;
    let device = options.interface.as_deref();
    if let Some(device) = device {
        let index = interface::index_of(device);
        let index = index.ok_or_else(|| Failure::of(device)(Errno::NODEV))?;
        // A link-local address means one on that link.
        if destination.scope_id() == 0 && destination.ip().is_unicast_link_local() {
            destination.set_scope_id(index);
        }
    }
    let source = match &options.source {
        Some(text) => resolve(text)?,
        None => source(destination, device).map_err(Failure)?,
    };
    let mut prober = Prober::open(options, destination, source)?;
    let name = &options.destination;
    rt::print!("traceroute to {name} ({}) from {}", destination.ip(), source.ip());
    if let Method::Udp(port) = options.method {
        rt::print!(", port {port}, from port {}", prober.source_port().unwrap_or(0));
    }
    rt::println!(", {} hops max, {} bytes packets", options.last, options.length);
    rt::output::flush();
    let mut names = host::Names::default();
    let mut name_of = |address: Ipv6Addr| {
        if options.numeric { None } else { Some(names.name_of(address)) }
    };
    for hop in options.first..=options.last {
        let answers = probe(&mut prober, options, hop)?;
        rt::println!("{}", line(hop, &answers, &mut name_of));
        rt::output::flush();
        let mut verdicts = answers.iter().flatten().map(|answer| answer.verdict);
        if verdicts.clone().any(|verdict| verdict == Verdict::Arrived) {
            return Ok(true);
        }
        if verdicts.any(Verdict::is_last) {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Sends the probes of one hop and waits for what comes back of them.
fn probe(prober: &mut Prober, options: &Options, hop: u8) -> Result<Vec<Option<Answer>>, Failure> {
    let count = usize::from(options.attempts);
    let mut answers = vec![None; count];
    let first = u16::from(hop - options.first) * u16::from(options.attempts);
    let mut sent = Vec::with_capacity(count);
    prober.set_hop_limit(hop).map_err(Failure::of("setsockopt"))?;
    for number in 0..u16::from(options.attempts) {
        if number > 0 {
            collect(prober, &mut answers, &sent, first, now() + options.pause);
        }
        let mut early = Vec::new();
        let time = now();
        let result = prober.send(first + number, &mut early);
        sent.push(time);
        record(&mut answers, &sent, first, &early);
        match result {
            // What this host can't send is as good as lost; a wrong address it says at once.
            Ok(()) | Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) => {}
            Err(errno) => return Err(Failure::of("Cannot send data")(errno)),
        }
    }
    let end = sent.last().copied().unwrap_or_else(now) + options.wait;
    collect(prober, &mut answers, &sent, first, end);
    Ok(answers)
}

/// Waits for answers until `end`, or all probes sent so far have theirs.
fn collect(
    prober: &mut Prober,
    answers: &mut [Option<Answer>],
    sent: &[u64],
    first: u16,
    end: u64,
) {
    while answers.iter().take(sent.len()).any(Option::is_none) {
        let left = end.saturating_sub(now());
        let mut wanted = [PollFd::new(prober.fd(), PollFlags::IN)];
        let result = poll(&mut wanted, Some(&timespec(left)));
        if left == 0 || matches!(result, Ok(0)) {
            return;
        }
        let mut replies = Vec::new();
        prober.take(&mut replies);
        record(answers, sent, first, &replies);
    }
    // All are there; what is left of a pause passes by itself.
    let left = end.saturating_sub(now());
    if sent.len() < answers.len() && left > 0 {
        let _ = poll(&mut [], Some(&timespec(left)));
    }
}

/// Puts the replies to probes of this hop where they belong; the first one counts.
fn record(answers: &mut [Option<Answer>], sent: &[u64], first: u16, replies: &[Reply]) {
    let arrived = now();
    for (number, from, verdict) in replies {
        let place = usize::from(number.wrapping_sub(first));
        if let (Some(answer), Some(sent)) = (answers.get_mut(place), sent.get(place)) {
            let time = arrived.saturating_sub(*sent);
            answer.get_or_insert(Answer { from: *from, verdict: *verdict, time });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, record};

    #[test]
    fn replies_find_their_probes() {
        let mut answers = [None; 3];
        let router = "2001:db8::1".parse().unwrap();
        let replies = [
            (7, router, Verdict::Hop),
            (7, router, Verdict::Arrived),
            (5, router, Verdict::Hop),
            (8, router, Verdict::Hop),
            (u16::MAX, router, Verdict::Hop),
        ];
        // Numbers 6, 7 and 8; the last one has not been sent yet.
        record(&mut answers, &[0, 0], 6, &replies);
        assert_eq!(answers[1].map(|answer| answer.verdict), Some(Verdict::Hop));
        assert_eq!((answers[0], answers[2]), (None, None));
    }
}
