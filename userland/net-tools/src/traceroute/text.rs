//! The lines of `traceroute6`.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;
use core::net::Ipv6Addr;

/// What an answer says about the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its hop limit ended: there are more hops.
    Hop,
    /// It arrived.
    Arrived,
    /// It was longer than the next link carries; with the MTU of that link.
    TooBig(u32),
    /// It goes no further: an ICMPv6 error with this type and code.
    Refused(u8, u8),
}

impl Verdict {
    /// What an ICMPv6 error from `reporter` says (RFC 4443 section 3). The destination itself
    /// answers a datagram by Port Unreachable.
    #[must_use]
    pub fn of(kind: u8, code: u8, info: u32) -> Self {
        match (kind, code) {
            (3, 0) => Self::Hop,
            (1, 4) => Self::Arrived,
            (2, _) => Self::TooBig(info),
            _ => Self::Refused(kind, code),
        }
    }

    /// Whether the way ends here.
    #[must_use]
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Arrived | Self::Refused(..))
    }

    fn mark(self) -> String {
        match self {
            Self::Hop | Self::Arrived => String::new(),
            Self::TooBig(mtu) => format!("!F-{mtu} "),
            Self::Refused(1, 0) => "!N ".into(),
            Self::Refused(1, 1) => "!A ".into(),
            Self::Refused(1, 2) => "!S ".into(),
            Self::Refused(1, 3) => "!H ".into(),
            Self::Refused(4, 1) => "!P ".into(),
            Self::Refused(kind, code) => format!("!<{kind},{code}> "),
        }
    }
}

/// An answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who sent it.
    pub from: Ipv6Addr,
    /// What it says.
    pub verdict: Verdict,
    /// The time from sending the probe, microseconds.
    pub time: u64,
}

/// The line of a hop: one answer, or none, for each probe. `name` gives an address the name it has,
/// if any, or `None` when names are not wanted.
#[must_use]
pub fn line(
    hop: u8,
    answers: &[Option<Answer>],
    name: &mut dyn FnMut(Ipv6Addr) -> Option<Option<String>>,
) -> String {
    let mut text = format!("{hop:2} ");
    let mut last = None;
    for answer in answers {
        let Some(answer) = answer else {
            text.push_str(" *");
            continue;
        };
        let address = answer.from;
        // Writing to a string does not fail.
        if last != Some(address) {
            last = Some(address);
            let _ = match name(address) {
                None => write!(text, " {address} "),
                Some(Some(name)) => write!(text, " {name} ({address}) "),
                Some(None) => write!(text, " {address} ({address}) "),
            };
        }
        let (whole, fraction) = (answer.time / 1000, answer.time % 1000);
        let _ = write!(text, " {whole}.{fraction:03} ms {}", answer.verdict.mark());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Answer, Verdict, line};

    fn answer(from: &str, verdict: Verdict, time: u64) -> Answer {
        Answer { from: from.parse().unwrap(), verdict, time }
    }

    #[test]
    fn lines() {
        let hop = Some(answer("2001:db8::1", Verdict::Hop, 1234));
        let other = Some(answer("2001:db8::2", Verdict::of(1, 3, 0), 1_048_000));
        assert_eq!(
            line(1, &[hop, None, other, other], &mut |_| None),
            " 1  2001:db8::1  1.234 ms  * 2001:db8::2  1048.000 ms !H  1048.000 ms !H "
        );
        let mut name = |address: core::net::Ipv6Addr| {
            Some((address.octets()[15] == 1).then(|| alloc::string::String::from("router")))
        };
        assert_eq!(
            line(12, &[hop, hop, Some(answer("::9", Verdict::Arrived, 5))], &mut name),
            "12  router (2001:db8::1)  1.234 ms  1.234 ms  ::9 (::9)  0.005 ms "
        );
        assert_eq!(line(3, &[None, None, None], &mut |_| None), " 3  * * *");
    }

    #[test]
    fn verdicts() {
        for (kind, code, mark, last) in [
            (3, 0, "", false),
            (1, 4, "", true),
            (1, 0, "!N ", true),
            (1, 1, "!A ", true),
            (1, 2, "!S ", true),
            (1, 3, "!H ", true),
            (4, 1, "!P ", true),
            (1, 5, "!<1,5> ", true),
            (3, 1, "!<3,1> ", true),
            (2, 0, "!F-1280 ", false),
        ] {
            let verdict = Verdict::of(kind, code, 1280);
            assert_eq!((verdict.mark().as_str(), verdict.is_last()), (mark, last), "{kind} {code}");
        }
    }
}
