//! Functional descriptors of communication devices (USB CDC 1.2 section 5.2.3, ECM 1.2 section 5.4,
//! NCM 1.0 section 5.2) in the words of `lsusb -v`.

use alloc::string::String;
use core::fmt::Write;

use super::descriptor::Descriptor;
use super::verbose::bytes;

/// Functional descriptor subtypes (CDC 1.2 table 13).
mod subtype {
    pub(super) const HEADER: u8 = 0;
    pub(super) const CALL_MANAGEMENT: u8 = 1;
    pub(super) const ACM: u8 = 2;
    pub(super) const UNION: u8 = 6;
    pub(super) const ETHERNET: u8 = 0x0f;
    pub(super) const MDLM: u8 = 0x12;
    pub(super) const MDLM_DETAIL: u8 = 0x13;
    pub(super) const NCM: u8 = 0x1a;
}

/// Adds the bits of `value` that have a name, a line each.
fn write_bits(text: &mut String, value: u8, names: &[(u8, &str)]) {
    for (bit, name) in names {
        if value & bit != 0 {
            let _ = writeln!(text, "          {name}");
        }
    }
}

/// The text of a functional descriptor.
// Writing to a string does not fail.
#[must_use]
pub fn text(descriptor: &Descriptor<'_>) -> String {
    let mut text = String::new();
    let length = descriptor.0.len();
    let byte = |offset| descriptor.byte(offset);
    // The length that the specification gives; more for those with a variable part.
    let is_right = match byte(2) {
        _ if length < 3 => {
            return "      Warning: Descriptor too short\n".into();
        }
        subtype::HEADER | subtype::CALL_MANAGEMENT => length == 5,
        subtype::ACM => length == 4,
        subtype::UNION | subtype::MDLM_DETAIL => length >= 5,
        subtype::ETHERNET => length == 13,
        subtype::MDLM => length == 21,
        subtype::NCM => length == 6,
        _ => {
            let _ = writeln!(text, "      UNRECOGNIZED CDC: {}", bytes(descriptor.0));
            return text;
        }
    };
    if !is_right {
        let _ = writeln!(text, "      INVALID CDC: {}", bytes(descriptor.0));
        return text;
    }
    let _ = match byte(2) {
        subtype::HEADER => {
            writeln!(
                text,
                "      CDC Header:\n        bcdCDC               {:x}.{:02x}",
                byte(4),
                byte(3)
            )
        }
        subtype::CALL_MANAGEMENT => {
            let _ = writeln!(
                text,
                "      CDC Call Management:\n        bmCapabilities       0x{:02x}",
                byte(3)
            );
            write_bits(&mut text, byte(3), &[(1, "call management"), (2, "use DataInterface")]);
            writeln!(text, "        bDataInterface          {}", byte(4))
        }
        subtype::ACM => {
            let _ =
                writeln!(text, "      CDC ACM:\n        bmCapabilities       0x{:02x}", byte(3));
            let names = [
                (8, "connection notifications"),
                (4, "sends break"),
                (2, "line coding and serial state"),
                (1, "get/set/clear comm features"),
            ];
            write_bits(&mut text, byte(3), &names);
            Ok(())
        }
        subtype::UNION => {
            let _ = write!(
                text,
                "      CDC Union:\n        bMasterInterface        {}\n        bSlaveInterface         ",
                byte(3)
            );
            for subordinate in descriptor.rest(4) {
                let _ = write!(text, "{subordinate} ");
            }
            writeln!(text)
        }
        subtype::ETHERNET => writeln!(
            text,
            "      CDC Ethernet:\n        iMacAddress             {:10} (??)\n        \
             bmEthernetStatistics    0x{:08x}\n        wMaxSegmentSize         {:10}\n        \
             wNumberMCFilters            0x{:04x}\n        bNumberPowerFilters     {:10}",
            byte(3),
            descriptor.double_word(4),
            descriptor.word(8),
            descriptor.word(10),
            byte(12)
        ),
        subtype::MDLM => writeln!(
            text,
            "      CDC MDLM:\n        bcdCDC               {:x}.{:02x}\n        bGUID               {}",
            byte(4),
            byte(3),
            bytes(descriptor.rest(5))
        ),
        subtype::MDLM_DETAIL => writeln!(
            text,
            "      CDC MDLM detail:\n        bGuidDescriptorType  {:02x}\n        bDetailData         {}",
            byte(3),
            bytes(descriptor.rest(4))
        ),
        _ => {
            let _ = writeln!(
                text,
                "      CDC NCM:\n        bcdNcmVersion        {:x}.{:02x}\n        \
                 bmNetworkCapabilities 0x{:02x}",
                byte(4),
                byte(3),
                byte(5)
            );
            let names = [
                (1 << 5, "8-byte ntb input size"),
                (1 << 4, "crc mode"),
                (1 << 3, "max datagram size"),
                (1 << 2, "encapsulated commands"),
                (1 << 1, "net address"),
                (1, "packet filter"),
            ];
            write_bits(&mut text, byte(5), &names);
            Ok(())
        }
    };
    text
}

#[cfg(test)]
mod tests {
    use super::super::descriptor::Descriptor;
    use super::text;

    #[test]
    fn as_lsusb_prints_them() {
        for (bytes, expected) in [
            (&[5, 0x24, 0, 0x10, 1][..], "      CDC Header:\n        bcdCDC               1.10\n"),
            (
                &[5, 0x24, 6, 0, 1],
                "      CDC Union:\n        bMasterInterface        0\n        \
                 bSlaveInterface         1 \n",
            ),
            (
                &[5, 0x24, 1, 3, 1],
                "      CDC Call Management:\n        bmCapabilities       0x03\n          \
                 call management\n          use DataInterface\n        \
                 bDataInterface          1\n",
            ),
            (
                &[13, 0x24, 15, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0],
                "      CDC Ethernet:\n        iMacAddress                      3 (??)\n        \
                 bmEthernetStatistics    0x00000000\n        \
                 wMaxSegmentSize               1514\n        \
                 wNumberMCFilters            0x0000\n        \
                 bNumberPowerFilters              0\n",
            ),
            (&[2, 0x24], "      Warning: Descriptor too short\n"),
            (&[4, 0x24, 0, 1], "      INVALID CDC:  04 24 00 01\n"),
            (&[4, 0x24, 0x77, 1], "      UNRECOGNIZED CDC:  04 24 77 01\n"),
        ] {
            assert_eq!(text(&Descriptor(bytes)), expected);
        }
    }
}
