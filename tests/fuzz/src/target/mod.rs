//! The targets, a file each.

mod dhcp6;
mod dns;
mod mdns;
mod netlink;
mod stack;
mod usb_descriptor;

/// What became of some octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// They were not what they should be, and nothing came of them.
    Refused,
    /// They had an effect.
    Taken,
}

impl Verdict {
    const fn taken_if(taken: bool) -> Self {
        if taken { Self::Taken } else { Self::Refused }
    }
}

/// Something that reads octets from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its file under `fuzz_targets`.
    pub name: &'static str,
    /// Feeds it.
    ///
    /// # Panics
    /// When a rule is broken: that is what fuzzing looks for.
    pub run: fn(&[u8]) -> Verdict,
    /// Octets that it takes, to begin with.
    pub corpus: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "stack", run: stack::run, corpus: stack::corpus },
    Target { name: "dns", run: dns::run, corpus: dns::corpus },
    Target { name: "mdns", run: mdns::run, corpus: mdns::corpus },
    Target { name: "dhcp6", run: dhcp6::run, corpus: dhcp6::corpus },
    Target { name: "netlink", run: netlink::run, corpus: netlink::corpus },
    Target { name: "usb_descriptor", run: usb_descriptor::run, corpus: usb_descriptor::corpus },
];

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn named(name: &str) -> Target {
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("there is no target {name}"))
}
