//! The counters of a link and iproute2's table of them.
//!
//! `struct rtnl_link_stats64`, and `rtnl_link_stats` with 32-bit numbers. A kernel may send fewer
//! numbers than these structures have; the missing ones are 0.

use alloc::string::String;
use core::fmt::Write;
use core::mem::{offset_of, size_of};

use linux_raw_sys::netlink::rtnl_link_stats64;

use super::style::Style;
use crate::netlink::field;

/// How many numbers there are.
const COUNT: usize = size_of::<rtnl_link_stats64>() / size_of::<u64>();

/// The counters of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    counters: [u64; COUNT],
    /// How often the carrier came or went.
    carrier_changes: Option<u32>,
}

/// Defines a function that returns a counter by the name of its field.
macro_rules! counters {
    ($($(#[$doc:meta])* $function:ident = $field:ident;)*) => {
        impl Statistics {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $function(&self) -> u64 {
                    let place = offset_of!(rtnl_link_stats64, $field) / size_of::<u64>();
                    self.counters.get(place).copied().unwrap_or(0)
                }
            )*
        }
    };
}

counters! {
    /// Packets received.
    rx_packets = rx_packets;
    /// Packets sent.
    tx_packets = tx_packets;
    /// Bytes received.
    rx_bytes = rx_bytes;
    /// Bytes sent.
    tx_bytes = tx_bytes;
    /// Bad packets received.
    rx_errors = rx_errors;
    /// Packets that could not be sent.
    tx_errors = tx_errors;
    /// Packets received but not handled.
    rx_dropped = rx_dropped;
    /// Packets dropped on their way out.
    tx_dropped = tx_dropped;
    /// Multicast packets received.
    multicast = multicast;
    /// Collisions.
    collisions = collisions;
    /// Packets dropped for their length.
    rx_length_errors = rx_length_errors;
    /// Packets that found no room in a ring.
    rx_over_errors = rx_over_errors;
    /// Packets with a bad check sequence.
    rx_crc_errors = rx_crc_errors;
    /// Frames of a broken alignment.
    rx_frame_errors = rx_frame_errors;
    /// Overflows of the receive FIFO.
    rx_fifo_errors = rx_fifo_errors;
    /// Packets that the device missed.
    rx_missed_errors = rx_missed_errors;
    /// Transmissions given up.
    tx_aborted_errors = tx_aborted_errors;
    /// Losses of the carrier during a transmission.
    tx_carrier_errors = tx_carrier_errors;
    /// Underruns of the transmit FIFO.
    tx_fifo_errors = tx_fifo_errors;
    /// Missing heartbeats.
    tx_heartbeat_errors = tx_heartbeat_errors;
    /// Late collisions.
    tx_window_errors = tx_window_errors;
    /// Compressed packets received.
    rx_compressed = rx_compressed;
    /// Compressed packets sent.
    tx_compressed = tx_compressed;
    /// Packets for a protocol that nobody speaks.
    rx_nohandler = rx_nohandler;
    /// Packets for another host.
    rx_otherhost_dropped = rx_otherhost_dropped;
}

/// The widths of the table's columns.
#[derive(Clone, Copy, Debug)]
struct Widths([usize; 8]);

impl Widths {
    /// The heads of the columns are the least.
    const HEADS: Self = Self([10, 7, 6, 7, 7, 7, 10, 9]);

    /// Makes room for these numbers.
    fn fit(&mut self, numbers: &[u64]) {
        for (width, number) in self.0.iter_mut().zip(numbers) {
            let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
            *width = (*width).max(digits);
        }
    }
}

impl Statistics {
    /// Reads IFLA_STATS64.
    #[must_use]
    pub fn from_wide(bytes: &[u8], carrier_changes: Option<u32>) -> Self {
        let counter = |place| field::u64_at(bytes, place * size_of::<u64>()).unwrap_or(0);
        Self { counters: core::array::from_fn(counter), carrier_changes }
    }

    /// Reads IFLA_STATS: the same numbers with half the bits.
    #[must_use]
    pub fn from_narrow(bytes: &[u8], carrier_changes: Option<u32>) -> Self {
        let counter =
            |place| u64::from(field::u32_at(bytes, place * size_of::<u32>()).unwrap_or(0));
        Self { counters: core::array::from_fn(counter), carrier_changes }
    }

    /// Writes the table of `ip -s link`, without a newline at the end.
    pub fn write(&self, text: &mut String, style: Style) {
        let newline = style.newline();
        let all = style.statistics > 1;
        let received = [
            self.rx_bytes(),
            self.rx_packets(),
            self.rx_errors(),
            self.rx_dropped(),
            self.rx_missed_errors(),
            self.multicast(),
            self.rx_compressed(),
        ];
        let sent = [
            self.tx_bytes(),
            self.tx_packets(),
            self.tx_errors(),
            self.tx_dropped(),
            self.tx_carrier_errors(),
            self.collisions(),
            self.tx_compressed(),
        ];
        let receive_errors = [
            0,
            self.rx_length_errors(),
            self.rx_crc_errors(),
            self.rx_frame_errors(),
            self.rx_fifo_errors(),
            self.rx_over_errors(),
            self.rx_nohandler(),
            self.rx_otherhost_dropped(),
        ];
        let changes = self.carrier_changes.map_or(0, u64::from);
        let send_errors = [
            0,
            self.tx_aborted_errors(),
            self.tx_fifo_errors(),
            self.tx_window_errors(),
            self.tx_heartbeat_errors(),
            changes,
        ];
        let mut widths = Widths::HEADS;
        widths.fit(&received);
        widths.fit(&sent);
        if all {
            widths.fit(&receive_errors);
            // iproute2 measures the transmit errors one column further to the right.
            widths.fit(&[
                0,
                0,
                self.tx_aborted_errors(),
                self.tx_fifo_errors(),
                self.tx_window_errors(),
                self.tx_heartbeat_errors(),
                changes,
            ]);
        }
        let table = Table { widths: widths.0, newline };
        table.traffic(text, "RX", ["missed", "mcast"], &received);
        if all {
            text.push_str(newline);
            let heads = ["length", "crc", "frame", "fifo", "overrun", "nohandler", "otherhost"];
            // The last two columns are there only when they count something.
            let shown =
                [true, true, true, true, true, receive_errors[6] != 0, receive_errors[7] != 0];
            table.errors(text, "RX", &heads, &receive_errors, &shown);
        }
        text.push_str(newline);
        table.traffic(text, "TX", ["carrier", "collsns"], &sent);
        if all {
            text.push_str(newline);
            let transitions = self.carrier_changes.is_some();
            let last = if transitions { "transns" } else { "" };
            let heads = ["aborted", "fifo", "window", "heartbt", last];
            table.errors(text, "TX", &heads, &send_errors, &[true, true, true, true, transitions]);
        }
    }
}

/// Writes rows. Writing to a string does not fail.
struct Table<'a> {
    widths: [usize; 8],
    newline: &'a str,
}

impl Table<'_> {
    fn traffic(&self, text: &mut String, way: &str, last: [&str; 2], numbers: &[u64; 7]) {
        let [bytes, packets, errors, dropped, fifth, sixth, compressed, _] = self.widths;
        let bytes_head = bytes - 4;
        let _ = write!(
            text,
            "    {way}: {:>bytes_head$} {:>packets$} {:>errors$} {:>dropped$} {:>fifth$} {:>sixth$} \
             {:>compressed$}{}    ",
            "bytes",
            "packets",
            "errors",
            "dropped",
            last[0],
            last[1],
            if numbers[6] == 0 { "" } else { "compressed" },
            self.newline,
        );
        for (place, (number, width)) in numbers.iter().zip(self.widths).enumerate() {
            if place < 6 || *number != 0 {
                let _ = write!(text, "{number:>width$} ");
            }
        }
    }

    fn errors(
        &self,
        text: &mut String,
        way: &str,
        heads: &[&str],
        numbers: &[u64],
        shown: &[bool],
    ) {
        let indent = self.widths[0] - 10;
        let _ = write!(text, "    {way} errors:{:indent$}", "");
        for (place, (head, width)) in heads.iter().zip(self.widths.into_iter().skip(1)).enumerate()
        {
            if place < 5 || shown.get(place) == Some(&true) {
                let _ = write!(text, " {head:>width$}");
            }
        }
        let indent = self.widths[0] + 5;
        let _ = write!(text, "{}{:indent$}", self.newline, "");
        let cells = numbers.iter().zip(self.widths).skip(1).zip(shown);
        for ((number, width), shown) in cells {
            if *shown {
                let _ = write!(text, "{number:>width$} ");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::{COUNT, Statistics};
    use crate::ip::style::Style;

    fn text(statistics: &Statistics, level: u8) -> String {
        let mut text = String::new();
        statistics.write(&mut text, Style { statistics: level, ..Style::default() });
        text
    }

    #[test]
    fn everything() {
        let statistics = Statistics::from_wide(&[0; 200], Some(0));
        assert_eq!(
            text(&statistics, 2),
            "    RX:  bytes packets errors dropped  missed   mcast           \n\
             \x20            0       0      0       0       0       0 \n\
             \x20   RX errors:  length    crc   frame    fifo overrun\n\
             \x20                    0      0       0       0       0 \n\
             \x20   TX:  bytes packets errors dropped carrier collsns           \n\
             \x20            0       0      0       0       0       0 \n\
             \x20   TX errors: aborted   fifo  window heartbt transns\n\
             \x20                    0      0       0       0       0 "
        );
    }

    #[test]
    fn wide_numbers_widen_their_columns() {
        let counters: Vec<u8> =
            (0..COUNT as u64).flat_map(|place| (place * 1_000_000_000_000).to_ne_bytes()).collect();
        let statistics = Statistics::from_wide(&counters, None);
        assert_eq!(statistics.tx_packets(), 1_000_000_000_000);
        let rows = [
            "    RX:     bytes       packets        errors       dropped         missed         mcast     compressed",
            "    2000000000000             0 4000000000000 6000000000000 15000000000000 8000000000000 21000000000000 ",
            "    TX:     bytes       packets        errors       dropped        carrier       collsns     compressed",
            "    3000000000000 1000000000000 5000000000000 7000000000000 17000000000000 9000000000000 22000000000000 ",
        ];
        assert_eq!(text(&statistics, 1), rows.join("\n"));
    }

    #[test]
    fn short_and_narrow() {
        let narrow: Vec<u8> = (1..=4u32).flat_map(u32::to_ne_bytes).collect();
        let statistics = Statistics::from_narrow(&narrow, None);
        assert_eq!(statistics.rx_packets(), 1);
        assert_eq!(statistics.tx_bytes(), 4);
        assert_eq!(statistics.rx_errors(), 0);
    }
}
