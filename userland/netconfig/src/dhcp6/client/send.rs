//! What the client sends, and when (RFC 8415 sections 18.2.1 to 18.2.8).

use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::super::Random;
use super::super::duid::Duid;
use super::super::information::WANTED;
use super::super::message::{MessageType, Writer};
use super::super::option::Code;
use super::super::retransmission::Parameters;
use super::{CONFIRM_DURATION, Client, Event, Exchange, Purpose, State};

impl<R: Random> Client<R> {
    /// Does what is due; returns a datagram for the servers' group, if one goes out now. To be
    /// called again until it returns `None`.
    pub fn poll(&mut self, now: u64) -> Option<Vec<u8>> {
        self.expire(now);
        self.move_on(now);
        let limit = &mut self.limit;
        let due = match &mut self.state {
            State::Idle | State::Informed { .. } | State::Bound => return None,
            State::Informing(exchange)
            | State::Soliciting { exchange, .. }
            | State::Requesting { exchange, .. }
            | State::Confirming { exchange, .. }
            | State::Renewing(exchange)
            | State::Rebinding(exchange)
            | State::Declining { exchange, .. }
            | State::Releasing { exchange, .. } => exchange,
        };
        if now < due.timer.deadline() {
            return None;
        }
        let allowed = limit.next(now);
        if allowed > now {
            due.timer.postpone(allowed);
            return None;
        }
        limit.spend(now);
        let elapsed = due.timer.send(now, &mut self.random);
        if let State::Confirming { end: end @ None, .. } = &mut self.state {
            *end = Some(now.saturating_add(CONFIRM_DURATION));
        }
        self.message(elapsed)
    }

    /// Addresses end with their valid lifetime, whatever is being asked.
    fn expire(&mut self, now: u64) {
        let Some(lease) = &mut self.lease else { return };
        if lease.expire(now) && lease.addresses.is_empty() {
            self.lose();
            if !matches!(self.state, State::Declining { .. }) {
                self.solicit(now, 0);
            }
        }
    }

    /// Changes of state that only time brings.
    fn move_on(&mut self, now: u64) {
        let (renewal_due, rebinding_due) = self.lease.as_ref().map_or((false, false), |lease| {
            (lease.is_renewal_due(now), lease.is_rebinding_due(now))
        });
        match &self.state {
            State::Informed { refresh: Some(refresh) } if now >= *refresh => self.inform(now),
            State::Bound | State::Renewing(_) if rebinding_due => self.rebind(now),
            State::Bound if renewal_due => {
                let exchange = self.exchange(Parameters::RENEW, now);
                self.state = State::Renewing(exchange);
            }
            // Nobody contradicts: the addresses are used on (section 18.2.3).
            State::Confirming { end: Some(end), .. } if now >= *end => {
                self.state = State::Bound;
                self.move_on(now);
            }
            State::Soliciting { exchange, offer: Some(_) } if now >= exchange.timer.deadline() => {
                self.accept_offer(now);
            }
            State::Requesting { exchange, .. } if exchange.timer.is_exhausted(now) => {
                self.events.push(Event::Unanswered(MessageType::Request));
                if self.lease.is_some() {
                    self.rebind(now);
                } else {
                    self.solicit(now, 0);
                }
            }
            State::Declining { exchange, .. } if exchange.timer.is_exhausted(now) => {
                self.end_decline(now);
            }
            State::Releasing { exchange, .. } if exchange.timer.is_exhausted(now) => {
                self.state = State::Idle;
                self.events.push(Event::Released);
            }
            _ => {}
        }
    }

    fn rebind(&mut self, now: u64) {
        let exchange = self.exchange(Parameters::REBIND, now);
        self.state = State::Rebinding(exchange);
    }

    /// The message of this state.
    fn message(&mut self, elapsed: u16) -> Option<Vec<u8>> {
        let leased = || -> Vec<Ipv6Addr> {
            let addresses = self.lease.iter().flat_map(|lease| lease.addresses.iter());
            addresses.map(|leased| leased.address).collect()
        };
        let lease_server = self.lease.as_ref().map(|lease| &lease.server);
        let (kind, exchange, server, addresses): (_, &Exchange, Option<&Duid>, Vec<Ipv6Addr>) =
            match &self.state {
                State::Idle | State::Informed { .. } | State::Bound => return None,
                State::Informing(exchange) => {
                    (MessageType::InformationRequest, exchange, None, Vec::new())
                }
                State::Soliciting { exchange, .. } => {
                    (MessageType::Solicit, exchange, None, Vec::new())
                }
                State::Requesting { exchange, offer } => {
                    let addresses = offer.addresses.clone();
                    (MessageType::Request, exchange, Some(&offer.server), addresses)
                }
                State::Confirming { exchange, .. } => {
                    (MessageType::Confirm, exchange, None, leased())
                }
                State::Renewing(exchange) => (MessageType::Renew, exchange, lease_server, leased()),
                State::Rebinding(exchange) => (MessageType::Rebind, exchange, None, leased()),
                State::Declining { exchange, server, addresses } => {
                    (MessageType::Decline, exchange, Some(server), addresses.clone())
                }
                State::Releasing { exchange, server, addresses } => {
                    (MessageType::Release, exchange, Some(server), addresses.clone())
                }
            };
        let mut writer = Writer::new(kind, exchange.transaction);
        writer.option(Code::CLIENT_ID, self.identity.duid.octets());
        if let Some(server) = server {
            writer.option(Code::SERVER_ID, server.octets());
        }
        writer.option(Code::ELAPSED_TIME, &elapsed.to_be_bytes());
        if kind != MessageType::InformationRequest {
            let iaid = self.identity.iaid;
            // Times of 0: the client has no wishes (sections 21.4 and 21.6).
            writer.nested(Code::IA_NA, |ia| {
                ia.fields(&iaid.to_be_bytes()).fields(&[0; 8]);
                for address in &addresses {
                    ia.nested(Code::IA_ADDRESS, |field| {
                        field.fields(&address.octets()).fields(&[0; 8]);
                    });
                }
            });
        }
        write_wishes(&mut writer, kind, self.purpose);
        self.events.push(Event::Sent(kind));
        Some(writer.finish())
    }
}

/// The options that are asked for, and whether the server may commit at once.
fn write_wishes(writer: &mut Writer, kind: MessageType, purpose: Purpose) {
    let mut codes: Vec<Code> = Vec::new();
    match kind {
        MessageType::Solicit | MessageType::Request | MessageType::Renew | MessageType::Rebind => {
            codes.extend(WANTED);
            codes.push(Code::SOL_MAX_RT);
        }
        MessageType::InformationRequest => {
            codes.extend(WANTED);
            codes.extend([Code::INFORMATION_REFRESH_TIME, Code::INF_MAX_RT]);
        }
        _ => {}
    }
    if !codes.is_empty() {
        writer.nested(Code::OPTION_REQUEST, |list| {
            for code in codes {
                list.fields(&code.0.to_be_bytes());
            }
        });
    }
    if kind == MessageType::Solicit && purpose == (Purpose::Address { rapid: true }) {
        writer.option(Code::RAPID_COMMIT, &[]);
    }
}
