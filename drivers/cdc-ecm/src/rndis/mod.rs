//! Remote NDIS: messages, the command channel and the data path.

pub(crate) mod command;
mod data;
mod message;
mod reassembly;

pub(crate) use data::HEADER as DATA_HEADER;
pub use data::{DataPacket, data_header};
pub use message::{Command, MessageError, Response};
pub use reassembly::Reassembly;
pub(crate) use reassembly::count;
