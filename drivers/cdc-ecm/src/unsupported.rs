//! Ethernet adapters that speak only their vendor's protocol, so that their owner can be told.

/// (idVendor, idProduct, what it is).
const VENDOR_ONLY: &[(u16, u16, &str)] = &[
    (0x0424, 0x7500, "SMSC LAN7500"),
    (0x0424, 0x7801, "Microchip LAN7801"),
    (0x0b95, 0x1720, "ASIX AX88172"),
    (0x0b95, 0x1780, "ASIX AX88178"),
    (0x0b95, 0x1790, "ASIX AX88179"),
    (0x0b95, 0x7720, "ASIX AX88772"),
    (0x0b95, 0x772a, "ASIX AX88772A"),
    (0x0b95, 0x772b, "ASIX AX88772B"),
    (0x0fe6, 0x9700, "Davicom DM9601 or CoreChip SR9700"),
    (0x0fe6, 0x9702, "CoreChip SR9700 in its CD-ROM state"),
];

/// The name of a known adapter that offers no class-conforming configuration. (An AX88179A has
/// the number of its predecessor but is matched by its configurations before this is asked.)
pub fn name(vendor: u16, product: u16) -> Option<&'static str> {
    VENDOR_ONLY.iter().find(|(v, p, _)| (*v, *p) == (vendor, product)).map(|(_, _, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown() {
        assert_eq!(name(0x0b95, 0x772b), Some("ASIX AX88772B"));
        assert_eq!(name(0x0525, 0xa4a2), None);
    }
}
