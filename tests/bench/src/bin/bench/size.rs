//! How much code each stack is in an image, by the sizes of its symbols.

use crate::table::{Cell, Table};
use std::io;
use std::process::Command;

/// Crates whose code is told apart; what a symbol belongs to is the first of them in its name, so
/// that what others are instantiated for a stack's types counts for the stack.
const STACKS: [&str; 2] = ["net", "smoltcp"];

/// Functions shown, the largest first.
const SHOWN: usize = 20;

/// A function and its octets.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Function {
    octets: u32,
    name: String,
}

/// What is in a line of nm, if it is a function.
fn parse(line: &str) -> Option<Function> {
    let mut fields = line.splitn(4, ' ');
    let (_address, size, kind) = (fields.next()?, fields.next()?, fields.next()?);
    let octets = u32::from_str_radix(size, 16).ok()?;
    let name = name(fields.next()?);
    matches!(kind, "t" | "T" | "w" | "W").then_some(Function { octets, name })
}

/// A symbol's name without its hash.
fn name(symbol: &str) -> String {
    let hash = symbol.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16);
    hash.map_or(symbol, |(name, _)| name).to_owned()
}

/// Which of the stacks a function belongs to.
fn stack_of(name: &str) -> Option<usize> {
    let begins = |krate: &str| {
        name.match_indices(krate).map(|(at, _)| at).find(|&at| {
            let before = name[..at].chars().next_back();
            let inside = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
            !inside && name[at + krate.len()..].starts_with("::")
        })
    };
    (0..STACKS.len())
        .filter_map(|stack| Some((begins(STACKS[stack])?, stack)))
        .min()
        .map(|(_, stack)| stack)
}

/// Octets of each stack's functions, and the largest functions of ours.
fn sum(listing: &str) -> ([u32; 2], Vec<Function>) {
    let mut sums = [0; 2];
    let mut ours = Vec::new();
    for function in listing.lines().filter_map(parse) {
        let Some(stack) = stack_of(&function.name) else { continue };
        sums[stack] += function.octets;
        if stack == 0 {
            ours.push(function);
        }
    }
    ours.sort_by(|a, b| b.octets.cmp(&a.octets).then_with(|| a.name.cmp(&b.name)));
    (sums, ours)
}

/// The code in an ELF image, and the largest functions.
pub(crate) fn size(image: &str) -> io::Result<Table> {
    let output = Command::new("nm")
        .args(["--print-size", "--demangle", "--defined-only", image])
        .output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("nm {image}: {errors}")));
    }
    let ([ours, theirs], functions) = sum(&String::from_utf8_lossy(&output.stdout));
    if ours == 0 {
        return Err(io::Error::other(format!("no function of the stack in {image}")));
    }
    let number = |octets: u32| Cell::Number(octets.into());
    let theirs = if theirs == 0 { Cell::Unknown } else { number(theirs) };
    let mut rows = vec![("all functions".to_owned(), vec![number(ours), theirs])];
    rows.extend(functions.into_iter().take(SHOWN).map(|Function { octets, name }| {
        (format!("`{name}`"), vec![number(octets), Cell::Unknown])
    }));
    let columns = ["ours", "smoltcp"].map(String::from).to_vec();
    Ok(Table { title: "Code in octets", rows_are: "function", columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_count_for_the_stack_that_is_named_first() {
        let listing = "\
0000000000000010 0000000000000100 t net::stack::Stack<P,R>::poll::h0123456789abcdef
0000000000000110 0000000000000020 T <net::socket::Socket as core::fmt::Debug>::fmt
0000000000000130 0000000000000004 t core::ptr::drop_in_place<net::event::Event>::h00000000000000aa
0000000000000140 0000000000000008 t smoltcp::iface::Interface::poll::h0123456789abcdef
0000000000000150 0000000000000008 t core::net::ip_addr::Ipv6Addr::is_loopback
0000000000000160 0000000000000008 t kernel::net::change_stack
0000000000000170 0000000000000008 d net::limits::TABLE
0000000000000180 T no_size
";
        let (sums, functions) = sum(listing);
        assert_eq!(sums, [0x124, 8]);
        assert_eq!(functions.len(), 3);
        assert_eq!(functions[0].name, "net::stack::Stack<P,R>::poll");
        assert_eq!(stack_of("bench::f<smoltcp::A, net::B>"), Some(1));
        assert_eq!(stack_of("planet::orbit"), None);
    }
}
