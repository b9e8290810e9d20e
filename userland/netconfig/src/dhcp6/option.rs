//! Options of messages (RFC 8415 section 21): a code, a length, data, which may hold options again.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

/// What an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u16);

impl Code {
    /// Client Identifier (section 21.2): a DUID.
    pub const CLIENT_ID: Self = Self(1);
    /// Server Identifier (section 21.3): a DUID.
    pub const SERVER_ID: Self = Self(2);
    /// Identity Association for Non-temporary Addresses (section 21.4).
    pub const IA_NA: Self = Self(3);
    /// IA Address (section 21.6), inside an IA_NA.
    pub const IA_ADDRESS: Self = Self(5);
    /// Option Request (section 21.7).
    pub const OPTION_REQUEST: Self = Self(6);
    /// Preference (section 21.8).
    pub const PREFERENCE: Self = Self(7);
    /// Elapsed Time (section 21.9), hundredths of a second.
    pub const ELAPSED_TIME: Self = Self(8);
    /// Status Code (section 21.13).
    pub const STATUS: Self = Self(13);
    /// Rapid Commit (section 21.14).
    pub const RAPID_COMMIT: Self = Self(14);
    /// DNS Recursive Name Server (RFC 3646 section 3).
    pub const DNS_SERVERS: Self = Self(23);
    /// Domain Search List (RFC 3646 section 4).
    pub const DOMAIN_LIST: Self = Self(24);
    /// Simple Network Time Protocol servers (RFC 4075).
    pub const SNTP_SERVERS: Self = Self(31);
    /// Information Refresh Time (section 21.23), seconds.
    pub const INFORMATION_REFRESH_TIME: Self = Self(32);
    /// Network Time Protocol server (RFC 5908).
    pub const NTP_SERVER: Self = Self(56);
    /// SOL_MAX_RT (section 21.24), seconds.
    pub const SOL_MAX_RT: Self = Self(82);
    /// INF_MAX_RT (section 21.25), seconds.
    pub const INF_MAX_RT: Self = Self(83);
}

/// Options, whose lengths have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a>(&'a [u8]);

impl<'a> Options<'a> {
    /// The options that fill `bytes`; `None` when the last one is cut off.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = split(rest)?;
        }
        Some(Self(bytes))
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = (Code, &'a [u8])> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (option, after) = split(rest)?;
            rest = after;
            Some(option)
        })
    }

    /// The data of the first one of this kind.
    #[must_use]
    pub fn find(self, code: Code) -> Option<&'a [u8]> {
        self.iter().find(|(other, _)| *other == code).map(|(_, data)| data)
    }

    /// The 32-bit number that is the data of an option.
    #[must_use]
    pub fn number(self, code: Code) -> Option<u32> {
        self.find(code)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// The Status Code option; Success when there is none (section 21.13).
    #[must_use]
    pub fn status(self) -> Status {
        let field = self.find(Code::STATUS).and_then(|data| data.first_chunk().copied());
        field.map_or(Status::Success, |field| Status::from_number(u16::from_be_bytes(field)))
    }

    /// The addresses in an option that is a list of them; a piece at the end that is none is left
    /// out.
    pub fn addresses(self, code: Code) -> impl Iterator<Item = Ipv6Addr> {
        let data = self.find(code).unwrap_or_default();
        data.as_chunks().0.iter().map(|octets: &[u8; 16]| Ipv6Addr::from(*octets))
    }
}

/// An option and its data.
type Split<'a> = (Code, &'a [u8]);

/// The first option, and what follows it.
fn split(bytes: &[u8]) -> Option<(Split<'_>, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<4>()?;
    let [code_high, code_low, length_high, length_low] = *header;
    let length = u16::from_be_bytes([length_high, length_low]);
    let (data, rest) = rest.split_at_checked(length.into())?;
    Some(((Code(u16::from_be_bytes([code_high, code_low])), data), rest))
}

/// A status code (RFC 8415 section 21.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It went well.
    Success,
    /// It failed, and the server does not say why.
    UnspecFail,
    /// The server has no address to give.
    NoAddrsAvail,
    /// The server knows nothing of these addresses.
    NoBinding,
    /// The addresses are not right for this link.
    NotOnLink,
    /// The server wants messages by multicast, which is how they are sent.
    UseMulticast,
    /// One that this client has no rule for.
    Other(u16),
}

impl Status {
    const fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Success,
            1 => Self::UnspecFail,
            2 => Self::NoAddrsAvail,
            3 => Self::NoBinding,
            4 => Self::NotOnLink,
            5 => Self::UseMulticast,
            other => Self::Other(other),
        }
    }
}

/// An address that a server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IaAddress {
    /// The address.
    pub address: Ipv6Addr,
    /// Preferred lifetime, seconds; all ones has no end.
    pub preferred: u32,
    /// Valid lifetime, seconds; all ones has no end.
    pub valid: u32,
}

/// An Identity Association with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IaNa {
    /// Time until Renew, seconds; 0 leaves it to the client.
    pub t1: u32,
    /// Time until Rebind, seconds; 0 leaves it to the client.
    pub t2: u32,
    /// What became of it.
    pub status: Status,
    /// Its addresses.
    pub addresses: Vec<IaAddress>,
}

/// How many addresses of an IA are looked at.
pub const MOST_ADDRESSES: usize = 8;

impl IaNa {
    /// The IA_NA of this identifier among the options of a message. What contradicts itself is left
    /// out: a whole IA when T1 is later than T2 (section 21.4), an address whose preferred lifetime
    /// is longer than its valid one (section 21.6), and what nobody can have as an address.
    #[must_use]
    pub fn find(options: Options<'_>, iaid: u32) -> Option<Self> {
        options
            .iter()
            .filter(|(code, _)| *code == Code::IA_NA)
            .find_map(|(_, data)| Self::parse(data, iaid))
    }

    fn parse(data: &[u8], iaid: u32) -> Option<Self> {
        let (fixed, rest) = data.split_first_chunk::<12>()?;
        let [id, t1, t2] = numbers(fixed);
        let options = Options::parse(rest)?;
        if id != iaid || (t1 > t2 && t2 > 0) {
            return None;
        }
        let addresses = options
            .iter()
            .filter(|(code, _)| *code == Code::IA_ADDRESS)
            .filter_map(|(_, data)| IaAddress::parse(data))
            .take(MOST_ADDRESSES)
            .collect();
        Some(Self { t1, t2, status: options.status(), addresses })
    }
}

impl IaAddress {
    fn parse(data: &[u8]) -> Option<Self> {
        let (octets, rest) = data.split_first_chunk::<16>()?;
        let (lifetimes, rest) = rest.split_first_chunk::<8>()?;
        let [preferred, valid] = numbers(lifetimes);
        let address = Ipv6Addr::from(*octets);
        let possible = !address.is_multicast()
            && !address.is_unspecified()
            && !address.is_loopback()
            && !address.is_unicast_link_local();
        // An option inside that says it failed takes the address away.
        let given = Options::parse(rest)?.status() == Status::Success;
        (possible && given && preferred <= valid).then_some(Self { address, preferred, valid })
    }
}

fn numbers<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = bytes.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word));
    core::array::from_fn(|_| words.next().unwrap_or(0))
}

/// The domain names in a list of them (RFC 8415 section 10: RFC 1035 section 3.1 without
/// compression). They go into a file that others read, so only letters, digits, hyphens and
/// underscores are taken; a name with anything else, too long a one, or one that is cut off is left
/// out, and what follows a cut too.
#[must_use]
pub fn domain_names(mut bytes: &[u8], most: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut good = true;
    while let Some((&length, rest)) = bytes.split_first() {
        if names.len() == most || length > 63 {
            break;
        }
        let Some((label, rest)) = rest.split_at_checked(length.into()) else { break };
        bytes = rest;
        if length == 0 {
            if good && !name.is_empty() && name.len() <= 253 {
                names.push(core::mem::take(&mut name));
            }
            name.clear();
            good = true;
            continue;
        }
        if !name.is_empty() {
            name.push('.');
        }
        for octet in label {
            good &= octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
            name.push(char::from(*octet));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Code, IaAddress, IaNa, Options, Status, domain_names};

    fn encoded(code: Code, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from(code.0.to_be_bytes());
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    fn address(text: &str, preferred: u32, valid: u32) -> Vec<u8> {
        let mut data = text.parse::<core::net::Ipv6Addr>().unwrap().octets().to_vec();
        data.extend(preferred.to_be_bytes());
        data.extend(valid.to_be_bytes());
        encoded(Code::IA_ADDRESS, &data)
    }

    fn association(id: u32, t1: u32, t2: u32, inside: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        for number in [id, t1, t2] {
            data.extend(number.to_be_bytes());
        }
        data.extend(inside);
        encoded(Code::IA_NA, &data)
    }

    fn found(bytes: &[u8], id: u32) -> Option<IaNa> {
        IaNa::find(Options::parse(bytes).unwrap(), id)
    }

    /// Rows: DH6-3, DH6-11
    #[test]
    fn associations() {
        let mut bytes = association(9, 1, 2, &address("2001:db8::9", 3, 4));
        bytes.extend(association(7, 100, 200, &address("2001:db8::7", 300, 400)));
        let ia = found(&bytes, 7).unwrap();
        let expected =
            IaAddress { address: "2001:db8::7".parse().unwrap(), preferred: 300, valid: 400 };
        assert_eq!((ia.t1, ia.t2, ia.status), (100, 200, Status::Success));
        assert_eq!(ia.addresses, [expected]);
        assert_eq!(found(&bytes, 8), None);
        let status = encoded(Code::STATUS, &[0, 2, b'n', b'o']);
        assert_eq!(found(&association(7, 0, 0, &status), 7).unwrap().status, Status::NoAddrsAvail);
    }

    /// Rows: DH6-11
    #[test]
    fn contradictions_are_left_out() {
        let good = address("2001:db8::7", 300, 400);
        assert_eq!(found(&association(7, 201, 200, &good), 7), None);
        assert!(found(&association(7, 201, 0, &good), 7).is_some());
        for bad in [
            address("2001:db8::7", 500, 400),
            address("ff02::1", 300, 400),
            address("fe80::1", 300, 400),
            address("::", 300, 400),
            address("::1", 300, 400),
            encoded(Code::IA_ADDRESS, &[0; 23]),
        ] {
            let ia = found(&association(7, 0, 0, &[bad, good.clone()].concat()), 7).unwrap();
            assert_eq!(ia.addresses.len(), 1);
        }
        // Cut off inside.
        let whole = association(7, 0, 0, &good);
        for end in 4..whole.len() {
            let mut cut = whole[..end].to_vec();
            let length = (end - 4) as u16;
            cut[2..4].copy_from_slice(&length.to_be_bytes());
            assert!(found(&cut, 7).is_none_or(|ia| ia.addresses.is_empty()), "{end}");
        }
        let many: Vec<u8> = (0..100).flat_map(|_| good.clone()).collect();
        assert_eq!(found(&association(7, 0, 0, &many), 7).unwrap().addresses.len(), 8);
    }

    /// Rows: DH6-14
    #[test]
    fn names() {
        assert_eq!(domain_names(b"\x03lab\x04test\0\x01x\0", 6), ["lab.test", "x"]);
        assert_eq!(domain_names(b"\x03lab\x04test\0\x01x\0", 1), ["lab.test"]);
        // A line break would be a line of its own in resolv.conf.
        assert_eq!(domain_names(b"\x04a\nb \0\x01x\0", 6), ["x"]);
        assert_eq!(domain_names(b"\x03la", 6), [""; 0]);
        assert_eq!(domain_names(b"\x01a\0\xc0\x00\x01b\0", 6), ["a"], "no compression");
        assert_eq!(domain_names(b"\0\0\0", 6), [""; 0]);
        let long: Vec<u8> =
            (0..5).flat_map(|_| [&[63][..], &[b'a'; 63]].concat()).chain([0]).collect();
        assert_eq!(domain_names(&long, 6), [""; 0]);
    }

    #[test]
    fn lists_of_addresses() {
        let mut data = Vec::from([0u8; 15]);
        data.push(1);
        data.extend([9; 5]);
        let bytes = encoded(Code::DNS_SERVERS, &data);
        let options = Options::parse(&bytes).unwrap();
        let addresses: Vec<_> = options.addresses(Code::DNS_SERVERS).collect();
        assert_eq!(addresses, [core::net::Ipv6Addr::LOCALHOST]);
        assert_eq!(options.number(Code::DNS_SERVERS), None, "it is no number");
        assert_eq!(options.status(), Status::Success);
    }
}
