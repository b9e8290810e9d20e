//! Sockets that are ended from outside.

use super::*;

#[test]
fn a_socket_that_is_ended_says_so_and_can_be_used_again() {
    let mut host = host();
    let peer = SocketAddrV6::new(PEER.address, 9, 0, 0);
    let id = connected(&mut host, peer);
    assert!(host.stack.destroy_socket(id));
    assert_eq!(host.events(), [Event::Socket(id)]);
    assert_eq!(receive(&mut host, id), Err(ReceiveError::Pending(SocketError::Aborted)));
    assert_eq!(host.stack.remote_address(id), None);
    assert_eq!(host.stack.local_address(id), Some(address("::", 0)));
    host.stack.connect(id, peer, host.now).unwrap();
    host.stack.close_socket(id, host.now);
    assert!(!host.stack.destroy_socket(id));
}
