//! The client's state machine (RFC 8415 section 18.2).
//!
//! ```text
//!             Solicit    Request        T1          T2
//!   begin ──▶ Soliciting ──▶ Requesting ──▶ Bound ──▶ Renewing ──▶ Rebinding ──▶ expired: Soliciting
//!               ▲   └── Rapid Commit ────────▲ ◀───── Reply ─┘          │
//!               │                            └──────── Reply ───────────┘
//!               └── NotOnLink, nothing given, declined
//! ```
//!
//! A client that wants information only goes from Informing to Informed and back when it is time to
//! refresh.

mod send;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::net::Ipv6Addr;

use net_tools::clock::SECOND;

use super::Random;
use super::duid::Duid;
use super::information::Information;
use super::lease::{Lease, Moment};
use super::message::{Malformed, Message, MessageType, TransactionId};
use super::option::{Code, IaNa, Options, Status};
use super::rate::Limit;
use super::retransmission::{Parameters, Timer};

/// CNF_MAX_RD (RFC 8415 section 7.6): after that the addresses are used unconfirmed.
const CONFIRM_DURATION: u64 = 10 * SECOND;
/// IRT_DEFAULT and IRT_MINIMUM, seconds.
const REFRESH_DEFAULT: u32 = 86_400;
const REFRESH_MINIMUM: u32 = 600;
/// What SOL_MAX_RT and INF_MAX_RT options may say, seconds (sections 21.24 and 21.25).
const MAX_RT: core::ops::RangeInclusive<u32> = 60..=86_400;
/// A preference of 255 ends the wait for better offers (section 18.2.9).
const HIGHEST_PREFERENCE: u8 = 255;
/// A server whose address turned out to be somebody else's is not asked again at once: it may have
/// the same one to give.
const AFTER_DECLINE: u64 = 10 * SECOND;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Information without addresses (section 6.1).
    Information,
    /// An address, by two messages where the server agrees (`rapid`), else four (section 6.2).
    Address {
        /// Whether to ask for Rapid Commit.
        rapid: bool,
    },
}

/// How a client presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub duid: Duid,
    /// Which of its interfaces this is about.
    pub iaid: u32,
}

/// Something to tell the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message of this type was sent, for the first time or again.
    Sent(MessageType),
    /// Addresses were given or prolonged.
    Bound,
    /// Information came without addresses.
    Informed,
    /// All addresses are gone: expired, refused by a server, or declined.
    Lost,
    /// A server refused what was asked.
    Refused(Status),
    /// Nobody answered a message of this type, however often it was sent.
    Unanswered(MessageType),
    /// The Release is over.
    Released,
}

/// An Advertise worth taking.
#[derive(Clone, Debug)]
struct Offer {
    server: Duid,
    preference: u8,
    addresses: Vec<Ipv6Addr>,
}

/// A message that is repeated until it is answered.
#[derive(Clone, Debug)]
struct Exchange {
    transaction: TransactionId,
    timer: Timer,
}

#[derive(Clone, Debug)]
enum State {
    /// Nothing is wanted.
    Idle,
    Informing(Exchange),
    Informed {
        refresh: Moment,
    },
    Soliciting {
        exchange: Exchange,
        offer: Option<Offer>,
    },
    Requesting {
        exchange: Exchange,
        offer: Offer,
    },
    Confirming {
        exchange: Exchange,
        end: Moment,
    },
    Bound,
    Renewing(Exchange),
    Rebinding(Exchange),
    Declining {
        exchange: Exchange,
        server: Duid,
        addresses: Vec<Ipv6Addr>,
    },
    Releasing {
        exchange: Exchange,
        server: Duid,
        addresses: Vec<Ipv6Addr>,
    },
}

/// Why a message was ignored (section 16), counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Not a message that a client obeys, or broken.
    pub malformed: u32,
    /// An answer to no question that is open.
    pub unexpected: u32,
    /// For another client, or from nobody.
    pub identity: u32,
    /// Without anything that could be used.
    pub useless: u32,
}

/// The client of one interface.
#[derive(Clone, Debug)]
pub struct Client<R> {
    identity: Identity,
    purpose: Purpose,
    random: R,
    state: State,
    lease: Option<Lease>,
    information: Information,
    limit: Limit,
    /// SOL_MAX_RT and INF_MAX_RT, as servers may have set them, microseconds.
    solicit_longest: u64,
    information_longest: u64,
    events: Vec<Event>,
    ignored: Ignored,
}

impl<R: Random> Client<R> {
    /// A client that does nothing yet.
    #[must_use]
    pub fn new(identity: Identity, purpose: Purpose, random: R) -> Self {
        Self {
            identity,
            purpose,
            random,
            state: State::Idle,
            lease: None,
            information: Information::default(),
            limit: Limit::default(),
            solicit_longest: Parameters::SOLICIT.longest,
            information_longest: Parameters::INFORMATION.longest,
            events: Vec::new(),
            ignored: Ignored::default(),
        }
    }

    /// Begins to ask.
    pub fn begin(&mut self, now: u64) {
        match self.purpose {
            Purpose::Information => self.inform(now),
            Purpose::Address { .. } => self.solicit(now, 0),
        }
    }

    /// Goes on with a lease of an earlier run: confirms it first (section 18.2.3).
    pub fn resume(&mut self, mut lease: Lease, now: u64) {
        lease.expire(now);
        if lease.addresses.is_empty() {
            self.begin(now);
        } else {
            self.lease = Some(lease);
            self.confirm(now);
        }
    }

    /// The link may be another one: what was learned on it must be confirmed (section 18.2.12).
    pub fn link_changed(&mut self, now: u64) {
        match self.state {
            State::Bound | State::Renewing(_) | State::Rebinding(_) | State::Confirming { .. } => {
                self.confirm(now);
            }
            State::Informed { .. } => self.inform(now),
            _ => {}
        }
    }

    /// This address belongs to somebody else: the server shall know (section 18.2.8).
    pub fn decline(&mut self, address: Ipv6Addr, now: u64) {
        let Some(lease) = &mut self.lease else { return };
        let before = lease.addresses.len();
        lease.addresses.retain(|leased| leased.address != address);
        if lease.addresses.len() == before {
            return;
        }
        let server = lease.server.clone();
        if lease.addresses.is_empty() {
            self.lose();
        }
        let exchange = self.exchange(Parameters::DECLINE, now);
        self.state = State::Declining { exchange, server, addresses: Vec::from([address]) };
    }

    /// The addresses are not wanted any more (section 18.2.7). They are gone from the lease at
    /// once.
    pub fn release(&mut self, now: u64) {
        self.information = Information::default();
        let Some(lease) = self.lease.take() else {
            self.state = State::Idle;
            self.events.push(Event::Released);
            return;
        };
        let exchange = self.exchange(Parameters::RELEASE, now);
        let addresses = lease.addresses.iter().map(|leased| leased.address).collect();
        self.state = State::Releasing { exchange, server: lease.server, addresses };
    }

    /// What has been given.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// What has been told.
    #[must_use]
    pub const fn information(&self) -> &Information {
        &self.information
    }

    /// How many messages were ignored, and why.
    #[must_use]
    pub const fn ignored(&self) -> Ignored {
        self.ignored
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// What happened since the last time this was asked.
    pub fn take_events(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.events)
    }

    /// When [`Client::poll`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Moment {
        let own = match &self.state {
            State::Idle => None,
            State::Informed { refresh } => *refresh,
            State::Bound => self.lease.as_ref().and_then(|lease| lease.renew),
            State::Confirming { exchange, end } => {
                let next = exchange.timer.deadline();
                Some(end.map_or(next, |end| end.min(next)))
            }
            State::Renewing(exchange) => {
                let next = exchange.timer.deadline();
                let rebind = self.lease.as_ref().and_then(|lease| lease.rebind);
                Some(rebind.map_or(next, |rebind| rebind.min(next)))
            }
            State::Informing(exchange)
            | State::Soliciting { exchange, .. }
            | State::Requesting { exchange, .. }
            | State::Rebinding(exchange)
            | State::Declining { exchange, .. }
            | State::Releasing { exchange, .. } => Some(exchange.timer.deadline()),
        };
        let expiry = self.lease.as_ref().and_then(Lease::next_expiry);
        match (own, expiry) {
            (Some(own), Some(expiry)) => Some(own.min(expiry)),
            (own, expiry) => own.or(expiry),
        }
    }

    fn exchange(&mut self, parameters: Parameters, now: u64) -> Exchange {
        let transaction = TransactionId::new(self.random.next());
        Exchange { transaction, timer: Timer::start(parameters, now, &mut self.random) }
    }

    /// Looks for servers, not before `pause` is over.
    fn solicit(&mut self, now: u64, pause: u64) {
        let longest = self.solicit_longest;
        let mut exchange = self.exchange(Parameters { longest, ..Parameters::SOLICIT }, now);
        exchange.timer.postpone(now.saturating_add(pause));
        self.state = State::Soliciting { exchange, offer: None };
    }

    fn inform(&mut self, now: u64) {
        let longest = self.information_longest;
        let exchange = self.exchange(Parameters { longest, ..Parameters::INFORMATION }, now);
        self.state = State::Informing(exchange);
    }

    fn request(&mut self, offer: Offer, now: u64) {
        let exchange = self.exchange(Parameters::REQUEST, now);
        self.state = State::Requesting { exchange, offer };
    }

    fn confirm(&mut self, now: u64) {
        let exchange = self.exchange(Parameters::CONFIRM, now);
        self.state = State::Confirming { exchange, end: None };
    }

    /// The addresses are gone, and what came with them.
    fn lose(&mut self) {
        self.information = Information::default();
        if self.lease.take().is_some() {
            self.events.push(Event::Lost);
        }
    }

    /// Starts anew without addresses.
    fn start_over(&mut self, now: u64) {
        self.lose();
        self.solicit(now, 0);
    }

    /// Takes a datagram that came from a server's port.
    pub fn receive(&mut self, datagram: &[u8], now: u64) {
        let message = match Message::parse(datagram) {
            Ok(message) => message,
            Err(Malformed::Short | Malformed::Option | Malformed::Type(_)) => {
                self.ignored.malformed = self.ignored.malformed.saturating_add(1);
                return;
            }
        };
        let open = match &self.state {
            State::Informing(exchange)
            | State::Soliciting { exchange, .. }
            | State::Requesting { exchange, .. }
            | State::Confirming { exchange, .. }
            | State::Renewing(exchange)
            | State::Rebinding(exchange)
            | State::Declining { exchange, .. }
            | State::Releasing { exchange, .. } => exchange,
            State::Idle | State::Informed { .. } | State::Bound => {
                self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
                return;
            }
        };
        if message.transaction != open.transaction || open.timer.sent() == 0 {
            self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
            return;
        }
        // Sections 16.3 and 16.10: both say who they are, and the client is this one.
        let server = message.options.find(Code::SERVER_ID).and_then(Duid::new);
        let client = message.options.find(Code::CLIENT_ID);
        let ours = client == Some(self.identity.duid.octets());
        let Some(server) = server.filter(|_| ours) else {
            self.ignored.identity = self.ignored.identity.saturating_add(1);
            return;
        };
        self.take_limits(message.options);
        match message.kind {
            MessageType::Advertise => self.take_offer(server, message.options, now),
            _ => self.take_reply(server, message.options, now),
        }
    }

    /// SOL_MAX_RT and INF_MAX_RT hold for this and later exchanges (sections 21.24 and 21.25).
    fn take_limits(&mut self, options: Options<'_>) {
        let limit = |code| {
            options
                .number(code)
                .filter(|seconds| MAX_RT.contains(seconds))
                .map(|seconds| u64::from(seconds) * SECOND)
        };
        if let Some(longest) = limit(Code::SOL_MAX_RT) {
            self.solicit_longest = longest;
            if let State::Soliciting { exchange, .. } = &mut self.state {
                exchange.timer.set_longest(longest);
            }
        }
        if let Some(longest) = limit(Code::INF_MAX_RT) {
            self.information_longest = longest;
            if let State::Informing(exchange) = &mut self.state {
                exchange.timer.set_longest(longest);
            }
        }
    }

    /// Section 18.2.9: an Advertise.
    fn take_offer(&mut self, server: Duid, options: Options<'_>, now: u64) {
        let State::Soliciting { exchange, offer } = &mut self.state else {
            self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
            return;
        };
        let ia = IaNa::find(options, self.identity.iaid);
        let given: Vec<Ipv6Addr> = ia
            .iter()
            .filter(|ia| ia.status == Status::Success && options.status() == Status::Success)
            .flat_map(|ia| ia.addresses.iter())
            .filter(|given| given.valid > 0)
            .map(|given| given.address)
            .collect();
        if given.is_empty() {
            self.ignored.useless = self.ignored.useless.saturating_add(1);
            return;
        }
        let preference = match options.find(Code::PREFERENCE) {
            Some(&[preference]) => preference,
            _ => 0,
        };
        let new = Offer { server, preference, addresses: given };
        // The first one of equal preference stays.
        if offer.as_ref().is_none_or(|offer| preference > offer.preference) {
            *offer = Some(new);
        }
        // During the first retransmission time better ones may come; afterwards none is waited for.
        if preference == HIGHEST_PREFERENCE || exchange.timer.sent() > 1 {
            self.accept_offer(now);
        }
    }

    /// Asks the best server for what it offered; returns whether there is one.
    fn accept_offer(&mut self, now: u64) -> bool {
        let State::Soliciting { offer, .. } = &mut self.state else { return false };
        let Some(offer) = offer.take() else { return false };
        self.request(offer, now);
        true
    }

    /// Section 18.2.10: a Reply.
    fn take_reply(&mut self, server: Duid, options: Options<'_>, now: u64) {
        let status = options.status();
        match &self.state {
            State::Releasing { .. } => {
                self.state = State::Idle;
                self.events.push(Event::Released);
            }
            State::Declining { .. } => self.end_decline(now),
            State::Confirming { .. } => {
                if status == Status::NotOnLink {
                    self.events.push(Event::Refused(status));
                    self.start_over(now);
                } else {
                    self.state = State::Bound;
                }
            }
            State::Informing(_) => {
                if status == Status::Success {
                    self.take_information(options, now);
                } else {
                    self.refuse(status);
                }
            }
            State::Soliciting { .. } => {
                // Only one that was asked to commit at once may, and says that it did.
                let rapid = self.purpose == Purpose::Address { rapid: true };
                if rapid && options.find(Code::RAPID_COMMIT).is_some() {
                    self.take_addresses(server, options, now);
                } else {
                    self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
                }
            }
            State::Requesting { offer, .. } if offer.server != server => self.ignore_stranger(),
            State::Renewing(_)
                if self.lease.as_ref().is_some_and(|lease| lease.server != server) =>
            {
                self.ignore_stranger();
            }
            State::Requesting { .. } | State::Renewing(_) | State::Rebinding(_) => {
                self.take_addresses(server, options, now);
            }
            State::Idle | State::Informed { .. } | State::Bound => {}
        }
    }

    /// A Reply from a server that was not asked.
    fn ignore_stranger(&mut self) {
        self.ignored.identity = self.ignored.identity.saturating_add(1);
    }

    /// A server says no; the message is repeated as if it had said nothing.
    fn refuse(&mut self, status: Status) {
        self.events.push(Event::Refused(status));
    }

    fn take_information(&mut self, options: Options<'_>, now: u64) {
        self.information = Information::from_options(options);
        let time = options.number(Code::INFORMATION_REFRESH_TIME).unwrap_or(REFRESH_DEFAULT);
        let refresh = match time {
            u32::MAX => None,
            time => Some(now.saturating_add(u64::from(time.max(REFRESH_MINIMUM)) * SECOND)),
        };
        self.state = State::Informed { refresh };
        self.events.push(Event::Informed);
    }

    /// Section 18.2.10.1: a Reply to a Solicit, Request, Renew or Rebind.
    fn take_addresses(&mut self, server: Duid, options: Options<'_>, now: u64) {
        let requesting = matches!(self.state, State::Requesting { .. });
        match options.status() {
            Status::Success => {}
            status @ Status::NotOnLink if requesting => {
                self.events.push(Event::Refused(status));
                self.start_over(now);
                return;
            }
            status => {
                self.refuse(status);
                return;
            }
        }
        let Some(ia) = IaNa::find(options, self.identity.iaid) else {
            self.ignored.useless = self.ignored.useless.saturating_add(1);
            return;
        };
        match ia.status {
            Status::Success => {}
            // It has forgotten: the same addresses are asked for anew.
            Status::NoBinding if self.lease.is_some() && !requesting => {
                let leased = self.lease.iter().flat_map(|lease| lease.addresses.iter());
                let addresses = leased.map(|leased| leased.address).collect();
                self.request(Offer { server, preference: 0, addresses }, now);
                return;
            }
            status => {
                self.events.push(Event::Refused(status));
                // A server that does not prolong may do so when asked again, or another one; one
                // that does not give is not asked twice.
                if self.lease.is_none() {
                    self.solicit(now, 0);
                }
                return;
            }
        }
        if let Some(lease) = &mut self.lease {
            if !ia.addresses.is_empty() {
                lease.server = server;
                lease.update(&ia, now);
            }
        } else {
            self.lease = Lease::new(server, &ia, now);
        }
        if self.lease.as_ref().is_none_or(|lease| lease.addresses.is_empty()) {
            self.start_over(now);
            return;
        }
        if ia.addresses.is_empty() {
            // Nothing was prolonged: the question stays open (section 18.2.10.1).
            self.ignored.useless = self.ignored.useless.saturating_add(1);
            return;
        }
        self.information = Information::from_options(options);
        self.state = State::Bound;
        self.events.push(Event::Bound);
    }

    fn end_decline(&mut self, now: u64) {
        if self.lease.is_some() {
            self.state = State::Bound;
        } else {
            self.solicit(now, AFTER_DECLINE);
        }
    }
}
