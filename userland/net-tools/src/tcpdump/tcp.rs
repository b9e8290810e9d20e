//! TCP (RFC 9293): flags, sequence numbers relative to those of the handshake, options.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::Ipv6Addr;

use super::ipv6::Transport;
use super::octets::{Octets, Truncated, checksum, corrected};
use super::style::Context;

/// The number of TCP in a Next Header field.
pub const NUMBER: u8 = 6;
/// The length of the header without options.
const HEADER: usize = 20;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const URG: u8 = 32;

/// The letters of the flags from the lowest bit on.
const LETTERS: [char; 8] = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W'];

/// How many connections are remembered; the oldest makes room.
const MOST: usize = 1024;

/// One side of a connection.
type End = (Ipv6Addr, u16);

#[derive(Clone, Copy, Debug)]
struct Conversation {
    /// The ends, the smaller one first.
    ends: (End, End),
    /// The sequence numbers that count as 0, of the first and of the second end.
    zero: (u32, u32),
}

/// The connections seen so far.
#[derive(Debug, Default)]
pub struct Conversations {
    known: Vec<Conversation>,
    /// Where the next one goes when there are [`MOST`].
    oldest: usize,
}

impl Conversations {
    /// What counts as 0 for the sequence number, and for the acknowledgment number, of a segment
    /// with [`ACK`]; `None` when they are to be printed as they are.
    fn zero(&mut self, from: End, to: End, segment: (u32, u32, u8)) -> Option<(u32, u32)> {
        let (sequence, acknowledgment, flags) = segment;
        let swapped = from > to;
        let ends = if swapped { (to, from) } else { (from, to) };
        let known = self.known.iter_mut().find(|other| other.ends == ends);
        // The first octet is 1, after the SYN as 0.
        let fresh = (sequence, acknowledgment.wrapping_sub(1));
        let zero = if swapped { (fresh.1, fresh.0) } else { fresh };
        match known {
            Some(known) if flags & SYN == 0 => {
                let (first, second) = known.zero;
                Some(if swapped { (second, first) } else { (first, second) })
            }
            Some(known) => {
                known.zero = zero;
                None
            }
            None => {
                let new = Conversation { ends, zero };
                if self.known.len() < MOST {
                    self.known.push(new);
                } else if let Some(place) = self.known.get_mut(self.oldest) {
                    *place = new;
                    self.oldest = (self.oldest + 1) % MOST;
                }
                None
            }
        }
    }
}

/// The flags as letters, `none` for none.
fn letters(flags: u8) -> String {
    if flags == 0 {
        return "none".into();
    }
    let set = |(bit, letter): (usize, &char)| (flags >> bit & 1 != 0).then_some(*letter);
    LETTERS.iter().enumerate().filter_map(set).collect()
}

/// Prints a segment of so many octets on the wire.
pub fn print(
    out: &mut String,
    data: &[u8],
    length: usize,
    transport: &Transport,
    context: &mut Context,
) -> Result<(), Truncated> {
    let octets = Octets::new(data, "tcp");
    let Ok((from, to)) = octets.u16(0).and_then(|from| Ok((from, octets.u16(2)?))) else {
        transport.print_ends(out, None);
        // The mark that it is cut off brings the space.
        out.truncate(out.trim_end().len());
        return Err(Truncated("tcp"));
    };
    transport.print_ends(out, Some((from, to)));
    let style = context.style;
    let header = usize::from(octets.u8(12)? >> 4) * 4;
    let payload = length.saturating_sub(header);
    if header < HEADER {
        let _ = write!(out, " tcp {payload} [bad hdr length {header} - too short, < {HEADER}]");
        return Ok(());
    }
    if style.quiet {
        let _ = write!(out, "tcp {payload}");
        if header > length {
            let _ = write!(out, " [bad hdr length {header} - too long, > {length}]");
        }
        return Ok(());
    }
    let flags = octets.u8(13)?;
    let _ = write!(out, "Flags [{}]", letters(flags));
    if header > length {
        let _ = write!(out, " [bad hdr length {header} - too long, > {length}]");
        return Ok(());
    }
    let (sequence, acknowledgment) = (octets.u32(4)?, octets.u32(8)?);
    let (window, found, urgent) = (octets.u16(14)?, octets.u16(16)?, octets.u16(18)?);
    let zero = if style.absolute || flags & ACK == 0 {
        None
    } else {
        let (from, to) = ((transport.ends.source, from), (transport.ends.destination, to));
        context.conversations.zero(from, to, (sequence, acknowledgment, flags))
    };
    let (sequence_zero, acknowledgment_zero) = zero.unwrap_or((0, 0));
    if style.verbosity > 0
        && !transport.fragment
        && let (Some(ends), Ok(bytes)) = (transport.checked, octets.slice(0, length))
    {
        let sum = checksum(&ends, NUMBER, bytes);
        let _ = write!(out, ", cksum 0x{found:04x}");
        if sum == 0 {
            out.push_str(" (correct)");
        } else {
            let _ = write!(out, " (incorrect -> 0x{:04x})", corrected(found, sum));
        }
    }
    if style.verbosity > 1 || payload > 0 || flags & (SYN | FIN | RST) != 0 {
        let begin = sequence.wrapping_sub(sequence_zero);
        let _ = write!(out, ", seq {begin}");
        if payload > 0 {
            let _ = write!(out, ":{}", begin.wrapping_add(payload as u32));
        }
    }
    if flags & ACK != 0 {
        let _ = write!(out, ", ack {}", acknowledgment.wrapping_sub(acknowledgment_zero));
    }
    let _ = write!(out, ", win {window}");
    if flags & URG != 0 {
        let _ = write!(out, ", urg {urgent}");
    }
    if header > HEADER {
        out.push_str(", options [");
        let options = Octets::new(data.get(..header).unwrap_or(data), "tcp");
        if !print_options(out, &options, header, acknowledgment_zero)? {
            out.push_str("[bad opt]");
            return Ok(());
        }
        out.push(']');
    }
    let _ = write!(out, ", length {payload}");
    Ok(())
}

/// The options between the fixed header and `end`; false when one has an impossible length.
/// `zero` is what counts as 0 in the sequence numbers of the peer, which SACK blocks have.
fn print_options(
    out: &mut String,
    octets: &Octets<'_>,
    end: usize,
    zero: u32,
) -> Result<bool, Truncated> {
    let mut at = HEADER;
    while at < end {
        if at > HEADER {
            out.push(',');
        }
        let kind = octets.u8(at)?;
        if kind <= 1 {
            out.push_str(if kind == 0 { "eol" } else { "nop" });
            if kind == 0 {
                break;
            }
            at += 1;
            continue;
        }
        if at + 1 >= end {
            return Ok(false);
        }
        let length = usize::from(octets.u8(at + 1)?);
        if length < 2 || at + length > end {
            return Ok(false);
        }
        let fits = match kind {
            2 => length == 4,
            3 => length == 3,
            4 => length == 2,
            5 => length > 2 && (length - 2) % 8 == 0,
            8 => length == 10,
            _ => true,
        };
        if !fits {
            return Ok(false);
        }
        match kind {
            2 => {
                let _ = write!(out, "mss {}", octets.u16(at + 2)?);
            }
            3 => {
                let _ = write!(out, "wscale {}", octets.u8(at + 2)?);
            }
            4 => out.push_str("sackOK"),
            5 => {
                let _ = write!(out, "sack {} ", (length - 2) / 8);
                for block in (at + 2..at + length).step_by(8) {
                    let begin = octets.u32(block)?.wrapping_sub(zero);
                    let end = octets.u32(block + 4)?.wrapping_sub(zero);
                    let _ = write!(out, "{{{begin}:{end}}}");
                }
            }
            8 => {
                let (value, echo) = (octets.u32(at + 2)?, octets.u32(at + 6)?);
                let _ = write!(out, "TS val {value} ecr {echo}");
            }
            other => {
                let _ = write!(out, "unknown-{other}");
                if length > 2 {
                    out.push_str(" 0x");
                    for octet in octets.slice(at + 2, length - 2)? {
                        let _ = write!(out, "{octet:02x}");
                    }
                }
            }
        }
        at += length;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use super::{ACK, Conversations, MOST, SYN, letters};

    #[test]
    fn flags() {
        for (flags, text) in [(0, "none"), (0x12, "S."), (0xc2, "SEW"), (0x38, "P.U")] {
            assert_eq!(letters(flags), text);
        }
    }

    #[test]
    fn relative_numbers() {
        let mut conversations = Conversations::default();
        let a = (Ipv6Addr::LOCALHOST, 1);
        let b = (Ipv6Addr::LOCALHOST, 2);
        assert_eq!(conversations.zero(b, a, (5000, 1001, SYN | ACK)), None);
        assert_eq!(conversations.zero(a, b, (1001, 5001, ACK)), Some((1000, 5000)));
        assert_eq!(conversations.zero(b, a, (5001, 1001, ACK)), Some((5000, 1000)));
        // The same ports again.
        assert_eq!(conversations.zero(b, a, (7000, 2001, SYN | ACK)), None);
        assert_eq!(conversations.zero(a, b, (2001, 7001, ACK)), Some((2000, 7000)));
        // One that was open before.
        let c = (Ipv6Addr::LOCALHOST, 3);
        assert_eq!(conversations.zero(a, c, (10, 20, ACK)), None);
        assert_eq!(conversations.zero(a, c, (12, 20, ACK)), Some((10, 19)));
    }

    #[test]
    fn bounded() {
        let mut conversations = Conversations::default();
        let server = (Ipv6Addr::LOCALHOST, 80);
        for client in 0..3000u16 {
            let client = (Ipv6Addr::UNSPECIFIED, client);
            assert_eq!(conversations.zero(client, server, (1, 2, ACK)), None);
            assert!(conversations.zero(client, server, (1, 2, ACK)).is_some());
        }
        assert_eq!(conversations.known.len(), MOST);
    }
}
