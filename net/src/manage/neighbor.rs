//! Neighbors that the user sees, sets and removes.

use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::DropReason;
use crate::event::Event;
use crate::interface::{Interface, InterfaceIndex};
use crate::neighbor::{NeighborError, NeighborInfo};
use crate::netif::MacAddress;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use core::net::Ipv6Addr;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The neighbor cache.
    pub fn neighbors(&self) -> impl Iterator<Item = NeighborInfo> + '_ {
        self.neighbors.iter()
    }

    /// Sets a neighbor's link-layer address: permanently, or as something heard of (STALE).
    /// Unless `replace`, it must not be there yet.
    pub fn set_neighbor(
        &mut self,
        index: InterfaceIndex,
        address: Ipv6Addr,
        mac: MacAddress,
        permanent: bool,
        replace: bool,
        now: Instant,
    ) -> Result<(), NeighborError> {
        let has_stations =
            self.interface(index).and_then(Interface::mac).ok_or(NeighborError::NoInterface)?;
        if !address.is_assignable() || address.is_loopback() || !mac.is_station() {
            return Err(NeighborError::BadAddress);
        }
        if self.is_own_address(address, Some(index)) || mac == has_stations {
            return Err(NeighborError::BadAddress);
        }
        let key = (index, address);
        if !replace && self.neighbors.get(key).is_some() {
            return Err(NeighborError::Exists);
        }
        let outcome = self.neighbors.set(key, mac, permanent, now)?;
        self.apply(key, outcome, now);
        Ok(())
    }

    /// Removes a neighbor; what waits for it is dropped.
    pub fn remove_neighbor(
        &mut self,
        index: InterfaceIndex,
        address: Ipv6Addr,
    ) -> Result<(), NeighborError> {
        self.interface(index).ok_or(NeighborError::NoInterface)?;
        if self.neighbors.get((index, address)).is_none() {
            return Err(NeighborError::NotFound);
        }
        self.remove_neighbors(index, |info| info.address == address);
        Ok(())
    }

    /// Removes the neighbors of an interface for which `which` holds.
    pub fn remove_neighbors(
        &mut self,
        index: InterfaceIndex,
        which: impl Fn(&NeighborInfo) -> bool,
    ) {
        while let Some((info, queue)) =
            self.neighbors.remove_one(|info| info.interface == index && which(info))
        {
            self.drop_queue(index, queue, DropReason::NeighborRemoved);
            self.emit(Event::NeighborRemoved(info));
        }
    }
}
