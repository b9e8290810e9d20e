//! Domain names: as people write them, of addresses, and which of them the link knows.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

use domain::base::name::{Label, NameBuilder, ToLabelIter};

/// A domain name. Letter case makes no difference to comparisons.
pub type Name = domain::base::name::Name<Vec<u8>>;

/// The port of name servers (RFC 1035 section 4.2).
pub const PORT: u16 = 53;

/// Reads a name as people write it: labels with dots between them, perhaps one at the end. `\.` is
/// a dot within a label, `\065` an octet by its decimal number (RFC 1035 section 5.1). Letters
/// beyond ASCII go as UTF-8 (RFC 6762 section 16).
#[must_use]
pub fn parse(text: &str) -> Option<Name> {
    let mut builder = NameBuilder::new_vec();
    if text == "." {
        return builder.into_name().ok();
    }
    let mut label = Vec::new();
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'.' => {
                if label.is_empty() {
                    return None;
                }
                builder.append_label(&label).ok()?;
                label.clear();
            }
            b'\\' => label.push(match bytes.next()? {
                first @ b'0'..=b'9' => {
                    let digits = [first, bytes.next()?, bytes.next()?];
                    let number = rt::number::decimal(&digits)?;
                    u8::try_from(number).ok()?
                }
                other => other,
            }),
            b' ' | b'\t' | b'\n' | b'\r' | 0 => return None,
            other => label.push(other),
        }
    }
    if !label.is_empty() {
        builder.append_label(&label).ok()?;
    }
    // Nothing but the root is without labels.
    if builder.is_empty() {
        return None;
    }
    builder.into_name().ok()
}

/// The name under which the names of an address are found (RFC 3596 section 2.5):
/// `1.0.….ip6.arpa`.
#[must_use]
pub fn reverse(address: Ipv6Addr) -> Name {
    // 34 labels fit into every name.
    let mut name =
        Name::reverse_from_addr(IpAddr::V6(address)).unwrap_or_else(|_| Name::root_vec());
    name.make_canonical();
    name
}

/// The address that a name under `ip6.arpa` stands for.
#[must_use]
pub fn address_of(name: &Name) -> Option<Ipv6Addr> {
    let mut labels: Vec<&Label> = name.iter_labels().collect();
    let root = labels.pop()?;
    let (arpa, ip6) = (labels.pop()?, labels.pop()?);
    let ends = root.is_root()
        && arpa.as_slice().eq_ignore_ascii_case(b"arpa")
        && ip6.as_slice().eq_ignore_ascii_case(b"ip6");
    if !ends || labels.len() != 32 {
        return None;
    }
    let bits = labels.iter().rev().try_fold(0u128, |bits, label| match label.as_slice() {
        [digit] => Some(bits << 4 | u128::from(char::from(*digit).to_digit(16)?)),
        _ => None,
    })?;
    Some(Ipv6Addr::from_bits(bits))
}

/// Whether the last label is `label`.
#[must_use]
pub fn ends_with(name: &Name, label: &[u8]) -> bool {
    let mut labels = name.iter_labels().rev();
    labels.next().is_some_and(Label::is_root)
        && labels.next().is_some_and(|last| last.as_slice().eq_ignore_ascii_case(label))
}

/// Whether the hosts on the link are to be asked, and not a name server: names that end in `local`,
/// and those of link-local addresses (RFC 6762 sections 3 and 4).
#[must_use]
pub fn is_of_the_link(name: &Name) -> bool {
    ends_with(name, b"local")
        || address_of(name).is_some_and(|address| address.is_unicast_link_local())
}

/// The name as text, without the dot at its end, unless it is all there is.
#[must_use]
pub fn text(name: &Name) -> alloc::string::String {
    alloc::format!("{name}")
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::{address_of, ends_with, is_of_the_link, parse, reverse, text};

    #[test]
    fn names_as_people_write_them() {
        for (written, wire) in [
            ("host.lab", &b"\x04host\x03lab\0"[..]),
            ("host.lab.", b"\x04host\x03lab\0"),
            (".", b"\0"),
            ("a\\.b.c", b"\x03a.b\x01c\0"),
            ("a\\065.c", b"\x02aA\x01c\0"),
            ("k\u{fc}che.local", b"\x06k\xc3\xbcche\x05local\0"),
            ("_ipp._tcp.local", b"\x04_ipp\x04_tcp\x05local\0"),
        ] {
            assert_eq!(parse(written).unwrap().as_slice(), wire, "{written}");
        }
        let long = "x".repeat(64);
        let deep = "a.".repeat(128);
        for wrong in ["", "..", ".a", "a..b", "a b", "a\\", "a\\30", "a\\999", &long, &deep] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse(&"a.".repeat(127)).unwrap().len(), 255);
    }

    #[test]
    fn names_of_addresses() {
        let address = "2001:db8::1".parse().unwrap();
        let name = reverse(address);
        let expected = format!("1{}.8.b.d.0.1.0.0.2.ip6.arpa", ".0".repeat(23));
        assert_eq!(text(&name), expected);
        assert_eq!(address_of(&name), Some(address));
        assert_eq!(address_of(&parse(&expected.to_uppercase()).unwrap()), Some(address));
        for other in ["host.lab", "1.0.ip6.arpa", &expected.replace("ip6", "ip7")] {
            assert_eq!(address_of(&parse(other).unwrap()), None, "{other}");
        }
        let not_a_digit = expected.replacen('1', "g", 1);
        assert_eq!(address_of(&parse(&not_a_digit).unwrap()), None);
    }

    #[test]
    fn what_the_link_knows() {
        let of_link = |text: &str| is_of_the_link(&parse(text).unwrap());
        assert!(of_link("mona.LOCAL") && of_link("_ipp._tcp.local.") && of_link("local"));
        assert!(!of_link("local.lab") && !of_link("notlocal") && !of_link("."));
        let reverse_of = |address: &str| reverse(address.parse().unwrap());
        assert!(is_of_the_link(&reverse_of("fe80::1")));
        assert!(!is_of_the_link(&reverse_of("2001:db8::1")));
        assert!(ends_with(&parse("a.localhost").unwrap(), b"localhost"));
    }

    #[test]
    fn strange_octets_show() {
        let written: String = text(&parse("a\\.b\\007.c").unwrap());
        assert_eq!(written, "a\\.b\\007.c");
    }
}
