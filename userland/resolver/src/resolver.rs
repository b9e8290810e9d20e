//! The resolver: files first, then the link or the name servers, with everything remembered that
//! may be.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddrV6};

use domain::base::iana::Rtype;

use crate::answer::{Answer, MOST_ALIASES, Outcome};
use crate::cache::Cache;
use crate::configuration::Configuration;
use crate::destination::{self, Candidate};
use crate::error::Error;
use crate::exchange::{Exchange, Failure};
use crate::hosts;
use crate::message::Question;
use crate::multicast::Multicast;
use crate::name;
use crate::record::Data;
use crate::search::candidates;
use crate::system::System;
use crate::transport::Transport;

/// Addresses of one host at most; a server that lists more gets no more tries.
const MOST_ADDRESSES: usize = 32;

/// Finds addresses of names and names of addresses.
#[derive(Debug)]
pub struct Resolver<T = System> {
    transport: T,
    configuration: Configuration,
    hosts: String,
    cache: Cache,
    /// The server that is asked first.
    first: usize,
}

impl Resolver<System> {
    /// A resolver as the files of this host have it. Without `/etc/resolv.conf` there is no name
    /// server; the rest works.
    #[must_use]
    pub fn of_the_system() -> Self {
        let read = |path| {
            let bytes = rt::input::read_file(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let system = System::new();
        let configuration =
            Configuration::parse(&read(crate::configuration::FILE), crate::system::zone_index);
        Self::new(system, configuration, read(hosts::FILE))
    }
}

impl<T: Transport> Resolver<T> {
    /// A resolver of its own mind; `hosts` is the text of a hosts file.
    #[must_use]
    pub fn new(transport: T, configuration: Configuration, hosts: String) -> Self {
        Self { transport, configuration, hosts, cache: Cache::default(), first: 0 }
    }

    /// What it was told to do.
    #[must_use]
    pub const fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The name server that is asked first: the one that has answered last.
    #[must_use]
    pub fn server(&self) -> Option<SocketAddrV6> {
        self.configuration.servers.get(self.first).copied()
    }

    /// What it remembers.
    #[must_use]
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The world it works on.
    pub const fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The addresses of a host, the best to try first, with port 0: of a literal, of a name in
    /// `/etc/hosts`, on the link, or in the DNS. `zone` is the interface that the user named, or 0.
    pub fn addresses(&mut self, text: &str, zone: u32) -> Result<Vec<SocketAddrV6>, Error> {
        let with_zone = |address| SocketAddrV6::new(address, 0, 0, zone);
        match text.parse() {
            Ok(IpAddr::V6(address)) => return Ok(Vec::from([with_zone(address)])),
            Ok(IpAddr::V4(_)) => return Err(Error::NotIpv6),
            Err(_) => {}
        }
        match hosts::address(text, &self.hosts) {
            hosts::Found::Address(address) => return Ok(Vec::from([with_zone(address)])),
            hosts::Found::OnlyIpv4 => return Err(Error::NotIpv6),
            hosts::Found::Nothing => {}
        }
        let mut error = Error::Unknown;
        let mut known_nowhere = false;
        for name in candidates(text, &self.configuration) {
            // RFC 6761 section 6.3: the name means this host everywhere.
            if name::ends_with(&name, b"localhost") {
                return Ok(Vec::from([with_zone(Ipv6Addr::LOCALHOST)]));
            }
            let labels = name.label_count();
            let told = match self.ask(&Question { name, kind: Rtype::AAAA }) {
                Ok(told) => told,
                // Many servers refuse names of one label: nothing is to be known there.
                Err(Error::Failed(_)) if known_nowhere && labels == 2 => continue,
                // A domain whose servers are out of order does not hide the next one.
                Err(found @ (Error::TryAgain(_) | Error::Failed(_))) => {
                    error = found;
                    continue;
                }
                Err(found) => return Err(found),
            };
            known_nowhere |= told.outcome == Outcome::NoName;
            match told.outcome {
                Outcome::Records(_) => return Ok(self.in_order(&told, zone)),
                Outcome::NoData if error == Error::Unknown => error = Error::NoAddress,
                _ => {}
            }
        }
        Err(error)
    }

    /// The addresses in an answer, sorted.
    fn in_order(&mut self, told: &Answer, zone: u32) -> Vec<SocketAddrV6> {
        let mut sorted = Vec::new();
        for record in told.records().iter().take(MOST_ADDRESSES) {
            let Data::Aaaa(address) = record.data else { continue };
            let near = address.is_unicast_link_local() && zone == 0;
            let destination = SocketAddrV6::new(address, 0, 0, if near { told.link } else { zone });
            let source = self.transport.source_for(&destination);
            let deprecated = source.is_some_and(|source| self.transport.is_deprecated(source));
            sorted.push(Candidate { destination, source, deprecated });
        }
        destination::sort(&mut sorted);
        sorted.into_iter().map(|candidate| candidate.destination).collect()
    }

    /// The name of an address: in `/etc/hosts`, on the link, or in the DNS.
    pub fn name_of(&mut self, address: Ipv6Addr) -> Result<String, Error> {
        if let Some(name) = hosts::name(address, &self.hosts) {
            return Ok(name);
        }
        if address.is_loopback() {
            return Ok("localhost".into());
        }
        // Nobody has names for these.
        if address.is_unspecified() || address.is_multicast() {
            return Err(Error::Unknown);
        }
        let question = Question { name: name::reverse(address), kind: Rtype::PTR };
        let told = self.ask(&question)?;
        let name = told.records().iter().find_map(|record| match &record.data {
            Data::Ptr(name) => Some(name),
            _ => None,
        });
        name.map(name::text).ok_or(Error::Unknown)
    }

    /// What is known about a name, which is taken as complete: from memory, from the link, or from
    /// the name servers. Aliases are followed however many questions that takes.
    pub fn ask(&mut self, question: &Question) -> Result<Answer, Error> {
        // RFC 6761 section 6.4 and RFC 7686 section 2: these are never in the DNS.
        if [&b"invalid"[..], b"onion"].iter().any(|top| name::ends_with(&question.name, top)) {
            return Ok(Answer::nothing(Outcome::NoName));
        }
        if name::is_of_the_link(&question.name) {
            return self.ask_link(question);
        }
        let mut told = self.ask_servers(question)?;
        while let Outcome::Alias(target) = &told.outcome {
            let target = target.clone();
            if told.aliases.len() >= MOST_ALIASES {
                return Err(Error::Failed(Failure::Malformed));
            }
            // An alias does not lead from the DNS to the link.
            if name::is_of_the_link(&target) {
                told.outcome = Outcome::NoData;
                break;
            }
            let next = self.ask_servers(&Question { name: target, kind: question.kind })?;
            told.aliases.extend(next.aliases);
            told.outcome = next.outcome;
            told.lifetime = told.lifetime.min(next.lifetime);
            told.authoritative &= next.authoritative;
        }
        Ok(told)
    }

    /// One question to the name servers.
    fn ask_servers(&mut self, question: &Question) -> Result<Answer, Error> {
        if let Some(answer) = self.cache.find(question, self.transport.now()) {
            return Ok(answer);
        }
        let mut exchange = Exchange::new(question.clone(), &self.configuration, self.first);
        let outcome = self.transport.run(&mut exchange).map_err(interrupted)?;
        // The next question begins with the server that has answered, or with the one after it.
        let count = self.configuration.servers.len();
        let ahead = exchange.answered().unwrap_or(0) + usize::from(self.configuration.rotate);
        self.first = (self.first + ahead).checked_rem(count).unwrap_or(0);
        let response = outcome.map_err(Error::from)?;
        let answer = Answer::read(&response.message, response.code, question)
            .map_err(|_| Error::Failed(Failure::Malformed))?;
        self.cache.insert(question, &answer, self.transport.now());
        Ok(answer)
    }

    /// One question to the link.
    fn ask_link(&mut self, question: &Question) -> Result<Answer, Error> {
        if let Some(answer) = self.cache.find(question, self.transport.now()) {
            return Ok(answer);
        }
        let mut multicast = Multicast::new(question.clone(), self.transport.number());
        let answer = self.transport.run_multicast(&mut multicast).map_err(interrupted)?;
        self.cache.insert(question, &answer, self.transport.now());
        Ok(answer)
    }
}

fn interrupted(errno: rustix::io::Errno) -> Error {
    if errno == rustix::io::Errno::INTR { Error::Interrupted } else { Error::System(errno) }
}

#[cfg(test)]
mod tests;
