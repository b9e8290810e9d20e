//! Options of a stream socket, as values instead of octets.

use super::{CongestionAlgorithm, TcpId};
use crate::address_selection::SourcePreference;
use crate::buffer::BufferPool;
use crate::counters::TableFull;
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::random::Random;
use crate::socket::{OptionError, PathMtuDiscovery};
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::ipv6::{HopLimit, TrafficClass};

/// What a socket is set to. The defaults are Linux's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpSocketOptions {
    /// SO_REUSEADDR: bind although connections, or what is left of them, have the port.
    pub reuse_address: bool,
    /// SO_REUSEPORT: share the port with others that want to share it too.
    pub reuse_port: bool,
    /// SO_BINDTODEVICE.
    pub device: Option<InterfaceIndex>,
    /// IPV6_V6ONLY; without effect as long as there is no IPv4.
    pub only_v6: bool,
    /// IPV6_UNICAST_HOPS; `None` is the interface's default.
    pub unicast_hops: Option<HopLimit>,
    /// IPV6_TCLASS.
    pub traffic_class: TrafficClass,
    /// SO_RCVBUF in octets; `None` grows by itself.
    pub receive_buffer: Option<u32>,
    /// SO_SNDBUF in octets; `None` grows by itself.
    pub send_buffer: Option<u32>,
    /// TCP_NODELAY: short segments do not wait (RFC 9293, Section 3.7.4).
    pub no_delay: bool,
    /// TCP_CORK, also while MSG_MORE is in effect: only full segments, for 200 ms at most.
    pub cork: bool,
    /// TCP_QUICKACK: acknowledgments are not delayed.
    pub quick_ack: bool,
    /// SO_KEEPALIVE.
    pub keep_alive: bool,
    /// TCP_KEEPIDLE.
    pub keep_idle: Duration,
    /// TCP_KEEPINTVL.
    pub keep_interval: Duration,
    /// TCP_KEEPCNT.
    pub keep_count: u8,
    /// TCP_USER_TIMEOUT: how long the other side may be silent (RFC 5482).
    pub user_timeout: Option<Duration>,
    /// TCP_SYNCNT: how often a SYN is sent again before the attempt to connect has failed; `None`
    /// is three minutes (RFC 9293, Section 3.8.3).
    pub syn_retries: Option<u8>,
    /// TCP_MAXSEG.
    pub maximum_segment: Option<u16>,
    /// TCP_CONGESTION. So many connections can use BBR at once
    /// ([`crate::limits::TCP_MODELS`]); one more goes by CUBIC and says so here.
    pub congestion: CongestionAlgorithm,
    /// SO_RCVLOWAT: octets that make a socket readable.
    pub receive_low_water: u32,
    /// IPV6_RECVERR: ICMPv6 errors about an open connection are reported at once, those that end
    /// an attempt to open one also in detail.
    pub receive_errors: bool,
    /// IPV6_MTU_DISCOVER.
    pub path_mtu_discovery: PathMtuDiscovery,
    /// IPV6_UNICAST_IF: where a connection leaves unless something else is asked for.
    pub unicast_interface: Option<InterfaceIndex>,
    /// IPV6_AUTOFLOWLABEL: segments have a flow label (RFC 6437), else 0.
    pub auto_flow_label: bool,
    /// IPV6_ADDR_PREFERENCES: which source addresses are preferred; `None` is the interface's
    /// setting.
    pub source_preference: Option<SourcePreference>,
}

impl Default for TcpSocketOptions {
    fn default() -> Self {
        Self {
            reuse_address: false,
            reuse_port: false,
            device: None,
            only_v6: false,
            unicast_hops: None,
            traffic_class: TrafficClass::default(),
            receive_buffer: None,
            send_buffer: None,
            no_delay: false,
            cork: false,
            quick_ack: false,
            keep_alive: false,
            keep_idle: Duration::from_secs(7200),
            keep_interval: Duration::from_secs(75),
            keep_count: 9,
            user_timeout: None,
            syn_retries: None,
            maximum_segment: None,
            congestion: CongestionAlgorithm::default(),
            receive_low_water: 1,
            receive_errors: false,
            path_mtu_discovery: PathMtuDiscovery::default(),
            unicast_interface: None,
            auto_flow_label: true,
            source_preference: None,
        }
    }
}

/// The smallest buffer that can be set.
const SMALLEST_BUFFER: u32 = 2304;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The options of a socket; `None` when it is closed.
    pub fn tcp_options(&self, id: TcpId) -> Option<TcpSocketOptions> {
        self.tcp.get(id).map(super::table::TcpSocket::options)
    }

    /// A connection goes by this algorithm from now on, or by CUBIC if there is no room for the
    /// variables of that one.
    pub(super) fn tcp_choose_congestion(
        &mut self,
        slot: usize,
        algorithm: CongestionAlgorithm,
        now: Instant,
    ) {
        if !self.tcp.choose_congestion(slot, algorithm, now) {
            self.counters.tables.count(TableFull::TcpModels);
        }
    }

    /// Changes options: `change` gets the present ones. What it sets takes effect at once, except
    /// the window scale, which is agreed on when a connection opens. An accepted connection begins
    /// with its listener's.
    pub fn change_tcp_options(
        &mut self,
        id: TcpId,
        change: impl FnOnce(&mut TcpSocketOptions),
        now: Instant,
    ) -> Result<(), OptionError> {
        let mut options = self.tcp_options(id).ok_or(OptionError::Closed)?;
        let before = options;
        change(&mut options);
        let missing = |index: InterfaceIndex| self.interface(index).is_none();
        if options.device.is_some_and(missing) {
            return Err(OptionError::NoInterface);
        }
        if options.unicast_interface.is_some_and(missing) {
            return Err(OptionError::NoUnicastInterface);
        }
        let in_range = |duration: Duration| (1..=32_767).contains(&duration.as_secs());
        let sane = in_range(options.keep_idle)
            && in_range(options.keep_interval)
            && (1..=127).contains(&options.keep_count)
            && options.syn_retries.is_none_or(|count| (1..=127).contains(&count))
            && options.maximum_segment.is_none_or(|mss| (88..=32_767).contains(&mss));
        if !sane {
            return Err(OptionError::Invalid);
        }
        let bounded = |size: Option<u32>, most| size.map(|size| size.clamp(SMALLEST_BUFFER, most));
        // Nobody waits longer than 49 days.
        let longest = Duration::from_millis(u32::MAX.into());
        options.user_timeout = options.user_timeout.map(|timeout| timeout.min(longest));
        options.receive_low_water = options.receive_low_water.max(1);
        options.receive_buffer = bounded(options.receive_buffer, limits::TCP_RECEIVE_BUFFER_MAX);
        options.send_buffer = bounded(options.send_buffer, limits::TCP_SEND_BUFFER_MAX);
        let socket = self.tcp.get_mut(id).ok_or(OptionError::Closed)?;
        if options.only_v6 != before.only_v6 && socket.local.port != 0 {
            return Err(OptionError::Invalid);
        }
        socket.set_options(&options);
        self.ways.forget(id.slot.into());
        if !options.receive_errors {
            self.tcp.clear_errors(id.slot.into());
        }
        let Some(socket) = self.tcp.get_mut(id) else { return Ok(()) };
        if let Some(connection) = socket.connection_mut() {
            if let Some(limit) = options.receive_buffer {
                (connection.receive.limit, connection.receive.automatic) = (limit, false);
            }
            if options.keep_alive != before.keep_alive || options.keep_idle != before.keep_idle {
                connection.keep_alive_probes = 0;
                connection.arm_keep_alive(now);
            }
            connection.set_path_mtu(connection.path_mtu);
            if options.congestion != before.congestion {
                self.tcp_choose_congestion(id.slot.into(), options.congestion, now);
            }
            // What was held back may go now.
            self.tcp_flush(id.slot.into(), now);
            self.finish(now);
        }
        Ok(())
    }
}
