//! Virtual LANs (IEEE 802.1Q): adding them, and how they follow the interface below.

use crate::buffer::BufferPool;
use crate::counters::TableFull;
use crate::interface::{Interface, InterfaceError, InterfaceIndex};
use crate::limits;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::vlan::Vlan;
use heapless::Vec;

/// What the user says about a new VLAN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VlanConfig<'a> {
    /// Its name, like any interface's.
    pub name: &'a str,
    /// Which VLAN, on which interface's cable.
    pub vlan: Vlan,
    /// The longest IPv6 packet that it carries, in octets; as long as the interface below, if it is
    /// not said.
    pub mtu: Option<u16>,
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Adds the interface of a VLAN: it is down, and has address and carrier of the interface
    /// below, with which it goes.
    pub fn add_vlan(&mut self, config: &VlanConfig<'_>) -> Result<InterfaceIndex, InterfaceError> {
        let &VlanConfig { name, vlan, mtu } = config;
        let parent = self.interface(vlan.parent).ok_or(InterfaceError::NotFound)?;
        if parent.is_loopback() || parent.vlan.is_some() {
            return Err(InterfaceError::NoVlans);
        }
        let (kind, link, limit) = (parent.kind, parent.link, parent.device_mtu);
        if self.interfaces.find_vlan(vlan.parent, vlan.id).is_some() {
            return Err(InterfaceError::VlanTaken);
        }
        let mtu = mtu.unwrap_or(limit);
        if mtu > limit {
            return Err(InterfaceError::MtuBeyondParent);
        }
        if self.interfaces.iter().filter(|found| found.vlan.is_some()).count() >= limits::VLANS {
            self.counters.tables.count(TableFull::Vlans);
            return Err(InterfaceError::TooManyVlans);
        }
        self.new_interface(name, (kind, Some(vlan)), mtu, link)
    }

    /// The VLANs on the cable of an interface.
    pub fn vlans(&self, parent: InterfaceIndex) -> Vec<InterfaceIndex, { limits::VLANS }> {
        self.interfaces.vlans(parent).map(Interface::index).collect()
    }

    /// An interface went up or is about to go down: its VLANs go with it.
    pub(super) fn set_vlans_up(
        &mut self,
        parent: InterfaceIndex,
        up: bool,
        now: Instant,
    ) -> Result<(), InterfaceError> {
        for index in self.vlans(parent) {
            self.set_admin_up(index, up, now)?;
        }
        Ok(())
    }

    /// The MTU of an interface is this from now on: no VLAN on it has more.
    pub(super) fn limit_vlan_mtu(&mut self, parent: InterfaceIndex, mtu: u16, now: Instant) {
        for index in self.vlans(parent) {
            if self.interface(index).is_some_and(|vlan| vlan.device_mtu > mtu) {
                // It can only fail when the interface is not there.
                let _ = self.set_mtu(index, mtu, now);
            }
        }
    }
}
