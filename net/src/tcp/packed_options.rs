//! The options of a socket in little room: every connection has them.

use super::CongestionAlgorithm;
use super::option::TcpSocketOptions;
use super::zone::Zone;
use crate::address_selection::SourcePreference;
use crate::interface::InterfaceIndex;
use crate::socket::PathMtuDiscovery;
use crate::time::Duration;
use crate::wire::ipv6::{HopLimit, TrafficClass};
use bitflags::bitflags;

bitflags! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Flags: u16 {
        const REUSE_ADDRESS = 1 << 0;
        const REUSE_PORT = 1 << 1;
        const ONLY_V6 = 1 << 2;
        const NO_DELAY = 1 << 3;
        const CORK = 1 << 4;
        const QUICK_ACK = 1 << 5;
        const KEEP_ALIVE = 1 << 6;
        const RECEIVE_ERRORS = 1 << 7;
        const AUTO_FLOW_LABEL = 1 << 8;
        const PREFER_PUBLIC = 1 << 9;
        const PREFER_TEMPORARY = 1 << 10;
        const UNICAST_HOPS = 1 << 11;
    }
}

/// [`TcpSocketOptions`], packed. Numbers are 0 where there is no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PackedOptions {
    receive_buffer: u32,
    send_buffer: u32,
    receive_low_water: u32,
    /// Milliseconds.
    user_timeout: u32,
    /// Seconds.
    keep_idle: u16,
    keep_interval: u16,
    maximum_segment: u16,
    flags: Flags,
    keep_count: u8,
    syn_retries: u8,
    /// If the flag says so.
    unicast_hops: HopLimit,
    traffic_class: TrafficClass,
    congestion: CongestionAlgorithm,
    path_mtu_discovery: PathMtuDiscovery,
    device: Zone,
    unicast_interface: Zone,
}

const fn some(number: u32) -> Option<u32> {
    if number == 0 { None } else { Some(number) }
}

/// Seconds that were checked to be few when they were set.
fn seconds(duration: Duration) -> u16 {
    u16::try_from(duration.as_secs()).unwrap_or(u16::MAX)
}

impl PackedOptions {
    pub(crate) fn pack(options: &TcpSocketOptions) -> Self {
        let preference = options.source_preference;
        let mut flags = Flags::empty();
        for (flag, on) in [
            (Flags::REUSE_ADDRESS, options.reuse_address),
            (Flags::REUSE_PORT, options.reuse_port),
            (Flags::ONLY_V6, options.only_v6),
            (Flags::NO_DELAY, options.no_delay),
            (Flags::CORK, options.cork),
            (Flags::QUICK_ACK, options.quick_ack),
            (Flags::KEEP_ALIVE, options.keep_alive),
            (Flags::RECEIVE_ERRORS, options.receive_errors),
            (Flags::AUTO_FLOW_LABEL, options.auto_flow_label),
            (Flags::PREFER_PUBLIC, preference == Some(SourcePreference::Public)),
            (Flags::PREFER_TEMPORARY, preference == Some(SourcePreference::Temporary)),
            (Flags::UNICAST_HOPS, options.unicast_hops.is_some()),
        ] {
            flags.set(flag, on);
        }
        let user_timeout = options.user_timeout.unwrap_or_default().as_millis();
        Self {
            receive_buffer: options.receive_buffer.unwrap_or(0),
            send_buffer: options.send_buffer.unwrap_or(0),
            receive_low_water: options.receive_low_water,
            user_timeout: u32::try_from(user_timeout).unwrap_or(u32::MAX),
            keep_idle: seconds(options.keep_idle),
            keep_interval: seconds(options.keep_interval),
            maximum_segment: options.maximum_segment.unwrap_or(0),
            flags,
            keep_count: options.keep_count,
            syn_retries: options.syn_retries.unwrap_or(0),
            unicast_hops: options.unicast_hops.unwrap_or(HopLimit(0)),
            traffic_class: options.traffic_class,
            congestion: options.congestion,
            path_mtu_discovery: options.path_mtu_discovery,
            device: options.device.into(),
            unicast_interface: options.unicast_interface.into(),
        }
    }

    #[inline]
    pub(crate) fn unpack(&self) -> TcpSocketOptions {
        let maximum_segment = self.maximum_segment();
        TcpSocketOptions {
            reuse_address: self.flags.contains(Flags::REUSE_ADDRESS),
            reuse_port: self.flags.contains(Flags::REUSE_PORT),
            device: self.device(),
            only_v6: self.flags.contains(Flags::ONLY_V6),
            unicast_hops: self.unicast_hops(),
            traffic_class: self.traffic_class,
            receive_buffer: self.receive_buffer(),
            send_buffer: self.send_buffer(),
            no_delay: self.no_delay(),
            cork: self.cork(),
            quick_ack: self.quick_ack(),
            keep_alive: self.keep_alive(),
            keep_idle: self.keep_idle(),
            keep_interval: self.keep_interval(),
            keep_count: self.keep_count,
            user_timeout: self.user_timeout(),
            syn_retries: self.syn_retries(),
            maximum_segment,
            congestion: self.congestion,
            receive_low_water: self.receive_low_water,
            receive_errors: self.receive_errors(),
            path_mtu_discovery: self.path_mtu_discovery,
            unicast_interface: self.unicast_interface.index(),
            auto_flow_label: self.flags.contains(Flags::AUTO_FLOW_LABEL),
            source_preference: self.source_preference(),
        }
    }

    #[inline]
    pub(crate) const fn receive_buffer(&self) -> Option<u32> {
        some(self.receive_buffer)
    }

    pub(crate) const fn unicast_hops(&self) -> Option<HopLimit> {
        if self.flags.contains(Flags::UNICAST_HOPS) { Some(self.unicast_hops) } else { None }
    }

    pub(crate) const fn traffic_class(&self) -> TrafficClass {
        self.traffic_class
    }

    pub(crate) const fn auto_flow_label(&self) -> bool {
        self.flags.contains(Flags::AUTO_FLOW_LABEL)
    }

    pub(crate) const fn path_mtu_discovery(&self) -> PathMtuDiscovery {
        self.path_mtu_discovery
    }

    pub(crate) fn unicast_interface(&self) -> Option<InterfaceIndex> {
        self.unicast_interface.index()
    }

    pub(crate) const fn congestion(&self) -> CongestionAlgorithm {
        self.congestion
    }

    pub(crate) const fn set_congestion(&mut self, algorithm: CongestionAlgorithm) {
        self.congestion = algorithm;
    }

    #[inline]
    pub(crate) fn device(&self) -> Option<InterfaceIndex> {
        self.device.index()
    }

    pub(crate) const fn source_preference(&self) -> Option<SourcePreference> {
        if self.flags.contains(Flags::PREFER_PUBLIC) {
            Some(SourcePreference::Public)
        } else if self.flags.contains(Flags::PREFER_TEMPORARY) {
            Some(SourcePreference::Temporary)
        } else {
            None
        }
    }

    pub(crate) const fn send_buffer(&self) -> Option<u32> {
        some(self.send_buffer)
    }

    pub(crate) const fn maximum_segment(&self) -> Option<u16> {
        if self.maximum_segment == 0 { None } else { Some(self.maximum_segment) }
    }

    pub(crate) const fn receive_low_water(&self) -> u32 {
        self.receive_low_water
    }

    pub(crate) const fn no_delay(&self) -> bool {
        self.flags.contains(Flags::NO_DELAY)
    }

    pub(crate) const fn cork(&self) -> bool {
        self.flags.contains(Flags::CORK)
    }

    pub(crate) const fn quick_ack(&self) -> bool {
        self.flags.contains(Flags::QUICK_ACK)
    }

    pub(crate) const fn keep_alive(&self) -> bool {
        self.flags.contains(Flags::KEEP_ALIVE)
    }

    pub(crate) const fn keep_idle(&self) -> Duration {
        Duration::from_secs(self.keep_idle as u64)
    }

    pub(crate) const fn keep_interval(&self) -> Duration {
        Duration::from_secs(self.keep_interval as u64)
    }

    pub(crate) const fn keep_count(&self) -> u8 {
        self.keep_count
    }

    pub(crate) fn user_timeout(&self) -> Option<Duration> {
        some(self.user_timeout).map(|millis| Duration::from_millis(millis.into()))
    }

    pub(crate) const fn syn_retries(&self) -> Option<u8> {
        if self.syn_retries == 0 { None } else { Some(self.syn_retries) }
    }

    pub(crate) const fn receive_errors(&self) -> bool {
        self.flags.contains(Flags::RECEIVE_ERRORS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_comes_back() {
        let mut options = TcpSocketOptions::default();
        assert_eq!(PackedOptions::pack(&options).unpack(), options);
        let changes: [fn(&mut TcpSocketOptions); 26] = [
            |set| set.reuse_address = true,
            |set| set.reuse_port = true,
            |set| set.device = Some(InterfaceIndex::LOOPBACK),
            |set| set.only_v6 = true,
            |set| set.unicast_hops = Some(HopLimit(0)),
            |set| set.traffic_class = TrafficClass(9),
            |set| set.receive_buffer = Some(100_000),
            |set| set.send_buffer = Some(200_000),
            |set| set.no_delay = true,
            |set| set.cork = true,
            |set| set.quick_ack = true,
            |set| set.keep_alive = true,
            |set| set.keep_idle = Duration::from_secs(32_767),
            |set| set.keep_interval = Duration::from_secs(1),
            |set| set.keep_count = 127,
            |set| set.user_timeout = Some(Duration::from_millis(1234)),
            |set| set.syn_retries = Some(3),
            |set| set.maximum_segment = Some(1000),
            |set| set.congestion = CongestionAlgorithm::NewReno,
            |set| set.receive_low_water = 77,
            |set| set.receive_errors = true,
            |set| set.path_mtu_discovery = PathMtuDiscovery::Omit,
            |set| set.unicast_interface = Some(InterfaceIndex::from_slot(3)),
            |set| set.auto_flow_label = false,
            |set| set.source_preference = Some(SourcePreference::Public),
            |set| set.source_preference = Some(SourcePreference::Temporary),
        ];
        for change in changes {
            let before = options;
            change(&mut options);
            assert_ne!(options, before);
            assert_eq!(PackedOptions::pack(&options).unpack(), options);
        }
    }
}
