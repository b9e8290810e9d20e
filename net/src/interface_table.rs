//! The interfaces of the node, and when the first of them wants something.

use crate::counters::InterfaceCounters;
use crate::interface::{Interface, InterfaceIndex};
use crate::limits;
use crate::netif::MacAddress;
use crate::time::Instant;
use crate::vlan::Vlan;
use crate::wire::vlan::VlanId;
use core::cell::Cell;
use heapless::{Deque, Vec};

/// Frames that wait for an interface's driver.
pub(crate) type TransmitQueue<B> = Deque<B, { limits::TRANSMIT_QUEUE }>;

/// An interface as a packet sees it that leaves: of all that it is, only its queue and its counters
/// change.
pub(crate) struct Traffic<'a, B> {
    pub(crate) index: InterfaceIndex,
    pub(crate) mac: Option<MacAddress>,
    pub(crate) admin_up: bool,
    pub(crate) carrier: bool,
    /// IPv6 does not run on it although it is up.
    pub(crate) disabled: bool,
    /// It is this VLAN, and frames leave with its tag.
    pub(crate) vlan: Option<VlanId>,
    /// Frames for the driver, which may be another interface's.
    pub(crate) transmit: &'a mut TransmitQueue<B>,
    pub(crate) counters: &'a mut InterfaceCounters,
}

/// An interface as nearly all packets leave by it: it runs, has room in its queue and puts nothing
/// into a frame but an Ethernet header. So it is not a VLAN, whose frames need a tag.
pub(crate) struct Cable<'a, B> {
    pub(crate) index: InterfaceIndex,
    pub(crate) mac: MacAddress,
    pub(crate) transmit: &'a mut TransmitQueue<B>,
    pub(crate) counters: &'a mut InterfaceCounters,
}

/// An interface as a received frame sees it: all that it changes are the counters.
pub(crate) struct Reception<'a> {
    /// Its address, while it is up and frames are its business.
    pub(crate) mac: Option<MacAddress>,
    pub(crate) device_mtu: u16,
    /// IPv6 does not run on it although it is up.
    pub(crate) disabled: bool,
    pub(crate) counters: &'a mut InterfaceCounters,
}

impl<B> Traffic<'_, B> {
    /// Whether IPv6 packets can pass.
    #[inline]
    pub(crate) const fn is_running(&self) -> bool {
        self.admin_up && self.carrier && !self.disabled
    }
}

/// The interfaces, by number.
///
/// Finding the first deadline means to look at every address and group, and it is wanted after
/// every packet; so it is remembered, of each interface, until somebody could have moved it.
/// Whoever gets a mutable interface could; the ways for packets, [`Self::counters`] and
/// [`Self::traffic`], cannot.
pub(crate) struct InterfaceTable<B> {
    interfaces: Vec<Option<Interface<B>>, { limits::INTERFACES }>,
    /// The first deadline, if it is known.
    deadline: Cell<Option<Instant>>,
    /// That of each interface likewise.
    deadlines: [Cell<Option<Instant>>; limits::INTERFACES],
    /// How often somebody could have changed anything.
    changes: u32,
}

impl<B> InterfaceTable<B> {
    pub(crate) const fn new() -> Self {
        Self {
            interfaces: Vec::new(),
            deadline: Cell::new(None),
            deadlines: [const { Cell::new(None) }; limits::INTERFACES],
            changes: 0,
        }
    }

    /// Something changed that packets see.
    pub(crate) fn touch(&mut self, index: InterfaceIndex) {
        self.forget_deadline(index);
        self.changes = self.changes.wrapping_add(1);
    }

    fn forget_deadline(&self, index: InterfaceIndex) {
        self.deadline.set(None);
        if let Some(known) = self.deadlines.get(index.slot()) {
            known.set(None);
        }
    }

    /// Another number whenever addresses or states could have changed.
    pub(crate) const fn changes(&self) -> u32 {
        self.changes
    }

    /// One number more than the highest that was ever in use.
    pub(crate) fn len(&self) -> usize {
        self.interfaces.len()
    }

    /// All there are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Interface<B>> {
        self.interfaces.iter().flatten()
    }

    #[inline]
    pub(crate) fn get(&self, index: InterfaceIndex) -> Option<&Interface<B>> {
        self.interfaces.get(index.slot())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: InterfaceIndex) -> Option<&mut Interface<B>> {
        self.touch(index);
        self.interfaces.get_mut(index.slot())?.as_mut()
    }

    /// An interface of which only lifetimes are to be changed: what was remembered about packets
    /// stays true.
    pub(crate) fn get_to_renew(&mut self, index: InterfaceIndex) -> Option<&mut Interface<B>> {
        self.forget_deadline(index);
        self.interfaces.get_mut(index.slot())?.as_mut()
    }

    /// What an interface counts.
    #[inline]
    pub(crate) fn counters(&mut self, index: InterfaceIndex) -> Option<&mut InterfaceCounters> {
        self.interfaces.get_mut(index.slot())?.as_mut().map(|interface| &mut interface.counters)
    }

    /// What a received frame meets at an interface.
    #[inline]
    pub(crate) fn reception(&mut self, index: InterfaceIndex) -> Option<Reception<'_>> {
        let interface = self.interfaces.get_mut(index.slot())?.as_mut()?;
        Some(Reception {
            mac: interface.mac().filter(|_| interface.admin_up),
            device_mtu: interface.device_mtu,
            disabled: interface.ipv6_disabled().is_some(),
            counters: &mut interface.counters,
        })
    }

    /// What a packet meets at an interface that it leaves by.
    #[inline]
    pub(crate) fn traffic(&mut self, index: InterfaceIndex) -> Option<Traffic<'_, B>> {
        let slot = index.slot();
        let vlan = self.interfaces.get(slot)?.as_ref()?.vlan;
        let (interface, below) = match vlan {
            None => (self.interfaces.get_mut(slot)?.as_mut()?, None),
            Some(vlan) => {
                let both = self.interfaces.get_disjoint_mut([slot, vlan.parent.slot()]);
                let [interface, parent] = both.ok()?;
                (interface.as_mut()?, Some(&mut parent.as_mut()?.transmit))
            }
        };
        Some(Traffic {
            index,
            mac: interface.mac(),
            admin_up: interface.admin_up,
            carrier: interface.has_carrier(),
            disabled: interface.ipv6_disabled().is_some(),
            vlan: vlan.map(|vlan| vlan.id),
            transmit: below.unwrap_or(&mut interface.transmit),
            counters: &mut interface.counters,
        })
    }

    /// The cable of an interface that is open, and has fewer than `limit` frames in its queue.
    #[inline]
    pub(crate) fn cable(&mut self, index: InterfaceIndex, limit: usize) -> Option<Cable<'_, B>> {
        let interface = self.interfaces.get_mut(index.slot())?.as_mut()?;
        let open =
            interface.is_running() && interface.vlan.is_none() && interface.transmit.len() < limit;
        Some(Cable {
            index,
            mac: interface.mac().filter(|_| open)?,
            transmit: &mut interface.transmit,
            counters: &mut interface.counters,
        })
    }

    /// The frames for an interface's driver, and what it counts. A VLAN has no driver.
    #[inline]
    pub(crate) fn driver_queue(
        &mut self,
        index: InterfaceIndex,
    ) -> Option<(&mut TransmitQueue<B>, &mut InterfaceCounters)> {
        let interface = self.interfaces.get_mut(index.slot())?.as_mut()?;
        Some((&mut interface.transmit, &mut interface.counters))
    }

    /// How many frames wait where an interface's go.
    #[inline]
    pub(crate) fn queued(&self, index: InterfaceIndex) -> Option<usize> {
        let interface = self.get(index)?;
        let carrier = match interface.vlan {
            None => interface,
            Some(vlan) => self.get(vlan.parent)?,
        };
        Some(carrier.transmit.len())
    }

    /// The VLANs on the cable of an interface.
    pub(crate) fn vlans(&self, parent: InterfaceIndex) -> impl Iterator<Item = &Interface<B>> {
        self.iter().filter(move |found| found.vlan.is_some_and(|vlan| vlan.parent == parent))
    }

    /// The interface of a VLAN on the cable of another.
    pub(crate) fn find_vlan(&self, parent: InterfaceIndex, id: VlanId) -> Option<InterfaceIndex> {
        let wanted = Some(Vlan { parent, id });
        self.iter().find(|found| found.vlan == wanted).map(Interface::index)
    }

    /// The lowest number that is free; `None` when there is no room.
    pub(crate) fn vacant(&mut self) -> Option<InterfaceIndex> {
        let slot = self.interfaces.iter().position(Option::is_none).or_else(|| {
            self.interfaces.push(None).ok()?;
            Some(self.interfaces.len() - 1)
        });
        slot.map(InterfaceIndex::from_slot)
    }

    /// Puts an interface where its number says.
    pub(crate) fn insert(&mut self, interface: Interface<B>) {
        self.touch(interface.index);
        if let Some(place) = self.interfaces.get_mut(interface.index.slot()) {
            *place = Some(interface);
        }
    }

    pub(crate) fn remove(&mut self, index: InterfaceIndex) -> Option<Interface<B>> {
        self.touch(index);
        self.interfaces.get_mut(index.slot())?.take()
    }

    /// When the first of them is due.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Instant {
        self.deadline.get().unwrap_or_else(|| self.find_deadline())
    }

    fn find_deadline(&self) -> Instant {
        let mut first = Instant::FAR_FUTURE;
        for (interface, known) in self.interfaces.iter().zip(&self.deadlines) {
            let Some(interface) = interface else { continue };
            let deadline = known.get().unwrap_or_else(|| interface.next_deadline());
            known.set(Some(deadline));
            first = first.min(deadline);
        }
        self.deadline.set(Some(first));
        first
    }
}

impl<B> Interface<B> {
    /// When one of its state machines is due.
    fn next_deadline(&self) -> Instant {
        self.addresses
            .next_deadline()
            .min(self.listener.next_deadline())
            .min(self.solicitation.deadline())
            .min(self.redraw_reachable_time)
            .min(self.router_prefixes.next_deadline())
    }
}
