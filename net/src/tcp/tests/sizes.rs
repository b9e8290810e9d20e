//! What a connection takes, besides its data.

use crate::tcp::connection::Connection;
use crate::tcp::half_open::HalfOpen;
use crate::tcp::table::TcpSocket;
use crate::tcp::time_wait::TimeWait;
use core::mem::size_of;

/// Rows: TCP-TW, QOS-3
#[test]
fn connections_and_what_is_left_of_them_are_small() {
    let sizes = [
        ("connection", size_of::<Connection>(), 640),
        ("socket", size_of::<Option<TcpSocket>>(), 704),
        ("TIME-WAIT", size_of::<Option<TimeWait>>(), 64),
        ("half-open", size_of::<Option<HalfOpen>>(), 64),
    ];
    for (what, size, most) in sizes {
        assert!(size <= most, "{what}: {size} octets, should be {most} at most");
    }
}
