//! The sources that an interface listens to, or does not, group by group (RFC 3810, Section 4.2),
//! and what of them is still to be reported. One table serves all groups of an interface.

use crate::limits;
use core::net::Ipv6Addr;
use heapless::Vec;

/// How a list of sources is meant (RFC 3810, Section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilterMode {
    /// Packets from these sources only.
    Include,
    /// Packets from all but these.
    Exclude,
}

/// Sources of one group, as many as an interface can have of all.
pub(crate) type SourceList = Vec<Ipv6Addr, { limits::LISTENER_SOURCES }>;

#[derive(Clone, Copy, Debug)]
struct Source {
    group: Ipv6Addr,
    address: Ipv6Addr,
    /// The sockets' filters, merged, have it.
    wanted: bool,
    /// The interface's state has it: as wanted, unless somebody wants all sources.
    listed: bool,
    /// Reports about its coming or going that are still to be sent.
    left: u8,
    /// A query asked about it.
    asked: bool,
}

/// The table of an interface.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Vec<Source, { limits::LISTENER_SOURCES }>);

impl Sources {
    fn of(&self, group: Ipv6Addr) -> impl Iterator<Item = &Source> {
        self.0.iter().filter(move |source| source.group == group)
    }

    fn of_mut(&mut self, group: Ipv6Addr) -> impl Iterator<Item = &mut Source> {
        self.0.iter_mut().filter(move |source| source.group == group)
    }

    /// The entry of a source, made if need be; none when the table is full.
    fn entry(&mut self, group: Ipv6Addr, address: Ipv6Addr) -> Option<&mut Source> {
        let same = |source: &Source| source.group == group && source.address == address;
        let position = self.0.iter().position(same).or_else(|| {
            let new =
                Source { group, address, wanted: false, listed: false, left: 0, asked: false };
            self.0.push(new).ok().map(|()| self.0.len() - 1)
        })?;
        self.0.get_mut(position)
    }

    /// What the sockets want of a group from now on; false when there is no room for it.
    pub(crate) fn want(&mut self, group: Ipv6Addr, sources: &[Ipv6Addr]) -> bool {
        self.of_mut(group).for_each(|source| source.wanted = false);
        let fits = sources.iter().all(|&address| {
            self.entry(group, address).map(|source| source.wanted = true).is_some()
        });
        if !fits {
            self.of_mut(group).for_each(|source| source.wanted = false);
        }
        fits
    }

    /// Makes the interface's list what is wanted, or empty when somebody wants `all` sources.
    /// Each source that comes or goes is to be reported `reports` times. Whether one does.
    pub(crate) fn settle(&mut self, group: Ipv6Addr, all: bool, reports: u8) -> bool {
        let mut changed = false;
        for source in self.of_mut(group) {
            let listed = source.wanted && !all;
            if source.listed != listed {
                source.listed = listed;
                source.left = reports;
                changed = true;
            }
        }
        changed
    }

    /// Every listed source is to be reported `reports` times, and nothing else.
    pub(crate) fn report_all(&mut self, group: Ipv6Addr, reports: u8) {
        self.of_mut(group).for_each(|source| source.left = if source.listed { reports } else { 0 });
        self.sweep();
    }

    /// The list of the interface.
    pub(crate) fn listed(&self, group: Ipv6Addr) -> SourceList {
        self.of(group).filter(|source| source.listed).map(|source| source.address).collect()
    }

    /// Whether the list of the interface is empty.
    pub(crate) fn is_empty(&self, group: Ipv6Addr) -> bool {
        !self.of(group).any(|source| source.listed)
    }

    /// The sources that came into the list, or left it, as far as that is to be reported once
    /// more: it counts as reported.
    pub(crate) fn take_changes(&mut self, group: Ipv6Addr) -> (SourceList, SourceList) {
        let (mut came, mut went) = (SourceList::new(), SourceList::new());
        for source in self.of_mut(group).filter(|source| source.left > 0) {
            source.left -= 1;
            let list = if source.listed { &mut came } else { &mut went };
            let _fits = list.push(source.address);
        }
        self.sweep();
        (came, went)
    }

    /// Whether changes are still to be reported.
    pub(crate) fn has_changes(&self, group: Ipv6Addr) -> bool {
        self.of(group).any(|source| source.left > 0)
    }

    /// A query asks about these sources; false when there is no room to remember them.
    pub(crate) fn ask(
        &mut self,
        group: Ipv6Addr,
        mut sources: impl Iterator<Item = Ipv6Addr>,
    ) -> bool {
        sources
            .all(|address| self.entry(group, address).map(|source| source.asked = true).is_some())
    }

    /// Of the sources that were asked about, those that packets are wanted from (RFC 3810, Section
    /// 6.3). They are forgotten.
    pub(crate) fn take_asked(&mut self, group: Ipv6Addr, mode: FilterMode) -> SourceList {
        let mut wanted = SourceList::new();
        for source in self.of_mut(group).filter(|source| source.asked) {
            source.asked = false;
            if source.listed == (mode == FilterMode::Include) {
                let _fits = wanted.push(source.address);
            }
        }
        self.sweep();
        wanted
    }

    /// Forgets what was asked.
    pub(crate) fn forget_asked(&mut self, group: Ipv6Addr) {
        self.of_mut(group).for_each(|source| source.asked = false);
        self.sweep();
    }

    /// Nothing is to be reported any more.
    pub(crate) fn forget_reports(&mut self) {
        for source in &mut self.0 {
            (source.left, source.asked) = (0, false);
        }
        self.sweep();
    }

    /// Removes what nobody needs.
    fn sweep(&mut self) {
        self.0.retain(|source| source.wanted || source.listed || source.left > 0 || source.asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff35, 0, 0, 0, 0, 0, 0, 1);

    fn source(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
    }

    #[test]
    fn what_comes_and_goes_is_told_as_often_as_it_should() {
        let mut sources = Sources::default();
        assert!(sources.want(GROUP, &[source(1), source(2)]));
        assert!(sources.settle(GROUP, false, 2));
        assert!(!sources.settle(GROUP, false, 2));
        assert_eq!(sources.take_changes(GROUP).0, [source(1), source(2)]);
        assert!(sources.want(GROUP, &[source(2), source(3)]));
        assert!(sources.settle(GROUP, false, 2));
        let (came, went) = sources.take_changes(GROUP);
        assert_eq!((&came[..], &went[..]), (&[source(2), source(3)][..], &[source(1)][..]));
        let (came, went) = sources.take_changes(GROUP);
        assert_eq!((&came[..], &went[..]), (&[source(3)][..], &[source(1)][..]));
        assert!(!sources.has_changes(GROUP));
        assert_eq!(sources.0.len(), 2, "what went is forgotten once it is told");
    }

    #[test]
    fn a_full_table_refuses() {
        let mut sources = Sources::default();
        let many: std::vec::Vec<_> = (0..=limits::LISTENER_SOURCES as u16).map(source).collect();
        assert!(!sources.want(GROUP, &many));
        sources.settle(GROUP, false, 2);
        assert!(sources.is_empty(GROUP));
        sources.sweep();
        assert!(sources.want(GROUP, &many[1..]));
    }

    #[test]
    fn answers_are_what_is_wanted_of_what_was_asked() {
        for (mode, expected) in [(FilterMode::Include, source(1)), (FilterMode::Exclude, source(2))]
        {
            let mut sources = Sources::default();
            assert!(sources.want(GROUP, &[source(1), source(3)]));
            sources.settle(GROUP, false, 0);
            assert!(sources.ask(GROUP, [source(1), source(2)].into_iter()));
            assert_eq!(sources.take_asked(GROUP, mode), [expected]);
            assert!(sources.take_asked(GROUP, mode).is_empty());
            assert_eq!(sources.0.len(), 2);
        }
    }
}
