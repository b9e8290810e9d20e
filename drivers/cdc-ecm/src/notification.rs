//! Notifications of the control interface's interrupt endpoint (CDC 1.2 section 6.3, ECM 1.2
//! section 6.3).

/// bmRequestType of a notification: device to host, class, interface.
const NOTIFICATION: u8 = 0xa1;
const NETWORK_CONNECTION: u8 = 0x00;
const RESPONSE_AVAILABLE: u8 = 0x01;
const CONNECTION_SPEED_CHANGE: u8 = 0x2a;

/// Bytes in front of a notification's data.
const HEADER: usize = 8;
/// The longest notification we know: a header and two speeds.
const LONGEST: usize = HEADER + 8;

/// What a device says unasked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notification {
    /// NETWORK_CONNECTION: whether there is a link.
    NetworkConnection(bool),
    /// CONNECTION_SPEED_CHANGE, in bit/s.
    SpeedChange {
        /// Towards the host.
        downlink: u32,
        /// Towards the network.
        uplink: u32,
    },
    /// RESPONSE_AVAILABLE: an encapsulated response can be fetched.
    ResponseAvailable,
    /// Another one; its code.
    Other(u8),
}

/// Puts notifications together from the packets of the endpoint. The data of one may come in a
/// packet of its own, since endpoints with 8-byte packets are usual.
///
/// wIndex is not looked at: devices disagree on whether it names the control or the data interface.
#[derive(Clone, Debug, Default)]
pub struct NotificationReader {
    /// What came of a notification that is not complete.
    begun: heapless::Vec<u8, LONGEST>,
}

impl NotificationReader {
    /// Reads one packet. `None`: nothing complete, or nothing sensible.
    pub fn packet(&mut self, packet: &[u8]) -> Option<Notification> {
        if self.begun.len() < HEADER
            || packet.first() == Some(&NOTIFICATION) && packet.len() >= HEADER
        {
            // A new header makes what was begun worthless.
            self.begun.clear();
        }
        let room = LONGEST - self.begun.len();
        // Never more than there is room for.
        let _ = self.begun.extend_from_slice(packet.get(..room).unwrap_or(packet));
        let (header, data) = self.begun.split_first_chunk::<HEADER>()?;
        let [kind, code, value, _, _, _, length @ ..] = *header;
        if kind != NOTIFICATION {
            self.begun.clear();
            return None;
        }
        let length = usize::from(u16::from_le_bytes(length)).min(LONGEST - HEADER);
        let notification = match code {
            NETWORK_CONNECTION => Notification::NetworkConnection(value != 0),
            RESPONSE_AVAILABLE => Notification::ResponseAvailable,
            CONNECTION_SPEED_CHANGE => match *data {
                [d0, d1, d2, d3, u0, u1, u2, u3] => Notification::SpeedChange {
                    downlink: u32::from_le_bytes([d0, d1, d2, d3]),
                    uplink: u32::from_le_bytes([u0, u1, u2, u3]),
                },
                // The speeds are still to come.
                _ => return None,
            },
            // The data of an unknown one is waited for, lest it be taken for a header.
            _ if data.len() < length => return None,
            other => Notification::Other(other),
        };
        self.begun.clear();
        Some(notification)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEED: [u8; 16] =
        [0xa1, 0x2a, 0, 0, 0, 0, 8, 0, 0x00, 0xe1, 0xf5, 0x05, 0x80, 0x96, 0x98, 0x00];
    const CHANGED: Option<Notification> =
        Some(Notification::SpeedChange { downlink: 100_000_000, uplink: 10_000_000 });

    #[test]
    fn link_and_response() {
        let mut reader = NotificationReader::default();
        assert_eq!(
            reader.packet(&[0xa1, 0, 1, 0, 1, 0, 0, 0]),
            Some(Notification::NetworkConnection(true))
        );
        assert_eq!(
            reader.packet(&[0xa1, 0, 0, 0, 0, 0, 0, 0]),
            Some(Notification::NetworkConnection(false))
        );
        // RNDIS devices send the code in a packet that is otherwise zero (and 1 as type).
        assert_eq!(
            reader.packet(&[0xa1, 1, 0, 0, 0, 0, 0, 0]),
            Some(Notification::ResponseAvailable)
        );
    }

    #[test]
    fn speed_in_one_packet_or_two() {
        let mut reader = NotificationReader::default();
        assert_eq!(reader.packet(&SPEED), CHANGED);
        assert_eq!(reader.packet(&SPEED[..8]), None);
        assert_eq!(reader.packet(&SPEED[8..]), CHANGED);
    }

    #[test]
    fn a_new_header_ends_the_wait_for_data() {
        let mut reader = NotificationReader::default();
        assert_eq!(reader.packet(&SPEED[..8]), None);
        assert_eq!(
            reader.packet(&[0xa1, 0, 1, 0, 0, 0, 0, 0]),
            Some(Notification::NetworkConnection(true))
        );
    }

    #[test]
    fn nonsense_is_passed_over() {
        let mut reader = NotificationReader::default();
        assert_eq!(reader.packet(&[]), None);
        assert_eq!(reader.packet(&[0xa1, 0, 1]), None);
        assert_eq!(reader.packet(&[0x21, 0, 1, 0, 0, 0, 0, 0]), None);
        assert_eq!(reader.packet(&[0xff; 64]), None);
        assert_eq!(reader.packet(&[0xa1, 0x77, 0, 0, 0, 0, 0, 0]), Some(Notification::Other(0x77)));
        assert_eq!(reader.packet(&SPEED), CHANGED);
    }
}
