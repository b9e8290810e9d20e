//! Socket options, as values instead of octets.

use super::{Icmpv6Filter, OptionError, PathMtuDiscovery, SocketId, SocketKind};
use crate::address_selection::SourcePreference;
use crate::buffer::BufferPool;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::stack::Stack;
use crate::wire::ipv6::{HopLimit, TrafficClass};

/// What a socket is set to. The defaults are Linux's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketOptions {
    /// SO_REUSEADDR: share the port with others that want to share it too.
    pub reuse_address: bool,
    /// SO_REUSEPORT: the same, here.
    pub reuse_port: bool,
    /// SO_RCVBUF as it is accounted, in octets (Linux's doubling is the caller's business).
    pub receive_buffer: usize,
    /// SO_SNDBUF, in octets: the longest datagram accepted, besides what the path allows.
    pub send_buffer: usize,
    /// SO_BINDTODEVICE.
    pub device: Option<InterfaceIndex>,
    /// IPV6_UNICAST_HOPS; `None` is the interface's default.
    pub unicast_hops: Option<HopLimit>,
    /// IPV6_MULTICAST_HOPS.
    pub multicast_hops: HopLimit,
    /// IPV6_MULTICAST_IF.
    pub multicast_interface: Option<InterfaceIndex>,
    /// IPV6_MULTICAST_LOOP: groups that this node is in too get its own datagrams.
    pub multicast_loop: bool,
    /// IPV6_MULTICAST_ALL: deliver groups that other sockets joined, too.
    pub multicast_all: bool,
    /// IPV6_V6ONLY; without effect as long as there is no IPv4.
    pub only_v6: bool,
    /// IPV6_TCLASS.
    pub traffic_class: TrafficClass,
    /// IPV6_RECVERR: keep errors in detail, and report them on unconnected sockets too.
    pub receive_errors: bool,
    /// IPV6_DONTFRAG.
    pub dont_fragment: bool,
    /// IPV6_MTU_DISCOVER.
    pub path_mtu_discovery: PathMtuDiscovery,
    /// IPV6_MTU: fragments are not longer than this, whatever the path allows.
    pub fragment_size: Option<u16>,
    /// IPV6_UNICAST_IF: where unicast datagrams leave unless something else is asked for.
    pub unicast_interface: Option<InterfaceIndex>,
    /// IPV6_AUTOFLOWLABEL: packets have a flow label (RFC 6437), else 0.
    pub auto_flow_label: bool,
    /// IPV6_ADDR_PREFERENCES: which source addresses are preferred; `None` is the interface's
    /// setting.
    pub source_preference: Option<SourcePreference>,
    /// IPV6_RECVPATHMTU: tell when a datagram that must not be fragmented is too long.
    pub receive_path_mtu: bool,
    /// IPV6_RECVHOPOPTS and the like: keep the extension headers of what arrives.
    pub receive_headers: bool,
    /// UDP_NO_CHECK6_TX: datagrams have no checksum. Only for tunnels, whose contents have their
    /// own (RFC 6935, Section 4).
    pub send_unchecked: bool,
    /// UDP_NO_CHECK6_RX: datagrams without a checksum are taken.
    pub receive_unchecked: bool,
}

/// SO_RCVBUF and SO_SNDBUF of a new socket, as Linux has them.
const DEFAULT_BUFFER: usize = 212_992;

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            reuse_address: false,
            reuse_port: false,
            receive_buffer: DEFAULT_BUFFER,
            send_buffer: DEFAULT_BUFFER,
            device: None,
            unicast_hops: None,
            multicast_hops: HopLimit::ONE,
            multicast_interface: None,
            multicast_loop: true,
            multicast_all: true,
            only_v6: false,
            traffic_class: TrafficClass::default(),
            receive_errors: false,
            dont_fragment: false,
            path_mtu_discovery: PathMtuDiscovery::default(),
            fragment_size: None,
            unicast_interface: None,
            auto_flow_label: true,
            source_preference: None,
            receive_path_mtu: false,
            receive_headers: false,
            send_unchecked: false,
            receive_unchecked: false,
        }
    }
}

/// One option to be set, see [`SocketOptions`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetOption {
    /// SO_REUSEADDR.
    ReuseAddress(bool),
    /// SO_REUSEPORT.
    ReusePort(bool),
    /// SO_RCVBUF, octets as accounted.
    ReceiveBuffer(usize),
    /// SO_SNDBUF, octets.
    SendBuffer(usize),
    /// SO_BINDTODEVICE; `None` frees the socket.
    Device(Option<InterfaceIndex>),
    /// IPV6_UNICAST_HOPS; `None` (-1 in the socket API) is the default.
    UnicastHops(Option<HopLimit>),
    /// IPV6_MULTICAST_HOPS; `None` (-1) is 1.
    MulticastHops(Option<HopLimit>),
    /// IPV6_MULTICAST_IF; `None` lets the stack choose.
    MulticastInterface(Option<InterfaceIndex>),
    /// IPV6_MULTICAST_LOOP.
    MulticastLoop(bool),
    /// IPV6_MULTICAST_ALL.
    MulticastAll(bool),
    /// IPV6_V6ONLY; only before bind and connect.
    OnlyV6(bool),
    /// IPV6_TCLASS; `None` (-1) is 0.
    TrafficClass(Option<TrafficClass>),
    /// IPV6_RECVERR; turning it off empties the error queue.
    ReceiveErrors(bool),
    /// IPV6_DONTFRAG.
    DontFragment(bool),
    /// IPV6_MTU_DISCOVER.
    PathMtuDiscovery(PathMtuDiscovery),
    /// IPV6_MTU; 1280 at least, `None` (0) is what the path allows.
    FragmentSize(Option<u16>),
    /// IPV6_UNICAST_IF; `None` (0) lets the routes choose.
    UnicastInterface(Option<InterfaceIndex>),
    /// IPV6_AUTOFLOWLABEL.
    AutoFlowLabel(bool),
    /// IPV6_ADDR_PREFERENCES.
    SourcePreference(Option<SourcePreference>),
    /// IPV6_RECVPATHMTU.
    ReceivePathMtu(bool),
    /// IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS or IPV6_RECVRTHDR.
    ReceiveHeaders(bool),
    /// UDP_NO_CHECK6_TX; UDP sockets only.
    SendUnchecked(bool),
    /// UDP_NO_CHECK6_RX; UDP sockets only.
    ReceiveUnchecked(bool),
    /// ICMP6_FILTER; raw ICMPv6 sockets only.
    Icmpv6Filter(Icmpv6Filter),
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The options of a socket; `None` when it is closed.
    pub fn socket_options(&self, id: SocketId) -> Option<&SocketOptions> {
        self.sockets.get(id).map(|socket| &socket.options)
    }

    /// The ICMP6_FILTER of a socket; `None` when it is closed.
    pub fn icmpv6_filter(&self, id: SocketId) -> Option<Icmpv6Filter> {
        self.sockets.get(id).map(|socket| socket.filter)
    }

    /// Sets an option.
    pub fn set_socket_option(
        &mut self,
        id: SocketId,
        option: SetOption,
    ) -> Result<(), OptionError> {
        let missing = |index: InterfaceIndex| self.interface(index).is_none();
        match option {
            SetOption::Device(Some(index)) | SetOption::MulticastInterface(Some(index))
                if missing(index) =>
            {
                return Err(OptionError::NoInterface);
            }
            SetOption::UnicastInterface(Some(index)) if missing(index) => {
                return Err(OptionError::NoUnicastInterface);
            }
            _ => {}
        }
        self.sockets.touch();
        let (socket, memory) = self.sockets.with_memory(id).ok_or(OptionError::Closed)?;
        let options = &mut socket.options;
        match option {
            SetOption::ReuseAddress(on) => options.reuse_address = on,
            SetOption::ReusePort(on) => options.reuse_port = on,
            SetOption::ReceiveBuffer(octets) => options.receive_buffer = octets,
            SetOption::SendBuffer(octets) => options.send_buffer = octets,
            SetOption::Device(device) => options.device = device,
            SetOption::UnicastHops(hops) => options.unicast_hops = hops,
            SetOption::MulticastHops(hops) => {
                options.multicast_hops = hops.unwrap_or(HopLimit::ONE);
            }
            SetOption::MulticastInterface(interface) => {
                // Linux: a socket bound to a device multicasts through no other.
                let contradicts = options.device.is_some_and(|device| Some(device) != interface);
                if interface.is_some() && contradicts {
                    return Err(OptionError::Invalid);
                }
                options.multicast_interface = interface;
            }
            SetOption::MulticastLoop(on) => options.multicast_loop = on,
            SetOption::MulticastAll(on) => options.multicast_all = on,
            SetOption::OnlyV6(on) => {
                if socket.local.port != 0 || socket.address_bound {
                    return Err(OptionError::Invalid);
                }
                options.only_v6 = on;
            }
            SetOption::TrafficClass(class) => options.traffic_class = class.unwrap_or_default(),
            SetOption::ReceiveErrors(on) => {
                options.receive_errors = on;
                if !on {
                    memory.errors.clear(&mut socket.errors);
                }
            }
            SetOption::DontFragment(on) => options.dont_fragment = on,
            SetOption::PathMtuDiscovery(discovery) => options.path_mtu_discovery = discovery,
            SetOption::FragmentSize(size) => {
                if size.is_some_and(|size| size < crate::interface::MINIMUM_MTU) {
                    return Err(OptionError::Invalid);
                }
                options.fragment_size = size;
            }
            SetOption::UnicastInterface(interface) => {
                // Linux: a socket bound to a device sends through no other.
                let contradicts = options.device.is_some_and(|device| Some(device) != interface);
                if interface.is_some() && contradicts {
                    return Err(OptionError::Invalid);
                }
                options.unicast_interface = interface;
            }
            SetOption::AutoFlowLabel(on) => options.auto_flow_label = on,
            SetOption::SourcePreference(preference) => options.source_preference = preference,
            SetOption::ReceivePathMtu(on) => {
                options.receive_path_mtu = on;
                socket.path_mtu_report = None;
            }
            SetOption::ReceiveHeaders(on) => options.receive_headers = on,
            SetOption::SendUnchecked(_) | SetOption::ReceiveUnchecked(_)
                if socket.kind != SocketKind::Udp =>
            {
                return Err(OptionError::NotSupported);
            }
            SetOption::SendUnchecked(on) => options.send_unchecked = on,
            SetOption::ReceiveUnchecked(on) => options.receive_unchecked = on,
            SetOption::Icmpv6Filter(filter) => {
                if socket.kind != SocketKind::Icmpv6Raw {
                    return Err(OptionError::NotSupported);
                }
                socket.filter = filter;
            }
        }
        Ok(())
    }
}
