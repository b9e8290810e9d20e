//! What the firmware says about supply and heat: the flags of `get_throttled` (Raspberry Pi
//! documentation, "vcgencmd").

use log::Level;

/// The flags. The low half is what is now, the high half what has been since boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Throttling(pub u32);

/// Bit, what to say when it comes, what when it goes. An unsteady supply shows first on USB.
const CONDITIONS: [(u32, &str, &str); 4] = [
    (
        1 << 0,
        "under-voltage: the supply is too weak, and USB suffers first",
        "the voltage is normal again",
    ),
    (1 << 1, "the clock of the cores is capped", "the clock of the cores is not capped any more"),
    (1 << 2, "throttled: the cores run slower", "the cores are not throttled any more"),
    (1 << 3, "the soft temperature limit is reached", "below the soft temperature limit again"),
];

impl Throttling {
    /// What changed from `before` to now, as lines for the log.
    pub fn changes(self, before: Self) -> impl Iterator<Item = (Level, &'static str)> {
        CONDITIONS.into_iter().filter_map(move |(bit, begins, ends)| {
            match (before.0 & bit != 0, self.0 & bit != 0) {
                (false, true) => Some((Level::Warn, begins)),
                (true, false) => Some((Level::Info, ends)),
                _ => None,
            }
        })
    }

    /// The same flags as if they were now what they have been since boot, for a first report.
    #[must_use]
    pub const fn since_boot(self) -> Self {
        Self((self.0 | (self.0 >> 16)) & 0xf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn changes(before: u32, now: u32) -> Vec<(Level, &'static str)> {
        Throttling(now).changes(Throttling(before)).collect()
    }

    #[test]
    fn each_condition_is_told_when_it_comes_and_when_it_goes() {
        assert_eq!(changes(0x5_0005, 0x5_0005), []);
        let came = changes(0, 0x5_0005);
        assert_eq!(came.len(), 2);
        assert!(came.iter().all(|(level, _)| *level == Level::Warn));
        assert!(came[0].1.starts_with("under-voltage"));
        assert_eq!(changes(1, 0x1_0000), [(Level::Info, "the voltage is normal again")]);
    }

    #[test]
    fn what_was_before_the_kernel_counts_for_the_first_report() {
        assert_eq!(Throttling(0x1_0000).since_boot(), Throttling(1));
        assert_eq!(Throttling(0x4_0002).since_boot(), Throttling(6));
    }
}
