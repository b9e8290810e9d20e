//! `nslookup`: asks name servers and shows what they say, in the words of BIND's program of that
//! name.
//!
//! Other than BIND's it asks for AAAA where nothing else is wanted, and never for A by itself; names
//! that end in `.local` are asked on the link (RFC 6762). It does not do: the interactive mode,
//! classes other than IN, `debug`.

pub mod options;
pub mod text;

use alloc::format;
use alloc::string::String;
use core::net::Ipv6Addr;

use options::{Options, Refusal, USAGE};
use resolver::answer::Outcome;
use resolver::configuration::Configuration;
use resolver::domain::base::iana::OptRcode;
use resolver::exchange::Failure;
use resolver::message::Question;
use resolver::system::System;
use resolver::{Error, Name, Resolver, Rtype, name, search};

use crate::host;

/// A resolver that asks the servers the user wants.
fn resolver(options: &Options) -> Result<Resolver, String> {
    let mut system = Resolver::of_the_system();
    let mut configuration: Configuration = system.configuration().clone();
    if let Some(server) = &options.server {
        let couldnt = |error| format!("couldn't get address for '{server}': {error}");
        configuration.servers = host::resolve_with(&mut system, server).map_err(couldnt)?;
        configuration.servers.truncate(1);
    }
    for server in &mut configuration.servers {
        server.set_port(options.port);
    }
    if let Some(timeout) = options.timeout {
        configuration.timeout = timeout;
    }
    if let Some(attempts) = options.attempts {
        configuration.attempts = attempts;
    }
    configuration.stream |= options.stream;
    Ok(Resolver::new(System::new(), configuration, String::new()))
}

/// The names to be tried, and what is asked about them.
fn questions(options: &Options, configuration: &Configuration) -> (alloc::vec::Vec<Name>, Rtype) {
    if let Ok(address) = options.name.parse::<Ipv6Addr>() {
        return (alloc::vec![name::reverse(address)], Rtype::PTR);
    }
    let names = if options.search {
        search::candidates(&options.name, configuration)
    } else {
        name::parse(&options.name).into_iter().collect()
    };
    (names, options.kind.unwrap_or(Rtype::AAAA))
}

/// Asks and prints; returns the exit status.
fn look_up(options: &Options) -> Result<u8, String> {
    let mut resolver = resolver(options)?;
    let (names, kind) = questions(options, resolver.configuration());
    let Some(last) = names.last().cloned() else {
        return Err(format!("'{}' is not a legal name", options.name));
    };
    let mut said = false;
    for name in names {
        let link = name::is_of_the_link(&name);
        let question = Question { name: name.clone(), kind };
        let told = resolver.ask(&question);
        let refusal = match &told {
            Err(Error::TryAgain(failure) | Error::Failed(failure)) => Some(*failure),
            _ => None,
        };
        // Who answered is known only now. About an address alone that is not shown.
        let answered = told.is_ok() || matches!(refusal, Some(Failure::Refused(_)));
        if answered && options.shows_server() && !said {
            rt::print!("{}", text::server(resolver.server().filter(|_| !link), link));
            said = true;
        }
        let answer = match (told, refusal) {
            (Ok(answer), _) => answer,
            (Err(_), Some(Failure::Refused(code))) => {
                rt::println!("** server can't find {}: {code}\n", name::text(&name));
                return Ok(1);
            }
            (Err(_), Some(Failure::Unreachable(errno))) => {
                rt::println!(";; communications error: {}", rt::strerror(errno));
                rt::println!(";; no servers could be reached\n");
                return Ok(1);
            }
            (Err(_), Some(Failure::Silence)) => {
                rt::println!(";; connection timed out; no servers could be reached\n");
                return Ok(1);
            }
            (Err(error), _) => return Err(format!("{error}")),
        };
        match &answer.outcome {
            Outcome::NoName if name != last => {}
            Outcome::NoName => break,
            _ => {
                rt::print!("{}", text::answer(&question, &answer));
                return Ok(0);
            }
        }
    }
    rt::println!("** server can't find {}: {}\n", name::text(&last), OptRcode::NXDOMAIN);
    Ok(1)
}

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let words = crate::words(arguments);
    let outcome = match options::parse(&words) {
        Ok(options) => look_up(&options),
        Err(Refusal::Help) => {
            rt::print!("{USAGE}");
            return 0;
        }
        Err(Refusal::Wrong(message)) => {
            rt::warn!("{message}");
            rt::eprintln!("Try 'nslookup --help' for more information.");
            return 1;
        }
    };
    outcome.unwrap_or_else(|message| {
        rt::warn!("{message}");
        1
    })
}
