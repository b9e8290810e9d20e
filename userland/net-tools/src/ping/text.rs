//! The lines of `ping6` about single packets.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::echo::{Echo, STAMP};

/// How a round-trip time is shown: three digits, or all microseconds when `precise`.
#[must_use]
pub fn round_trip(time: u64, precise: bool) -> String {
    let (whole, fraction) = (time / 1000, time % 1000);
    if precise || time < 1000 {
        return format!("{whole}.{fraction:03}");
    }
    // Rounding may lead into the next range.
    match time {
        0..9_995 => {
            let rounded = time + 5;
            format!("{}.{:02}", rounded / 1000, rounded % 1000 / 10)
        }
        9_995..99_950 => {
            let rounded = time + 50;
            format!("{}.{}", rounded / 1000, rounded % 1000 / 100)
        }
        _ => format!("{}", (time + 500) / 1000),
    }
}

/// An ICMPv6 error in words (RFC 4443 section 3, RFC 4443 section 4 for informational ones).
#[must_use]
pub fn icmpv6(kind: u8, code: u8, info: u32) -> String {
    match kind {
        1 => {
            let reason = match code {
                0 => "No route",
                1 => "Administratively prohibited",
                2 => "Beyond scope of source address",
                3 => "Address unreachable",
                4 => "Port unreachable",
                5 => "Source address failed ingress/egress policy",
                6 => "Reject route to destination",
                _ => return format!("Destination unreachable: Unknown code {code}"),
            };
            format!("Destination unreachable: {reason}")
        }
        2 if code == 0 => format!("Packet too big: mtu={info}"),
        2 => format!("Packet too big: mtu={info}, code={code}"),
        3 => match code {
            0 => "Time exceeded: Hop limit".into(),
            1 => "Time exceeded: Defragmentation failure".into(),
            _ => format!("Time exceeded: code {code}"),
        },
        4 => {
            let what = match code {
                0 => "Wrong header field ".into(),
                1 => "Unknown header ".into(),
                2 => "Unknown option ".into(),
                _ => format!("code {code} "),
            };
            format!("Parameter problem: {what}at {info}")
        }
        128 => "Echo request".into(),
        129 => "Echo reply".into(),
        130 => "MLD Query".into(),
        131 => "MLD Report".into(),
        132 => "MLD Reduction".into(),
        _ => format!("unknown icmp type: {kind}"),
    }
}

/// What is told about a reply.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a remark in the line")]
pub struct Reply<'a> {
    /// Who sent it.
    pub from: &'a str,
    /// The message.
    pub echo: Echo<'a>,
    /// The length of the message, bytes.
    pub length: usize,
    /// Its hop limit on arrival.
    pub hop_limit: Option<i32>,
    /// The identifier, when it is to be shown.
    pub identifier: Option<u16>,
    /// The round-trip time, microseconds.
    pub time: Option<u64>,
    /// All digits of the time.
    pub precise: bool,
    /// It is shorter than the request.
    pub truncated: bool,
    /// It had come before.
    pub duplicate: bool,
    /// It comes from another address than the one asked.
    pub other_source: bool,
}

impl Reply<'_> {
    /// The line, without a newline; more lines when the data is not `pattern`.
    // Writing to a string does not fail.
    #[must_use]
    pub fn text(&self, pattern: &[u8]) -> String {
        let mut text = String::new();
        let _ = write!(text, "{} bytes from {}: ", self.length, self.from);
        let _ = write!(text, "icmp_seq={}", self.echo.sequence);
        if let Some(identifier) = self.identifier {
            let _ = write!(text, " ident={identifier}");
        }
        if let Some(hop_limit) = self.hop_limit {
            let _ = write!(text, " ttl={hop_limit}");
        }
        if self.truncated {
            text.push_str(" (truncated)");
            return text;
        }
        if let Some(time) = self.time {
            let _ = write!(text, " time={} ms", round_trip(time, self.precise));
        }
        if self.duplicate {
            text.push_str(" (DUP!)");
        }
        if self.other_source {
            text.push_str(" (DIFFERENT ADDRESS!)");
        }
        if let Some((place, should, is)) = self.echo.difference(pattern) {
            let _ =
                write!(text, "\nwrong data byte #{place} should be 0x{should:x} but was 0x{is:x}");
            for (place, byte) in self.echo.data.iter().enumerate().skip(STAMP) {
                if place % 32 == STAMP {
                    let _ = write!(text, "\n#{place}\t");
                }
                let _ = write!(text, "{byte:x} ");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::echo::{Echo, Probe};
    use super::{Reply, icmpv6, round_trip};

    #[test]
    fn times() {
        for (time, expected) in [
            (0, "0.000"),
            (532, "0.532"),
            (999, "0.999"),
            (1000, "1.00"),
            (1234, "1.23"),
            (1235, "1.24"),
            (9994, "9.99"),
            (9995, "10.0"),
            (12_345, "12.3"),
            (99_949, "99.9"),
            (99_950, "100"),
            (123_456, "123"),
            (1_234_500, "1235"),
        ] {
            assert_eq!(round_trip(time, false), expected, "{time}");
        }
        assert_eq!(round_trip(12_345, true), "12.345");
    }

    #[test]
    fn errors() {
        for (kind, code, info, expected) in [
            (1, 3, 0, "Destination unreachable: Address unreachable"),
            (1, 9, 0, "Destination unreachable: Unknown code 9"),
            (2, 0, 1280, "Packet too big: mtu=1280"),
            (3, 0, 0, "Time exceeded: Hop limit"),
            (4, 1, 40, "Parameter problem: Unknown header at 40"),
            (77, 0, 0, "unknown icmp type: 77"),
        ] {
            assert_eq!(icmpv6(kind, code, info), expected);
        }
    }

    #[test]
    fn replies() {
        let mut probe = Probe::new(56, 9, None);
        let mut packet = probe.stamped(1, 0).to_vec();
        packet[0] = 129;
        let echo = Echo::parse(&packet).unwrap();
        let reply = Reply {
            from: "fec0::2",
            echo,
            length: packet.len(),
            hop_limit: Some(255),
            identifier: None,
            time: Some(532),
            precise: false,
            truncated: false,
            duplicate: false,
            other_source: false,
        };
        let plain = "64 bytes from fec0::2: icmp_seq=1 ttl=255 time=0.532 ms";
        assert_eq!(reply.text(probe.pattern()), plain);
        let odd = Reply { duplicate: true, other_source: true, ..reply };
        assert_eq!(
            odd.text(probe.pattern()),
            "64 bytes from fec0::2: icmp_seq=1 ttl=255 time=0.532 ms (DUP!) (DIFFERENT ADDRESS!)"
        );
        let short = Reply { truncated: true, identifier: Some(9), ..reply };
        assert_eq!(
            short.text(probe.pattern()),
            "64 bytes from fec0::2: icmp_seq=1 ident=9 ttl=255 (truncated)"
        );
        let mut changed = packet.clone();
        changed[8 + 40] = 0xee;
        let wrong = Reply { echo: Echo::parse(&changed).unwrap(), ..reply };
        let text = wrong.text(probe.pattern());
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(plain));
        assert_eq!(lines.next(), Some("wrong data byte #40 should be 0x28 but was 0xee"));
        assert!(lines.next().unwrap().starts_with("#16\t10 11 12 "));
        assert!(lines.next().unwrap().starts_with("#48\t30 31 "));
    }
}
