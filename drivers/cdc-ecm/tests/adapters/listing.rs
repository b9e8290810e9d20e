//! Descriptors of devices that people have, as `lsusb -v` listings on the web show them, at high
//! speed. Listings at SuperSpeed differ in the companion descriptors, which high speed does not
//! have, and in bulk packets of 1024 instead of 512 bytes (USB 3.2 section 9.6.7).

/// One device: what it is, its descriptors.
pub(crate) struct Listing {
    pub(crate) name: &'static str,
    pub(crate) device: Vec<u8>,
    pub(crate) configurations: Vec<Vec<u8>>,
}

/// idVendor, idProduct, bcdDevice.
type Identity = [u16; 3];

/// A device descriptor: release of USB, class codes, and the rest as usual.
fn device(
    usb: u16,
    class: [u8; 3],
    [vendor, product, release]: Identity,
    configurations: u8,
) -> Vec<u8> {
    let mut bytes = vec![18, 1];
    bytes.extend(usb.to_le_bytes());
    bytes.extend(class);
    bytes.push(64);
    for word in [vendor, product, release] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([1, 2, 0, configurations]);
    bytes
}

/// A configuration: value, attributes, power in units of 2 mA, and what belongs to it.
fn configuration(value: u8, attributes: u8, power: u8, parts: &[&[u8]]) -> Vec<u8> {
    let interfaces: std::collections::BTreeSet<u8> =
        parts.iter().filter(|part| part.get(1) == Some(&4)).map(|part| part[2]).collect();
    let body = parts.concat();
    let mut bytes = vec![9, 2];
    bytes.extend(((9 + body.len()) as u16).to_le_bytes());
    bytes.extend([interfaces.len() as u8, value, 0, attributes, power]);
    bytes.extend(body);
    bytes
}

/// An interface: number, setting, endpoints, class codes.
const fn interface(number: u8, alternate: u8, endpoints: u8, class: [u8; 3]) -> [u8; 9] {
    [9, 4, number, alternate, endpoints, class[0], class[1], class[2], 0]
}

/// An interface association: first, count, class codes.
const fn association(first: u8, count: u8, class: [u8; 3]) -> [u8; 8] {
    [8, 11, first, count, class[0], class[1], class[2], 0]
}

const fn bulk(address: u8) -> [u8; 7] {
    [7, 5, address, 2, 0, 2, 0]
}

const fn interrupt(address: u8, packet: u8, interval: u8) -> [u8; 7] {
    [7, 5, address, 3, packet, 0, interval]
}

/// CDC header, version 1.10.
const HEADER: [u8; 5] = [5, 0x24, 0, 0x10, 1];
const CALL_MANAGEMENT: [u8; 5] = [5, 0x24, 1, 0, 1];
const ABSTRACT_CONTROL: [u8; 4] = [4, 0x24, 2, 0];

const fn union(master: u8, slave: u8) -> [u8; 5] {
    [5, 0x24, 6, master, slave]
}

/// Ethernet descriptor, with the address in string 3: statistics, largest segment, filters.
fn ethernet(statistics: u32, segment: u16, filters: u16, power: u8) -> Vec<u8> {
    let mut bytes = vec![13, 0x24, 0x0f, 3];
    bytes.extend(statistics.to_le_bytes());
    bytes.extend(segment.to_le_bytes());
    bytes.extend(filters.to_le_bytes());
    bytes.push(power);
    bytes
}

/// NCM descriptor, version 1.00.
const fn network(capabilities: u8) -> [u8; 6] {
    [6, 0x24, 0x1a, 0, 1, capabilities]
}

/// Realtek's own configuration, of every chip.
fn realtek_vendor(power: u8, interval: u8) -> Vec<u8> {
    let endpoints = [bulk(0x81), bulk(2), interrupt(0x83, 2, interval)].concat();
    configuration(1, 0xa0, power, &[&interface(0, 0, 3, [0xff, 0xff, 0]), &endpoints])
}

fn realtek_ecm(value: u8, power: u8, interval: u8, ethernet: &[u8]) -> Vec<u8> {
    configuration(
        value,
        0xa0,
        power,
        &[
            &interface(0, 0, 1, [2, 6, 0]),
            &HEADER,
            &union(0, 1),
            ethernet,
            &interrupt(0x83, 16, interval),
            &interface(1, 0, 0, [10, 0, 0]),
            &interface(1, 1, 2, [10, 0, 0]),
            &bulk(0x81),
            &bulk(2),
        ],
    )
}

fn realtek_ncm(power: u8, interval: u8, ethernet: &[u8]) -> Vec<u8> {
    configuration(
        2,
        0xa0,
        power,
        &[
            &interface(0, 0, 1, [2, 13, 0]),
            &HEADER,
            &union(0, 1),
            ethernet,
            &network(0x2b),
            &interrupt(0x83, 16, interval),
            &interface(1, 0, 0, [10, 0, 1]),
            &interface(1, 1, 2, [10, 0, 1]),
            &bulk(0x81),
            &bulk(2),
        ],
    )
}

/// RTL8152B, a Fast Ethernet dongle.
pub(crate) fn rtl8152() -> Listing {
    Listing {
        name: "0bda:8152 Realtek RTL8152",
        device: device(0x0210, [0; 3], [0x0bda, 0x8152, 0x2000], 2),
        configurations: vec![
            realtek_vendor(50, 8),
            realtek_ecm(2, 50, 8, &ethernet(0, 1514, 0, 0)),
        ],
    }
}

/// RTL8153, a gigabit dongle.
pub(crate) fn rtl8153() -> Listing {
    Listing {
        name: "0bda:8153 Realtek RTL8153",
        device: device(0x0210, [0; 3], [0x0bda, 0x8153, 0x3000], 2),
        configurations: vec![
            realtek_vendor(175, 8),
            realtek_ecm(2, 175, 8, &ethernet(0, 1514, 0, 0)),
        ],
    }
}

/// RTL8156, a dongle with 2.5 Gbit/s.
pub(crate) fn rtl8156() -> Listing {
    let ethernet = ethernet(0x0031_501f, 1518, 0x8000, 0);
    Listing {
        name: "0bda:8156 Realtek RTL8156",
        device: device(0x0210, [0; 3], [0x0bda, 0x8156, 0x3104], 3),
        configurations: vec![
            realtek_vendor(128, 11),
            realtek_ncm(128, 11, &ethernet),
            realtek_ecm(3, 128, 11, &ethernet),
        ],
    }
}

/// TRENDnet's adapter with an earlier RTL8156.
pub(crate) fn trendnet() -> Listing {
    let ethernet = ethernet(0x0031_500f, 1518, 0x8000, 0);
    Listing {
        name: "20f4:e02b TRENDnet USB 10/100/1G/2.5G LAN",
        device: device(0x0210, [0; 3], [0x20f4, 0xe02b, 0x3004], 3),
        configurations: vec![
            realtek_vendor(250, 11),
            realtek_ncm(250, 8, &ethernet),
            realtek_ecm(3, 250, 8, &ethernet),
        ],
    }
}

/// AX88179 of the first generation: only the vendor's own protocol.
pub(crate) fn ax88179() -> Listing {
    Listing {
        name: "0b95:1790 ASIX AX88179",
        device: device(0x0210, [0xff, 0xff, 0], [0x0b95, 0x1790, 0x0100], 1),
        configurations: vec![configuration(
            1,
            0xa0,
            124,
            &[&interface(0, 0, 3, [0xff, 0xff, 0]), &interrupt(0x81, 8, 11), &bulk(0x82), &bulk(3)],
        )],
    }
}

/// AX88179A: the order and class of its configurations are from listings; those show the endpoints
/// of the first one only.
pub(crate) fn ax88179a() -> Listing {
    let data = |protocol| {
        [
            &interface(1, 0, 0, [10, 0, protocol])[..],
            &interface(1, 1, 2, [10, 0, protocol]),
            &bulk(0x82),
            &bulk(3),
        ]
        .concat()
    };
    let ethernet = ethernet(0, 1514, 0, 0);
    Listing {
        name: "0b95:1790 ASIX AX88179A",
        device: device(0x0210, [0; 3], [0x0b95, 0x1790, 0x0200], 3),
        configurations: vec![
            configuration(
                1,
                0xa0,
                92,
                &[
                    &interface(0, 0, 4, [0xff, 0xff, 0]),
                    &interrupt(0x81, 8, 11),
                    &bulk(0x82),
                    &bulk(3),
                    &bulk(4),
                ],
            ),
            configuration(
                2,
                0xa0,
                92,
                &[
                    &interface(0, 0, 1, [2, 13, 0]),
                    &HEADER,
                    &union(0, 1),
                    &ethernet,
                    &network(1),
                    &interrupt(0x81, 16, 11),
                    &data(1),
                ],
            ),
            configuration(
                3,
                0xa0,
                92,
                &[
                    &interface(0, 0, 1, [2, 6, 0]),
                    &HEADER,
                    &union(0, 1),
                    &ethernet,
                    &interrupt(0x81, 16, 11),
                    &data(0),
                ],
            ),
        ],
    }
}

/// Davicom's Fast Ethernet chip or one that says so.
pub(crate) fn dm9601() -> Listing {
    Listing {
        name: "0fe6:9700 Davicom DM9601",
        device: device(0x0110, [0; 3], [0x0fe6, 0x9700, 0x0101], 1),
        configurations: vec![configuration(
            1,
            0xa0,
            60,
            &[
                &interface(0, 0, 3, [0, 0, 0]),
                &[7, 5, 0x81, 2, 64, 0, 0],
                &[7, 5, 2, 2, 64, 0, 0],
                &interrupt(0x83, 8, 1),
            ],
        )],
    }
}

/// LTE router Huawei E5331: NCM whose control and data interface are one, behind what looks like
/// RNDIS and is a modem, and a CD-ROM.
pub(crate) fn huawei_e5331() -> Listing {
    let modem = [HEADER.as_slice(), &[4, 0x24, 2, 0], &[5, 0x24, 1, 0, 0], &union(0, 0)].concat();
    Listing {
        name: "12d1:1c1f Huawei E5331",
        device: device(0x0200, [0; 3], [0x12d1, 0x1c1f, 0x0102], 1),
        configurations: vec![configuration(
            1,
            0x80,
            250,
            &[
                &interface(0, 0, 2, [2, 2, 0xff]),
                &modem,
                &bulk(0x81),
                &bulk(1),
                &interface(1, 0, 2, [8, 6, 80]),
                &bulk(2),
                &bulk(0x82),
                &interface(2, 0, 1, [2, 13, 0]),
                &HEADER,
                &network(0x1f),
                &ethernet(5, 1514, 3, 1),
                &union(2, 2),
                &interrupt(0x83, 64, 5),
                &interface(2, 1, 3, [2, 13, 0]),
                &interrupt(0x83, 64, 5),
                &bulk(0x84),
                &bulk(3),
            ],
        )],
    }
}

/// Functional descriptors of an RNDIS function on interfaces 0 and 1.
fn rndis_functional() -> Vec<u8> {
    [HEADER.as_slice(), &CALL_MANAGEMENT, &ABSTRACT_CONTROL, &union(0, 1)].concat()
}

/// Android LTE stick UZ801 (MSM8916): RNDIS, a serial port, diagnostics and adb.
pub(crate) fn uz801() -> Listing {
    Listing {
        name: "05c6:90b6 Android LTE stick UZ801",
        device: device(0x0200, [0; 3], [0x05c6, 0x90b6, 0xffff], 1),
        configurations: vec![configuration(
            1,
            0x80,
            250,
            &[
                &association(0, 2, [0xe0, 1, 3]),
                &interface(0, 0, 1, [0xe0, 1, 3]),
                &rndis_functional(),
                &interrupt(0x82, 8, 9),
                &interface(1, 0, 2, [10, 0, 0]),
                &bulk(0x81),
                &bulk(1),
                &interface(2, 0, 3, [0xff, 0, 0]),
                &[5, 0x24, 0, 0x10, 1, 5, 0x24, 1, 0, 0, 4, 0x24, 2, 2, 5, 0x24, 6, 0, 0],
                &interrupt(0x84, 10, 9),
                &bulk(0x83),
                &bulk(2),
                &interface(3, 0, 2, [0xff, 0xff, 0xff]),
                &bulk(0x85),
                &bulk(3),
                &interface(4, 0, 2, [0xff, 66, 1]),
                &bulk(4),
                &bulk(0x86),
            ],
        )],
    }
}

/// Motorola moto g play (2021) while it shares its connection.
pub(crate) fn moto_g_play() -> Listing {
    Listing {
        name: "22b8:2e24 Motorola moto g play",
        device: device(0x0200, [0; 3], [0x22b8, 0x2e24, 0x0419], 1),
        configurations: vec![configuration(
            1,
            0x80,
            250,
            &[
                &association(0, 2, [0xef, 4, 1]),
                &interface(0, 0, 1, [0xef, 4, 1]),
                &rndis_functional(),
                &interrupt(0x81, 8, 9),
                &interface(1, 0, 2, [10, 0, 0]),
                &bulk(0x8e),
                &bulk(0x0f),
            ],
        )],
    }
}

/// A Motorola phone of 2012, without association and with one functional descriptor less.
pub(crate) fn motorola_rndis() -> Listing {
    Listing {
        name: "22b8:7009 Motorola Remote NDIS device",
        device: device(0x0200, [0xe0, 1, 3], [0x22b8, 0x7009, 0x0001], 1),
        configurations: vec![configuration(
            1,
            0xc0,
            250,
            &[
                &interface(0, 0, 1, [0xe0, 1, 3]),
                &CALL_MANAGEMENT,
                &ABSTRACT_CONTROL,
                &union(0, 1),
                &interrupt(0x81, 8, 4),
                &interface(1, 0, 2, [10, 0, 0]),
                &bulk(0x82),
                &bulk(1),
            ],
        )],
    }
}

/// `BeagleBone` Black: RNDIS, a serial port and a disk.
pub(crate) fn beaglebone() -> Listing {
    Listing {
        name: "1d6b:0104 BeagleBone Black",
        device: device(0x0200, [0xef, 2, 1], [0x1d6b, 0x0104, 0x0315], 1),
        configurations: vec![configuration(
            1,
            0xc0,
            1,
            &[
                &association(0, 2, [2, 6, 0]),
                &interface(0, 0, 1, [2, 2, 0xff]),
                &rndis_functional(),
                &interrupt(0x82, 8, 9),
                &interface(1, 0, 2, [10, 0, 0]),
                &bulk(0x81),
                &bulk(1),
                &association(2, 2, [2, 2, 1]),
                &interface(2, 0, 1, [2, 2, 1]),
                &[5, 0x24, 0, 0x10, 1, 5, 0x24, 1, 0, 3, 4, 0x24, 2, 2, 5, 0x24, 6, 2, 3],
                &interrupt(0x84, 10, 9),
                &interface(3, 0, 2, [10, 0, 0]),
                &bulk(0x83),
                &bulk(2),
                &interface(4, 0, 2, [8, 6, 80]),
                &bulk(0x85),
                &bulk(3),
            ],
        )],
    }
}
