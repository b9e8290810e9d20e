//! Multicast Listener Discovery messages in and out (RFC 3810, Section 5; RFC 2710), and joining
//! and leaving groups on an interface. The state is in `mld`.

use crate::address::{ALL_NODES, ALL_ROUTERS, MLDV2_ROUTERS};
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::{DropReason, TableFull};
use crate::interface::InterfaceIndex;
use crate::ipv6_input::Received;
use crate::ipv6_output::{Outgoing, Urgency};
use crate::mld::{Due, RECORDS, RecordKind};
use crate::mld_source::{FilterMode, SourceList};
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::address_list::AddressList;
use crate::wire::ethernet::multicast_mac;
use crate::wire::extension::OptionsHeader;
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ipv6::{FlowLabel, HopLimit, NextHeader, TrafficClass};
use crate::wire::mld::{MulticastListenerQuery, MulticastRecord, MulticastRecords, RecordType};
use crate::wire::option::{HeaderOption, Options};
use core::net::Ipv6Addr;
use heapless::Vec;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// One more user of a group on an interface, whose joining is reported at once; false when
    /// there is no room.
    pub(crate) fn join_interface_group(
        &mut self,
        index: InterfaceIndex,
        group: Ipv6Addr,
        now: Instant,
    ) -> bool {
        let joined = self.join_interface_group_at(index, group, now);
        self.poll_listener(index, now);
        joined
    }

    /// The same, reported at `report_at`.
    pub(crate) fn join_interface_group_at(
        &mut self,
        index: InterfaceIndex,
        group: Ipv6Addr,
        report_at: Instant,
    ) -> bool {
        let Some(interface) = self.interface_mut(index) else { return false };
        let joined = interface.listener.join(group, report_at).is_ok();
        if !joined {
            self.counters.tables.count(TableFull::Groups);
        }
        joined
    }

    /// One user less.
    pub(crate) fn leave_interface_group(
        &mut self,
        index: InterfaceIndex,
        group: Ipv6Addr,
        now: Instant,
    ) {
        if let Some(interface) = self.interface_mut(index) {
            interface.listener.leave(group, now);
        }
        self.poll_listener(index, now);
    }

    /// What the sockets that do not want all sources of a group want, merged; `users` more (or
    /// fewer) want them all. False when there is no room for the group.
    pub(crate) fn filter_interface_group(
        &mut self,
        index: InterfaceIndex,
        group: Ipv6Addr,
        users: i16,
        wanted: Option<(FilterMode, &[Ipv6Addr])>,
        now: Instant,
    ) -> bool {
        let Some(interface) = self.interface_mut(index) else { return false };
        let result = interface.listener.filter(group, users, wanted, now);
        match result {
            Ok(true) => {}
            Ok(false) => self.counters.tables.count(TableFull::GroupSources),
            Err(_) => self.counters.tables.count(TableFull::Groups),
        }
        self.poll_listener(index, now);
        result.is_ok()
    }

    pub(crate) fn mld_input(
        &mut self,
        received: &Received,
        message: &Icmpv6Message<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        let index = received.interface;
        // RFC 3810, Sections 5.1.14, 5.2.13 and 6.2: from a link-local address, hop limit 1,
        // Router Alert.
        let proper = received.hop_limit == HopLimit::ONE && received.router_alert;
        match message {
            Icmpv6Message::MulticastListenerQuery(query) => {
                if !proper || !received.source.is_unicast_link_local() {
                    return Err(DropReason::MldInvalid);
                }
                self.query_input(index, query, now)
            }
            Icmpv6Message::MulticastListenerReport(group) => {
                if !proper {
                    return Err(DropReason::MldInvalid);
                }
                let interface = self.interface_mut(index).ok_or(DropReason::InterfaceDown)?;
                interface.listener.on_version1_report(*group, now);
                Ok(())
            }
            _ => Err(DropReason::MldNotForHosts),
        }
    }

    fn query_input(
        &mut self,
        index: InterfaceIndex,
        query: &MulticastListenerQuery<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        let Some(interface) = self.interfaces.get_mut(index) else {
            return Err(DropReason::InterfaceDown);
        };
        let listener = &mut interface.listener;
        match query.v2 {
            Some(v2) => listener.adopt(v2.robustness, v2.interval()),
            None => listener.on_version1_query(now),
        }
        let max_delay = query.maximum_response_delay();
        if query.group.is_unspecified() {
            listener.on_general_query(max_delay, now, &mut self.random);
        } else if query.group.is_multicast() {
            match query.v2.map(|v2| v2.sources).filter(|sources| !sources.is_empty()) {
                Some(sources) => {
                    let (group, sources) = (query.group, sources.iter());
                    listener.on_sources_query(group, sources, max_delay, now, &mut self.random);
                }
                None => listener.on_group_query(query.group, max_delay, now, &mut self.random),
            }
        } else {
            return Err(DropReason::MldInvalid);
        }
        Ok(())
    }

    /// Sends the reports that are due.
    pub(crate) fn poll_listener(&mut self, index: InterfaceIndex, now: Instant) {
        loop {
            let Some(interface) = self.interfaces.get_mut(index) else {
                return;
            };
            let Some(due) = interface.listener.poll(now, &mut self.random) else { return };
            if interface.is_loopback() || !interface.is_running() {
                continue;
            }
            match due {
                Due::Report(records) => self.send_report(index, &records),
                Due::Sources(group, records) => {
                    self.send_sources_report(index, group, &records);
                }
                Due::ReportV1(group) => {
                    let message = Icmpv6Message::MulticastListenerReport(group);
                    self.send_mld(index, group, &message);
                }
                Due::DoneV1(group) => {
                    let message = Icmpv6Message::MulticastListenerDone(group);
                    self.send_mld(index, ALL_ROUTERS, &message);
                }
            }
        }
    }

    fn send_report(&mut self, index: InterfaceIndex, records: &[(RecordKind, Ipv6Addr)]) {
        let records: Vec<MulticastRecord<'_>, RECORDS> = records
            .iter()
            .map(|&(kind, group)| MulticastRecord {
                kind: kind.into(),
                group,
                sources: AddressList::EMPTY,
            })
            .collect();
        let message = Icmpv6Message::MulticastListenerReportV2(MulticastRecords::new(&records));
        self.send_mld(index, MLDV2_ROUTERS, &message);
    }

    fn send_sources_report(
        &mut self,
        index: InterfaceIndex,
        group: Ipv6Addr,
        records: &[(RecordKind, SourceList)],
    ) {
        let records: Vec<MulticastRecord<'_>, 2> = records
            .iter()
            .map(|(kind, sources)| MulticastRecord {
                kind: (*kind).into(),
                group,
                sources: AddressList::new(sources),
            })
            .collect();
        let message = Icmpv6Message::MulticastListenerReportV2(MulticastRecords::new(&records));
        self.send_mld(index, MLDV2_ROUTERS, &message);
    }

    /// Sends an MLD message: hop limit 1, Router Alert, from a link-local address or, before
    /// there is one, from `::` (RFC 3810, Section 5; RFC 3590).
    fn send_mld(
        &mut self,
        index: InterfaceIndex,
        destination: Ipv6Addr,
        message: &Icmpv6Message<'_>,
    ) {
        let source = self
            .interface(index)
            .and_then(|interface| interface.addresses.link_local())
            .unwrap_or(Ipv6Addr::UNSPECIFIED);
        let options = OptionsHeader {
            next_header: NextHeader::ICMPV6,
            options: Options::new(&[HeaderOption::ROUTER_ALERT_MLD]),
        };
        let mut packet = self.pool.allocate(PAYLOAD_OFFSET);
        let Some(room) = packet.as_mut().and_then(|packet| packet.append(message.len())) else {
            return self.count_drop(Some(index), DropReason::NoBuffer);
        };
        message.emit(source, destination, room);
        let Some(room) = packet.as_mut().and_then(|packet| packet.prepend(options.len())) else {
            return self.count_drop(Some(index), DropReason::NoBuffer);
        };
        options.emit(room);
        self.count_icmpv6_out(index, message.kind().0);
        let outgoing = Outgoing {
            source,
            destination,
            next_header: NextHeader::HOP_BY_HOP,
            hop_limit: HopLimit::ONE,
            traffic_class: TrafficClass::default(),
            flow_label: FlowLabel::NONE,
            urgency: Urgency::Control,
            multicast_loop: false,
        };
        if let Some(packet) = packet.and_then(|packet| self.put_header(&outgoing, index, packet)) {
            self.transmit_frame(index, multicast_mac(destination), packet, Urgency::Control);
        }
    }

    /// Listens to what every interface listens to (RFC 4291, Section 2.8).
    pub(crate) fn join_permanent_groups(&mut self, index: InterfaceIndex, now: Instant) {
        for group in [crate::address::ALL_NODES_OF_INTERFACE, ALL_NODES] {
            self.join_interface_group_at(index, group, now);
        }
    }
}

impl From<RecordKind> for RecordType {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::ModeIsInclude => Self::ModeIsInclude,
            RecordKind::ModeIsExclude => Self::ModeIsExclude,
            RecordKind::ChangeToExclude => Self::ChangeToExclude,
            RecordKind::ChangeToInclude => Self::ChangeToInclude,
            RecordKind::AllowNewSources => Self::AllowNewSources,
            RecordKind::BlockOldSources => Self::BlockOldSources,
        }
    }
}

#[cfg(test)]
#[path = "mld_message_tests.rs"]
mod tests;
#[cfg(test)]
pub(crate) use tests::packet as test_packet;
