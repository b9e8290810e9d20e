//! Options of the hop-by-hop and destination options headers (RFC 8200, Section 4.2).

use super::cursor::{Reader, Writer};
use super::{ParseError, Result};

/// An option type, whose two highest bits say what a node does that does not know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OptionType(pub u8);

impl OptionType {
    /// One octet of padding, without length or data.
    pub const PAD1: Self = Self(0);
    /// Two octets or more of padding.
    pub const PAD_N: Self = Self(1);
    /// Router Alert (RFC 2711).
    pub const ROUTER_ALERT: Self = Self(5);

    /// What a node does that does not know the option.
    pub const fn unknown_action(self) -> UnknownOptionAction {
        match self.0 >> 6 {
            0 => UnknownOptionAction::Skip,
            1 => UnknownOptionAction::Discard,
            2 => UnknownOptionAction::DiscardAndReport,
            _ => UnknownOptionAction::DiscardAndReportUnlessMulticast,
        }
    }
}

/// What to do about an unknown option.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnknownOptionAction {
    /// 00: go on with the next option.
    Skip,
    /// 01: drop the packet.
    Discard,
    /// 10: drop the packet and send Parameter Problem code 2, even if it was multicast.
    DiscardAndReport,
    /// 11: drop the packet and send Parameter Problem code 2 unless it was multicast.
    DiscardAndReportUnlessMulticast,
}

/// One option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderOption<'a> {
    /// One octet of padding.
    Pad1,
    /// Padding of two octets and the given number of zeros.
    PadN(u8),
    /// Routers shall look at this packet (RFC 2711); 0 says it holds an MLD message.
    RouterAlert(u16),
    /// An option unknown here.
    Unknown {
        /// Its type.
        kind: OptionType,
        /// Its data, at most 255 octets.
        data: &'a [u8],
    },
}

impl HeaderOption<'_> {
    /// The Router Alert of MLD messages (RFC 2711, Section 2.1).
    pub const ROUTER_ALERT_MLD: Self = Self::RouterAlert(0);

    /// Octets on the wire.
    pub const fn len(&self) -> usize {
        match self {
            Self::Pad1 => 1,
            Self::PadN(zeros) => 2 + *zeros as usize,
            Self::RouterAlert(_) => 4,
            Self::Unknown { data, .. } => 2 + data.len(),
        }
    }

    /// Always false: an option has at least one octet.
    pub const fn is_empty(&self) -> bool {
        false
    }

    fn put<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        match *self {
            Self::Pad1 => writer.u8(OptionType::PAD1.0),
            Self::PadN(zeros) => writer.u8(OptionType::PAD_N.0).u8(zeros).zeros(zeros.into()),
            Self::RouterAlert(value) => writer.u8(OptionType::ROUTER_ALERT.0).u8(2).u16(value),
            Self::Unknown { kind, data } => {
                assert!(data.len() <= 255, "option data has at most 255 octets");
                writer.u8(kind.0).u8(data.len() as u8).bytes(data)
            }
        }
    }
}

/// A list of options: octets of a packet whose framing has been checked, or values to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    Wire(&'a [u8]),
    Values(&'a [HeaderOption<'a>]),
}

impl<'a> Options<'a> {
    /// Options to be sent.
    pub const fn new(options: &'a [HeaderOption<'a>]) -> Self {
        Self(Repr::Values(options))
    }

    /// Checks that the options fill `bytes` exactly; else [`ParseError::BadLength`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = next(rest).map_err(|_| ParseError::BadLength)?.1;
        }
        Ok(Self(Repr::Wire(bytes)))
    }

    /// Octets on the wire.
    pub fn len(&self) -> usize {
        match self.0 {
            Repr::Wire(bytes) => bytes.len(),
            Repr::Values(options) => options.iter().map(HeaderOption::len).sum(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The options with their offsets from the first one's first octet. Add
    /// [`super::extension::OptionsHeader::OPTIONS_OFFSET`] and the header's offset to get the
    /// pointer of a Parameter Problem.
    pub const fn iter(self) -> OptionIter<'a> {
        OptionIter { rest: self.0, offset: 0 }
    }

    /// Writes the options and fills the rest of `out` with padding.
    pub(super) fn emit_padded(&self, out: &mut [u8]) {
        let (options, padding) = out.split_at_mut(self.len());
        self.iter().fold(Writer::new(options), |writer, (_, option)| option.put(writer));
        match padding.len() {
            0 => {}
            1 => padding[0] = OptionType::PAD1.0,
            len => drop(HeaderOption::PadN((len - 2) as u8).put(Writer::new(padding))),
        }
    }
}

impl PartialEq for Options<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Options<'_> {}

impl<'a> IntoIterator for Options<'a> {
    type Item = (usize, HeaderOption<'a>);
    type IntoIter = OptionIter<'a>;

    fn into_iter(self) -> OptionIter<'a> {
        self.iter()
    }
}

/// Iterator over options and their offsets.
#[derive(Clone, Debug)]
pub struct OptionIter<'a> {
    rest: Repr<'a>,
    offset: usize,
}

impl<'a> Iterator for OptionIter<'a> {
    type Item = (usize, HeaderOption<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.offset;
        let option = match &mut self.rest {
            Repr::Wire(bytes) => {
                let (option, rest) = next(bytes).ok()?;
                self.offset += bytes.len() - rest.len();
                *bytes = rest;
                option
            }
            Repr::Values(options) => {
                let (option, rest) = options.split_first()?;
                self.offset += option.len();
                *options = rest;
                *option
            }
        };
        Some((offset, option))
    }
}

/// The first option of `bytes` and what follows it.
fn next(bytes: &[u8]) -> Result<(HeaderOption<'_>, &[u8])> {
    let mut reader = Reader::new(bytes);
    let kind = OptionType(reader.u8()?);
    if kind == OptionType::PAD1 {
        return Ok((HeaderOption::Pad1, reader.rest()));
    }
    let len = reader.u8()?;
    let data = reader.take(len.into())?;
    let option = match (kind, data) {
        (OptionType::PAD_N, _) => HeaderOption::PadN(len),
        (OptionType::ROUTER_ALERT, &[high, low]) => {
            HeaderOption::RouterAlert(u16::from_be_bytes([high, low]))
        }
        _ => HeaderOption::Unknown { kind, data },
    };
    Ok((option, reader.rest()))
}
