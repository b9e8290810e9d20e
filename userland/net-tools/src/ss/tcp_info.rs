//! What TCP knows of a connection: `struct tcp_info` (include/uapi/linux/tcp.h) in the words of ss.
//!
//! The structure has grown over the years; a kernel that has less of it is shown with less.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;
use core::mem::offset_of;

use linux_raw_sys::net::tcp_info;

use crate::netlink::field;

/// Options of `tcpi_options`.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WINDOW_SCALE: u8 = 4;
const ECN: u8 = 8;
const ECN_SEEN: u8 = 16;

/// Two fields of four bits without a name in C: the shifts of the windows, the sender's first.
const SHIFTS: usize = 6;
/// Bit 0: the delivery rate is one of the application.
const LIMITS: usize = 7;

/// The retransmission timeout before a round trip was measured, microseconds (RFC 6298 allowed 3 s).
const FIRST_TIMEOUT: u64 = 3_000_000;
/// The initial value of the slow start threshold, which is none.
const NO_THRESHOLD: u64 = 0x7fff_ffff;
/// What `tcpi_reordering` is when there was none.
const NO_REORDERING: u64 = 3;

/// The structure, field by field; what is beyond its end is 0.
struct Info<'a>(&'a [u8]);

impl Info<'_> {
    fn u8(&self, offset: usize) -> u8 {
        field::u8_at(self.0, offset).unwrap_or(0)
    }

    fn u32(&self, offset: usize) -> u32 {
        field::u32_at(self.0, offset).unwrap_or(0)
    }

    fn u64(&self, offset: usize) -> u64 {
        field::u64_at(self.0, offset).unwrap_or(0)
    }
}

/// Microseconds as milliseconds with six digits that count at most, as `%g` prints them.
fn milliseconds(microseconds: u64) -> String {
    let whole = microseconds / 1000;
    // Digits before the point leave so many after it.
    let decimals = match whole {
        0..1000 => 3,
        1000..10_000 => 2,
        10_000..100_000 => 1,
        _ => 0,
    };
    let unit = 10u64.pow(3 - decimals);
    let rounded = (microseconds + unit / 2) / unit;
    let scale = 10u64.pow(decimals);
    let text =
        format!("{}.{:0width$}", rounded / scale, rounded % scale, width = decimals as usize);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// ` name:value`, when the value is not 0.
fn add(out: &mut String, name: &str, value: u64) {
    if value != 0 {
        let _ = write!(out, " {name}:{value}");
    }
}

/// ` name:value` in milliseconds, when it is not 0.
fn add_time(out: &mut String, name: &str, microseconds: u64) {
    if microseconds != 0 {
        let _ = write!(out, " {name}:{}", milliseconds(microseconds));
    }
}

/// A part of the time that the sender was busy.
fn add_limited(out: &mut String, name: &str, limited: u64, busy: u64) {
    if limited != 0 {
        let permille = limited.saturating_mul(1000) / busy.max(1);
        let _ = write!(out, " {name}:{}ms({}.{}%)", limited / 1000, permille / 10, permille % 10);
    }
}

/// A field of the structure as a number.
macro_rules! get {
    ($info:expr, u8 $field:ident) => {
        u64::from($info.u8(offset_of!(tcp_info, $field)))
    };
    ($info:expr, u32 $field:ident) => {
        u64::from($info.u32(offset_of!(tcp_info, $field)))
    };
    ($info:expr, u64 $field:ident) => {
        $info.u64(offset_of!(tcp_info, $field))
    };
}

/// All of it, each with a space before it. A `listening` socket has other numbers in two of the
/// fields, its queue and backlog, which the columns tell.
#[must_use]
pub fn describe(bytes: &[u8], congestion: Option<&str>, listening: bool) -> String {
    let info = Info(bytes);
    let mut out = String::new();
    negotiated(&mut out, &info, congestion);
    timing(&mut out, &info);
    traffic(&mut out, &info);
    rates(&mut out, &info);
    limits(&mut out, &info);
    losses(&mut out, &info, listening);
    receiver(&mut out, &info);
    out
}

/// What both sides agreed on.
fn negotiated(out: &mut String, info: &Info<'_>, congestion: Option<&str>) {
    let options = info.u8(offset_of!(tcp_info, tcpi_options));
    for (bit, name) in [(TIMESTAMPS, " ts"), (SACK, " sack"), (ECN, " ecn"), (ECN_SEEN, " ecnseen")]
    {
        if options & bit != 0 {
            out.push_str(name);
        }
    }
    if let Some(congestion) = congestion {
        let _ = write!(out, " {congestion}");
    }
    if options & WINDOW_SCALE != 0 {
        let shifts = info.u8(SHIFTS);
        let _ = write!(out, " wscale:{},{}", shifts & 0xf, shifts >> 4);
    }
}

/// Round trips, timeouts, sizes of segments, the congestion window.
fn timing(out: &mut String, info: &Info<'_>) {
    let timeout = get!(info, u32 tcpi_rto);
    // A connection that is not there yet has the first timeout and says nothing.
    if timeout != FIRST_TIMEOUT {
        add_time(out, "rto", timeout);
    }
    add(out, "backoff", get!(info, u8 tcpi_backoff));
    let round_trip = get!(info, u32 tcpi_rtt);
    if round_trip != 0 {
        let variation = milliseconds(get!(info, u32 tcpi_rttvar));
        let _ = write!(out, " rtt:{}/{variation}", milliseconds(round_trip));
    }
    add_time(out, "ato", get!(info, u32 tcpi_ato));
    add(out, "mss", get!(info, u32 tcpi_snd_mss));
    add(out, "pmtu", get!(info, u32 tcpi_pmtu));
    add(out, "rcvmss", get!(info, u32 tcpi_rcv_mss));
    add(out, "advmss", get!(info, u32 tcpi_advmss));
    add(out, "cwnd", get!(info, u32 tcpi_snd_cwnd));
    let threshold = get!(info, u32 tcpi_snd_ssthresh);
    if threshold < NO_THRESHOLD {
        add(out, "ssthresh", threshold);
    }
}

/// Octets and segments so far.
fn traffic(out: &mut String, info: &Info<'_>) {
    add(out, "bytes_sent", get!(info, u64 tcpi_bytes_sent));
    add(out, "bytes_retrans", get!(info, u64 tcpi_bytes_retrans));
    add(out, "bytes_acked", get!(info, u64 tcpi_bytes_acked));
    add(out, "bytes_received", get!(info, u64 tcpi_bytes_received));
    add(out, "segs_out", get!(info, u32 tcpi_segs_out));
    add(out, "segs_in", get!(info, u32 tcpi_segs_in));
    add(out, "data_segs_out", get!(info, u32 tcpi_data_segs_out));
    add(out, "data_segs_in", get!(info, u32 tcpi_data_segs_in));
}

/// What the window allows, how long ago something happened, what the path carried.
fn rates(out: &mut String, info: &Info<'_>) {
    let window = u128::from(get!(info, u32 tcpi_snd_cwnd));
    let bits = window * u128::from(get!(info, u32 tcpi_snd_mss)) * 8 * 1_000_000;
    if let Some(rate @ 1..) = bits.checked_div(get!(info, u32 tcpi_rtt).into()) {
        let _ = write!(out, " send {rate}bps");
    }
    // These are milliseconds.
    add(out, "lastsnd", get!(info, u32 tcpi_last_data_sent));
    add(out, "lastrcv", get!(info, u32 tcpi_last_data_recv));
    add(out, "lastack", get!(info, u32 tcpi_last_ack_recv));
    let bits = |octets: u64| u128::from(octets) * 8;
    let known = |rate: u64| rate != 0 && rate != u64::MAX;
    let pacing = get!(info, u64 tcpi_pacing_rate);
    if known(pacing) {
        let _ = write!(out, " pacing_rate {}bps", bits(pacing));
        let most = get!(info, u64 tcpi_max_pacing_rate);
        if known(most) {
            let _ = write!(out, "/{}bps", bits(most));
        }
    }
    let delivery = get!(info, u64 tcpi_delivery_rate);
    if delivery != 0 {
        let _ = write!(out, " delivery_rate {}bps", bits(delivery));
    }
    add(out, "delivered", get!(info, u32 tcpi_delivered));
    add(out, "delivered_ce", get!(info, u32 tcpi_delivered_ce));
    if info.u8(LIMITS) & 1 != 0 {
        out.push_str(" app_limited");
    }
}

/// How long the sender had something to send, and what it waited for meanwhile.
fn limits(out: &mut String, info: &Info<'_>) {
    let busy = get!(info, u64 tcpi_busy_time);
    if busy != 0 {
        let _ = write!(out, " busy:{}ms", busy / 1000);
        add_limited(out, "rwnd_limited", get!(info, u64 tcpi_rwnd_limited), busy);
        add_limited(out, "sndbuf_limited", get!(info, u64 tcpi_sndbuf_limited), busy);
    }
}

/// What is under way, what was lost, sent again or came in another order.
fn losses(out: &mut String, info: &Info<'_>, listening: bool) {
    if !listening {
        add(out, "unacked", get!(info, u32 tcpi_unacked));
    }
    let (now, ever) = (get!(info, u32 tcpi_retrans), get!(info, u32 tcpi_total_retrans));
    if now != 0 || ever != 0 {
        let _ = write!(out, " retrans:{now}/{ever}");
    }
    add(out, "lost", get!(info, u32 tcpi_lost));
    if !listening {
        add(out, "sacked", get!(info, u32 tcpi_sacked));
    }
    add(out, "dsack_dups", get!(info, u32 tcpi_dsack_dups));
    let reordering = get!(info, u32 tcpi_reordering);
    if reordering != NO_REORDERING {
        add(out, "reordering", reordering);
    }
    add(out, "reord_seen", get!(info, u32 tcpi_reord_seen));
}

/// The receiving side, what waits to be sent, the window that the other side gives.
fn receiver(out: &mut String, info: &Info<'_>) {
    add_time(out, "rcv_rtt", get!(info, u32 tcpi_rcv_rtt));
    add(out, "rcv_space", get!(info, u32 tcpi_rcv_space));
    add(out, "rcv_ssthresh", get!(info, u32 tcpi_rcv_ssthresh));
    add(out, "notsent", get!(info, u32 tcpi_notsent_bytes));
    add_time(out, "minrtt", get!(info, u32 tcpi_min_rtt));
    add(out, "rcv_ooopack", get!(info, u32 tcpi_rcv_ooopack));
    add(out, "snd_wnd", get!(info, u32 tcpi_snd_wnd));
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::{describe, milliseconds};

    #[test]
    fn times() {
        for (microseconds, text) in [
            (4, "0.004"),
            (1527, "1.527"),
            (204_000, "204"),
            (40_000, "40"),
            (1_234_567, "1234.57"),
            (12_345_678, "12345.7"),
            (123_456_789, "123457"),
            (0, "0"),
        ] {
            assert_eq!(milliseconds(microseconds), text);
        }
    }

    #[test]
    fn a_connection() {
        let mut info = vec![0u8; 232];
        let mut put = |offset: usize, value: u32| {
            info[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        };
        put(8, 204_000);
        put(16, 1440);
        put(68, 1527);
        put(72, 2889);
        put(76, 0x7fff_ffff);
        put(80, 10);
        put(88, 3);
        put(120, 1000);
        put(228, 65536);
        info[5] = 7;
        info[6] = 0x7a;
        info[7] = 1;
        assert_eq!(
            describe(&info, Some("cubic"), false),
            " ts sack cubic wscale:10,7 rto:204 rtt:1.527/2.889 mss:1440 cwnd:10 bytes_acked:1000 \
             send 75442043bps app_limited snd_wnd:65536"
        );
        // An old kernel, and none.
        assert!(describe(&info[..104], None, false).ends_with("app_limited"));
        assert_eq!(describe(&[], None, false), "");
        let mut waiting = vec![0u8; 232];
        waiting[28] = 128;
        assert_eq!(describe(&waiting, Some("cubic"), true), " cubic");
        assert_eq!(describe(&waiting, None, false), " sacked:128");
    }
}
