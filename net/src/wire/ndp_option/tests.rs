//! Tests of the options.

use super::*;
use core::net::Ipv6Addr;
use proptest::prelude::*;

fn emitted(options: &[NdpOption<'_>]) -> Vec<u8> {
    let options = NdpOptions::new(options);
    let mut out = vec![0xff; options.len()];
    options.put(Writer::new(&mut out));
    out
}

fn first(bytes: &[u8]) -> core::result::Result<NdpOption<'_>, MalformedOption> {
    NdpOptions::parse(bytes).unwrap().iter().next().unwrap()
}

/// Both directions.
fn check(option: NdpOption<'_>, golden: &[u8]) {
    assert_eq!(emitted(&[option]), golden);
    assert_eq!(first(golden), Ok(option));
}

fn with_length(bytes: &[u8], units: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(usize::from(units) * 8, 0);
    bytes[1] = units;
    bytes
}

/// That the option makes no sense in other units of eight octets than these.
fn only_with_length(golden: &[u8], units: u8) {
    for other in (1..6).filter(|&other| other != units) {
        let error = ParseError::BadLength;
        let kind = NdpOptionType(golden[0]);
        assert_eq!(first(&with_length(golden, other)), Err(MalformedOption { kind, error }));
    }
}

#[test]
fn link_layer_addresses() {
    let mac = MacAddress([2, 0, 0, 0, 0, 9]);
    let golden = [1, 1, 2, 0, 0, 0, 0, 9];
    check(NdpOption::SourceLinkLayerAddress(mac), &golden);
    only_with_length(&golden, 1);
    let golden = [2, 1, 2, 0, 0, 0, 0, 9];
    check(NdpOption::TargetLinkLayerAddress(mac), &golden);
    only_with_length(&golden, 1);
}

#[test]
fn prefix_information() {
    let golden = [
        3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, // to reserved
        0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // prefix
    ];
    let information = PrefixInformation {
        prefix: "fec0::/64".parse().unwrap(),
        on_link: true,
        autonomous: true,
        valid_lifetime: Lifetime::from_secs(86_400),
        preferred_lifetime: Lifetime::INFINITE,
    };
    check(NdpOption::PrefixInformation(information), &golden);
    only_with_length(&golden, 4);

    let mut bytes = golden;
    bytes[31] = 1; // reserved bits behind the prefix
    bytes[12..16].fill(0xff); // reserved field
    assert_eq!(first(&bytes), Ok(NdpOption::PrefixInformation(information)));
    bytes[3] = 0x80;
    let on_link_only = PrefixInformation { autonomous: false, ..information };
    assert_eq!(first(&bytes), Ok(NdpOption::PrefixInformation(on_link_only)));
    bytes[2] = 129;
    let kind = NdpOptionType::PREFIX_INFORMATION;
    assert_eq!(first(&bytes), Err(MalformedOption { kind, error: ParseError::BadValue }));
}

#[test]
fn mtu() {
    let golden = [5, 1, 0, 0, 0, 0, 5, 0xdc];
    check(NdpOption::Mtu(1500), &golden);
    only_with_length(&golden, 1);
}

#[test]
fn route_information() {
    let route = |prefix: &str| {
        NdpOption::RouteInformation(RouteInformation {
            prefix: prefix.parse().unwrap(),
            preference: RouterPreference::Low,
            lifetime: Lifetime::from_secs(600),
        })
    };
    check(route("::/0"), &[24, 1, 0, 0x18, 0, 0, 2, 0x58]);
    let golden = [24, 2, 48, 0x18, 0, 0, 2, 0x58, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 0];
    check(route("2001:db8:1::/48"), &golden);
    assert_eq!(first(&with_length(&golden, 3)), Ok(route("2001:db8:1::/48")));
    let kind = NdpOptionType::ROUTE_INFORMATION;
    for units in [1, 4] {
        let error = ParseError::BadLength;
        assert_eq!(first(&with_length(&golden, units)), Err(MalformedOption { kind, error }));
    }
    let mut long = with_length(&golden, 3);
    for (length, expected) in [(65, true), (128, true), (129, false), (255, false)] {
        long[2] = length;
        assert_eq!(first(&long).is_ok(), expected, "{length}");
    }
    let mut reserved = golden;
    reserved[3] = 0x10;
    assert_eq!(first(&reserved), Err(MalformedOption { kind, error: ParseError::BadValue }));
}

#[test]
fn dns_servers() {
    let servers = [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED];
    let option = NdpOption::RecursiveDnsServer {
        lifetime: Lifetime::ZERO,
        servers: AddressList::new(&servers),
    };
    let mut golden = [0; 40];
    golden[..2].copy_from_slice(&[25, 5]);
    golden[23] = 1;
    check(option, &golden);
    for units in 1..6 {
        let expected = (units % 2 == 1 && units > 1).then_some(usize::from(units) / 2);
        let count = match first(&with_length(&golden, units)) {
            Ok(NdpOption::RecursiveDnsServer { servers, .. }) => Some(servers.len()),
            _ => None,
        };
        assert_eq!(count, expected, "{units}");
    }
}

#[test]
fn dns_search_list() {
    let golden = *b"\x1f\x03\0\0\0\0\x01\x2c\x07example\x03lab\0\0\0\0";
    let Ok(option @ NdpOption::DnsSearchList { lifetime, domains }) = first(&golden) else {
        panic!();
    };
    assert_eq!(lifetime.duration(), Some(Duration::from_mins(5)));
    let names: Vec<_> = domains.names().map(|name| name.to_string()).collect();
    assert_eq!(names, ["example.lab"]);
    assert_eq!(emitted(&[option]), golden);
    assert!(first(&[31, 1, 0, 0, 0, 0, 1, 0]).is_err());
}

#[test]
fn flags_nonce_and_unknown() {
    check(NdpOption::FlagsExtension([1, 2, 3, 4, 5, 6]), &[26, 1, 1, 2, 3, 4, 5, 6]);
    check(NdpOption::Nonce(&[1; 14]), &[14, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    let kind = NdpOptionType(253);
    check(NdpOption::Unknown { kind, body: &[7; 6] }, &[253, 1, 7, 7, 7, 7, 7, 7]);
    // What does not fill units of eight octets is padded with zeros.
    assert_eq!(emitted(&[NdpOption::Nonce(&[9])]), [14, 1, 9, 0, 0, 0, 0, 0]);
}

#[test]
fn framing() {
    for bytes in [
        &[1][..],
        &[1, 0],
        &[1, 1, 0, 0, 0, 0, 0],
        &[1, 2, 0, 0, 0, 0, 0, 0],
        &[253, 0, 0, 0, 0, 0, 0, 0],
        &[253, 1, 0, 0, 0, 0, 0, 0, 253, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(NdpOptions::parse(bytes), Err(ParseError::BadLength), "{bytes:?}");
    }
    assert!(NdpOptions::parse(&[]).unwrap().is_empty());
    // One that makes no sense does not hide the next one.
    let bytes = [5, 2, 0, 0, 0, 0, 5, 0xdc, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0, 0, 5, 0xdc];
    let options: Vec<_> = NdpOptions::parse(&bytes).unwrap().iter().collect();
    let malformed = MalformedOption { kind: NdpOptionType::MTU, error: ParseError::BadLength };
    assert_eq!(options, [Err(malformed), Ok(NdpOption::Mtu(1500))]);
}

#[test]
fn lifetimes() {
    assert_eq!(Lifetime::INFINITE.duration(), None);
    assert_eq!(Lifetime::from_secs(7200).duration(), Some(Duration::from_hours(2)));
    assert!(Lifetime::INFINITE > Lifetime::from_secs(u32::MAX - 1));
}

fn prefix() -> impl Strategy<Value = Prefix> {
    (any::<u128>(), 0u8..=128)
        .prop_map(|(address, length)| Prefix::new(address.into(), length).unwrap())
}

fn preference() -> impl Strategy<Value = RouterPreference> {
    prop_oneof![
        Just(RouterPreference::Low),
        Just(RouterPreference::Medium),
        Just(RouterPreference::High)
    ]
}

proptest! {
    /// Rows: QOS-12
    #[test]
    fn parse_inverts_emit(
        mac: [u8; 6], prefix in prefix(), flags: (bool, bool), times: (u32, u32), mtu: u32,
        preference in preference(), servers in proptest::collection::vec(any::<u128>(), 1..5),
        body in proptest::collection::vec(any::<u8>(), 24), kind in 40u8..,
    ) {
        let servers: Vec<_> = servers.into_iter().map(Ipv6Addr::from_bits).collect();
        let options = [
            NdpOption::SourceLinkLayerAddress(MacAddress(mac)),
            NdpOption::TargetLinkLayerAddress(MacAddress(mac)),
            NdpOption::PrefixInformation(PrefixInformation {
                prefix,
                on_link: flags.0,
                autonomous: flags.1,
                valid_lifetime: Lifetime(times.0),
                preferred_lifetime: Lifetime(times.1),
            }),
            NdpOption::RedirectedHeader(&body),
            NdpOption::Mtu(mtu),
            NdpOption::Nonce(&body[..6]),
            NdpOption::RouteInformation(RouteInformation {
                prefix, preference, lifetime: Lifetime(times.0),
            }),
            NdpOption::RecursiveDnsServer {
                lifetime: Lifetime(times.1),
                servers: AddressList::new(&servers),
            },
            NdpOption::FlagsExtension(mac),
            NdpOption::Unknown { kind: NdpOptionType(kind), body: &body[..22] },
        ];
        let bytes = emitted(&options);
        let parsed = NdpOptions::parse(&bytes).unwrap();
        prop_assert_eq!(parsed, NdpOptions::new(&options));
        prop_assert_eq!(parsed.len(), bytes.len());
    }

    #[test]
    fn any_octets(
        bytes in proptest::collection::vec(prop_oneof![1u8..6, 24u8..32, any::<u8>()], 0..128),
    ) {
        if let Ok(options) = NdpOptions::parse(&bytes) {
            prop_assert!(options.iter().count() <= bytes.len() / 8);
            let _ = options.source_link_layer_address();
            for option in options.iter().flatten() {
                prop_assert!(option.len() >= 8);
                let out = emitted(&[option]);
                prop_assert_eq!(first(&out), Ok(option));
            }
        }
    }
}
