//! The hub descriptor (USB 2.0 section 11.23.2.1).

use super::{DescriptorError, kind};
use core::time::Duration;

/// Bits 1:0 of wHubCharacteristics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerSwitching {
    /// All ports at once.
    Ganged,
    /// Each port on its own.
    Individual,
    /// Power is always on.
    None,
}

/// Bits 4:3 of wHubCharacteristics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverCurrentMode {
    /// One report for the whole hub.
    Global,
    /// A report a port.
    Individual,
    /// None.
    None,
}

/// wHubCharacteristics.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HubCharacteristics(pub u16);

impl HubCharacteristics {
    /// How port power is switched.
    pub const fn power_switching(self) -> PowerSwitching {
        match self.0 & 3 {
            0 => PowerSwitching::Ganged,
            1 => PowerSwitching::Individual,
            _ => PowerSwitching::None,
        }
    }

    /// How over-current is reported.
    pub const fn over_current(self) -> OverCurrentMode {
        match (self.0 >> 3) & 3 {
            0 => OverCurrentMode::Global,
            1 => OverCurrentMode::Individual,
            _ => OverCurrentMode::None,
        }
    }
}

/// The fixed part of a hub descriptor; the bitmaps behind it (which port is removable) are left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HubDescriptor {
    /// bNbrPorts.
    pub ports: u8,
    /// wHubCharacteristics.
    pub characteristics: HubCharacteristics,
    /// From switching a port's power on until it is good.
    pub power_on_to_power_good: Duration,
    /// bHubContrCurrent in mA.
    pub controller_current: u8,
}

impl HubDescriptor {
    /// Bytes of the fixed part.
    pub const LENGTH: usize = 7;
    /// Bytes of the longest one: 255 ports with two bitmaps of 32 bytes.
    pub const MAX_LENGTH: usize = 71;

    /// Reads the fixed part.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let d: &[u8; Self::LENGTH] = bytes.first_chunk().ok_or(DescriptorError::Truncated)?;
        // Some hubs answer with type 0.
        if d[1] != kind::HUB && d[1] != 0 {
            return Err(DescriptorError::Kind(d[1]));
        }
        if usize::from(d[0]) < Self::LENGTH {
            return Err(DescriptorError::Length(d[0]));
        }
        Ok(Self {
            ports: d[2],
            characteristics: HubCharacteristics(u16::from_le_bytes([d[3], d[4]])),
            power_on_to_power_good: Duration::from_millis(2 * u64::from(d[5])),
            controller_current: d[6],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulated_hub() {
        let hub = HubDescriptor::parse(&[0x0a, 0x29, 8, 0x0a, 0, 1, 0, 0, 0, 0xff])
            .expect("a good descriptor");
        assert_eq!(hub.ports, 8);
        assert_eq!(hub.characteristics.power_switching(), PowerSwitching::None);
        assert_eq!(hub.characteristics.over_current(), OverCurrentMode::Individual);
        assert_eq!(hub.power_on_to_power_good, Duration::from_millis(2));
    }

    #[test]
    fn malformed_ones_are_refused() {
        assert_eq!(HubDescriptor::parse(&[9, 0x29, 4, 0, 0, 50]), Err(DescriptorError::Truncated));
        assert_eq!(HubDescriptor::parse(&[9, 4, 4, 0, 0, 50, 0]), Err(DescriptorError::Kind(4)));
        assert_eq!(
            HubDescriptor::parse(&[6, 0x29, 4, 0, 0, 50, 0]),
            Err(DescriptorError::Length(6))
        );
    }
}
