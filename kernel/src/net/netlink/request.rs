//! Requests: finding who answers, dumps, single answers and acknowledgements.

use super::message::{Builder, HEADER_LENGTH, Header, Message, read_u32};
use super::{Family, address, address_label, diag, link, neighbor, route};
use crate::syscall::errno::Errno;
use ::net::interface::InterfaceIndex;
use alloc::vec::Vec;
use linux_raw_sys::net::{AF_INET6, AF_UNSPEC};
use linux_raw_sys::netlink::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_MULTI, NLM_F_REQUEST, NLMSG_DONE,
    NLMSG_ERROR, NLMSG_MIN_TYPE, RTM_DELADDR, RTM_DELADDRLABEL, RTM_DELLINK, RTM_DELNEIGH,
    RTM_DELROUTE, RTM_GETADDR, RTM_GETADDRLABEL, RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE,
    RTM_GETRULE, RTM_NEWADDR, RTM_NEWADDRLABEL, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWROUTE,
    RTM_SETLINK, nlmsgerr_attrs,
};

/// Room in one datagram of a dump. Programs read with at least 8 KiB.
const DATAGRAM_LIMIT: usize = 4096;

// The numbers of the messages are an enum in the generated bindings; a match needs constants.
const NEW_LINK: u16 = RTM_NEWLINK as u16;
const DELETE_LINK: u16 = RTM_DELLINK as u16;
const GET_LINK: u16 = RTM_GETLINK as u16;
const SET_LINK: u16 = RTM_SETLINK as u16;
const NEW_ADDRESS: u16 = RTM_NEWADDR as u16;
const DELETE_ADDRESS: u16 = RTM_DELADDR as u16;
const GET_ADDRESS: u16 = RTM_GETADDR as u16;
const NEW_ROUTE: u16 = RTM_NEWROUTE as u16;
const DELETE_ROUTE: u16 = RTM_DELROUTE as u16;
const GET_ROUTE: u16 = RTM_GETROUTE as u16;
const NEW_NEIGHBOR: u16 = RTM_NEWNEIGH as u16;
const DELETE_NEIGHBOR: u16 = RTM_DELNEIGH as u16;
const GET_NEIGHBOR: u16 = RTM_GETNEIGH as u16;
const GET_RULE: u16 = RTM_GETRULE as u16;
const NEW_ADDRESS_LABEL: u16 = RTM_NEWADDRLABEL as u16;
const DELETE_ADDRESS_LABEL: u16 = RTM_DELADDRLABEL as u16;
const GET_ADDRESS_LABEL: u16 = RTM_GETADDRLABEL as u16;

/// Makes messages of a table, each with this header.
pub(super) type Dump = Vec<Vec<u8>>;

/// Whether a request for a table means that of IPv6, or all families'.
pub(super) fn is_about_ipv6(payload: &[u8]) -> bool {
    let family = payload.first().map_or(AF_UNSPEC, |family| u32::from(*family));
    family == AF_UNSPEC || family == AF_INET6
}

/// The interface that a request for a table names in its structure of `length` octets.
pub(super) fn only_interface(payload: &[u8], length: usize) -> Option<InterfaceIndex> {
    // An old-style request is shorter than the structure, or has garbage in its padding.
    if payload.len() < length {
        return None;
    }
    read_u32(payload, 4).and_then(InterfaceIndex::new)
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    error: Errno,
    /// The same for people, where the number alone leaves them guessing.
    words: Option<&'static str>,
}

impl Refusal {
    pub(super) const fn new(error: Errno, words: &'static str) -> Self {
        Self { error, words: Some(words) }
    }

    /// The number says enough.
    pub(super) const fn of(error: Errno) -> Self {
        Self { error, words: None }
    }
}

impl From<Errno> for Refusal {
    fn from(error: Errno) -> Self {
        Self::of(error)
    }
}

/// Answers one message of the socket with this port, which hears words about refusals, too, if it
/// is `extended` (NETLINK_EXT_ACK). Every answer goes to `sink` as a datagram.
pub(super) fn answer(
    family: Family,
    message: &Message<'_>,
    (port, extended): (u32, bool),
    sink: &mut dyn FnMut(Vec<u8>),
) {
    let request = message.header;
    let flags = u32::from(request.flags);
    if flags & NLM_F_REQUEST == 0 || u32::from(request.kind) < NLMSG_MIN_TYPE {
        return;
    }
    let reply = Header { port, flags: 0, ..request };
    let result = if flags & NLM_F_DUMP == NLM_F_DUMP {
        let header = Header { flags: NLM_F_MULTI as u16, ..reply };
        dump(family, message, header, sink).map_err(Refusal::from)
    } else {
        match family {
            Family::Route => single(message, reply, sink),
            Family::SocketDiagnosis => match diag::single(message, reply) {
                Ok(Some(found)) => {
                    sink(found);
                    Ok(Answered::WithData)
                }
                Ok(None) => Ok(Answered::Silently),
                Err(error) => Err(error.into()),
            },
        }
    };
    match result {
        Ok(Answered::WithData) => {}
        Ok(Answered::Silently) => {
            if flags & NLM_F_ACK != 0 {
                sink(acknowledgement(reply, message, None));
            }
        }
        Err(refusal) => {
            let words = refusal.words.filter(|_| extended);
            sink(acknowledgement(reply, message, Some(Refusal { words, ..refusal })));
        }
    }
}

/// Whether a request has had its answer.
enum Answered {
    WithData,
    Silently,
}

fn dump_route(message: &Message<'_>, header: Header) -> Result<Dump, Errno> {
    let payload = message.payload;
    Ok(match message.header.kind {
        GET_LINK => link::dump(payload, header),
        GET_ADDRESS => address::dump(payload, header),
        GET_ROUTE => route::dump(payload, header),
        GET_NEIGHBOR => neighbor::dump(payload, header),
        GET_ADDRESS_LABEL => address_label::dump(payload, header),
        // There are no policy rules: an empty table is the truth.
        GET_RULE => Dump::new(),
        _ => return Err(Errno::OPNOTSUPP),
    })
}

fn dump(
    family: Family,
    message: &Message<'_>,
    header: Header,
    sink: &mut dyn FnMut(Vec<u8>),
) -> Result<Answered, Errno> {
    let messages = match family {
        Family::Route => dump_route(message, header)?,
        Family::SocketDiagnosis => diag::dump(message, header)?,
    };
    let mut datagram = Vec::new();
    for message in messages {
        if !datagram.is_empty() && datagram.len() + message.len() > DATAGRAM_LIMIT {
            sink(core::mem::take(&mut datagram));
        }
        datagram.extend_from_slice(&message);
    }
    if !datagram.is_empty() {
        sink(datagram);
    }
    let done = Header { kind: NLMSG_DONE as u16, ..header };
    sink(Builder::new(done).body(&0i32.to_ne_bytes()).finish());
    Ok(Answered::WithData)
}

fn single(
    message: &Message<'_>,
    header: Header,
    sink: &mut dyn FnMut(Vec<u8>),
) -> Result<Answered, Refusal> {
    let (payload, flags) = (message.payload, u32::from(message.header.flags));
    match message.header.kind {
        GET_LINK => sink(link::get(payload, header)?),
        GET_ROUTE => sink(route::get(payload, header)?),
        GET_NEIGHBOR => sink(neighbor::get(payload, header)?),
        GET_ADDRESS_LABEL => sink(address_label::get(payload, header)?),
        kind => {
            match kind {
                NEW_LINK => link::add(payload, flags)?,
                SET_LINK => link::change(payload)?,
                DELETE_LINK => link::delete(payload)?,
                NEW_ADDRESS => address::add(payload, flags)?,
                DELETE_ADDRESS => address::delete(payload)?,
                NEW_ROUTE => route::add(payload, flags)?,
                DELETE_ROUTE => route::delete(payload)?,
                NEW_NEIGHBOR => neighbor::add(payload, flags)?,
                DELETE_NEIGHBOR => neighbor::delete(payload)?,
                NEW_ADDRESS_LABEL => address_label::add(payload, flags)?,
                DELETE_ADDRESS_LABEL => address_label::delete(payload)?,
                _ => return Err(Errno::OPNOTSUPP.into()),
            }
            return Ok(Answered::Silently);
        }
    }
    Ok(Answered::WithData)
}

/// NLMSG_ERROR: success or a refusal, with the request's header (capped, as with NETLINK_CAP_ACK)
/// and, for a refusal, the whole request, which is how Linux lets programs find their mistake, and
/// words about it.
fn acknowledgement(reply: Header, request: &Message<'_>, refusal: Option<Refusal>) -> Vec<u8> {
    let words = refusal.and_then(|refusal| refusal.words);
    let flags = match (refusal, words) {
        (None, _) => NLM_F_CAPPED,
        (Some(_), None) => 0,
        (Some(_), Some(_)) => NLM_F_ACK_TLVS,
    };
    let flags = flags as u16;
    let code = refusal.map_or(0, |refusal| -i32::from(refusal.error.raw()));
    let length = HEADER_LENGTH + request.payload.len();
    let header = request.header;
    let mut builder = Builder::new(Header { kind: NLMSG_ERROR as u16, flags, ..reply })
        .body(&code.to_ne_bytes())
        .body(&(length as u32).to_ne_bytes())
        .body(&header.kind.to_ne_bytes())
        .body(&header.flags.to_ne_bytes())
        .body(&header.sequence.to_ne_bytes())
        .body(&header.port.to_ne_bytes());
    if refusal.is_some() {
        builder = builder.body(request.payload);
    }
    if let Some(words) = words {
        builder.attribute_string(nlmsgerr_attrs::NLMSGERR_ATTR_MSG as u32, words);
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::netlink::message::{Messages, read_u32};

    fn answers(kind: u16, flags: u32) -> Vec<Vec<u8>> {
        let header = Header { kind, flags: flags as u16, sequence: 77, port: 0 };
        let bytes = Builder::new(header).body(&[0; 16]).finish();
        let mut datagrams = Vec::new();
        for message in Messages::new(&bytes) {
            let sink = &mut |datagram| datagrams.push(datagram);
            answer(Family::Route, &message, (42, true), sink);
        }
        datagrams
    }

    #[test]
    fn an_unknown_request_is_refused_with_its_header() {
        let datagrams = answers(9999, NLM_F_REQUEST);
        let message = Messages::new(&datagrams[0]).next().unwrap();
        assert_eq!(message.header.kind, NLMSG_ERROR as u16);
        assert_eq!((message.header.sequence, message.header.port), (77, 42));
        assert_eq!(read_u32(message.payload, 0), Some((-95i32).cast_unsigned()));
        assert_eq!(message.payload.len(), 4 + 16 + 16, "the request follows whole");
    }

    #[test]
    fn the_end_of_a_dump_comes_in_a_datagram_of_its_own() {
        let datagrams = answers(GET_RULE, NLM_F_REQUEST | NLM_F_DUMP);
        assert_eq!(datagrams.len(), 1);
        assert_eq!(datagrams[0].len(), 20, "as measured on Linux");
        let message = Messages::new(&datagrams[0]).next().unwrap();
        assert_eq!(message.header.kind, NLMSG_DONE as u16);
        assert_eq!(u32::from(message.header.flags), NLM_F_MULTI);
    }

    #[test]
    fn what_is_no_request_is_ignored() {
        assert!(answers(GET_RULE, 0).is_empty());
        assert!(answers(NLMSG_DONE as u16, NLM_F_REQUEST).is_empty());
    }
}
