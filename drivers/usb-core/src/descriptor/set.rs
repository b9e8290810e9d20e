//! All descriptors of one device: its own and those of every configuration.

use super::{Configuration, ConfigurationHeader, DeviceDescriptor};
use heapless::Vec;

/// Room for the configurations of one device together, in bytes. Ethernet adapters with three
/// configurations need about 300; a camera may need more, and is cut.
pub const MAX_CONFIGURATION_BYTES: usize = 1024;

/// The device descriptor and the configurations, as they came.
#[derive(Clone, Debug)]
pub struct DescriptorSet {
    device: DeviceDescriptor,
    /// Device descriptor and configurations back to back, as Linux shows them in sysfs.
    bytes: Vec<u8, { DeviceDescriptor::LENGTH + MAX_CONFIGURATION_BYTES }>,
}

impl DescriptorSet {
    /// A set without configurations yet.
    pub fn new(device: DeviceDescriptor) -> Self {
        let mut bytes = Vec::new();
        // The capacity begins with room for exactly this.
        let _ = bytes.extend_from_slice(&device.to_bytes());
        Self { device, bytes }
    }

    /// The device descriptor.
    pub const fn device(&self) -> &DeviceDescriptor {
        &self.device
    }

    /// The device descriptor followed by every configuration, as Linux has it in
    /// `/sys/bus/usb/devices/*/descriptors`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that are free for further configurations.
    pub fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Adds a configuration as it arrived, cut to the room there is; returns whether it is one and
    /// stayed. wTotalLength is set to what is there, so that the next configuration is found
    /// behind it.
    pub fn push_configuration(&mut self, configuration: &[u8]) -> bool {
        let Ok(header) = ConfigurationHeader::parse(configuration) else { return false };
        let claimed = usize::from(header.total_length);
        let length = claimed.min(configuration.len()).min(self.room());
        let Some((_, body)) = configuration
            .get(..length)
            .and_then(|c| c.split_at_checked(ConfigurationHeader::LENGTH))
        else {
            return false;
        };
        // At most `MAX_CONFIGURATION_BYTES`.
        let header = ConfigurationHeader { total_length: length as u16, ..header };
        // bLength stays as it came: the bytes it covers beyond nine are the header's own.
        let mut bytes = header.to_bytes();
        if let (Some(field), Some(length)) = (bytes.first_mut(), configuration.first()) {
            *field = *length;
        }
        self.bytes.extend_from_slice(&bytes).is_ok() && self.bytes.extend_from_slice(body).is_ok()
    }

    /// Every configuration, in the device's order.
    pub fn configurations(&self) -> impl Iterator<Item = Configuration<'_>> {
        let mut rest = self.bytes.get(DeviceDescriptor::LENGTH..).unwrap_or(&[]);
        core::iter::from_fn(move || {
            let configuration = Configuration::parse(rest).ok()?;
            let length = usize::from(configuration.header().total_length);
            // push_configuration() keeps only lengths that reach behind the header.
            rest = rest.get(length.max(ConfigurationHeader::LENGTH)..)?;
            Some(configuration)
        })
    }

    /// The configuration that SET_CONFIGURATION knows as `value`.
    pub fn configuration(&self, value: u8) -> Option<Configuration<'_>> {
        self.configurations().find(|configuration| configuration.value() == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceDescriptor {
        DeviceDescriptor::parse(&[18, 1, 0, 2, 0, 0, 0, 64, 1, 0, 2, 0, 0, 0, 0, 0, 0, 2])
            .expect("a good descriptor")
    }

    #[test]
    fn configurations_come_back_in_order() {
        let mut set = DescriptorSet::new(device());
        assert!(set.push_configuration(&[9, 2, 11, 0, 1, 7, 0, 0, 0, 2, 0x30]));
        assert!(set.push_configuration(&[9, 2, 9, 0, 1, 3, 0, 0, 0]));
        let values: heapless::Vec<u8, 4> = set.configurations().map(|c| c.value()).collect();
        assert_eq!(values[..], [7, 3]);
        assert!(set.configuration(3).is_some());
        assert!(set.configuration(1).is_none());
        assert_eq!(set.bytes().len(), 18 + 11 + 9);
    }

    #[test]
    fn a_lie_about_the_length_does_not_hide_the_next() {
        let mut set = DescriptorSet::new(device());
        // Claims 200 bytes, delivers 9.
        assert!(set.push_configuration(&[9, 2, 200, 0, 1, 7, 0, 0, 0]));
        assert!(set.push_configuration(&[9, 2, 9, 0, 1, 3, 0, 0, 0]));
        assert_eq!(set.configurations().count(), 2);
        // Claims less than a header.
        assert!(!set.push_configuration(&[9, 2, 4, 0, 1, 3, 0, 0, 0]));
        assert!(!set.push_configuration(&[9, 4, 9, 0, 1, 3, 0, 0, 0]));
        assert_eq!(set.configurations().count(), 2);
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let mut set = DescriptorSet::new(device());
        let mut large = [0; MAX_CONFIGURATION_BYTES + 10];
        large[..9].copy_from_slice(&[9, 2, 0x0a, 0x04, 1, 1, 0, 0, 0]);
        assert!(set.push_configuration(&large));
        assert_eq!(set.room(), 0);
        assert!(!set.push_configuration(&[9, 2, 9, 0, 1, 3, 0, 0, 0]));
        assert_eq!(set.configurations().count(), 1);
    }
}
