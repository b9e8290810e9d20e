//! Names of classes, subclasses and protocols (usb.org "Defined Class Codes"), as usb.ids words
//! them, for the devices one meets behind a network adapter's hub.

/// Classes.
const CLASSES: &[(u8, &str)] = &[
    (0x00, "(Defined at Interface level)"),
    (0x01, "Audio"),
    (0x02, "Communications"),
    (0x03, "Human Interface Device"),
    (0x05, "Physical Interface Device"),
    (0x06, "Imaging"),
    (0x07, "Printer"),
    (0x08, "Mass Storage"),
    (0x09, "Hub"),
    (0x0a, "CDC Data"),
    (0x0b, "Chip/SmartCard"),
    (0x0d, "Content Security"),
    (0x0e, "Video"),
    (0x0f, "Personal Healthcare"),
    (0x10, "Audio/Video"),
    (0x11, "Billboard"),
    (0xdc, "Diagnostic"),
    (0xe0, "Wireless"),
    (0xef, "Miscellaneous Device"),
    (0xfe, "Application Specific Interface"),
    (0xff, "Vendor Specific Class"),
];

/// Subclasses of classes.
const SUBCLASSES: &[(u8, u8, &str)] = &[
    (0x01, 0x01, "Control Device"),
    (0x01, 0x02, "Streaming"),
    (0x01, 0x03, "MIDI Streaming"),
    (0x02, 0x01, "Direct Line"),
    (0x02, 0x02, "Abstract (modem)"),
    (0x02, 0x03, "Telephone"),
    (0x02, 0x04, "Multi-Channel"),
    (0x02, 0x05, "CAPI Control"),
    (0x02, 0x06, "Ethernet Networking"),
    (0x02, 0x07, "ATM Networking"),
    (0x02, 0x08, "Wireless Handset Control"),
    (0x02, 0x0c, "Ethernet Emulation"),
    (0x02, 0x0d, "Network Control Model"),
    (0x03, 0x01, "Boot Interface Subclass"),
    (0x08, 0x02, "SFF-8020i, MMC-2 (ATAPI)"),
    (0x08, 0x06, "SCSI"),
    (0x0a, 0x00, "Unused"),
    (0x09, 0x00, "Unused"),
    (0x0e, 0x01, "Video Control"),
    (0x0e, 0x02, "Video Streaming"),
    (0xe0, 0x01, "Radio Frequency"),
    (0xef, 0x02, "?"),
    (0xef, 0x04, "?"),
    (0xfe, 0x01, "Device Firmware Update"),
    (0xff, 0xff, "Vendor Specific Subclass"),
];

/// Protocols of subclasses.
const PROTOCOLS: &[(u8, u8, u8, &str)] = &[
    (0x02, 0x02, 0x00, "None"),
    (0x02, 0x02, 0x01, "AT-commands (v.25ter)"),
    (0x02, 0x02, 0xff, "Vendor Specific (MSFT RNDIS?)"),
    (0x03, 0x01, 0x00, "None"),
    (0x03, 0x01, 0x01, "Keyboard"),
    (0x03, 0x01, 0x02, "Mouse"),
    (0x08, 0x06, 0x50, "Bulk-Only"),
    (0x08, 0x06, 0x62, "Uas"),
    (0x09, 0x00, 0x00, "Full speed (or root) hub"),
    (0x09, 0x00, 0x01, "Single TT"),
    (0x09, 0x00, 0x02, "TT per port"),
    (0xe0, 0x01, 0x01, "Bluetooth"),
    (0xe0, 0x01, 0x03, "RNDIS"),
    (0xef, 0x02, 0x01, "Interface Association"),
    (0xef, 0x04, 0x01, "RNDIS over Ethernet"),
    (0xff, 0xff, 0xff, "Vendor Specific Protocol"),
];

/// The name of a class; empty when it has none.
#[must_use]
pub fn class(class: u8) -> &'static str {
    CLASSES.iter().find(|entry| entry.0 == class).map_or("", |entry| entry.1)
}

/// The name of a subclass; empty when it has none.
#[must_use]
pub fn subclass(class: u8, subclass: u8) -> &'static str {
    let found = SUBCLASSES.iter().find(|entry| (entry.0, entry.1) == (class, subclass));
    found.map_or("", |entry| entry.2)
}

/// The name of a protocol; empty when it has none.
#[must_use]
pub fn protocol(class: u8, subclass: u8, protocol: u8) -> &'static str {
    let wanted = (class, subclass, protocol);
    let found = PROTOCOLS.iter().find(|entry| (entry.0, entry.1, entry.2) == wanted);
    found.map_or("", |entry| entry.3)
}

#[cfg(test)]
mod tests {
    use super::{class, protocol, subclass};

    #[test]
    fn known_and_unknown() {
        assert_eq!(class(9), "Hub");
        assert_eq!(class(0x77), "");
        assert_eq!(subclass(2, 6), "Ethernet Networking");
        assert_eq!(subclass(9, 6), "");
        assert_eq!(protocol(9, 0, 1), "Single TT");
        assert_eq!(protocol(2, 6, 9), "");
    }
}
