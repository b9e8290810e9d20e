//! The command line of `dhcp6c`.

use alloc::string::{String, ToString};

use rt::options::{Item, Opt, Tool};

/// How the program is called.
pub static TOOL: Tool = Tool::new(
    "dhcp6c",
    "[-fnS] INTERFACE\n-r INTERFACE",
    "Gets addresses and the names of servers by DHCPv6 (RFC 8415).",
    &[
        Opt::flag('f', "foreground", "stay in the foreground and tell what happens"),
        Opt::flag('n', "no-rapid-commit", "do not ask for Rapid Commit"),
        Opt::flag('r', "release", "end the client of the interface, give its addresses back"),
        Opt::flag('S', "stateless", "ask for name servers and the like, not for addresses"),
    ],
)
.with_status(2);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Get addresses and keep them.
    Addresses {
        /// By two messages, where the server agrees.
        rapid: bool,
    },
    /// Get information.
    Information,
    /// Give back what there is.
    Release,
}

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The interface.
    pub interface: String,
    /// What is to be done.
    pub task: Task,
    /// `-f`
    pub foreground: bool,
}

/// A command line that is not to be carried out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub &'static str);

/// Understands a command line.
pub fn parse(items: impl Iterator<Item = Item>) -> Result<Options, Refusal> {
    let (mut stateless, mut release, mut rapid, mut foreground) = (false, false, true, false);
    let mut interface = None;
    for item in items {
        match item {
            Item::Option('S', _) => stateless = true,
            Item::Option('r', _) => release = true,
            Item::Option('n', _) => rapid = false,
            Item::Option('f', _) => foreground = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(_) if interface.is_some() => return Err(Refusal("one interface only")),
            Item::Operand(name) => interface = Some(name.to_string()),
        }
    }
    let task = match (stateless, release) {
        (false, false) => Task::Addresses { rapid },
        (true, false) => Task::Information,
        (false, true) => Task::Release,
        (true, true) => return Err(Refusal("-S has nothing to give back: not with -r")),
    };
    let interface = interface.ok_or(Refusal("an interface is missing"))?;
    Ok(Options { interface, task, foreground })
}

#[cfg(test)]
mod tests {
    use rt::bstr::BStr;
    use rt::options::Item;

    use super::{Options, Task, parse};

    #[test]
    fn command_lines() {
        let usb0 = Item::Operand(BStr::new("usb0"));
        let flag = |letter| Item::Option(letter, None);
        let task = |items: &[Item]| parse(items.iter().copied()).map(|options| options.task);
        assert_eq!(task(&[usb0]), Ok(Task::Addresses { rapid: true }));
        assert_eq!(task(&[flag('n'), usb0]), Ok(Task::Addresses { rapid: false }));
        assert_eq!(task(&[usb0, flag('S')]), Ok(Task::Information));
        assert_eq!(task(&[flag('r'), usb0]), Ok(Task::Release));
        let expected =
            Options { interface: "usb0".into(), task: Task::Information, foreground: true };
        assert_eq!(parse([flag('f'), flag('S'), usb0].into_iter()), Ok(expected));
        for wrong in [&[][..], &[usb0, usb0], &[flag('r'), flag('S'), usb0]] {
            assert!(task(wrong).is_err());
        }
    }
}
