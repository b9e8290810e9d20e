//! CDC Ethernet Emulation Model (EEM 1.0): one interface, no control requests, and packets with a
//! header of two bytes in the stream of the bulk pipes.

use crate::adapter::{Adapter, ETHERNET_MTU, Framing, Learned, Start};
use crate::error::Error;
use crate::stream::{Content, Message};
use net::netif::LinkState;
use usb_core::class::Platform;

/// Bytes of the header.
pub(crate) const HEADER: usize = 2;
/// Bytes in front of a frame to the device: an empty packet, which is to be passed over (section
/// 5.1.2.3), keeps the frame on a multiple of 4, where it is.
pub(crate) const FRONT: usize = 2 * HEADER;
/// Bytes of the CRC behind a frame.
const CRC: usize = 4;
/// What stands there instead when the CRC was not computed (section 5.1.2.1).
pub(crate) const NO_CRC: [u8; CRC] = [0xde, 0xad, 0xbe, 0xef];

/// bmType: a command, not a frame.
const COMMAND: u16 = 1 << 15;
/// Length of a frame with its CRC.
const LENGTH: u16 = 0x3fff;
/// bmEEMCmd, bits 13:11; Echo and Echo Response are the only ones with data.
const ECHO_RESPONSE: u16 = 1;
/// Length of an echo.
const ECHO_LENGTH: u16 = 0x07ff;

/// Bytes of the packet that `bytes` begin with.
pub(crate) fn message_length(bytes: &[u8]) -> Option<usize> {
    let header = u16::from_le_bytes(*bytes.first_chunk()?);
    let body = match header & COMMAND {
        0 => header & LENGTH,
        _ if header >> 11 & 7 <= ECHO_RESPONSE => header & ECHO_LENGTH,
        _ => 0,
    };
    Some(HEADER + usize::from(body))
}

/// Reads the packet that `bytes` begin with, which must be there completely. The CRC is not looked
/// at: USB has its own.
pub(crate) fn parse(bytes: &[u8]) -> Option<Message> {
    let length = message_length(bytes).filter(|length| *length <= bytes.len())?;
    let is_command = bytes.get(1).is_some_and(|high| high & 0x80 != 0);
    if is_command || length == HEADER {
        return Some(Message { length, content: Content::Other });
    }
    let end = length.checked_sub(CRC).filter(|end| *end >= HEADER)?;
    Some(Message { length, content: Content::Frame(HEADER..end) })
}

/// What goes in front of a frame of `frame` bytes; `None` when it is too long.
pub(crate) fn front(frame: usize) -> Option<[u8; FRONT]> {
    let length = u16::try_from(frame + CRC).ok().filter(|length| *length <= LENGTH)?;
    let [low, high] = length.to_le_bytes();
    Some([0, 0, low, high])
}

impl<'d, 'b, P: Platform> Start<'d, 'b, P> {
    /// Brings up an EEM function. There is nothing to be asked, not even the address.
    pub(crate) async fn eem(self) -> Result<Adapter<'d, 'b, P>, Error> {
        self.select_setting().await?;
        let link = LinkState::Up { speed: None };
        self.finish(Framing::Eem, Learned { mac: None, mtu: ETHERNET_MTU, link })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_and_its_crc() {
        let mut bytes = front(60).expect("a length that fits").to_vec();
        assert_eq!(parse(&bytes), Some(Message { length: HEADER, content: Content::Other }));
        bytes.drain(..HEADER);
        bytes.extend([7; 60]);
        bytes.extend(NO_CRC);
        assert_eq!(parse(&bytes), Some(Message { length: 66, content: Content::Frame(2..62) }));
        assert_eq!(parse(&bytes[..65]), None);
        assert_eq!(front(0x3ffc), None);
    }

    #[test]
    fn commands_carry_no_frame() {
        // Echo with three bytes, suspend hint, a reserved one.
        assert_eq!(
            parse(&[3, 0x80, 1, 2, 3]),
            Some(Message { length: 5, content: Content::Other })
        );
        assert_eq!(parse(&[0xff, 0x97]), Some(Message { length: 2, content: Content::Other }));
        assert_eq!(parse(&[0xff, 0xbf]), Some(Message { length: 2, content: Content::Other }));
        // A frame that is shorter than its CRC.
        assert_eq!(parse(&[3, 0, 1, 2, 3]), None);
    }
}
