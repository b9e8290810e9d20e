//! TCP as a host speaks it on the wire: what it sends is checked against all that it has sent
//! before and all that it has received, by somebody who does not know its variables.

use crate::packet::Packet;
use net::wire::ipv6::NextHeader;
use net::wire::tcp::{TcpFlags, TcpHeader, TcpOptions};
use net::wire::tcp_sequence::SequenceNumber;
use std::collections::BTreeMap;
use std::net::Ipv6Addr;

#[cfg(test)]
mod tests;

/// RFC 9293, Section 3.7.1: what a SYN without the option means.
const DEFAULT_MSS: u16 = 1220;

macro_rules! ensure {
    ($condition:expr, $rule:expr) => {
        if !$condition {
            return Err($rule);
        }
    };
}

type Address = (Ipv6Addr, u16);

/// A segment taken apart, if `frame` holds one with a valid checksum.
fn segment(frame: &[u8]) -> Option<(Packet<'_>, TcpHeader, &[u8])> {
    let packet = Packet::parse(frame)?;
    let whole = packet.protocol == NextHeader::TCP && packet.fragment.is_none();
    if !whole || !packet.checksum_is_valid() {
        return None;
    }
    let (header, data) = TcpHeader::parse(packet.payload).ok()?;
    Some((packet, header, data))
}

/// A SYN of the other side.
#[derive(Clone, Copy, Debug)]
struct Offer {
    options: TcpOptions,
    /// Up to where its window allows to send, if it acknowledges.
    edge: Option<SequenceNumber>,
}

/// One connection.
#[derive(Debug)]
struct Conversation {
    iss: SequenceNumber,
    options: TcpOptions,
    /// The other side's first number and its options, once known.
    peer: Option<(SequenceNumber, TcpOptions)>,
    /// Octets of data by their distance from the first number; what never left the host is not
    /// known.
    sent: Vec<Option<u8>>,
    /// Where the FIN is in that stream.
    fin: Option<usize>,
    /// Up to where the other side has allowed to send.
    granted: SequenceNumber,
    /// The end of what the other side has sent and of what is acknowledged of that, and the edge
    /// of the window.
    received: SequenceNumber,
    acknowledged: Option<(SequenceNumber, SequenceNumber)>,
}

/// All connections of a host, the latest one of each pair of addresses.
#[derive(Debug, Default)]
pub struct TcpWatch {
    conversations: BTreeMap<(Address, Address), Conversation>,
    offers: BTreeMap<(Address, Address, u32), Offer>,
}

impl Conversation {
    const fn new(iss: SequenceNumber, options: TcpOptions) -> Self {
        Self {
            iss,
            options,
            peer: None,
            sent: Vec::new(),
            fin: None,
            granted: iss,
            received: SequenceNumber(0),
            acknowledged: None,
        }
    }

    fn meet(&mut self, irs: SequenceNumber, offer: &Offer) {
        self.peer = Some((irs, offer.options));
        self.received = irs + 1;
        self.grant(offer);
    }

    fn grant(&mut self, offer: &Offer) {
        if let Some(edge) = offer.edge {
            self.granted = self.granted.max(edge);
        }
    }

    /// Shifts of this side's and of the other side's window (RFC 7323, Section 2.2).
    fn shifts(&self) -> (u8, u8) {
        let theirs = self.peer.and_then(|(_, options)| options.window_scale);
        self.options.window_scale.zip(theirs).unwrap_or((0, 0))
    }
}

impl TcpWatch {
    /// The host has received a frame.
    pub fn received(&mut self, frame: &[u8]) {
        let Some((packet, header, data)) = segment(frame) else { return };
        if header.flags.contains(TcpFlags::RST) {
            return;
        }
        let local = (packet.ipv6.destination, header.destination_port);
        let remote = (packet.ipv6.source, header.source_port);
        let known = self.conversations.get_mut(&(local, remote));
        if header.flags.contains(TcpFlags::SYN) {
            let edge = header.ack().map(|ack| ack + u32::from(header.window));
            let offer = Offer { options: header.options, edge };
            if let Some(conversation) = known
                && header.ack().is_none_or(|ack| ack == conversation.iss + 1)
            {
                match conversation.peer {
                    None => conversation.meet(header.sequence, &offer),
                    // Simultaneous open: its SYN again, now with an acknowledgment.
                    Some((irs, _)) if irs == header.sequence => conversation.grant(&offer),
                    Some(_) => {}
                }
            }
            self.offers.insert((local, remote, header.sequence.0), offer);
            return;
        }
        let Some(conversation) = known else { return };
        if conversation.peer.is_none() {
            return;
        }
        let end =
            header.sequence + data.len() as u32 + u32::from(header.flags.contains(TcpFlags::FIN));
        conversation.received = conversation.received.max(end);
        if let Some(ack) = header.ack() {
            let (_, shift) = conversation.shifts();
            let edge = ack + (u32::from(header.window) << shift);
            conversation.granted = conversation.granted.max(edge);
        }
    }

    /// The host sends a frame. Gives the rule that it breaks, if any.
    pub fn sent(&mut self, frame: &[u8]) -> Result<(), &'static str> {
        let Some((packet, header, data)) = segment(frame) else { return Ok(()) };
        let key = (
            (packet.ipv6.source, header.source_port),
            (packet.ipv6.destination, header.destination_port),
        );
        ensure!(!header.flags.contains(TcpFlags::URG), "nothing is urgent");
        if header.flags.contains(TcpFlags::RST) {
            ensure!(data.is_empty(), "a reset carries nothing");
            return Ok(());
        }
        if header.flags.contains(TcpFlags::SYN) {
            return self.sent_syn(key, &header, data);
        }
        ensure!(header.ack().is_some(), "all but the first SYN acknowledge");
        let conversation = self.conversations.get_mut(&key).ok_or("a connection opens first")?;
        conversation.check_options(&header, data)?;
        conversation.check_acknowledgment(&header)?;
        conversation.check_data(&header, data)
    }

    fn sent_syn(
        &mut self,
        key: (Address, Address),
        header: &TcpHeader,
        data: &[u8],
    ) -> Result<(), &'static str> {
        ensure!(data.is_empty() && !header.flags.contains(TcpFlags::FIN), "a SYN comes alone");
        ensure!(header.options.maximum_segment_size.is_some(), "a SYN tells the segment size");
        ensure!(header.options.sack.as_slice().is_empty(), "a SYN has nothing to sack");
        let known = self.conversations.get(&key).is_some_and(|known| known.iss == header.sequence);
        let fresh = Conversation::new(header.sequence, header.options);
        let conversation = self.conversations.entry(key).or_insert_with(|| fresh);
        if !known {
            *conversation = Conversation::new(header.sequence, header.options);
        }
        let Some(ack) = header.ack() else { return Ok(()) };
        let offer = *self
            .offers
            .get(&(key.0, key.1, (ack - 1).0))
            .ok_or("a SYN is acknowledged after it came")?;
        if conversation.peer.is_none() {
            conversation.meet(ack - 1, &offer);
        }
        let (ours, theirs) = (&header.options, &offer.options);
        ensure!(
            (ours.window_scale.is_none() || theirs.window_scale.is_some())
                && (!ours.sack_permitted || theirs.sack_permitted)
                && (ours.timestamps.is_none() || theirs.timestamps.is_some()),
            "an answer has no option that was not offered"
        );
        // What this answer says is what counts, not an earlier SYN without an acknowledgment.
        conversation.options = header.options;
        let edge = ack + u32::from(header.window);
        // What was rounded up by the scale in between, and what is larger than the field, cannot be
        // told in a SYN.
        let rounding = 1 << header.options.window_scale.unwrap_or(0);
        let (_, before) = *conversation.acknowledged.get_or_insert((ack, edge));
        ensure!(
            header.window == u16::MAX || before.offset_from(edge) < rounding,
            "the window is never withdrawn"
        );
        conversation.acknowledged = Some((ack, before.max(edge)));
        Ok(())
    }
}

impl Conversation {
    fn check_options(&self, header: &TcpHeader, data: &[u8]) -> Result<(), &'static str> {
        let (_, theirs) = self.peer.ok_or("nothing but a SYN comes before the other side's")?;
        let options = &header.options;
        ensure!(
            options.maximum_segment_size.is_none()
                && options.window_scale.is_none()
                && !options.sack_permitted,
            "options of the opening are on SYNs"
        );
        let stamped = self.options.timestamps.is_some() && theirs.timestamps.is_some();
        ensure!(
            options.timestamps.is_some() == stamped,
            "timestamps are on all segments or none (RFC 7323, Section 3.2)"
        );
        let blocks = options.sack.as_slice();
        ensure!(
            blocks.is_empty() || theirs.sack_permitted && self.options.sack_permitted,
            "selective acknowledgments are agreed on"
        );
        for (number, block) in blocks.iter().enumerate() {
            ensure!(block.left.is_before(block.right), "a block holds something");
            ensure!(block.right.is_at_or_before(self.received), "what is sacked has arrived");
            ensure!(
                number == 0 || block.left.is_after(header.acknowledgment),
                "only the first block may be a duplicate (RFC 2883, Section 4)"
            );
        }
        let most = usize::from(theirs.maximum_segment_size.unwrap_or(DEFAULT_MSS).max(64));
        ensure!(
            data.is_empty() || data.len() + options.len() <= most,
            "a segment is no longer than the other side takes (RFC 6691)"
        );
        Ok(())
    }

    fn check_acknowledgment(&mut self, header: &TcpHeader) -> Result<(), &'static str> {
        let ack = header.acknowledgment;
        let (shift, _) = self.shifts();
        let edge = ack + (u32::from(header.window) << shift);
        ensure!(ack.is_at_or_before(self.received), "what is acknowledged has arrived");
        if let Some((last, last_edge)) = self.acknowledged {
            ensure!(last.is_at_or_before(ack), "acknowledgments never go back");
            ensure!(
                last_edge.offset_from(edge) < 1 << shift,
                "the window is not withdrawn, but by rounding (RFC 9293, Section 3.8.6)"
            );
        }
        let edge = self.acknowledged.map_or(edge, |(_, last)| last.max(edge));
        self.acknowledged = Some((ack, edge));
        Ok(())
    }

    fn check_data(&mut self, header: &TcpHeader, data: &[u8]) -> Result<(), &'static str> {
        let fin = header.flags.contains(TcpFlags::FIN);
        let start = header.sequence.offset_from(self.iss + 1);
        if data.is_empty() && !fin {
            let most = self.sent.len() + usize::from(self.fin.is_some());
            let next = usize::try_from(start + 1).map_err(|_| "numbers begin with the SYN's")?;
            // What never left the host for want of a neighbor is not known here, so an
            // acknowledgment may be ahead.
            ensure!(
                next <= most + 1 || self.fin.is_none() && next <= most + (1 << 20),
                "an acknowledgment has the next number"
            );
            return Ok(());
        }
        let start = usize::try_from(start).map_err(|_| "data comes behind the SYN")?;
        let end = start + data.len();
        ensure!(self.fin.is_none_or(|at| end <= at), "no data comes behind the FIN");
        ensure!(!fin || end >= self.sent.len(), "the FIN comes behind all data");
        // So there is one FIN: a later one would be behind the first, an earlier one before data.
        let last = self.iss + 1 + end as u32;
        // The FIN may be the number right behind the window: it takes no room.
        ensure!(last.is_at_or_before(self.granted), "what is sent fits the other side's window");
        if self.sent.len() < end {
            self.sent.resize(end, None);
        }
        for (known, octet) in self.sent.iter_mut().skip(start).zip(data) {
            ensure!(
                known.is_none_or(|known| known == *octet),
                "what is sent again is what was sent"
            );
            *known = Some(*octet);
        }
        if fin {
            self.fin = Some(end);
        }
        Ok(())
    }
}
