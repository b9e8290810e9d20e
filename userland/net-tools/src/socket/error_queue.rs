//! What the error queue of a socket says about a datagram that did not arrive.
//!
//! With IPV6_RECVERR, recvmsg(2) with MSG_ERRQUEUE returns the datagram as it was sent and a control
//! message with `struct sock_extended_err` (include/uapi/linux/errqueue.h), followed by the address
//! of the node that reported the error.

use core::net::SocketAddrV6;

use super::message::socket_address;
use crate::netlink::field;

/// `SO_EE_ORIGIN_LOCAL`: this host found the error.
const ORIGIN_LOCAL: u8 = 1;
/// `SO_EE_ORIGIN_ICMP6`: an ICMPv6 message reported it.
const ORIGIN_ICMPV6: u8 = 3;

/// The length of `struct sock_extended_err`: errno u32, origin, type, code, pad, info u32, data u32.
const LENGTH: usize = 16;

/// An entry of the error queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueuedError {
    /// The error happened on this host.
    Local {
        /// The error number.
        errno: u32,
        /// The MTU for EMSGSIZE.
        info: u32,
    },
    /// An ICMPv6 error message came.
    Icmpv6 {
        /// Who sent it.
        reporter: Option<SocketAddrV6>,
        /// The ICMPv6 type.
        kind: u8,
        /// The ICMPv6 code.
        code: u8,
        /// The MTU of Packet Too Big, the pointer of Parameter Problem.
        info: u32,
    },
}

impl QueuedError {
    /// Reads the data of an IPV6_RECVERR control message; `None` for origins that are no concern
    /// of IPv6.
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<Self> {
        let info = field::u32_at(data, 8)?;
        match field::u8_at(data, 4)? {
            ORIGIN_LOCAL => Some(Self::Local { errno: field::u32_at(data, 0)?, info }),
            ORIGIN_ICMPV6 => Some(Self::Icmpv6 {
                reporter: socket_address(data.get(LENGTH..).unwrap_or_default()),
                kind: field::u8_at(data, 5)?,
                code: field::u8_at(data, 6)?,
                info,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::QueuedError;

    #[test]
    fn entries() {
        let mut data = Vec::from(113u32.to_ne_bytes());
        data.extend([3, 1, 3, 0]);
        data.extend([0; 8]);
        let unreachable = QueuedError::Icmpv6 { reporter: None, kind: 1, code: 3, info: 0 };
        assert_eq!(QueuedError::parse(&data), Some(unreachable));
        data.extend(10u16.to_ne_bytes());
        data.extend([0; 26]);
        assert!(matches!(
            QueuedError::parse(&data),
            Some(QueuedError::Icmpv6 { reporter: Some(_), .. })
        ));
        data[4] = 1;
        assert_eq!(QueuedError::parse(&data), Some(QueuedError::Local { errno: 113, info: 0 }));
        data[4] = 2;
        assert_eq!(QueuedError::parse(&data), None, "ICMP for IPv4");
        assert_eq!(QueuedError::parse(&data[..11]), None);
    }
}
