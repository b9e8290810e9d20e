//! Answers in BIND's words.

use alloc::string::String;
use core::fmt::Write;
use core::net::SocketAddrV6;

use resolver::answer::{Answer, Outcome};
use resolver::message::Question;
use resolver::multicast;
use resolver::record::{Data, Record};

use crate::host::with_zone;

/// Who was asked.
#[must_use]
pub fn server(server: Option<SocketAddrV6>, link: bool) -> String {
    let (name, port) = match server {
        Some(server) => (with_zone(&server), server.port()),
        None if link => (alloc::format!("{}", multicast::GROUP), multicast::PORT),
        None => return String::new(),
    };
    alloc::format!("Server:\t\t{name}\nAddress:\t{name}#{port}\n\n")
}

/// An answer; what does not exist is not told here.
#[must_use]
pub fn answer(question: &Question, answer: &Answer) -> String {
    let mut text = String::new();
    let authority = if answer.authoritative { "" } else { "Non-authoritative answer:\n" };
    text.push_str(authority);
    for record in answer.aliases.iter().chain(answer.records()) {
        // Writing to a String can't fail.
        let _ = write_record(&mut text, record);
    }
    if answer.outcome == Outcome::NoData {
        let name = answer.canonical(&question.name);
        let _ = writeln!(text, "*** Can't find {name}: No answer");
    }
    text.push('\n');
    text
}

fn write_record(text: &mut String, record: &Record) -> core::fmt::Result {
    let owner = &record.owner;
    match &record.data {
        Data::A(address) => writeln!(text, "Name:\t{owner}\nAddress: {address}"),
        Data::Aaaa(address) => writeln!(text, "Name:\t{owner}\nAddress: {address}"),
        Data::Cname(name) => writeln!(text, "{owner}\tcanonical name = {}", name.fmt_with_dot()),
        Data::Ptr(name) => writeln!(text, "{owner}\tname = {}", name.fmt_with_dot()),
        Data::Ns(name) => writeln!(text, "{owner}\tnameserver = {}", name.fmt_with_dot()),
        Data::Mx { preference, exchange } => {
            writeln!(text, "{owner}\tmail exchanger = {preference} {}", exchange.fmt_with_dot())
        }
        Data::Txt(strings) => {
            write!(text, "{owner}\ttext =")?;
            for string in strings {
                write!(text, " {}", Quoted(string))?;
            }
            writeln!(text)
        }
        Data::Soa(zone) => writeln!(
            text,
            "{owner}\n\torigin = {}\n\tmail addr = {}\n\tserial = {}\n\trefresh = {}\n\t\
             retry = {}\n\texpire = {}\n\tminimum = {}",
            zone.primary,
            zone.mailbox,
            zone.serial,
            zone.refresh,
            zone.retry,
            zone.expire,
            zone.minimum,
        ),
        Data::Srv { priority, weight, port, target } => writeln!(
            text,
            "{owner}\tservice = {priority} {weight} {port} {}",
            target.fmt_with_dot()
        ),
        Data::Nsec(kinds) => {
            write!(text, "{owner}\trdata_47 =")?;
            kinds.iter().try_for_each(|kind| write!(text, " {kind}"))?;
            writeln!(text)
        }
        // RFC 3597 section 5.
        Data::Other(kind, octets) => {
            write!(text, "{owner}\trdata_{} = \\# {}", kind.to_int(), octets.len())?;
            if !octets.is_empty() {
                text.push(' ');
            }
            octets.iter().try_for_each(|octet| write!(text, "{octet:02X}"))?;
            writeln!(text)
        }
    }
}

/// A string of a TXT record: nothing in it reaches the terminal that is not a printable character
/// (RFC 1035 section 5.1).
struct Quoted<'a>(&'a [u8]);

impl core::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_char('"')?;
        for &octet in self.0 {
            match octet {
                b'"' | b'\\' => write!(f, "\\{}", char::from(octet))?,
                b' '..=b'~' => f.write_char(char::from(octet))?,
                _ => write!(f, "\\{octet:03}")?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use resolver::Rtype;
    use resolver::answer::{Answer, Outcome};
    use resolver::message::Question;
    use resolver::name::parse;
    use resolver::record::{Data, Record, Zone};

    use super::{answer, server};

    fn record(owner: &str, data: Data) -> Record {
        Record { owner: parse(owner).unwrap(), ttl: 60, data }
    }

    fn shown(kind: Rtype, given: &Answer) -> alloc::string::String {
        answer(&Question { name: parse("www.lab").unwrap(), kind }, given)
    }

    #[test]
    fn who_was_asked() {
        let address = core::net::SocketAddrV6::new("fec0::3".parse().unwrap(), 53, 0, 0);
        assert_eq!(server(Some(address), false), "Server:\t\tfec0::3\nAddress:\tfec0::3#53\n\n");
        assert_eq!(server(None, true), "Server:\t\tff02::fb\nAddress:\tff02::fb#5353\n\n");
        assert_eq!(server(None, false), "");
    }

    #[test]
    fn addresses_and_aliases() {
        let name = |text| parse(text).unwrap();
        let given = Answer {
            aliases: vec![
                record("www.lab", Data::Cname(name("alias.lab"))),
                record("alias.lab", Data::Cname(name("host.lab"))),
            ],
            ..Answer::nothing(Outcome::Records(vec![record(
                "host.lab",
                Data::Aaaa("2001:db8::1".parse().unwrap()),
            )]))
        };
        assert_eq!(
            shown(Rtype::AAAA, &given),
            "www.lab\tcanonical name = alias.lab.\n\
             alias.lab\tcanonical name = host.lab.\n\
             Name:\thost.lab\n\
             Address: 2001:db8::1\n\n"
        );
        let from_cache = Answer { authoritative: false, ..given };
        assert!(shown(Rtype::AAAA, &from_cache).starts_with("Non-authoritative answer:\nwww"));
    }

    #[test]
    fn no_answer() {
        let text = shown(Rtype::MX, &Answer::nothing(Outcome::NoData));
        assert_eq!(text, "*** Can't find www.lab: No answer\n\n");
    }

    #[test]
    fn every_type() {
        let name = |text| parse(text).unwrap();
        let zone = Zone {
            primary: name("ns.lab"),
            mailbox: name("root.lab"),
            serial: 1,
            refresh: 2,
            retry: 3,
            expire: 4,
            minimum: 5,
        };
        for (data, expected) in [
            (Data::A("192.0.2.1".parse().unwrap()), "Name:\tlab\nAddress: 192.0.2.1"),
            (Data::Ptr(name("host.lab")), "lab\tname = host.lab."),
            (Data::Ns(name("ns.lab")), "lab\tnameserver = ns.lab."),
            (
                Data::Mx { preference: 10, exchange: name("mail.lab") },
                "lab\tmail exchanger = 10 mail.lab.",
            ),
            (
                Data::Txt(vec![b"v=spf1 -all".to_vec(), b"a\"\\\x1b\xff".to_vec()]),
                "lab\ttext = \"v=spf1 -all\" \"a\\\"\\\\\\027\\255\"",
            ),
            (
                Data::Soa(zone),
                "lab\n\torigin = ns.lab\n\tmail addr = root.lab\n\tserial = 1\n\trefresh = 2\n\t\
                 retry = 3\n\texpire = 4\n\tminimum = 5",
            ),
            (
                Data::Srv { priority: 1, weight: 2, port: 80, target: name("host.lab") },
                "lab\tservice = 1 2 80 host.lab.",
            ),
            (Data::Nsec(vec![Rtype::AAAA, Rtype::PTR]), "lab\trdata_47 = AAAA PTR"),
            (Data::Other(Rtype::from_int(65), vec![1, 0xab]), "lab\trdata_65 = \\# 2 01AB"),
        ] {
            let given = Answer::nothing(Outcome::Records(vec![record("lab", data)]));
            assert_eq!(shown(Rtype::ANY, &given), alloc::format!("{expected}\n\n"));
        }
    }
}
