//! Selective acknowledgments as the sender takes them in (RFC 2018; RFC 2883 for duplicates).

use super::send::SendSide;
use super::store::{Arrived, Marks, Piece, Store};
use crate::buffer::PacketBuffer;
use crate::wire::tcp::SackBlock;
use crate::wire::tcp_sequence::SequenceNumber;

/// What the blocks of one segment said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sacked {
    /// Numbers sacked for the first time.
    pub(crate) newly: u32,
    /// The first block, when it reports a segment that arrived twice (RFC 2883, Section 4).
    pub(crate) duplicate: Option<SackBlock>,
}

/// Whether the first of these blocks is a D-SACK: below the cumulative acknowledgment, or inside
/// the second block (RFC 2883, Section 4).
fn is_duplicate(blocks: &[SackBlock], ack: SequenceNumber) -> bool {
    match blocks {
        [first, rest @ ..] => {
            first.right.is_at_or_before(ack)
                || rest.first().is_some_and(|second| {
                    second.left.is_at_or_before(first.left)
                        && first.right.is_at_or_before(second.right)
                })
        }
        [] => false,
    }
}

/// Marks what the blocks cover. `delivered` sees each piece that is covered for the first time.
pub(crate) fn take_in<B: PacketBuffer>(
    send: &mut SendSide,
    store: &mut Store<B>,
    blocks: &[SackBlock],
    ack: SequenceNumber,
    mut delivered: impl FnMut(&Arrived),
) -> Sacked {
    let duplicate = blocks.first().copied().filter(|_| is_duplicate(blocks, ack));
    let mut result = Sacked { newly: 0, duplicate };
    let blocks = if duplicate.is_some() { blocks.get(1..).unwrap_or(&[]) } else { blocks };
    for block in blocks {
        // RFC 9293, Section 3.10.7.4 for the acknowledgment holds for blocks too: what was not
        // sent cannot have arrived.
        let sane = block.left.is_before(block.right)
            && block.left.is_at_or_after(send.una)
            && block.right.is_at_or_before(send.nxt);
        if !sane {
            continue;
        }
        let mut at = send.front();
        while let Some(place) = at.filter(|&at| Some(at) != send.unsent()) {
            at = store.next(place);
            let Some(piece) = store.get(place) else { break };
            if piece.sequence.is_at_or_after(block.right) {
                break;
            }
            if covers(*block, piece) && !piece.marks.contains(Marks::SACKED) {
                result.newly += piece.len();
                delivered(&piece.arrived());
                send.mark_sacked(store, place);
            }
        }
    }
    result
}

/// A piece that is covered in part counts as not covered: it is a retransmission too many at
/// worst.
fn covers<B: PacketBuffer>(block: SackBlock, piece: &Piece<B>) -> bool {
    block.left.is_at_or_before(piece.sequence) && piece.end().is_at_or_before(block.right)
}
