//! Stream sockets of one node that talk to each other over loopback.

use super::*;
use crate::config::Config;
use crate::counters::{DropReason, TableFull};
use crate::event::Event;
use crate::limits;
use crate::socket::EPHEMERAL;
use crate::test_host::Host;
use crate::time::Duration;
use core::net::{Ipv6Addr, SocketAddrV6};

const PORT: u16 = 8080;

fn localhost(port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0)
}

fn listen(host: &mut Host, port: u16, backlog: usize) -> TcpId {
    let id = host.stack.tcp_open().unwrap();
    host.stack.tcp_bind(id, SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0)).unwrap();
    host.stack.tcp_listen(id, backlog).unwrap();
    id
}

fn connect(host: &mut Host, port: u16) -> TcpId {
    let id = host.stack.tcp_open().unwrap();
    host.stack.tcp_connect(id, localhost(port), host.now).unwrap();
    id
}

/// A listener, a client and the server's end.
fn pair(host: &mut Host) -> (TcpId, TcpId, TcpId) {
    let listener = listen(host, PORT, 8);
    let client = connect(host, PORT);
    let (server, remote) = host.stack.tcp_accept(listener).unwrap();
    assert_eq!(remote, host.stack.tcp_local_address(client).unwrap());
    (listener, client, server)
}

fn send(host: &mut Host, id: TcpId, data: &[u8]) -> Result<usize, TcpSendError> {
    let mut rest = data;
    host.stack.tcp_send(
        id,
        data.len(),
        |room| {
            let (now, later) = rest.split_at(room.len());
            room.copy_from_slice(now);
            rest = later;
            Ok(())
        },
        host.now,
    )
}

fn receive(host: &mut Host, id: TcpId, length: usize) -> Result<Vec<u8>, TcpReceiveError> {
    let mut data = Vec::new();
    let read = |run: &[u8]| {
        data.extend(run);
        Ok(())
    };
    let count = host.stack.tcp_receive(id, length, false, read, host.now)?;
    assert_eq!(count, data.len());
    Ok(data)
}

fn host() -> Host {
    Host::new(1, Config::default())
}

/// New sockets begin with what the stack is set to, accepted ones with their listener's choice.
/// Rows: MAY-18
#[test]
fn the_algorithm_is_the_stacks_then_the_sockets() {
    for algorithm in CongestionAlgorithm::ALL {
        let mut config = Config::default();
        config.tcp.congestion = algorithm;
        let mut host = Host::new(1, config);
        let (listener, client, server) = pair(&mut host);
        for id in [listener, client, server] {
            assert_eq!(host.stack.tcp_options(id).unwrap().congestion, algorithm);
        }
        assert_eq!(host.stack.tcp_info(server, host.now).unwrap().congestion, algorithm);
    }
}

/// There are models of paths for so many connections; who closes leaves room for others.
#[test]
fn one_connection_more_than_can_use_bbr_goes_by_cubic_and_is_counted() {
    let mut config = Config::default();
    config.tcp.congestion = CongestionAlgorithm::Bbr;
    let mut host = Host::new(1, config);
    let listener = listen(&mut host, PORT, 8);
    let open = |host: &mut Host| {
        let client = connect(host, PORT);
        [client, host.stack.tcp_accept(listener).unwrap().0]
    };
    let pairs: Vec<_> = (0..limits::TCP_MODELS / 2).map(|_| open(&mut host)).collect();
    let algorithm = |host: &Host, id| {
        let chosen = host.stack.tcp_info(id, host.now).unwrap().congestion;
        assert_eq!(host.stack.tcp_options(id).unwrap().congestion, chosen);
        chosen
    };
    let refused = |host: &Host| host.stack.node_counters().tables.get(TableFull::TcpModels);
    for &id in pairs.as_flattened() {
        assert_eq!(algorithm(&host, id), CongestionAlgorithm::Bbr);
    }
    assert_eq!(refused(&host), 0);
    let late = open(&mut host);
    assert_eq!(late.map(|id| algorithm(&host, id)), [CongestionAlgorithm::Cubic; 2]);
    assert_eq!(refused(&host), 2);
    for id in pairs[3] {
        host.stack.tcp_close(id, host.now);
    }
    let next = open(&mut host);
    assert_eq!(next.map(|id| algorithm(&host, id)), [CongestionAlgorithm::Bbr; 2]);
    assert_eq!(refused(&host), 2);
}

/// Although another destination would tell two connections from one port apart.
#[test]
fn a_connection_takes_no_port_that_a_socket_is_bound_to() {
    let mut host = host();
    let _listener = listen(&mut host, PORT, 8);
    let first = connect(&mut host, PORT);
    let (begin, end) = (*EPHEMERAL.start(), *EPHEMERAL.end());
    let taken = host.stack.tcp_local_address(first).unwrap().port();
    // The next search begins at one of these.
    let next: Vec<_> =
        (1..=8).map(|step| begin + (taken - begin + step) % (end - begin + 1)).collect();
    for &port in &next {
        let id = host.stack.tcp_open().unwrap();
        host.stack.tcp_bind(id, localhost(port)).unwrap();
    }
    let second = connect(&mut host, PORT);
    let port = host.stack.tcp_local_address(second).unwrap().port();
    assert!(port != taken && !next.contains(&port), "{taken}, {port}");
}

/// Rows: API-18, MUST-13
#[test]
fn octets_go_both_ways_and_the_end_is_seen() {
    let mut host = host();
    let (_, client, server) = pair(&mut host);
    assert_eq!(host.stack.tcp_state(client), Some(TcpState::Established));
    assert_eq!(send(&mut host, client, b"hello"), Ok(5));
    assert_eq!(host.stack.tcp_unread(server), 5);
    assert_eq!(receive(&mut host, server, 3).unwrap(), b"hel");
    assert_eq!(receive(&mut host, server, 30).unwrap(), b"lo");
    assert_eq!(receive(&mut host, server, 30), Err(TcpReceiveError::WouldBlock));
    assert_eq!(send(&mut host, server, b"world"), Ok(5));
    assert_eq!(receive(&mut host, client, 30).unwrap(), b"world");
    host.stack.tcp_shutdown(client, false, true, host.now).unwrap();
    assert_eq!(receive(&mut host, server, 30).unwrap(), b"");
    assert_eq!(send(&mut host, client, b"x"), Err(TcpSendError::ShutDown));
    assert_eq!(host.stack.tcp_state(server), Some(TcpState::CloseWait));
    assert_eq!(send(&mut host, server, b"half"), Ok(4));
    assert_eq!(receive(&mut host, client, 30).unwrap(), b"half");
    host.stack.tcp_close(server, host.now);
    assert_eq!(receive(&mut host, client, 30).unwrap(), b"");
    host.stack.tcp_close(client, host.now);
    assert_eq!(host.stack.tcp_entries(), (1, 0));
    host.run(Duration::from_secs(61));
    assert_eq!((host.stack.tcp_entries(), host.stack.tcp_pieces()), ((0, 0), 0));
    assert_eq!(host.stack.node_counters().tcp.retransmitted_segments, 0);
}

#[test]
fn a_megabyte_flows_through_bounded_buffers() {
    let mut host = host();
    let (_, client, server) = pair(&mut host);
    let data: Vec<u8> = (0..1_000_000u32).map(|n| (n ^ n >> 8 ^ n >> 16) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    for _ in 0..100_000 {
        match send(&mut host, client, &data[sent..]) {
            Ok(count) => sent += count,
            Err(error) => assert!(sent == data.len() || error == TcpSendError::WouldBlock),
        }
        if let Ok(run) = receive(&mut host, server, 7000) {
            got.extend(run);
        }
        if got.len() == data.len() {
            break;
        }
        host.run(Duration::from_micros(10));
    }
    assert!(got == data, "{} of {} octets", got.len(), data.len());
    assert_eq!(host.stack.node_counters().tcp.retransmitted_segments, 0);
}

/// Rows: MUST-12
#[test]
fn nobody_listens() {
    let mut host = host();
    let id = connect(&mut host, 9);
    let readiness = host.stack.tcp_readiness(id).unwrap();
    assert!(readiness.error && readiness.writable && readiness.readable && readiness.hang_up);
    assert_eq!(host.stack.tcp_take_error(id), Some(TcpError::ConnectionRefused));
    assert_eq!(host.drops(DropReason::TcpNoSocket), 1);
    host.stack.tcp_close(id, host.now);
    assert_eq!(host.stack.tcp_sockets().count(), 0);
}

/// Rows: MAY-1, SHLD-3
#[test]
fn unread_data_resets() {
    let mut host = host();
    let (_, client, server) = pair(&mut host);
    send(&mut host, client, b"never read").unwrap();
    host.stack.tcp_close(server, host.now);
    assert_eq!(
        receive(&mut host, client, 9),
        Err(TcpReceiveError::Pending(TcpError::ConnectionReset))
    );
    assert_eq!(receive(&mut host, client, 9), Ok(Vec::new()));
    assert_eq!(send(&mut host, client, b"x"), Err(TcpSendError::ShutDown));
    assert_eq!((host.stack.tcp_entries(), host.stack.tcp_pieces()), ((0, 0), 0));
}

/// Rows: TCP-BKL
#[test]
fn the_backlog_is_a_limit() {
    let mut host = host();
    let listener = listen(&mut host, PORT, 2);
    let clients: Vec<_> = (0..5).map(|_| connect(&mut host, PORT)).collect();
    let state = |host: &Host, id| host.stack.tcp_state(id).unwrap();
    let open = clients.iter().filter(|&&id| state(&host, id) == TcpState::Established).count();
    // As on Linux: one more than it says.
    assert_eq!(open, 3);
    assert!(host.stack.tcp_readiness(listener).unwrap().readable);
    for _ in 0..3 {
        host.stack.tcp_accept(listener).unwrap();
    }
    assert_eq!(host.stack.tcp_accept(listener), Err(TcpAcceptError::WouldBlock));
    // The others try again.
    host.run(Duration::from_secs(4));
    assert!(clients.iter().all(|&id| state(&host, id) == TcpState::Established));
}

/// Rows: API-17
#[test]
fn events_tell_of_news_once() {
    let mut host = host();
    let (listener, client, server) = pair(&mut host);
    let tcp = |events: Vec<Event>| {
        let mut ids: Vec<_> = events
            .into_iter()
            .filter_map(|event| if let Event::Tcp(id) = event { Some(id) } else { None })
            .collect();
        ids.sort();
        ids
    };
    let mut expected = vec![listener, client];
    expected.sort();
    assert_eq!(tcp(host.events()), expected);
    send(&mut host, client, b"a").unwrap();
    send(&mut host, client, b"b").unwrap();
    assert_eq!(tcp(host.events()), [server]);
}

/// Rows: API-15, MUST-41, MUST-42
#[test]
fn ports_conflict_as_on_linux() {
    let mut host = host();
    let (listener, client, server) = pair(&mut host);
    let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0);
    let other = host.stack.tcp_open().unwrap();
    assert_eq!(host.stack.tcp_bind(other, any), Err(crate::socket::BindError::AddressInUse));
    host.stack.tcp_close(listener, host.now);
    host.stack.tcp_close(server, host.now);
    host.stack.tcp_close(client, host.now);
    // TIME-WAIT holds the port.
    assert_eq!(host.stack.tcp_entries(), (1, 0));
    assert_eq!(host.stack.tcp_bind(other, any), Err(crate::socket::BindError::AddressInUse));
    let now = host.now;
    host.stack.change_tcp_options(other, |options| options.reuse_address = true, now).unwrap();
    assert_eq!(host.stack.tcp_bind(other, any), Ok(()));
    host.stack.tcp_listen(other, 1).unwrap();
}

#[test]
fn closing_a_listener_resets_what_waits() {
    let mut host = host();
    let listener = listen(&mut host, PORT, 2);
    let client = connect(&mut host, PORT);
    host.stack.tcp_close(listener, host.now);
    assert_eq!(host.stack.tcp_take_error(client), Some(TcpError::ConnectionReset));
    host.stack.tcp_close(client, host.now);
    assert_eq!(host.stack.tcp_sockets().count(), 0);
}

/// From now on nothing arrives.
fn fall_silent(host: &mut Host) {
    host.stack.set_admin_up(crate::interface::InterfaceIndex::LOOPBACK, false, host.now).unwrap();
}

/// Rows: MUST-24, MUST-25, MUST-26, MUST-27, MUST-28, MUST-29, MAY-5, MAY-6, SHLD-12
#[test]
fn keep_alive_keeps_who_answers_and_gives_up_who_does_not() {
    let mut host = host();
    let (_, client, server) = pair(&mut host);
    let set = |options: &mut TcpSocketOptions| {
        options.keep_alive = true;
        options.keep_idle = Duration::from_secs(10);
        options.keep_interval = Duration::from_secs(2);
        options.keep_count = 3;
    };
    let now = host.now;
    host.stack.change_tcp_options(client, set, now).unwrap();
    host.run(Duration::from_secs(101));
    assert_eq!(host.stack.tcp_state(client), Some(TcpState::Established));
    assert_eq!(host.stack.node_counters().tcp.keep_alives, 10);
    assert_eq!(host.stack.tcp_state(server), Some(TcpState::Established));
    fall_silent(&mut host);
    // Idle for the rest of 10 s, three probes, and the time of the last one.
    host.run(Duration::from_secs(14));
    assert_eq!(host.stack.tcp_state(client), Some(TcpState::Established));
    host.run(Duration::from_secs(2));
    assert_eq!(host.stack.tcp_take_error(client), Some(TcpError::TimedOut));
}

/// Rows: MUST-20, MUST-21, SHLD-9, SHLD-10, SHLD-11, TCP-UTO, MUST-19
#[test]
fn data_is_tried_for_the_user_timeout_or_a_quarter_of_an_hour() {
    for (timeout, least, most) in [(None, 924, 926), (Some(30), 30, 32)] {
        let mut host = host();
        let (_, client, _) = pair(&mut host);
        let (now, timeout) = (host.now, timeout.map(Duration::from_secs));
        let set = |options: &mut TcpSocketOptions| options.user_timeout = timeout;
        host.stack.change_tcp_options(client, set, now).unwrap();
        fall_silent(&mut host);
        send(&mut host, client, b"anybody?").unwrap();
        host.run(Duration::from_secs(least));
        assert_eq!(host.stack.tcp_take_error(client), None);
        host.run(Duration::from_secs(most - least));
        assert_eq!(host.stack.tcp_take_error(client), Some(TcpError::TimedOut));
        assert_eq!(host.stack.tcp_pieces(), 0);
    }
}

#[test]
fn a_listener_serves_more_connections_than_it_has_room_for_at_once() {
    let mut host = host();
    let listener = listen(&mut host, PORT, 8);
    for round in 0..3 * crate::limits::TCP_SOCKETS {
        let client = connect(&mut host, PORT);
        let (server, _) = host.stack.tcp_accept(listener).unwrap();
        assert_eq!(send(&mut host, client, b"ping"), Ok(4));
        assert_eq!(receive(&mut host, server, 9).unwrap(), b"ping");
        host.stack.tcp_close(client, host.now);
        host.stack.tcp_close(server, host.now);
        assert!(host.stack.tcp_entries().0 <= crate::limits::TCP_TIME_WAIT, "{round}");
        let _told = host.events();
    }
    assert_eq!(host.stack.tcp_pieces(), 0);
}
