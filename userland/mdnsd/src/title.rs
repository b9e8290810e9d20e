//! What the host is called on the link, and what next when others are called so (RFC 6762 section
//! 9): `mona`, `mona-2`, `mona-3`.

use alloc::format;
use alloc::string::String;

use resolver::Name;
use resolver::domain::base::name::NameBuilder;

/// Octets of a label at most (RFC 1035 section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// The name of a host, as it was given and as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    base: String,
    number: u32,
    name: Name,
}

impl Title {
    /// Makes a name in `local` of the first label of a host name. `None` when there is none, or one
    /// that means something else.
    #[must_use]
    pub fn new(host: &str) -> Option<Self> {
        let base = host.split('.').next().unwrap_or_default();
        let elsewhere = base.is_empty() || base == "(none)" || base == "localhost";
        if elsewhere || base.contains(char::is_whitespace) {
            return None;
        }
        let name = local(base)?;
        Some(Self { base: base.into(), number: 1, name })
    }

    /// The name in use.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Gives way: takes the next name.
    pub fn give_way(&mut self) {
        self.number = self.number.checked_add(1).unwrap_or(2);
        let suffix = format!("-{}", self.number);
        let mut end = self.base.len().min(LONGEST_LABEL - suffix.len());
        while !self.base.is_char_boundary(end) {
            end -= 1;
        }
        let base = self.base.get(..end).unwrap_or_default();
        if let Some(name) = local(&format!("{base}{suffix}")) {
            self.name = name;
        }
    }
}

fn local(label: &str) -> Option<Name> {
    let mut builder = NameBuilder::new_vec();
    builder.append_label(label.as_bytes()).ok()?;
    builder.append_label(b"local").ok()?;
    builder.into_name().ok()
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::Title;

    fn name(title: &Title) -> String {
        title.name().to_string()
    }

    #[test]
    fn names_give_way() {
        let mut title = Title::new("mona.lab.test").unwrap();
        assert_eq!(name(&title), "mona.local");
        title.give_way();
        assert_eq!(name(&title), "mona-2.local");
        title.give_way();
        assert_eq!(name(&title), "mona-3.local");
    }

    #[test]
    fn long_names_have_room_for_a_number() {
        let mut title = Title::new(&"x".repeat(63)).unwrap();
        title.give_way();
        assert_eq!(name(&title), "x".repeat(61) + "-2.local");
        let mut title = Title::new(&"\u{fc}".repeat(31)).unwrap();
        title.give_way();
        assert!(title.name().as_slice()[0] <= 63);
    }

    #[test]
    fn what_is_no_name() {
        let long = "x".repeat(64);
        for host in ["", ".lab", "localhost", "(none)", "a b", &long] {
            assert_eq!(Title::new(host), None, "{host}");
        }
    }
}
