//! What the user can set: the values behind `/proc/sys/net/ipv6` on Linux.

use crate::tcp::{CongestionAlgorithm, EcnMode};
use crate::time::Duration;
use crate::wire::ipv6::HopLimit;

/// How interface identifiers of autoconfigured addresses are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IdentifierMethod {
    /// Modified EUI-64, from the Ethernet address (RFC 4291, Appendix A).
    #[default]
    Eui64,
    /// Stable and opaque: another for each network, telling nothing about the hardware (RFC 7217).
    StableOpaque,
}

/// Whether advertised prefixes make temporary addresses, too (RFC 8981): Linux's `use_tempaddr`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TemporaryAddresses {
    /// There are none.
    #[default]
    Off,
    /// There are, for programs that ask for them (RFC 5014).
    Available,
    /// They are what programs get that do not choose (RFC 6724, Section 5, rule 7).
    Preferred,
}

impl TemporaryAddresses {
    /// The number that Linux has for it.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The value of that number: 2 and more are the same, 0 and less.
    pub const fn from_number(number: i32) -> Self {
        match number {
            ..=0 => Self::Off,
            1 => Self::Available,
            2.. => Self::Preferred,
        }
    }
}

/// Settings of one interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterfaceSettings {
    /// Whether Router Advertisements are obeyed, and solicited.
    pub accept_router_advertisements: bool,
    /// Whether advertised prefixes make addresses (RFC 4862, Section 5.5).
    pub autoconfiguration: bool,
    /// Whether Redirects are obeyed.
    pub accept_redirects: bool,
    /// DupAddrDetectTransmits: probes before an address is used, 0 for none
    /// (RFC 4862, Section 5.1).
    pub duplicate_address_detection_transmits: u8,
    /// Optimistic Duplicate Address Detection (RFC 4429): addresses that the interface makes for
    /// itself are used while they are tested, because a duplicate is most unlikely. There are then
    /// no random delays before the first probe and the first Router Solicitation either.
    pub optimistic: bool,
    /// How interface identifiers are made.
    pub identifiers: IdentifierMethod,
    /// Whether there are temporary addresses beside the stable ones.
    pub temporary: TemporaryAddresses,
    /// TEMP_PREFERRED_LIFETIME (RFC 8981, Section 3.8): a temporary address is preferred for at
    /// most as long, less a random part of up to four tenths.
    pub temporary_preferred_lifetime: Duration,
    /// TEMP_VALID_LIFETIME: and it is valid for at most as long.
    pub temporary_valid_lifetime: Duration,
    /// Gratuitous Neighbor Advertisements (RFC 9131): routers are told of new addresses.
    pub announce_addresses: bool,
    /// Hop limit of packets until a router advertises another one.
    pub hop_limit: HopLimit,
    /// Whether a link-local address is made when the interface comes up.
    pub link_local_address: bool,
}

impl InterfaceSettings {
    /// What a host does.
    pub const DEFAULT: Self = Self {
        accept_router_advertisements: true,
        autoconfiguration: true,
        accept_redirects: true,
        duplicate_address_detection_transmits: 1,
        optimistic: false,
        identifiers: IdentifierMethod::Eui64,
        temporary: TemporaryAddresses::Off,
        temporary_preferred_lifetime: Duration::from_secs(86_400),
        temporary_valid_lifetime: Duration::from_secs(2 * 86_400),
        announce_addresses: true,
        hop_limit: HopLimit::DEFAULT,
        link_local_address: true,
    };
}

impl Default for InterfaceSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Settings of TCP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpSettings {
    /// What a new socket's TCP_CONGESTION is (Linux's `tcp_congestion_control`).
    pub congestion: CongestionAlgorithm,
    /// Whether SYNs that find no room for a half-open connection are answered with SYN cookies
    /// (Linux's `tcp_syncookies`), or dropped.
    pub syn_cookies: bool,
    /// Whether new connections use ECN.
    pub ecn: EcnMode,
    /// What a new socket's TCP_SYNCNT is (Linux's `tcp_syn_retries`).
    pub syn_retries: Option<u8>,
}

impl TcpSettings {
    /// CUBIC, SYN cookies, and ECN when the other side asks for it.
    pub const DEFAULT: Self = Self {
        congestion: CongestionAlgorithm::Cubic,
        syn_cookies: true,
        ecn: EcnMode::Accept,
        syn_retries: None,
    };
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Settings of ICMPv6 (RFC 4443).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Icmpv6Settings {
    /// Whether Destination Unreachable is sent (Section 3.1: "can be configured not to").
    pub destination_unreachable: bool,
    /// One more error may be sent after this time (Section 2.4(f)); zero is no limit.
    pub error_interval: Duration,
}

impl Icmpv6Settings {
    /// A hundred errors a second.
    pub const DEFAULT: Self =
        Self { destination_unreachable: true, error_interval: Duration::from_millis(10) };
}

impl Default for Icmpv6Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Settings of the stack.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// What an added interface starts with.
    pub interface: InterfaceSettings,
    /// The secret behind stable opaque identifiers (RFC 7217, Section 5), to be kept over
    /// restarts where there is storage. Without one, it is drawn at random.
    pub stable_secret: Option<[u8; 16]>,
    /// What new stream sockets start with.
    pub tcp: TcpSettings,
    /// Errors that are sent.
    pub icmpv6: Icmpv6Settings,
}

impl Config {
    /// What a host does, with a secret drawn at random.
    pub const DEFAULT: Self = Self {
        interface: InterfaceSettings::DEFAULT,
        stable_secret: None,
        tcp: TcpSettings::DEFAULT,
        icmpv6: Icmpv6Settings::DEFAULT,
    };
}
