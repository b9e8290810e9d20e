//! Protocols whose messages follow each other in a stream of transfers.
//!
//! The usual transfer holds one message: its frame is passed on in the buffer it came in, the
//! header trimmed off. Devices may put several messages into one transfer; all but the last are
//! copied out. And where a message ends with a full packet, a device that sends no closing
//! zero-length packet makes the next message follow in the same transfer, so that one may be cut by
//! the end of our buffer and go on in the next: the beginning is kept and completed.

use crate::counters::{Counters, count};
use crate::eem;
use crate::rndis;
use core::cell::Cell;
use core::ops::Range;
use net::buffer::PacketBuffer;
use net::netif::{LinkDrop, Port};
use smsc_lan::{Model, Received};

/// One message in a received transfer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Bytes of the whole message with its padding: where the next one begins.
    pub length: usize,
    /// What is in it.
    pub content: Content,
}

/// What a message carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// A frame, and where it is.
    Frame(Range<usize>),
    /// No frame.
    Other,
    /// A frame that was damaged on the wire.
    Damaged,
}

/// What the messages of a stream look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// RNDIS packet messages.
    Rndis,
    /// EEM packets.
    Eem,
    /// Frames of a LAN95xx or LAN78xx.
    Smsc(Model),
}

impl Format {
    /// Bytes of a message from which its length is known.
    const fn length_end(self) -> usize {
        match self {
            Self::Rndis => 8,
            Self::Eem => eem::HEADER,
            Self::Smsc(_) => smsc_lan::RECEIVE_PREFIX,
        }
    }

    /// Bytes of the message that `bytes` begin with, when enough of it is there.
    fn message_length(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Rndis => rndis::message_length(bytes),
            Self::Eem => eem::message_length(bytes),
            Self::Smsc(model) => smsc_lan::received_length(model, bytes),
        }
    }

    /// Reads the message that `bytes` begin with, which must be there completely.
    fn parse(self, bytes: &[u8]) -> Option<Message> {
        match self {
            Self::Rndis => rndis::parse_packet(bytes).ok(),
            Self::Eem => eem::parse(bytes),
            Self::Smsc(model) => {
                let Received { length, frame, intact } = smsc_lan::received(model, bytes)?;
                let content = if intact { Content::Frame(frame) } else { Content::Damaged };
                Some(Message { length, content })
            }
        }
    }
}

/// What is kept from one transfer to the next.
pub struct Reassembly<B> {
    format: Format,
    /// The beginning of a message, at least one byte.
    begun: Option<B>,
}

/// What follows a message in a transfer.
enum Next {
    /// Another message, complete or not.
    Message,
    /// Nothing, or padding.
    Nothing,
}

impl<B: PacketBuffer> Reassembly<B> {
    /// At the beginning of a stream.
    pub const fn new(format: Format) -> Self {
        Self { format, begun: None }
    }

    /// Forgets what was begun, after an error on the pipe.
    pub fn reset(&mut self) {
        self.begun = None;
    }

    /// Takes a transfer apart. `buffer`'s window is what arrived; `full` says whether it filled
    /// the buffer, so that a message may go on in the next transfer. Frames go to `deliver`.
    pub fn transfer<P: Port<Buffer = B>>(
        &mut self,
        mut buffer: B,
        full: bool,
        port: &P,
        counters: &Cell<Counters>,
        mut deliver: impl FnMut(B),
    ) {
        let lose = |drop, change: fn(&mut Counters)| {
            count(counters, change);
            port.count(drop);
        };
        let format = self.format;
        if let Some(begun) = self.begun.take() {
            match complete(format, begun, buffer.data()) {
                Completion::Complete { message, taken } => {
                    buffer.trim_front(taken);
                    match format.parse(message.data()) {
                        Some(Message { length, content }) => {
                            // The padding behind the message, as far as the length has some.
                            buffer.trim_front(length.saturating_sub(message.len()));
                            match content {
                                Content::Frame(frame) => {
                                    count(counters, |c| c.straddling += 1);
                                    deliver(window(message, frame));
                                }
                                Content::Other => count(counters, |c| c.other_messages += 1),
                                Content::Damaged => {
                                    lose(LinkDrop::ReceiveError, |c| c.damaged += 1);
                                }
                            }
                        }
                        None => lose(LinkDrop::ReceiveMalformed, |c| c.malformed += 1),
                    }
                }
                Completion::Incomplete(message) if full => {
                    self.begun = Some(message);
                    return;
                }
                Completion::Incomplete(_) | Completion::Impossible => {
                    lose(LinkDrop::ReceiveMalformed, |c| c.malformed += 1);
                    // Where the next message begins is unknown.
                    return;
                }
            }
        }
        loop {
            let data = buffer.data();
            if data.len() < format.length_end() || data.iter().all(|byte| *byte == 0) {
                // The end, or padding, or the first bytes of a message.
                if full && !data.is_empty() {
                    self.keep(data, port, counters);
                }
                return;
            }
            let Some(Message { length, content }) = format.parse(data) else {
                let cut = format.message_length(data).is_some_and(|l| l > data.len());
                if cut && full {
                    self.keep(data, port, counters);
                } else {
                    lose(LinkDrop::ReceiveMalformed, |c| c.malformed += 1);
                }
                return;
            };
            let rest = data.get(length..).unwrap_or(&[]);
            let next = if rest.len() < format.length_end() && !full {
                Next::Nothing
            } else {
                Next::Message
            };
            match (content, next) {
                (Content::Other, _) => {
                    count(counters, |c| c.other_messages += 1);
                    buffer.trim_front(length);
                }
                (Content::Damaged, _) => {
                    lose(LinkDrop::ReceiveError, |c| c.damaged += 1);
                    buffer.trim_front(length);
                }
                (Content::Frame(frame), Next::Message) if !rest.is_empty() => {
                    let copy = data.get(frame).and_then(|frame| copy(frame, port));
                    match copy {
                        Some(copy) => {
                            count(counters, |c| c.copied += 1);
                            deliver(copy);
                        }
                        None => lose(LinkDrop::ReceiveNoBuffer, |c| c.no_buffer += 1),
                    }
                    buffer.trim_front(length);
                }
                (Content::Frame(frame), _) => {
                    deliver(window(buffer, frame));
                    return;
                }
            }
        }
    }

    /// Keeps the beginning of a message for the next transfer.
    fn keep<P: Port<Buffer = B>>(&mut self, data: &[u8], port: &P, counters: &Cell<Counters>) {
        self.begun = copy(data, port);
        if self.begun.is_none() {
            count(counters, |c| c.no_buffer += 1);
            port.count(LinkDrop::ReceiveNoBuffer);
        }
    }
}

enum Completion<B> {
    /// The message is complete after `taken` bytes of the new transfer.
    Complete { message: B, taken: usize },
    /// All of the new transfer belongs to it, and more.
    Incomplete(B),
    /// No buffer could hold it.
    Impossible,
}

/// Continues a begun message with the bytes of the next transfer.
fn complete<B: PacketBuffer>(format: Format, mut message: B, data: &[u8]) -> Completion<B> {
    let mut taken = 0;
    let length_end = format.length_end();
    // First as far as its length is known, then to its end.
    loop {
        let target = format.message_length(message.data()).unwrap_or(length_end);
        let known = message.len() >= length_end;
        if known && message.len() >= target {
            return Completion::Complete { message, taken };
        }
        let missing = target.max(length_end) - message.len();
        let available = data.get(taken..).unwrap_or(&[]);
        let step = available.get(..missing).unwrap_or(available);
        match message.append(step.len()) {
            Some(room) => room.copy_from_slice(step),
            None => return Completion::Impossible,
        }
        taken += step.len();
        if step.len() < missing {
            return Completion::Incomplete(message);
        }
    }
}

/// The buffer with its window set to `range` of the present one.
fn window<B: PacketBuffer>(mut buffer: B, range: Range<usize>) -> B {
    buffer.truncate(range.end);
    buffer.trim_front(range.start);
    buffer
}

fn copy<P: Port>(data: &[u8], port: &P) -> Option<P::Buffer> {
    let mut buffer = port.allocate()?;
    buffer.append(data.len())?.copy_from_slice(data);
    Some(buffer)
}
