//! A conversation of a node with itself, where nothing is ever lost.

use super::*;

/// Both ends of an open connection to ::1.
fn pair(host: &mut Host) -> (TcpId, TcpId) {
    let listener = listen(host, 1);
    let client = host.stack.tcp_open().unwrap();
    host.stack.tcp_connect(client, to(Ipv6Addr::LOCALHOST, PORT), host.now).unwrap();
    host.run(Duration::from_millis(1));
    let (server, _) = host.stack.tcp_accept(listener).unwrap();
    (client, server)
}

/// Writes of every size leave a short segment behind full ones; none of it is sent twice.
#[test]
fn nothing_is_probed_for() {
    let mut host = host();
    let (client, server) = pair(&mut host);
    let mss = host.stack.tcp_info(client, host.now).unwrap().send_mss as usize;
    for size in [1, mss - 1, mss, mss + 1, 2000, 2 * mss - 1, 2 * mss + 1, 3 * mss + 9, 10_000] {
        for _ in 0..40 {
            let mut left = size;
            while left > 0 {
                let sent =
                    host.stack.tcp_send(client, left, |_| Ok::<_, ()>(()), host.now).unwrap();
                left -= sent;
            }
            host.run(Duration::from_millis(100));
            let read = |_: &[u8]| Ok::<_, ()>(());
            let count = host.stack.tcp_receive(server, size, false, read, host.now).unwrap();
            assert_eq!(count, size);
        }
        let tcp = host.stack.node_counters().tcp;
        assert_eq!((tcp.loss_probes, tcp.retransmitted_segments), (0, 0), "writes of {size}");
    }
}
