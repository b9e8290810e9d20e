//! Log levels by module.

use core::str::FromStr;
use heapless::{String, Vec};
use log::{Level, LevelFilter};

/// Most modules with a level of their own.
const MAX_RULES: usize = 16;

/// Longest path of a module in a rule.
const MAX_PATH: usize = 48;

/// A level for everything, and exceptions by module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Levels {
    default: LevelFilter,
    rules: Vec<(String<MAX_PATH>, LevelFilter), MAX_RULES>,
}

impl Levels {
    /// The same level for everything.
    pub const fn new(default: LevelFilter) -> Self {
        Self { default, rules: Vec::new() }
    }

    /// Reads `level` and `module=level` between commas; a level is `off`, `error`, `warn`, `info`,
    /// `debug` or `trace`. Returns the word that is neither. Without a general level it is `info`.
    pub fn parse(text: &str) -> Result<Self, &str> {
        let mut levels = Self::new(LevelFilter::Info);
        for word in text.split(',').filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                None => levels.default = LevelFilter::from_str(word).map_err(|_| word)?,
                Some((path, level)) => {
                    let level = LevelFilter::from_str(level).map_err(|_| word)?;
                    let path = String::try_from(path).map_err(|_| word)?;
                    levels.rules.push((path, level)).map_err(|_| word)?;
                }
            }
        }
        Ok(levels)
    }

    /// Whether a message of `target` at `level` is wanted.
    pub fn allows(&self, target: &str, level: Level) -> bool {
        let rule = self
            .rules
            .iter()
            .filter(|(path, _)| is_within(target, path))
            .max_by_key(|(path, _)| path.len());
        level <= rule.map_or(self.default, |(_, level)| *level)
    }

    /// The most talkative level of all.
    pub fn highest(&self) -> LevelFilter {
        self.rules.iter().map(|(_, level)| *level).fold(self.default, Ord::max)
    }
}

/// Whether the module path `target` is `path` or below it. A module of the kernel may be named
/// without `kernel::`; library crates are known by their names with underscores or dashes.
fn is_within(target: &str, path: &str) -> bool {
    let below = |target: &str| {
        let mut rest = target.chars();
        let same = path
            .chars()
            .all(|wanted| rest.next() == Some(if wanted == '-' { '_' } else { wanted }));
        same && (rest.as_str().is_empty() || rest.as_str().starts_with("::"))
    };
    below(target) || target.strip_prefix("kernel::").is_some_and(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_matching_path_counts() {
        let levels = Levels::parse("warn,net=debug,net::nd=off,usb-dwc2=trace").expect("valid");
        assert!(levels.allows("net::udp", Level::Debug));
        assert!(!levels.allows("net::nd::cache", Level::Error));
        assert!(!levels.allows("network", Level::Info));
        assert!(levels.allows("network", Level::Warn));
        assert!(levels.allows("usb_dwc2::port", Level::Trace));
        assert_eq!(levels.highest(), LevelFilter::Trace);
    }

    #[test]
    fn modules_of_the_kernel_need_no_prefix() {
        let levels = Levels::parse("error,fs=debug").expect("valid");
        assert!(levels.allows("kernel::fs::ram", Level::Debug));
        assert!(!levels.allows("kernel::tty", Level::Debug));
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(Levels::parse("info,loud"), Err("loud"));
        assert_eq!(Levels::parse("net=9"), Err("net=9"));
        assert_eq!(Levels::parse(""), Ok(Levels::new(LevelFilter::Info)));
    }
}
