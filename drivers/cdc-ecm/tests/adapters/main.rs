//! Adapters on a simulated bus, from plugging in to pulling out.

mod bench;
mod ecm;
mod eem;
mod listing;
mod ncm;
mod recorded;
mod rndis;
mod smsc;
