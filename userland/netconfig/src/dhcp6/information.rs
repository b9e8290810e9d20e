//! What servers tell besides addresses: name servers, search list, time servers (RFC 3646, RFC 4075,
//! RFC 5908).

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::option::{Code, Options, domain_names};

/// How many servers of a kind, and how many domains, are kept: resolvers use no more than three
/// servers and six domains.
pub const MOST: usize = 6;

/// What is asked for (RFC 8415 section 21.7), besides [`Code::SOL_MAX_RT`] and the like.
pub const WANTED: [Code; 4] =
    [Code::DNS_SERVERS, Code::DOMAIN_LIST, Code::SNTP_SERVERS, Code::NTP_SERVER];

/// A sub-option of NTP_SERVER: the server's unicast address (RFC 5908 section 4.1).
const NTP_ADDRESS: Code = Code(1);

/// What a Reply said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Information {
    /// Recursive name servers, the best first.
    pub name_servers: Vec<Ipv6Addr>,
    /// Domains to look up names in.
    pub domains: Vec<String>,
    /// Time servers.
    pub time_servers: Vec<Ipv6Addr>,
}

impl Information {
    /// Reads the options of a Reply.
    #[must_use]
    pub fn from_options(options: Options<'_>) -> Self {
        let mut time_servers: Vec<Ipv6Addr> = Vec::new();
        for (_, data) in options.iter().filter(|(code, _)| *code == Code::NTP_SERVER) {
            time_servers.extend(Options::parse(data).into_iter().filter_map(|inside| {
                let address = inside.find(NTP_ADDRESS).and_then(|data| data.try_into().ok());
                address.map(|octets: [u8; 16]| Ipv6Addr::from(octets))
            }));
        }
        time_servers.extend(options.addresses(Code::SNTP_SERVERS));
        Self {
            name_servers: unique(options.addresses(Code::DNS_SERVERS)),
            domains: domain_names(options.find(Code::DOMAIN_LIST).unwrap_or_default(), MOST),
            time_servers: unique(time_servers.into_iter()),
        }
    }
}

/// Addresses that a server can have, each once.
fn unique(addresses: impl Iterator<Item = Ipv6Addr>) -> Vec<Ipv6Addr> {
    let mut servers = Vec::new();
    for address in addresses {
        let possible = !address.is_unspecified() && !address.is_multicast();
        if possible && servers.len() < MOST && !servers.contains(&address) {
            servers.push(address);
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use super::{Information, MOST, NTP_ADDRESS};
    use crate::dhcp6::message::{Message, MessageType, TransactionId, Writer};
    use crate::dhcp6::option::Code;

    /// Rows: DH6-14
    #[test]
    fn what_a_reply_says() {
        let address = |last: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last);
        let mut writer = Writer::new(MessageType::Reply, TransactionId::new(1));
        writer.nested(Code::DNS_SERVERS, |list| {
            list.fields(&Ipv6Addr::UNSPECIFIED.octets()).fields(&[0xff; 16]);
            for last in [1, 1, 2, 3, 4, 5, 6, 7] {
                list.fields(&address(last).octets());
            }
        });
        writer.option(Code::DOMAIN_LIST, b"\x03lab\x04test\0");
        writer.nested(Code::NTP_SERVER, |server| {
            server.option(Code(2), &[9; 16]).option(NTP_ADDRESS, &address(9).octets());
        });
        writer.option(Code::SNTP_SERVERS, &address(8).octets());
        let bytes = writer.finish();
        let found = Information::from_options(Message::parse(&bytes).unwrap().options);
        assert_eq!(found.name_servers.len(), MOST);
        assert_eq!(found.name_servers[..2], [address(1), address(2)]);
        assert_eq!(found.domains, ["lab.test"]);
        assert_eq!(found.time_servers, [address(9), address(8)]);
    }
}
