//! Segments that nobody should send: blind attacks do not end or disturb a connection, answers are
//! few and small, and memory is bounded whatever comes.
//!
//! `FRAMES=n` sends another number of mutants per seed.

use net::config::Config;
use net::limits;
use net::netif::MacAddress;
use net::tcp::{TcpAudit, TcpId, TcpState};
use net::time::Duration;
use net::wire::tcp::{TcpFlags, TcpHeader, TcpOptions};
use net::wire::tcp_sequence::SequenceNumber;
use simulation::host::Host;
use simulation::mutation::mutate;
use simulation::network::{Handle, Network};
use simulation::packet::{Envelope, link_local};
use simulation::random::Seeded;
use simulation::seed::for_each_seed;
use simulation::tcp_program::{Ending, Program};
use simulation::tcp_scenario::{End, Pair, Weather, connect, listen, run};
use std::net::Ipv6Addr;

const PORT: u16 = 8080;
const VICTIM: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 1]);
const PEER: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 2]);

struct Lab {
    network: Network,
    random: Seeded,
    victim: Handle<Host>,
    peer: Handle<Host>,
    listener: TcpId,
}

fn lab(seed: u64) -> Lab {
    let mut network = Network::new(seed);
    let mut add = |mac| {
        let random = network.fork_random();
        network.add(Host::new(mac, Config::default(), random))
    };
    let (victim, peer) = (add(VICTIM), add(PEER));
    network.run_for(Duration::from_secs(3));
    let listener = listen(&mut network, victim, PORT, 64);
    let random = network.fork_random();
    Lab { network, random, victim, peer, listener }
}

impl Lab {
    /// A connection that the peer has opened: its number at the victim and at the peer.
    fn open(&mut self) -> (TcpId, TcpId) {
        let to = (link_local(VICTIM), PORT);
        let client = connect(&mut self.network, self.peer, to, |_| {});
        self.network.run_for(Duration::from_secs(1));
        let stack = &mut self.network[self.victim].stack;
        (stack.tcp_accept(self.listener).expect("a connection").0, client)
    }

    fn audit(&self, id: TcpId) -> TcpAudit {
        let found = self.network[self.victim].stack.tcp_audit().find(|audit| audit.id == id);
        found.expect("the connection is there")
    }

    /// A segment as if the peer had sent it.
    fn forge(&self, id: TcpId, header: &TcpHeader, data: &[u8]) -> Vec<u8> {
        let stack = &self.network[self.victim].stack;
        let remote = stack.tcp_remote_address(id).expect("it is connected");
        let local = stack.tcp_local_address(id).expect("it is connected");
        let header =
            TcpHeader { source_port: remote.port(), destination_port: local.port(), ..*header };
        Envelope::unicast((PEER, *remote.ip()), (VICTIM, *local.ip())).tcp(&header, data)
    }

    /// Lets both ends of a connection send, and checks that everything arrives.
    fn use_connection(&mut self, (server, client): (TcpId, TcpId)) {
        let now = self.network.now();
        let programs = [true, false].map(|may_wait| {
            let ending = Ending::orderly(&mut self.random, may_wait);
            Program::new(&mut self.random, 50_000, ending, now)
        });
        let ends = [End::Host(self.victim, server), End::Host(self.peer, client)];
        let mut pairs = [Pair { ends, programs }];
        let mut weather = Weather::calm(self.random.fork(), now);
        assert!(run(&mut self.network, &mut pairs, &mut weather, self.victim.port()));
        assert_eq!(pairs[0].judge(), Ok(()));
    }
}

fn header(sequence: SequenceNumber, ack: SequenceNumber, flags: TcpFlags) -> TcpHeader {
    TcpHeader {
        source_port: 0,
        destination_port: 0,
        sequence,
        acknowledgment: ack,
        flags,
        window: 500,
        checksum: 0,
        urgent_pointer: 0,
        options: TcpOptions::NONE,
    }
}

/// RFC 5961: whoever knows addresses and ports, and even the window, but not the numbers.
/// Rows: TCP-5961, MAY-12
#[test]
fn blind_attacks() {
    for_each_seed(30, |seed| {
        let mut lab = lab(seed);
        let ids = lab.open();
        lab.network[lab.victim].expect_forgery();
        let mut octets = (0, 0);
        for _ in 0..2000 {
            let audit = lab.audit(ids.0);
            let flags = *lab.random.pick(&[
                TcpFlags::RST,
                TcpFlags::RST | TcpFlags::ACK,
                TcpFlags::SYN,
                TcpFlags::SYN | TcpFlags::ACK,
                TcpFlags::ACK,
                TcpFlags::ACK | TcpFlags::FIN,
            ]);
            // Anywhere, or in the window, but not the very number that a reset needs.
            let window = audit.rcv_edge.offset_from(audit.rcv_nxt) as usize;
            let sequence = if lab.random.chance(500) {
                audit.rcv_nxt + 1 + lab.random.index(window) as u32
            } else {
                SequenceNumber(lab.random.draw() as u32)
            };
            // RFC 5961, Section 5: acknowledgments of what was sent long ago or never.
            let far = lab.random.index(1 << 30) as u32;
            let ack = if lab.random.chance(500) {
                audit.snd_nxt + 1 + far
            } else {
                audit.snd_una - 5_000_000 - far
            };
            if sequence == audit.rcv_nxt {
                continue;
            }
            let data = vec![0x66; lab.random.index(100)];
            let frame = lab.forge(ids.0, &header(sequence, ack, flags), &data);
            octets.0 += frame.len();
            lab.network.inject(lab.victim, &frame);
            let before = lab.network.capture().frames().count();
            lab.network.run_for(Duration::from_millis(lab.random.index(20) as u64));
            let sent = lab.network.take_capture();
            octets.1 += sent.frames().skip(before).map(<[u8]>::len).sum::<usize>();
        }
        let audit = lab.audit(ids.0);
        assert_eq!((audit.state, audit.readable), (TcpState::Established, 0), "seed {seed}");
        assert!(octets.1 < octets.0 / 2, "seed {seed}: {octets:?}");
        lab.use_connection(ids);
    });
}

/// RFC 4987: SYNs from everywhere take bounded memory, and when they end, all is as before.
/// Rows: TCP-SYNC, TCP-BKL
#[test]
fn floods_of_syns() {
    for_each_seed(10, |seed| {
        let mut lab = lab(seed);
        let ids = lab.open();
        for number in 0..5000u32 {
            let host = lab.random.draw();
            let [.., a, b, c] = host.to_be_bytes();
            let mac = MacAddress([2, 0, 1, a, b, c]);
            let source = if lab.random.chance(500) { link_local(mac) } else { link_local(PEER) };
            let to = (VICTIM, link_local(VICTIM));
            let syn = TcpHeader {
                source_port: 1024 + (number % 60_000) as u16,
                destination_port: PORT,
                ..header(SequenceNumber(host as u32), SequenceNumber(0), TcpFlags::SYN)
            };
            let frame = Envelope::unicast((mac, source), to).tcp(&syn, &[]);
            lab.network.inject(lab.victim, &frame);
            if number % 50 == 0 {
                lab.network.run_for(Duration::from_millis(20));
            }
            let host = &lab.network[lab.victim];
            assert!(host.stack.tcp_entries().0 <= limits::TCP_HALF_OPEN);
            assert!(host.pool.used() < 1000, "seed {seed}: {}", host.pool.used());
        }
        // What is open goes on meanwhile.
        lab.use_connection(ids);
        lab.network.run_for(Duration::from_mins(5));
        let again = lab.open();
        lab.use_connection(again);
        lab.network.run_for(Duration::from_mins(5));
        let host = &lab.network[lab.victim];
        assert_eq!((host.stack.tcp_entries(), host.stack.tcp_pieces()), ((0, 0), 0), "seed {seed}");
        assert_eq!(host.pool.used(), 0, "seed {seed}");
    });
}

/// A peer that never fills its holes gets no more than its share of memory.
#[test]
fn floods_of_data_behind_holes() {
    for_each_seed(6, |seed| {
        let mut lab = lab(seed);
        let (greedy, other) = (lab.open(), lab.open());
        let audit = lab.audit(greedy.0);
        let window = audit.rcv_edge.offset_from(audit.rcv_nxt) as u32;
        for _ in 0..6000 {
            let sequence = audit.rcv_nxt + 1 + lab.random.index(window as usize) as u32;
            let segment = header(sequence, audit.snd_nxt, TcpFlags::ACK);
            let data = vec![0x66; 1 + lab.random.index(3)];
            // The peer's timestamps are known to an attacker on the path.
            let frame = lab.forge(greedy.0, &segment, &data);
            lab.network.inject(lab.victim, &frame);
            if lab.random.chance(5) {
                lab.network.run_for(Duration::from_millis(1));
            }
        }
        let host = &lab.network[lab.victim];
        assert!(host.stack.tcp_pieces() <= limits::TCP_PIECES / 2, "{}", host.stack.tcp_pieces());
        lab.use_connection(other);
        let now = lab.network.now();
        lab.network[lab.victim].stack.tcp_abort(greedy.0, now);
        lab.network.run_for(Duration::from_mins(5));
        assert_eq!(lab.network[lab.victim].pool.used(), 0, "seed {seed}");
    });
}

/// Mutants of real segments at sockets in every state.
/// Rows: QOS-1, SHLD-2
#[test]
fn mutated_segments() {
    let frames: usize =
        std::env::var("FRAMES").map_or(8000, |frames| frames.parse().expect("FRAMES is a number"));
    for_each_seed(12, |seed| {
        let mut lab = lab(seed);
        lab.network[lab.victim].expect_forgery();
        let mut corpus = Vec::new();
        for round in 0..frames / 1000 {
            // ESTABLISHED, FIN-WAIT, CLOSE-WAIT, closed with what is in TIME-WAIT, SYN-SENT.
            let now = lab.network.now();
            // What is in it are mutants.
            lab.network.take_capture();
            let ids: Vec<_> = (0..4).map(|_| lab.open()).collect();
            let (victim, peer) = (lab.victim, lab.peer);
            let network = &mut lab.network;
            let shut = |host: &mut Host, id| {
                host.stack.tcp_shutdown(id, false, true, now).expect("it is open");
            };
            shut(&mut network[victim], ids[1].0);
            shut(&mut network[peer], ids[2].1);
            network[victim].stack.tcp_close(ids[3].0, now);
            network[peer].stack.tcp_close(ids[3].1, now);
            let silent = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99);
            connect(network, victim, (silent, 9), |_| {});
            connect(network, victim, (link_local(PEER), 9), |_| {});
            network.run_for(Duration::from_millis(500));
            let own: Vec<_> = lab.network.take_capture().frames().map(<[u8]>::to_vec).collect();
            corpus.extend(own.into_iter().filter(|frame| frame.starts_with(&VICTIM.0)));
            corpus.drain(..corpus.len().saturating_sub(200));
            for _ in 0..1000 {
                let frame = mutate(&corpus, &mut lab.random);
                lab.network.inject(victim, &frame);
                if lab.random.chance(30) {
                    let time = lab.random.time(Duration::ZERO, Duration::from_millis(300));
                    lab.network.run_for(time);
                }
            }
            if round % 3 == 2 {
                close_all(&mut lab);
            }
        }
        close_all(&mut lab);
        lab.network.run_for(Duration::from_mins(30));
        let host = &lab.network[lab.victim];
        let left: Vec<_> = host.stack.tcp_sockets().collect();
        assert_eq!(left.len(), 1, "seed {seed}: {left:?}");
        assert_eq!((host.stack.tcp_entries(), host.stack.tcp_pieces()), ((0, 0), 0), "seed {seed}");
    });
}

/// Closes what is not the listener, on both sides, some with a reset.
fn close_all(lab: &mut Lab) {
    let now = lab.network.now();
    while lab.network[lab.victim].stack.tcp_accept(lab.listener).is_ok() {}
    for host in [lab.victim, lab.peer] {
        let stack = &mut lab.network[host].stack;
        let sockets: Vec<_> = stack.tcp_sockets().filter_map(|socket| socket.id).collect();
        for id in
            sockets.into_iter().filter(|&id| id != lab.listener || host.port() == lab.peer.port())
        {
            if lab.random.chance(500) {
                stack.tcp_abort(id, now);
            } else {
                stack.tcp_close(id, now);
            }
        }
    }
}
