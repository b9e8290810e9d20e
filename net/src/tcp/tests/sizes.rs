//! What a connection takes, besides its data.

use crate::tcp::half_open::HalfOpen;
use crate::tcp::table::TcpSocket;
use crate::tcp::time_wait::TimeWait;
use core::mem::size_of;

/// Rows: TCP-TW, QOS-3
#[test]
fn connections_and_what_is_left_of_them_are_small() {
    assert!(size_of::<TcpSocket>() <= 1024, "{}", size_of::<TcpSocket>());
    assert!(size_of::<Option<TimeWait>>() <= 64, "{}", size_of::<Option<TimeWait>>());
    assert!(size_of::<Option<HalfOpen>>() <= 64, "{}", size_of::<Option<HalfOpen>>());
}
