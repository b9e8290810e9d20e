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

/// The initial value of the slow start threshold, which is none.
const NO_THRESHOLD: u32 = 0x7fff_ffff;
/// What `tcpi_reordering` is when there was none.
const NO_REORDERING: u32 = 3;

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

/// All of it, each with a space before it. A `listening` socket has other numbers in two of the
/// fields, its queue and backlog, which the columns tell.
#[must_use]
pub fn describe(bytes: &[u8], congestion: Option<&str>, listening: bool) -> String {
    let info = Info(bytes);
    let mut out = String::new();
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
    let (segment, window) = (
        info.u32(offset_of!(tcp_info, tcpi_snd_mss)),
        info.u32(offset_of!(tcp_info, tcpi_snd_cwnd)),
    );
    let round_trip = info.u32(offset_of!(tcp_info, tcpi_rtt));
    // A connection that is not there yet has the first timeout and says nothing.
    if info.u32(offset_of!(tcp_info, tcpi_rto)) != 0
        && info.u32(offset_of!(tcp_info, tcpi_rto)) != 3_000_000
    {
        add_time(&mut out, "rto", info.u32(offset_of!(tcp_info, tcpi_rto)).into());
    }
    add(&mut out, "backoff", info.u8(offset_of!(tcp_info, tcpi_backoff)).into());
    if round_trip != 0 {
        let variation = milliseconds(info.u32(offset_of!(tcp_info, tcpi_rttvar)).into());
        let _ = write!(out, " rtt:{}/{variation}", milliseconds(round_trip.into()));
    }
    add_time(&mut out, "ato", info.u32(offset_of!(tcp_info, tcpi_ato)).into());
    add(&mut out, "mss", segment.into());
    add(&mut out, "pmtu", info.u32(offset_of!(tcp_info, tcpi_pmtu)).into());
    add(&mut out, "rcvmss", info.u32(offset_of!(tcp_info, tcpi_rcv_mss)).into());
    add(&mut out, "advmss", info.u32(offset_of!(tcp_info, tcpi_advmss)).into());
    add(&mut out, "cwnd", window.into());
    if info.u32(offset_of!(tcp_info, tcpi_snd_ssthresh)) < NO_THRESHOLD {
        add(&mut out, "ssthresh", info.u32(offset_of!(tcp_info, tcpi_snd_ssthresh)).into());
    }
    add(&mut out, "bytes_sent", info.u64(offset_of!(tcp_info, tcpi_bytes_sent)));
    add(&mut out, "bytes_retrans", info.u64(offset_of!(tcp_info, tcpi_bytes_retrans)));
    add(&mut out, "bytes_acked", info.u64(offset_of!(tcp_info, tcpi_bytes_acked)));
    add(&mut out, "bytes_received", info.u64(offset_of!(tcp_info, tcpi_bytes_received)));
    add(&mut out, "segs_out", info.u32(offset_of!(tcp_info, tcpi_segs_out)).into());
    add(&mut out, "segs_in", info.u32(offset_of!(tcp_info, tcpi_segs_in)).into());
    add(&mut out, "data_segs_out", info.u32(offset_of!(tcp_info, tcpi_data_segs_out)).into());
    add(&mut out, "data_segs_in", info.u32(offset_of!(tcp_info, tcpi_data_segs_in)).into());
    if round_trip != 0 && segment != 0 && window != 0 {
        let bits = u128::from(window) * u128::from(segment) * 8 * 1_000_000;
        let _ = write!(out, " send {}bps", bits / u128::from(round_trip));
    }
    // These are milliseconds.
    add(&mut out, "lastsnd", info.u32(offset_of!(tcp_info, tcpi_last_data_sent)).into());
    add(&mut out, "lastrcv", info.u32(offset_of!(tcp_info, tcpi_last_data_recv)).into());
    add(&mut out, "lastack", info.u32(offset_of!(tcp_info, tcpi_last_ack_recv)).into());
    let (pacing, most) = (
        info.u64(offset_of!(tcp_info, tcpi_pacing_rate)),
        info.u64(offset_of!(tcp_info, tcpi_max_pacing_rate)),
    );
    if pacing != 0 && pacing != u64::MAX {
        let _ = write!(out, " pacing_rate {}bps", u128::from(pacing) * 8);
        if most != 0 && most != u64::MAX {
            let _ = write!(out, "/{}bps", u128::from(most) * 8);
        }
    }
    if info.u64(offset_of!(tcp_info, tcpi_delivery_rate)) != 0 {
        let _ = write!(
            out,
            " delivery_rate {}bps",
            u128::from(info.u64(offset_of!(tcp_info, tcpi_delivery_rate))) * 8
        );
    }
    add(&mut out, "delivered", info.u32(offset_of!(tcp_info, tcpi_delivered)).into());
    add(&mut out, "delivered_ce", info.u32(offset_of!(tcp_info, tcpi_delivered_ce)).into());
    if info.u8(LIMITS) & 1 != 0 {
        out.push_str(" app_limited");
    }
    let busy = info.u64(offset_of!(tcp_info, tcpi_busy_time));
    if busy != 0 {
        let _ = write!(out, " busy:{}ms", busy / 1000);
        add_limited(
            &mut out,
            "rwnd_limited",
            info.u64(offset_of!(tcp_info, tcpi_rwnd_limited)),
            busy,
        );
        add_limited(
            &mut out,
            "sndbuf_limited",
            info.u64(offset_of!(tcp_info, tcpi_sndbuf_limited)),
            busy,
        );
    }
    if !listening {
        add(&mut out, "unacked", info.u32(offset_of!(tcp_info, tcpi_unacked)).into());
    }
    if info.u32(offset_of!(tcp_info, tcpi_retrans)) != 0
        || info.u32(offset_of!(tcp_info, tcpi_total_retrans)) != 0
    {
        let _ = write!(
            out,
            " retrans:{}/{}",
            info.u32(offset_of!(tcp_info, tcpi_retrans)),
            info.u32(offset_of!(tcp_info, tcpi_total_retrans))
        );
    }
    add(&mut out, "lost", info.u32(offset_of!(tcp_info, tcpi_lost)).into());
    if !listening {
        add(&mut out, "sacked", info.u32(offset_of!(tcp_info, tcpi_sacked)).into());
    }
    add(&mut out, "dsack_dups", info.u32(offset_of!(tcp_info, tcpi_dsack_dups)).into());
    if info.u32(offset_of!(tcp_info, tcpi_reordering)) != NO_REORDERING {
        add(&mut out, "reordering", info.u32(offset_of!(tcp_info, tcpi_reordering)).into());
    }
    add(&mut out, "reord_seen", info.u32(offset_of!(tcp_info, tcpi_reord_seen)).into());
    add_time(&mut out, "rcv_rtt", info.u32(offset_of!(tcp_info, tcpi_rcv_rtt)).into());
    add(&mut out, "rcv_space", info.u32(offset_of!(tcp_info, tcpi_rcv_space)).into());
    add(&mut out, "rcv_ssthresh", info.u32(offset_of!(tcp_info, tcpi_rcv_ssthresh)).into());
    add(&mut out, "notsent", info.u32(offset_of!(tcp_info, tcpi_notsent_bytes)).into());
    add_time(&mut out, "minrtt", info.u32(offset_of!(tcp_info, tcpi_min_rtt)).into());
    add(&mut out, "rcv_ooopack", info.u32(offset_of!(tcp_info, tcpi_rcv_ooopack)).into());
    add(&mut out, "snd_wnd", info.u32(offset_of!(tcp_info, tcpi_snd_wnd)).into());
    out
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
