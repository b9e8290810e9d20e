//! Where an interface's Ethernet address comes from.

use net::netif::MacAddress;

/// Reads iMACAddress (ECM 1.2 table 3): twelve hexadecimal digits, most significant first. Only an
/// address that a station can have is accepted.
pub fn parse_mac(text: &str) -> Option<MacAddress> {
    let digits = text.trim().as_bytes();
    if digits.len() != 12 {
        return None;
    }
    let mut address = [0; 6];
    for (byte, pair) in address.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            // A hexadecimal digit.
            *byte = *byte << 4 | value as u8;
        }
    }
    Some(MacAddress(address)).filter(|address| address.is_station())
}

/// A locally administered unicast address made of random bytes (IEEE 802: bit 1 of the first octet
/// set, bit 0 clear).
pub const fn locally_administered(random: [u8; 6]) -> MacAddress {
    let mut address = random;
    address[0] = address[0] & 0xfc | 0x02;
    MacAddress(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_of_either_case() {
        let expected = Some(MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0xaf]));
        assert_eq!(parse_mac("5254001234AF"), expected);
        assert_eq!(parse_mac("5254001234af"), expected);
    }

    #[test]
    fn addresses_of_no_station_are_refused() {
        for text in
            ["", "52540012345", "5254001234567", "52540012345g", "000000000000", "01005e000001"]
        {
            assert_eq!(parse_mac(text), None, "{text}");
        }
        assert_eq!(parse_mac("€€€€"), None);
    }

    #[test]
    fn random_addresses_are_local_unicast() {
        for random in [[0xff; 6], [0; 6], [1, 2, 3, 4, 5, 6]] {
            let address = locally_administered(random);
            assert!(address.is_station());
            assert_eq!(address.0[0] & 3, 2);
        }
    }
}
