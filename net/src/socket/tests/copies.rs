//! A datagram that stays in the buffer it came in, and the same one copied: of several members of a
//! group, the last gets the first and the others get copies.

use super::*;

/// What a program can see of a datagram, but for the time.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    meta: ReceiveMeta,
    peeked: Vec<u8>,
    next_len: usize,
    headers: Vec<(HeaderKind, Vec<u8>)>,
    payload: Vec<u8>,
}

fn see(host: &mut Host, id: SocketId) -> Option<Seen> {
    let next_len = host.stack.next_receive_len(id);
    let peeked = host.stack.receive(id, true, |_, payload| octets(payload)).ok()?;
    let read = |meta: &ReceiveMeta, payload: &Payload<'_, HeapBuffer>| Seen {
        meta: *meta,
        peeked: peeked.clone(),
        next_len,
        headers: payload.headers().map(|(kind, bytes)| (kind, bytes.to_vec())).collect(),
        payload: octets(payload),
    };
    host.stack.receive(id, false, read).ok()
}

/// The packets of a UDP datagram to a group, in fragments of `size` octets if that is not enough,
/// behind destination options.
fn packets(group: &str, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let plain = {
        let mut sum = Checksum::new();
        sum.add(payload);
        let ends = ((PEER.address, 99), (ip(group), 7));
        let header = UdpHeader::new(ends.0, ends.1, payload.len(), sum).unwrap();
        let mut segment = vec![0; UdpHeader::LEN];
        header.emit(&mut segment);
        segment.extend(payload);
        segment
    };
    let options = [17, 0, 0x1e, 4, 1, 2, 3, 4];
    if plain.len() <= size {
        let whole = [&options[..], &plain].concat();
        return vec![ipv6_packet(PEER.address, ip(group), NextHeader::DESTINATION_OPTIONS, &whole)];
    }
    let count = plain.len().div_ceil(size);
    let piece = |(number, data): (usize, &[u8])| {
        let more = u16::from(number + 1 < count);
        let place = ((number * size) as u16 | more).to_be_bytes();
        let header = [44, 0, 0x1e, 4, 1, 2, 3, 4, 17, 0, place[0], place[1], 0, 0, 0, 77];
        let whole = [&header[..], data].concat();
        ipv6_packet(PEER.address, ip(group), NextHeader::DESTINATION_OPTIONS, &whole)
    };
    plain.chunks(size).enumerate().map(piece).collect()
}

/// Rows: API-25
#[test]
fn a_copy_is_like_what_was_not_copied() {
    const GROUP: &str = "ff05::7";
    let mut host = host();
    let members: Vec<SocketId> = (0..4)
        .map(|_| {
            let id = udp(&mut host);
            host.stack.set_socket_option(id, SetOption::ReuseAddress(true)).unwrap();
            host.stack.set_socket_option(id, SetOption::ReceiveHeaders(true)).unwrap();
            host.stack.bind(id, address("::", 7)).unwrap();
            host.stack.join_group(id, ip(GROUP), Some(USB0), host.now).unwrap();
            id
        })
        .collect();
    for len in [0, 1, 7, 8, 1000, 1400, 1401, 4096, 9000] {
        let payload: Vec<u8> = (0..len).map(|at| (at * 7 % 251) as u8).collect();
        for packet in packets(GROUP, &payload, 1400) {
            host.packet(PEER, &packet);
        }
        let seen: Vec<Option<Seen>> = members.iter().map(|&id| see(&mut host, id)).collect();
        let Some(first) = &seen[0] else { panic!("{len} octets do not arrive") };
        assert_eq!((&first.payload, &first.peeked, first.next_len), (&payload, &payload, len));
        assert_eq!((first.meta.destination, first.headers.len()), (ip(GROUP), 1));
        assert!(seen.iter().all(|other| *other == seen[0]), "{len} octets: {seen:?}");
        assert!(members.iter().all(|&id| see(&mut host, id).is_none()), "and nothing else");
    }
}
