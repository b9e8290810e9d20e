//! A DHCPv6 client (RFC 8415) without I/O: datagrams, the time and randomness go in, datagrams and
//! a deadline come out, and what the servers said can be read.
//!
//! - [`message`], [`option`]: the format;
//! - [`retransmission`], [`rate`]: when to send again, and how often at most;
//! - [`lease`], [`information`]: what servers give;
//! - [`client`]: the state machine of section 18.2;
//! - [`duid`]: who the client says it is.
//!
//! It asks for non-temporary addresses (IA_NA), or for information only. It does not do: prefix
//! delegation, temporary addresses (IA_TA), Reconfigure, authentication, relaying.

pub mod client;
pub mod duid;
pub mod information;
pub mod lease;
pub mod message;
pub mod option;
pub mod rate;
pub mod retransmission;

/// The UDP port of clients (RFC 8415 section 7.2).
pub const CLIENT_PORT: u16 = 546;
/// The UDP port of servers and relays (RFC 8415 section 7.2).
pub const SERVER_PORT: u16 = 547;
/// All_DHCP_Relay_Agents_and_Servers (RFC 8415 section 7.1), to which everything is sent.
pub const SERVERS: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// Where random numbers come from.
pub trait Random {
    /// A number that nobody can guess, all equally likely.
    fn next(&mut self) -> u32;
}

#[cfg(test)]
pub(crate) mod test_random {
    /// Numbers by a seed, for tests (xorshift32).
    #[derive(Clone, Debug)]
    pub(crate) struct Seeded(pub(crate) u32);

    impl super::Random for Seeded {
        fn next(&mut self) -> u32 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            self.0
        }
    }
}
