//! Adapters on a simulated bus, from plugging in to pulling out.

mod bench;
mod ecm;
mod eem;
mod ncm;
mod rndis;
mod smsc;
