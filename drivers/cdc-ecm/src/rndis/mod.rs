//! Remote NDIS: messages, the command channel and the data path.

pub(crate) mod command;
mod data;
mod message;
mod start;

pub(crate) use data::HEADER as DATA_HEADER;
pub(crate) use data::message_length;
pub use data::{data_header, parse_packet};
pub use message::{Command, MessageError, Response};
