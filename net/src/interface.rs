//! Interfaces: identity, state, and the state machines that each has for itself.

use crate::config::InterfaceSettings;
use crate::counters::InterfaceCounters;
use crate::interface_table::TransmitQueue;
use crate::mld::Listener;
use crate::netif::{LinkState, MacAddress};
use crate::router_dns::{Advertised, RouterDns};
use crate::router_prefix::RouterPrefixes;
use crate::router_solicitation::RouterSolicitation;
use crate::time::{Duration, Instant};
use crate::unicast::{AddressInfo, AddressList};
use crate::vlan::Vlan;
use crate::wire::dns_name::OwnedName;
use crate::wire::ipv6::HopLimit;
use core::fmt;
use core::net::Ipv6Addr;
use core::num::NonZeroU32;
use heapless::String;

/// The smallest link MTU that IPv6 can live with, in octets (RFC 8200, Section 5).
pub const MINIMUM_MTU: u16 = 1280;

/// The number of an interface, as in `sin6_scope_id`: 1 is `lo`. A removed interface's number is
/// given to the next one that is added, so a device that is plugged in again keeps its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InterfaceIndex(NonZeroU32);

impl InterfaceIndex {
    /// The loopback interface.
    pub const LOOPBACK: Self = Self(NonZeroU32::MIN);

    /// The index with this number; `None` for 0, which stands for "none" in the socket API.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The position in the stack's table.
    pub(crate) const fn slot(self) -> usize {
        self.0.get() as usize - 1
    }

    pub(crate) const fn from_slot(slot: usize) -> Self {
        match NonZeroU32::new(slot as u32 + 1) {
            Some(number) => Self(number),
            None => Self::LOOPBACK,
        }
    }
}

impl fmt::Display for InterfaceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The name of an interface: at most 15 octets (IFNAMSIZ with its NUL is 16).
pub type InterfaceName = String<15>;

/// What an interface is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InterfaceKind {
    /// The node's way to itself.
    Loopback,
    /// Ethernet, or what looks like it.
    Ethernet {
        /// The station's address.
        mac: MacAddress,
    },
}

/// What a driver says about a new interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterfaceConfig<'a> {
    /// Its name: 1 to 15 octets, no slash or white space, unique.
    pub name: &'a str,
    /// What it is.
    pub kind: InterfaceKind,
    /// The longest IPv6 packet that it carries, in octets.
    pub mtu: u16,
}

/// Why IPv6 does not run on an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ipv6Disabled {
    /// Its link-local address, made from the hardware address, is a duplicate
    /// (RFC 4862, Section 5.4.5).
    DuplicateAddress,
    /// Its MTU is below [`MINIMUM_MTU`].
    MtuTooSmall,
}

/// What was asked of routers on an interface, and what they said about other configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RouterFlags {
    /// A Router Solicitation was sent.
    pub solicited: bool,
    /// A Router Advertisement came.
    pub advertised: bool,
    /// M of the last one: addresses are available by DHCPv6 (RFC 4861, Section 4.2).
    pub managed: bool,
    /// O of the last one: other configuration is available by DHCPv6.
    pub other: bool,
}

/// Variables of an interface that Router Advertisements set (RFC 4861, Section 6.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostVariables {
    /// LinkMTU as advertised, if it was.
    pub advertised_mtu: Option<u16>,
    /// CurHopLimit.
    pub hop_limit: HopLimit,
    /// BaseReachableTime.
    pub base_reachable_time: Duration,
    /// ReachableTime: the base times a random factor from 0.5 to 1.5.
    pub reachable_time: Duration,
    /// RetransTimer.
    pub retrans_timer: Duration,
    /// What programs that configure the rest need to know.
    pub router_flags: RouterFlags,
}

impl HostVariables {
    /// REACHABLE_TIME (RFC 4861, Section 10).
    pub(crate) const REACHABLE_TIME: Duration = Duration::from_secs(30);
    /// RETRANS_TIMER (RFC 4861, Section 10).
    pub(crate) const RETRANS_TIMER: Duration = Duration::from_secs(1);

    pub(crate) const fn new(hop_limit: HopLimit) -> Self {
        Self {
            advertised_mtu: None,
            hop_limit,
            base_reachable_time: Self::REACHABLE_TIME,
            reachable_time: Self::REACHABLE_TIME,
            retrans_timer: Self::RETRANS_TIMER,
            router_flags: RouterFlags {
                solicited: false,
                advertised: false,
                managed: false,
                other: false,
            },
        }
    }
}

/// An interface of the node.
pub struct Interface<B> {
    pub(crate) index: InterfaceIndex,
    pub(crate) name: InterfaceName,
    pub(crate) kind: InterfaceKind,
    /// It shares the cable of another interface: then of kind Ethernet.
    pub(crate) vlan: Option<Vlan>,
    pub(crate) device_mtu: u16,
    pub(crate) admin_up: bool,
    pub(crate) link: LinkState,
    /// The hardware address was found to be somebody else's too.
    pub(crate) duplicate_hardware_address: bool,
    pub(crate) settings: InterfaceSettings,
    pub(crate) variables: HostVariables,
    /// When ReachableTime is to be drawn again.
    pub(crate) redraw_reachable_time: Instant,
    pub(crate) addresses: AddressList,
    pub(crate) listener: Listener,
    pub(crate) solicitation: RouterSolicitation,
    pub(crate) dns: RouterDns,
    pub(crate) router_prefixes: RouterPrefixes,
    pub(crate) transmit: TransmitQueue<B>,
    pub(crate) counters: InterfaceCounters,
}

impl<B> Interface<B> {
    /// Its number.
    pub const fn index(&self) -> InterfaceIndex {
        self.index
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub const fn kind(&self) -> InterfaceKind {
        self.kind
    }

    /// Whether it is the loopback interface.
    pub const fn is_loopback(&self) -> bool {
        matches!(self.kind, InterfaceKind::Loopback)
    }

    /// The virtual LAN that it is, and on which interface's cable.
    pub const fn vlan(&self) -> Option<Vlan> {
        self.vlan
    }

    /// Its Ethernet address, if it has one.
    pub const fn mac(&self) -> Option<MacAddress> {
        match self.kind {
            InterfaceKind::Loopback => None,
            InterfaceKind::Ethernet { mac } => Some(mac),
        }
    }

    /// The MTU of the device, in octets.
    pub const fn device_mtu(&self) -> u16 {
        self.device_mtu
    }

    /// The longest packet sent: the device's MTU, or less when routers say so
    /// (RFC 4861, Section 6.3.4).
    #[inline]
    pub fn mtu(&self) -> u16 {
        self.variables.advertised_mtu.map_or(self.device_mtu, |mtu| mtu.min(self.device_mtu))
    }

    /// Whether the user wants it up.
    pub const fn is_admin_up(&self) -> bool {
        self.admin_up
    }

    /// What the driver says about the link.
    pub const fn link(&self) -> LinkState {
        self.link
    }

    /// Whether there is a carrier.
    pub const fn has_carrier(&self) -> bool {
        matches!(self.link, LinkState::Up { .. })
    }

    /// Why IPv6 does not run on it although it is up.
    #[inline]
    pub fn ipv6_disabled(&self) -> Option<Ipv6Disabled> {
        if self.device_mtu < MINIMUM_MTU {
            Some(Ipv6Disabled::MtuTooSmall)
        } else if self.duplicate_hardware_address {
            Some(Ipv6Disabled::DuplicateAddress)
        } else {
            None
        }
    }

    /// Whether IPv6 packets can pass: up, with carrier, and not disabled.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.admin_up && self.has_carrier() && self.ipv6_disabled().is_none()
    }

    /// The user's settings.
    pub const fn settings(&self) -> &InterfaceSettings {
        &self.settings
    }

    /// What routers have set.
    pub const fn variables(&self) -> &HostVariables {
        &self.variables
    }

    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = AddressInfo> + '_ {
        self.addresses.iter().map(|entry| entry.info(self.index))
    }

    /// The multicast groups that it listens to, with the number of users of each.
    pub fn groups(&self) -> impl Iterator<Item = (Ipv6Addr, u16)> + '_ {
        self.listener.groups()
    }

    /// The DNS servers that routers advertise, the oldest first (RFC 8106, Section 5.1). A
    /// link-local one is a neighbor on this interface.
    pub fn dns_servers(&self, now: Instant) -> impl Iterator<Item = &Advertised<Ipv6Addr>> {
        self.dns.servers(now)
    }

    /// The search domains that routers advertise, the oldest first (RFC 8106, Section 5.2).
    pub fn dns_domains(&self, now: Instant) -> impl Iterator<Item = &Advertised<OwnedName>> {
        self.dns.domains(now)
    }

    /// What was counted.
    pub const fn counters(&self) -> &InterfaceCounters {
        &self.counters
    }
}

/// Why an interface cannot be added or changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InterfaceError {
    /// There is no such interface.
    NotFound,
    /// The name is taken.
    NameTaken,
    /// The name is not 1 to 15 octets long, or has a slash, white space or a control character.
    BadName,
    /// The Ethernet address is a group's or all zero.
    BadMacAddress,
    /// The MTU is beyond what packet buffers hold, or (for a change) below 1280.
    BadMtu,
    /// There is no room for another interface.
    TableFull,
    /// The interface below a VLAN's is down.
    ParentDown,
    /// The MTU is beyond that of the interface below a VLAN's.
    MtuBeyondParent,
    /// The interface can carry no VLAN: it is no Ethernet, or a VLAN's itself.
    NoVlans,
    /// The interface has that VLAN already.
    VlanTaken,
    /// There are [`crate::limits::VLANS`] already.
    TooManyVlans,
}

impl fmt::Display for InterfaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such interface",
            Self::NameTaken => "name is taken",
            Self::BadName => "bad interface name",
            Self::BadMacAddress => "bad hardware address",
            Self::BadMtu => "bad MTU",
            Self::TableFull => "too many interfaces",
            Self::ParentDown => "the interface below is down",
            Self::MtuBeyondParent => "MTU beyond that of the interface below",
            Self::NoVlans => "no VLANs on this interface",
            Self::VlanTaken => "VLAN is taken",
            Self::TooManyVlans => "too many VLANs",
        })
    }
}

impl core::error::Error for InterfaceError {}
