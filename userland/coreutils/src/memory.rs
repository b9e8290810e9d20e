//! `/proc/meminfo` (proc(5)).

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All there is.
    pub total: u64,
    /// Not used for anything.
    pub free: u64,
    /// What programs can still get.
    pub available: u64,
    /// In RAM file systems.
    pub shared: u64,
    /// Kept only because it may be useful.
    pub cache: u64,
    /// Swap space.
    pub swap_total: u64,
    /// Swap space not used.
    pub swap_free: u64,
}

impl Memory {
    /// Reads the text of `/proc/meminfo`; lines that are missing count as 0.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|rest| rest.trim().trim_end_matches("kB").trim_end().parse::<u64>().ok())
                .map_or(0, |kibibytes| kibibytes.saturating_mul(1024))
        };
        let free = field("MemFree");
        let cache = field("Buffers") + field("Cached") + field("SReclaimable");
        Self {
            total: field("MemTotal"),
            free,
            available: if text.contains("MemAvailable:") {
                field("MemAvailable")
            } else {
                free + cache
            },
            shared: field("Shmem"),
            cache,
            swap_total: field("SwapTotal"),
            swap_free: field("SwapFree"),
        }
    }

    /// What programs and the kernel use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.total.saturating_sub(self.available)
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn fields() {
        let memory = Memory::parse("MemTotal:      1000 kB\nMemFree:  400 kB\nCached: 100 kB\n");
        assert_eq!((memory.total, memory.free), (1_024_000, 409_600));
        assert_eq!((memory.cache, memory.available), (102_400, 512_000));
        assert_eq!((memory.used(), memory.swap_total), (512_000, 0));
        assert_eq!(Memory::parse("nonsense"), Memory::default());
    }
}
