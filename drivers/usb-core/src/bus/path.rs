//! Where a device sits: the chain of ports from the root, named as Linux names it.

use crate::pipe::PortNumber;
use core::fmt;

/// Hubs that may follow one another below the root port (USB 2.0 section 4.1.1: seven tiers with
/// root hub and device).
pub const MAX_HUB_DEPTH: usize = 5;

/// Ports on the way to a device: one of the root and one of each hub.
const MAX_PORTS: usize = MAX_HUB_DEPTH + 1;

/// The ports on the way to a device; shown as `1-1.3`, the bus number first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DevicePath {
    /// The first `length` are [`PortNumber`]s, the rest 0.
    ports: [u8; MAX_PORTS],
    /// 1 to `MAX_PORTS`.
    length: u8,
}

impl DevicePath {
    /// The device on the root port.
    pub const ROOT_PORT: Self = Self { ports: [1, 0, 0, 0, 0, 0], length: 1 };

    /// The device on `port` of the hub at this path; `None` when that is deeper than the standard
    /// allows.
    pub fn child(mut self, port: PortNumber) -> Option<Self> {
        *self.ports.get_mut(usize::from(self.length))? = port.get();
        self.length += 1;
        Some(self)
    }

    /// Hubs above the device, 0 on the root port.
    pub const fn depth(&self) -> usize {
        self.length as usize - 1
    }

    /// The port numbers from the root on.
    pub fn ports(&self) -> &[u8] {
        self.ports.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

impl fmt::Display for DevicePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '-';
        write!(f, "{}", super::BUS_NUMBER)?;
        for port in self.ports() {
            write!(f, "{separator}{port}")?;
            separator = '.';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn named_like_linux_and_bounded() {
        let port = |n| PortNumber::new(n).expect("a valid port");
        let mut path = DevicePath::ROOT_PORT;
        assert_eq!(path.to_string(), "1-1");
        path = path.child(port(3)).expect("below the first hub");
        assert_eq!(path.to_string(), "1-1.3");
        assert_eq!(path.depth(), 1);
        for depth in 2..=MAX_HUB_DEPTH {
            path = path.child(port(2)).expect("up to five hubs");
            assert_eq!(path.depth(), depth);
        }
        assert_eq!(path.to_string(), "1-1.3.2.2.2.2");
        assert_eq!(path.child(port(1)), None);
    }
}
