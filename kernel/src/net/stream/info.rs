//! `struct tcp_info`: what TCP_INFO and sock_diag(7) show of a connection (tcp(7),
//! `linux/tcp.h`).

use crate::time::Duration;
use ::net::tcp::{TcpInfo, TcpState};
use alloc::vec::Vec;

/// Length of the structure, up to `tcpi_rehash`.
pub(super) const LENGTH: usize = 240;

// tcpi_options.
const OPTION_TIMESTAMPS: u8 = 1;
const OPTION_SACK: u8 = 2;
const OPTION_WINDOW_SCALE: u8 = 4;
const OPTION_ECN: u8 = 8;

/// What Linux shows as the threshold of a connection that never lost anything.
const NO_THRESHOLD: u32 = 0x7fff_ffff;
/// The distance up to which segments may overtake each other, as Linux begins with.
const REORDERING: u32 = 3;

/// Appends numbers in the host's byte order.
struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_ne_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_ne_bytes());
    }

    fn micros(&mut self, time: Duration) {
        self.u32(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    fn millis(&mut self, time: Duration) {
        self.u32(u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
    }

    fn micros_long(&mut self, time: Duration) {
        self.u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
}

/// The structure for a connection.
pub(in crate::net) fn emit(info: &TcpInfo) -> Vec<u8> {
    let mss = info.send_mss.max(1);
    let counts = &info.counts;
    let shifts = info.window_shifts.unwrap_or((0, 0));
    let mut options = 0;
    for (is_used, bit) in [
        (info.timestamps, OPTION_TIMESTAMPS),
        (info.sack, OPTION_SACK),
        (info.window_shifts.is_some(), OPTION_WINDOW_SCALE),
        (info.ecn, OPTION_ECN),
    ] {
        options |= if is_used { bit } else { 0 };
    }
    let mut to = Writer(Vec::with_capacity(LENGTH));
    to.0.extend_from_slice(&[
        info.state.number(),
        info.recovery.number(),
        info.retransmits,
        info.probes,
        info.backoff,
        options,
        // The shift of the other side's window in the low bits, that of the own in the high ones.
        (shifts.0 & 0xf) | (shifts.1 << 4),
        // tcpi_delivery_rate_app_limited; there is no fast open.
        u8::from(info.delivery_rate_limited),
    ]);
    to.micros(info.rto);
    to.micros(info.ack_delay);
    to.u32(info.send_mss);
    to.u32(info.receive_mss);
    to.u32(info.outstanding.sent);
    to.u32(info.outstanding.sacked);
    to.u32(info.outstanding.lost);
    to.u32(info.outstanding.retransmitted);
    to.u32(0); // tcpi_fackets, which Linux does not count any more
    to.millis(info.last_data_sent);
    to.u32(0); // tcpi_last_ack_sent, which Linux does not remember either
    to.millis(info.last_data_received);
    to.millis(info.last_received);
    to.u32(info.path_mtu.into());
    to.u32(info.receive_window); // tcpi_rcv_ssthresh: what may be advertised at most now
    to.micros(info.rtt.unwrap_or_default());
    to.micros(info.rtt_variance.unwrap_or_default());
    to.u32(info.slow_start_threshold.map_or(NO_THRESHOLD, |octets| octets / mss));
    to.u32(info.congestion_window / mss);
    to.u32(info.advertised_mss.into());
    to.u32(REORDERING);
    to.micros(info.receive_rtt.unwrap_or_default());
    to.u32(info.receive_space);
    to.u32(counts.segments_retransmitted);
    to.u64(info.pacing_rate.map_or(u64::MAX, u64::from));
    to.u64(u64::MAX); // tcpi_max_pacing_rate: no limit
    to.u64(counts.octets_acknowledged);
    to.u64(counts.octets_received);
    to.u32(counts.segments_sent);
    to.u32(counts.segments_received);
    to.u32(info.unsent);
    to.micros(info.shortest_rtt.unwrap_or(Duration::from_micros(u64::from(u32::MAX))));
    to.u32(counts.data_segments_received);
    to.u32(counts.data_segments_sent);
    to.u64(info.delivery_rate.map_or(0, u64::from));
    to.micros_long(info.busy);
    to.micros_long(info.window_limited);
    to.micros_long(info.buffer_limited);
    to.u32(counts.delivered);
    to.u32(0); // tcpi_delivered_ce
    to.u64(counts.octets_sent);
    to.u64(counts.octets_retransmitted);
    to.u32(counts.duplicates_reported);
    to.u32(info.reorderings);
    to.u32(counts.segments_out_of_order);
    to.u32(info.send_window);
    to.u32(info.receive_window);
    to.u32(0); // tcpi_rehash: flow labels stay
    to.0
}

/// The structure for what is no connection: its state, and for a listener how many connections
/// wait to be accepted and how many may, where Linux shows them.
pub(in crate::net) fn emit_idle(state: TcpState, waiting: u32, backlog: u32) -> Vec<u8> {
    let mut to = Writer(Vec::with_capacity(LENGTH));
    to.0.extend_from_slice(&[state.number(), 0, 0, 0, 0, 0, 0, 0]);
    to.0.resize(24, 0);
    to.u32(waiting);
    to.u32(backlog);
    to.0.resize(LENGTH, 0);
    to.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::net::tcp::{CongestionAlgorithm, TcpCounts, TcpOutstanding, TcpRecovery};

    fn info() -> TcpInfo {
        let counts = TcpCounts {
            octets_acknowledged: 111,
            segments_retransmitted: 7,
            octets_sent: 222,
            ..TcpCounts::default()
        };
        TcpInfo {
            state: TcpState::Established,
            congestion: CongestionAlgorithm::Cubic,
            rtt: Some(Duration::from_millis(20)),
            rtt_variance: Some(Duration::from_millis(5)),
            shortest_rtt: Some(Duration::from_millis(10)),
            rto: Duration::from_millis(204),
            ack_delay: Duration::from_millis(40),
            backoff: 1,
            retransmits: 2,
            probes: 3,
            send_mss: 1440,
            receive_mss: 1220,
            peer_mss: 1440,
            advertised_mss: 1428,
            path_mtu: 1500,
            congestion_window: 14_400,
            pacing_rate: Some(1_500_000),
            delivery_rate: Some(1_200_000),
            delivery_rate_limited: true,
            slow_start_threshold: None,
            send_window: 65_000,
            receive_window: 64_000,
            window_shifts: Some((7, 4)),
            in_flight: 2880,
            sacked: 1440,
            lost: 0,
            unsent: 99,
            unread: 0,
            receive_buffer: 65_536,
            receive_space: 14_600,
            receive_rtt: None,
            outstanding: TcpOutstanding { sent: 2, sacked: 1, lost: 0, retransmitted: 0 },
            counts,
            busy: Duration::from_secs(1),
            window_limited: Duration::ZERO,
            buffer_limited: Duration::ZERO,
            timestamps: true,
            sack: true,
            ecn: true,
            recovery: TcpRecovery::Disorder,
            reorderings: 0,
            last_data_sent: Duration::from_millis(30),
            last_data_received: Duration::from_millis(31),
            last_received: Duration::from_millis(32),
        }
    }

    /// Offsets as a compiler lays `struct tcp_info` out.
    #[test]
    fn the_layout_is_that_of_linux() {
        let bytes = emit(&info());
        let u32_at = |at: usize| u32::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        let u64_at = |at: usize| u64::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        assert_eq!(bytes.len(), LENGTH);
        assert_eq!(bytes[..8], [1, 1, 2, 3, 1, 15, 0x47, 1]);
        for (offset, value) in [
            (8, 204_000),
            (16, 1440),
            (24, 2),
            (28, 1),
            (44, 30),
            (60, 1500),
            (68, 20_000),
            (72, 5000),
            (76, NO_THRESHOLD),
            (80, 10),
            (84, 1428),
            (100, 7),
            (144, 99),
            (148, 10_000),
            (228, 65_000),
            (232, 64_000),
        ] {
            assert_eq!(u32_at(offset), value, "at offset {offset}");
        }
        assert_eq!((u64_at(120), u64_at(168), u64_at(200)), (111, 1_000_000, 222));
        assert_eq!((u64_at(104), u64_at(160)), (1_500_000, 1_200_000));
    }

    #[test]
    fn a_listener_shows_its_backlog() {
        let bytes = emit_idle(TcpState::Listen, 3, 128);
        assert_eq!((bytes.len(), bytes[0], bytes[24], bytes[28]), (LENGTH, 10, 3, 128));
    }
}
