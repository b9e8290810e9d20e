//! Multicast Listener Discovery, the listener's part: version 2 (RFC 3810, RFC 9777) with
//! fallback to version 1 (RFC 2710) while a version 1 querier is about.
//!
//! This is the state of one interface: which groups it listens to, from which sources, and which
//! reports are due. Messages are checked and built in `mld_message`, the sources are in
//! `mld_source`.

use crate::address::{ALL_NODES, AddressExt, Scope};
use crate::limits;
use crate::mld_source::{FilterMode, SourceList, Sources};
use crate::random::Random;
use crate::time::{Duration, Instant};
use core::net::Ipv6Addr;
use heapless::Vec;

/// Robustness Variable (RFC 3810, Section 9.1).
const ROBUSTNESS: u8 = 2;
/// Unsolicited Report Interval (RFC 3810, Section 9.11).
const UNSOLICITED_REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Unsolicited Report Interval of version 1 (RFC 2710, Section 7.10).
const UNSOLICITED_REPORT_INTERVAL_V1: Duration = Duration::from_secs(10);
/// Query Interval (RFC 3810, Section 9.2).
const QUERY_INTERVAL: Duration = Duration::from_secs(125);
/// Query Response Interval (RFC 3810, Section 9.3).
const QUERY_RESPONSE_INTERVAL: Duration = Duration::from_secs(10);

/// Records of one report: 60 of 20 octets each fit the smallest MTU.
pub(crate) const RECORDS: usize = 60;

/// What a report says about a group (RFC 3810, Section 5.2.12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RecordKind {
    /// Answer to a query: listening to these sources.
    ModeIsInclude,
    /// Answer to a query: listening to all sources but these.
    ModeIsExclude,
    /// Listening to all sources but these from now on.
    ChangeToExclude,
    /// Listening to these sources only from now on; without any, not listening any more.
    ChangeToInclude,
    /// Listening to these sources, too.
    AllowNewSources,
    /// Not listening to these sources any more.
    BlockOldSources,
}

/// A message that is due.
#[expect(clippy::large_enum_variant, reason = "lives for one call; there is no heap to put it on")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// A version 2 report about groups, without sources.
    Report(Vec<(RecordKind, Ipv6Addr), RECORDS>),
    /// A version 2 report about sources of one group.
    Sources(Ipv6Addr, Vec<(RecordKind, SourceList), 2>),
    /// A version 1 report about a group.
    ReportV1(Ipv6Addr),
    /// A version 1 done message about a group.
    DoneV1(Ipv6Addr),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Group {
    address: Ipv6Addr,
    /// Addresses and sockets that want all that is sent to it.
    users: u16,
    /// What the others want, merged: the mode, with sources in the table; none if nobody is left.
    /// Without users and this, the departure is still being reported.
    filtered: Option<FilterMode>,
    /// The interface's mode (RFC 3810, Section 4.2).
    mode: FilterMode,
    /// Reports of a change of mode still to be sent.
    mode_reports: u8,
    /// Reports of any change still to be sent, and when the next one is due.
    change: Option<(u8, Instant)>,
    /// When to answer a query.
    response: Option<Instant>,
    /// That query was about some sources, not the group.
    asked_sources: bool,
    /// We were the last to report it: in version 1, say when leaving (RFC 2710, Section 4).
    last_reporter: bool,
}

impl Group {
    const fn new(address: Ipv6Addr) -> Self {
        Self {
            address,
            users: 0,
            filtered: None,
            mode: FilterMode::Include,
            mode_reports: 0,
            change: None,
            response: None,
            asked_sources: false,
            last_reporter: false,
        }
    }

    fn is_change_due(&self, now: Instant) -> bool {
        self.change.is_some_and(|(_, due)| due <= now)
    }

    /// The record of a change of mode.
    const fn mode_change(&self) -> RecordKind {
        match self.mode {
            FilterMode::Exclude => RecordKind::ChangeToExclude,
            FilterMode::Include => RecordKind::ChangeToInclude,
        }
    }

    /// One report of a change has been sent: the next one, if any.
    fn on_change_reported(&mut self, sources: &Sources, now: Instant, random: &mut impl Random) {
        self.mode_reports = self.mode_reports.saturating_sub(1);
        self.last_reporter = true;
        let more = self.mode_reports > 0 || sources.has_changes(self.address);
        let next = |(left, _)| next_change(left, now, UNSOLICITED_REPORT_INTERVAL, random);
        self.change = self.change.filter(|_| more).and_then(next);
    }

    /// Somebody listens.
    const fn is_wanted(&self) -> bool {
        self.users > 0 || self.filtered.is_some()
    }
}

/// The groups of one interface.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    groups: Vec<Group, { limits::GROUPS }>,
    sources: Sources,
    /// When to answer a general query.
    general: Option<Instant>,
    /// Until when a version 1 querier is assumed.
    version1_until: Option<Instant>,
    robustness: u8,
    query_interval: Duration,
}

/// The table of groups is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooManyGroups;

impl Default for Listener {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            sources: Sources::default(),
            general: None,
            version1_until: None,
            robustness: ROBUSTNESS,
            query_interval: QUERY_INTERVAL,
        }
    }
}

/// Whether listening to a group is reported at all (RFC 3810, Section 6).
fn is_reported(group: Ipv6Addr) -> bool {
    group != ALL_NODES && group.scope() > Scope::INTERFACE_LOCAL
}

impl Listener {
    /// Groups and their numbers of users; those that want some sources only count as one.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (Ipv6Addr, u16)> + '_ {
        let wanted = self.groups.iter().filter(|group| group.is_wanted());
        wanted.map(|group| {
            (group.address, group.users.saturating_add(u16::from(group.filtered.is_some())))
        })
    }

    pub(crate) fn is_member(&self, address: Ipv6Addr) -> bool {
        self.groups.iter().any(|group| group.address == address && group.is_wanted())
    }

    fn is_version1(&self, now: Instant) -> bool {
        self.version1_until.is_some_and(|until| now < until)
    }

    /// Adds a user of a group. The first one's report is sent at `report_at`.
    pub(crate) fn join(
        &mut self,
        address: Ipv6Addr,
        report_at: Instant,
    ) -> Result<(), TooManyGroups> {
        let place = self.place(address)?;
        let group = &mut self.groups[place];
        group.users = group.users.saturating_add(1);
        if let Some((_, due)) = &mut group.change {
            *due = (*due).min(report_at);
        }
        self.settle(place, report_at, report_at);
        Ok(())
    }

    /// Takes one user of a group away.
    pub(crate) fn leave(&mut self, address: Ipv6Addr, now: Instant) {
        let place = self.groups.iter().position(|group| group.address == address);
        if let Some(place) = place {
            let group = &mut self.groups[place];
            group.users = group.users.saturating_sub(1);
            self.settle(place, now, now);
        }
    }

    /// What the sockets that do not want all sources want of a group, merged, after `users` of
    /// those that do came (or went). False if the sources are too many for the table: then all are
    /// listened to, and the sockets choose.
    pub(crate) fn filter(
        &mut self,
        address: Ipv6Addr,
        users: i16,
        wanted: Option<(FilterMode, &[Ipv6Addr])>,
        now: Instant,
    ) -> Result<bool, TooManyGroups> {
        let place = self.place(address)?;
        let fits = self.sources.want(address, wanted.map_or(&[], |(_, sources)| sources));
        let group = &mut self.groups[place];
        group.users = group.users.saturating_add_signed(users);
        group.filtered = wanted.map(|(mode, _)| if fits { mode } else { FilterMode::Exclude });
        self.settle(place, now, now);
        Ok(fits)
    }

    /// Where a group is in the table; it is put there if need be.
    fn place(&mut self, address: Ipv6Addr) -> Result<usize, TooManyGroups> {
        if let Some(place) = self.groups.iter().position(|group| group.address == address) {
            return Ok(place);
        }
        self.groups.push(Group::new(address)).map_err(|_| TooManyGroups)?;
        Ok(self.groups.len() - 1)
    }

    /// Brings the interface's state in line with what is wanted; a change is reported at
    /// `report_at` (RFC 3810, Section 6.1).
    fn settle(&mut self, place: usize, report_at: Instant, now: Instant) {
        // In version 1 the end is told once (RFC 2710, Section 4).
        let version1 = self.is_version1(now);
        let group = &mut self.groups[place];
        let reports = if version1 && !group.is_wanted() { 1 } else { self.robustness };
        let all = group.users > 0;
        let mode = match group.filtered {
            _ if all => FilterMode::Exclude,
            Some(mode) => mode,
            None => FilterMode::Include,
        };
        let changed = if mode == group.mode {
            self.sources.settle(group.address, all, reports)
        } else {
            group.mode = mode;
            group.mode_reports = reports;
            self.sources.settle(group.address, all, 0);
            self.sources.report_all(group.address, 0);
            true
        };
        if !group.is_wanted() {
            group.response = None;
            self.sources.forget_asked(group.address);
        }
        if is_reported(group.address) {
            if changed {
                group.change = Some((reports, report_at));
            }
        } else if !group.is_wanted() {
            self.sources.report_all(group.address, 0);
            self.groups.swap_remove(place);
        }
    }

    /// Reports every group anew: the link came up, or there is a link-local address to send from
    /// for the first time (RFC 3590, Section 4).
    pub(crate) fn report_all(&mut self, now: Instant) {
        for group in self.groups.iter_mut().filter(|group| group.is_wanted()) {
            if is_reported(group.address) {
                group.change = Some((self.robustness, now));
                match group.mode {
                    FilterMode::Exclude => group.mode_reports = self.robustness,
                    FilterMode::Include => {
                        self.sources.report_all(group.address, self.robustness);
                    }
                }
            }
        }
    }

    /// Nothing is to be reported or answered any more; groups that nobody wants are gone.
    fn forget_reports(&mut self) {
        self.groups.retain(Group::is_wanted);
        for group in &mut self.groups {
            group.change = None;
            group.mode_reports = 0;
            group.response = None;
        }
        self.sources.forget_reports();
        self.general = None;
    }

    /// The link is down: nothing is due, and what was heard there does not count any more.
    pub(crate) fn link_down(&mut self) {
        self.forget_reports();
        for group in &mut self.groups {
            group.last_reporter = false;
        }
        self.version1_until = None;
        self.robustness = ROBUSTNESS;
        self.query_interval = QUERY_INTERVAL;
    }

    /// A version 2 query sets the robustness and query interval of the link; zero means the
    /// default (RFC 3810, Sections 5.1.8, 5.1.9, 9.1 and 9.2).
    pub(crate) fn adopt(&mut self, robustness: u8, query_interval: Duration) {
        self.robustness = if robustness == 0 { ROBUSTNESS } else { robustness };
        self.query_interval =
            if query_interval.is_zero() { QUERY_INTERVAL } else { query_interval };
    }

    /// A version 1 query was heard (RFC 3810, Section 8.2.1).
    pub(crate) fn on_version1_query(&mut self, now: Instant) {
        if !self.is_version1(now) {
            self.forget_reports();
        }
        // Older Version Querier Present Timeout (RFC 3810, Section 9.12).
        let timeout = self.query_interval * u32::from(self.robustness) + QUERY_RESPONSE_INTERVAL;
        self.version1_until = Some(now + timeout);
    }

    /// A query about all groups: one answer within `max_delay`, unless an earlier one is due
    /// already (RFC 3810, Section 6.2).
    pub(crate) fn on_general_query(
        &mut self,
        max_delay: Duration,
        now: Instant,
        random: &mut impl Random,
    ) {
        if self.is_version1(now) {
            // RFC 2710, Section 4: a timer for each group.
            for group in &mut self.groups {
                set_response(group, max_delay, now, random);
            }
            return;
        }
        let due = now + random.up_to(max_delay);
        self.general = Some(self.general.map_or(due, |earlier| earlier.min(due)));
    }

    /// A query about one group.
    pub(crate) fn on_group_query(
        &mut self,
        address: Ipv6Addr,
        max_delay: Duration,
        now: Instant,
        random: &mut impl Random,
    ) {
        if let Some(group) = self.groups.iter_mut().find(|group| group.address == address) {
            self.sources.forget_asked(address);
            group.asked_sources = false;
            set_response(group, max_delay, now, random);
        }
    }

    /// A query about sources of a group: what is asked adds up until it is answered, and a question
    /// about the whole group includes it (RFC 3810, Section 6.2).
    pub(crate) fn on_sources_query(
        &mut self,
        address: Ipv6Addr,
        sources: impl Iterator<Item = Ipv6Addr>,
        max_delay: Duration,
        now: Instant,
        random: &mut impl Random,
    ) {
        let Some(group) = self.groups.iter_mut().find(|group| group.address == address) else {
            return;
        };
        if !group.is_wanted() || !is_reported(address) {
            return;
        }
        if group.response.is_none() || group.asked_sources {
            group.asked_sources = self.sources.ask(address, sources);
            if !group.asked_sources {
                self.sources.forget_asked(address);
            }
        }
        set_response(group, max_delay, now, random);
    }

    /// Somebody else's version 1 report: ours is not needed (RFC 2710, Section 4).
    pub(crate) fn on_version1_report(&mut self, address: Ipv6Addr, now: Instant) {
        if self.is_version1(now)
            && let Some(group) = self.groups.iter_mut().find(|group| group.address == address)
        {
            group.response = None;
            group.last_reporter = false;
        }
    }

    /// One message that is due. Call until `None`.
    pub(crate) fn poll(&mut self, now: Instant, random: &mut impl Random) -> Option<Due> {
        if self.is_version1(now) { self.poll_v1(now, random) } else { self.poll_v2(now, random) }
    }

    fn poll_v1(&mut self, now: Instant, random: &mut impl Random) -> Option<Due> {
        // A departure that nobody needs to hear of: another node reported the group last.
        self.groups.retain(|group| {
            let due = group.change.is_some_and(|(_, due)| due <= now);
            group.is_wanted() || group.last_reporter || !due
        });
        let (index, group) = self.groups.iter_mut().enumerate().find(|(_, group)| {
            let change = group.change.map(|(_, due)| due);
            [change, group.response].into_iter().flatten().any(|due| due <= now)
        })?;
        let address = group.address;
        if !group.is_wanted() {
            self.groups.swap_remove(index);
            return Some(Due::DoneV1(address));
        }
        if group.response.is_some_and(|due| due <= now) {
            group.response = None;
        } else if let Some((left, _)) = group.change {
            group.change = next_change(left, now, UNSOLICITED_REPORT_INTERVAL_V1, random);
        }
        group.last_reporter = true;
        Some(Due::ReportV1(address))
    }

    fn poll_v2(&mut self, now: Instant, random: &mut impl Random) -> Option<Due> {
        if self.general.is_some_and(|due| due <= now) {
            self.general = None;
            for group in &mut self.groups {
                if group.is_wanted() && is_reported(group.address) {
                    group.response = Some(now);
                    group.asked_sources = false;
                }
            }
        }
        // Changes first: they are news. Groups without sources share a message.
        let mut records = Vec::new();
        for group in &mut self.groups {
            let plain = group.mode_reports > 0 && self.sources.is_empty(group.address);
            if plain && group.is_change_due(now) && !records.is_full() {
                let _fits = records.push((group.mode_change(), group.address));
                group.on_change_reported(&self.sources, now, random);
            }
        }
        if records.is_empty()
            && let Some(report) = self.change_of_sources(now, random)
        {
            return Some(report);
        }
        self.groups.retain(|group| group.is_wanted() || group.change.is_some());
        if records.is_empty() {
            for group in &mut self.groups {
                let due = group.response.is_some_and(|due| due <= now);
                let plain = !group.asked_sources && self.sources.is_empty(group.address);
                if due && plain && !records.is_full() {
                    group.response = None;
                    let _fits = records.push((RecordKind::ModeIsExclude, group.address));
                }
            }
        }
        if !records.is_empty() {
            return Some(Due::Report(records));
        }
        self.answer_about_sources(now)
    }

    /// What changed about one group that has sources.
    fn change_of_sources(&mut self, now: Instant, random: &mut impl Random) -> Option<Due> {
        let group = self.groups.iter_mut().find(|group| group.is_change_due(now))?;
        let report = if group.mode_reports > 0 {
            one_record(group.address, group.mode_change(), &self.sources)
        } else {
            change_records(group, &mut self.sources)
        };
        group.on_change_reported(&self.sources, now, random);
        Some(report)
    }

    /// The answer to a query of one group that has sources, or was asked about some.
    fn answer_about_sources(&mut self, now: Instant) -> Option<Due> {
        while let Some(group) =
            self.groups.iter_mut().find(|group| group.response.is_some_and(|due| due <= now))
        {
            group.response = None;
            let kind = match group.mode {
                FilterMode::Include => RecordKind::ModeIsInclude,
                FilterMode::Exclude => RecordKind::ModeIsExclude,
            };
            if !core::mem::take(&mut group.asked_sources) {
                return Some(one_record(group.address, kind, &self.sources));
            }
            let wanted = self.sources.take_asked(group.address, group.mode);
            if !wanted.is_empty() {
                let records = [(RecordKind::ModeIsInclude, wanted)].into_iter().collect();
                return Some(Due::Sources(group.address, records));
            }
        }
        None
    }

    pub(crate) fn next_deadline(&self) -> Instant {
        let mut next = self.general.unwrap_or(Instant::FAR_FUTURE);
        for group in &self.groups {
            if let Some((_, due)) = group.change {
                next = next.min(due);
            }
            if let Some(due) = group.response {
                next = next.min(due);
            }
        }
        next
    }
}

/// A report with the whole list of a group.
fn one_record(group: Ipv6Addr, kind: RecordKind, sources: &Sources) -> Due {
    Due::Sources(group, [(kind, sources.listed(group))].into_iter().collect())
}

/// A report of the sources that came and went.
fn change_records(group: &Group, sources: &mut Sources) -> Due {
    let (came, went) = sources.take_changes(group.address);
    let (allowed, blocked) = match group.mode {
        FilterMode::Include => (came, went),
        FilterMode::Exclude => (went, came),
    };
    let records = [(RecordKind::AllowNewSources, allowed), (RecordKind::BlockOldSources, blocked)];
    let records = records.into_iter().filter(|(_, sources)| !sources.is_empty()).collect();
    Due::Sources(group.address, records)
}

fn set_response(group: &mut Group, max_delay: Duration, now: Instant, random: &mut impl Random) {
    if !group.is_wanted() || !is_reported(group.address) {
        return;
    }
    let due = now + random.up_to(max_delay);
    group.response = Some(group.response.map_or(due, |earlier| earlier.min(due)));
}

/// What is left to be reported after one more report.
fn next_change(
    left: u8,
    now: Instant,
    interval: Duration,
    random: &mut impl Random,
) -> Option<(u8, Instant)> {
    (left > 1).then(|| (left - 1, now + random.up_to(interval)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::test::TestRandom;

    fn group(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, number)
    }

    /// All messages until nothing is due any more, with their times.
    fn drain(listener: &mut Listener, random: &mut TestRandom) -> std::vec::Vec<(Instant, Due)> {
        let mut messages = std::vec::Vec::new();
        loop {
            let now = listener.next_deadline();
            if now == Instant::FAR_FUTURE {
                return messages;
            }
            while let Some(due) = listener.poll(now, random) {
                messages.push((now, due));
            }
            assert!(listener.next_deadline() > now);
        }
    }

    fn report(records: &[(RecordKind, Ipv6Addr)]) -> Due {
        Due::Report(Vec::from_slice(records).unwrap())
    }

    #[test]
    fn joining_and_leaving_is_reported_twice_within_a_second() {
        for seed in 0..20 {
            let mut random = TestRandom(seed);
            let mut listener = Listener::default();
            let start = Instant::from_secs(1);
            listener.join(group(1), start).unwrap();
            listener.join(group(1), start).unwrap();
            let messages = drain(&mut listener, &mut random);
            assert_eq!(messages.len(), 2);
            assert_eq!(messages[0], (start, report(&[(RecordKind::ChangeToExclude, group(1))])));
            assert!(messages[1].0 <= start + Duration::from_secs(1));
            assert_eq!(messages[1].1, messages[0].1);
            // The second user still listens.
            let later = Instant::from_secs(9);
            listener.leave(group(1), later);
            assert_eq!(drain(&mut listener, &mut random), []);
            assert!(listener.is_member(group(1)));
            listener.leave(group(1), later);
            assert!(!listener.is_member(group(1)));
            let messages = drain(&mut listener, &mut random);
            assert_eq!(messages.len(), 2);
            assert_eq!(messages[0], (later, report(&[(RecordKind::ChangeToInclude, group(1))])));
            assert_eq!(listener.groups.len(), 0);
        }
    }

    #[test]
    fn all_nodes_and_small_scopes_are_never_reported() {
        let mut random = TestRandom(3);
        let mut listener = Listener::default();
        listener.join(ALL_NODES, Instant::ZERO).unwrap();
        listener.join("ff01::1".parse().unwrap(), Instant::ZERO).unwrap();
        listener.on_general_query(Duration::from_secs(10), Instant::ZERO, &mut random);
        assert_eq!(drain(&mut listener, &mut random), []);
        listener.leave(ALL_NODES, Instant::ZERO);
        assert!(!listener.is_member(ALL_NODES));
        assert_eq!(listener.next_deadline(), Instant::FAR_FUTURE);
    }

    #[test]
    fn a_leave_before_the_second_join_report_replaces_it() {
        let mut random = TestRandom(4);
        let mut listener = Listener::default();
        listener.join(group(1), Instant::ZERO).unwrap();
        assert!(listener.poll(Instant::ZERO, &mut random).is_some());
        listener.leave(group(1), Instant::ZERO);
        for (_, message) in drain(&mut listener, &mut random) {
            assert_eq!(message, report(&[(RecordKind::ChangeToInclude, group(1))]));
        }
    }

    #[test]
    fn a_general_query_is_answered_once_within_its_delay() {
        let mut random = TestRandom(5);
        let mut listener = Listener::default();
        for number in 0..3 {
            listener.join(group(number), Instant::ZERO).unwrap();
        }
        drain(&mut listener, &mut random);
        let now = Instant::from_secs(50);
        listener.on_general_query(Duration::from_secs(10), now, &mut random);
        let first = listener.next_deadline();
        assert!(first >= now && first <= now + Duration::from_secs(10));
        listener.on_general_query(Duration::from_secs(100), now, &mut random);
        assert!(listener.next_deadline() <= first, "an earlier answer stays");
        let messages = drain(&mut listener, &mut random);
        let records: std::vec::Vec<_> =
            (0..3).map(|number| (RecordKind::ModeIsExclude, group(number))).collect();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].1, report(&records));
    }

    #[test]
    fn more_groups_than_a_report_holds() {
        let mut random = TestRandom(6);
        let mut listener = Listener::default();
        for number in 0..limits::GROUPS as u16 {
            listener.join(group(number), Instant::ZERO).unwrap();
        }
        assert_eq!(listener.join(group(9999), Instant::ZERO), Err(TooManyGroups));
        let mut seen = 0;
        while let Some(Due::Report(records)) = listener.poll(Instant::ZERO, &mut random) {
            seen += records.len();
        }
        assert_eq!(seen, limits::GROUPS);
    }

    #[test]
    fn version_1_while_its_querier_is_about() {
        let mut random = TestRandom(7);
        let mut listener = Listener::default();
        listener.join(group(1), Instant::ZERO).unwrap();
        drain(&mut listener, &mut random);
        let now = Instant::from_secs(10);
        listener.on_version1_query(now);
        listener.on_general_query(Duration::from_secs(1), now, &mut random);
        let due = listener.next_deadline();
        assert_eq!(listener.poll(due, &mut random), Some(Due::ReportV1(group(1))));
        // Heard another's report: silent.
        listener.on_group_query(group(1), Duration::from_secs(1), now, &mut random);
        listener.on_version1_report(group(1), now);
        assert_eq!(drain(&mut listener, &mut random), []);
        // The other is the last reporter now, so leaving is silent too.
        listener.leave(group(1), now);
        assert_eq!(drain(&mut listener, &mut random), []);
        listener.join(group(2), now).unwrap();
        let messages = drain(&mut listener, &mut random);
        assert!(!messages.is_empty());
        assert!(messages.iter().all(|(_, message)| *message == Due::ReportV1(group(2))));
        listener.leave(group(2), now);
        assert_eq!(drain(&mut listener, &mut random), [(now, Due::DoneV1(group(2)))]);
        // 2 × 125 s + 10 s later it is version 2 again.
        let later = now + Duration::from_secs(260);
        listener.join(group(3), later).unwrap();
        assert_eq!(
            listener.poll(later, &mut random),
            Some(report(&[(RecordKind::ChangeToExclude, group(3))]))
        );
    }

    /// Rows: MLD-18
    #[test]
    fn robustness_of_the_querier_is_adopted() {
        let mut random = TestRandom(8);
        let mut listener = Listener::default();
        listener.adopt(3, Duration::from_secs(60));
        listener.join(group(1), Instant::ZERO).unwrap();
        assert_eq!(drain(&mut listener, &mut random).len(), 3);
        listener.adopt(0, Duration::ZERO);
        listener.join(group(2), Instant::ZERO).unwrap();
        assert_eq!(drain(&mut listener, &mut random).len(), 2);
    }
}
