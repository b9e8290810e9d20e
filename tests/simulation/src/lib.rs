//! Networks of whole stacks in virtual time.
//!
//! A [`network::Network`] is an Ethernet switch with nodes on its ports: our stack
//! ([`host::Host`]), a scripted router ([`router::Router`]), a bare port for hand-made frames
//! ([`probe::Probe`]) and a stack by other people ([`foreign::Foreign`]). The switch loses, delays,
//! reorders, duplicates and corrupts frames, and can be cut in two. Everything happens by one
//! seed: the same seed gives the same octets on the wire at the same nanosecond.
//!
//! Scenarios are the tests in `tests/`. [`seed::for_each_seed`] runs one over many seeds; a seed
//! that fails is printed, leaves a capture behind, and can be run alone with `SEED=n`.

pub mod audit;
pub mod bottleneck;
pub mod buffer;
pub mod foreign;
mod foreign_stack;
pub mod host;
pub mod impairment;
pub mod middlebox;
pub mod mutation;
pub mod network;
pub mod packet;
pub mod pcap;
pub mod probe;
pub mod random;
pub mod router;
pub mod seed;
pub mod tcp_foreign;
pub mod tcp_invariants;
pub mod tcp_program;
pub mod tcp_scenario;
pub mod tcp_stream;
pub mod tcp_watch;
