//! Which names a short one may stand for (resolv.conf(5), `search` and `ndots`).

use alloc::vec::Vec;

use domain::base::name::NameBuilder;

use crate::configuration::Configuration;
use crate::name::{self, Name};

/// The names to be tried for `text`, in this order. None when it can't be a name.
#[must_use]
pub fn candidates(text: &str, configuration: &Configuration) -> Vec<Name> {
    let Some(name) = name::parse(text) else { return Vec::new() };
    // The link's names are complete (RFC 6762 section 3), as are those of this host (RFC 6761
    // section 6.3) and one with a dot at its end.
    let complete = name::is_of_the_link(&name) || name::ends_with(&name, b"localhost");
    if text.ends_with('.') || complete {
        return Vec::from([name]);
    }
    // The label of the root is no dot.
    let dots = name.label_count().saturating_sub(2);
    let with_domains = configuration.search.iter().filter_map(|domain| join(&name, domain));
    let mut names: Vec<Name> = with_domains.collect();
    let place = if dots >= usize::from(configuration.ndots) { 0 } else { names.len() };
    names.insert(place, name);
    names
}

/// `name` in `domain`; `None` when that is too long.
fn join(name: &Name, domain: &Name) -> Option<Name> {
    let mut builder = NameBuilder::new_vec();
    for label in name.iter().chain(domain.iter()).filter(|label| !label.is_root()) {
        builder.append_label(label.as_slice()).ok()?;
    }
    builder.into_name().ok()
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::candidates;
    use crate::configuration::Configuration;
    use crate::name;

    fn names(text: &str, lines: &str) -> Vec<String> {
        let configuration = Configuration::parse(lines, |_| None);
        candidates(text, &configuration).iter().map(name::text).collect()
    }

    #[test]
    fn short_names() {
        let search = "search lab.test example";
        assert_eq!(names("host", search), ["host.lab.test", "host.example", "host"]);
        assert_eq!(names("host.a", search), ["host.a", "host.a.lab.test", "host.a.example"]);
        assert_eq!(names("host.", search), ["host"]);
        assert_eq!(names("mona.local", search), ["mona.local"]);
        assert_eq!(names("host", ""), ["host"]);
        assert_eq!(names("a..b", search), Vec::<String>::new());
        let dots = "search lab.test\noptions ndots:2";
        assert_eq!(names("host.a", dots), ["host.a.lab.test", "host.a"]);
        assert_eq!(names("host.a.b", dots), ["host.a.b", "host.a.b.lab.test"]);
    }

    #[test]
    fn too_long_with_a_domain() {
        let long = "a.".repeat(120);
        assert_eq!(names(long.trim_end_matches('.'), "search lab.test.of.ours").len(), 1);
    }
}
