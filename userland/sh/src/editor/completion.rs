//! What TAB adds: commands, files, variables.

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::rustix::fs::{FileType, stat};

use crate::builtins::BUILTINS;
use crate::expand::pathname::names_in;
use crate::shell::Shell;

/// What can follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// What all candidates go on with; for a single one also what ends it.
    pub insertion: BString,
    /// The candidates, sorted.
    pub candidates: Vec<BString>,
}

/// Completes the last word of a line.
#[must_use]
pub fn complete(shell: &Shell, line: &[u8]) -> Completion {
    let breaks = |byte: &u8| b" \t|&;<>()\"'=`".contains(byte);
    let start = line.iter().rposition(breaks).map_or(0, |at| at + 1);
    let (before, word) = line.split_at(start);
    if let Some(name) = word.strip_prefix(b"$") {
        let names = shell.variables().map(|(name, _)| name.clone());
        return among(names.filter(|known| known.starts_with(name)).collect(), name.len(), |_| b"");
    }
    let first = before.trim_ascii_end().last().is_none_or(|byte| b"|&;(`".contains(byte));
    if first && !word.contains(&b'/') {
        return among(commands(shell, word), word.len(), |_| b" ");
    }
    let (directory, name) = match word.rfind_byte(b'/') {
        Some(at) => word.split_at(at + 1),
        None => (b"".as_slice(), word),
    };
    let wanted = |candidate: &BString| {
        candidate.starts_with(name) && (name.starts_with(b".") || !candidate.starts_with(b"."))
    };
    let names: Vec<BString> = names_in(BStr::new(directory)).into_iter().filter(wanted).collect();
    among(names, name.len(), |name| {
        let path = rt::path::join(BStr::new(directory), name);
        let kind = stat(path.as_bytes()).map(|status| FileType::from_raw_mode(status.st_mode));
        if kind == Ok(FileType::Directory) { b"/" } else { b" " }
    })
}

fn commands(shell: &Shell, word: &[u8]) -> Vec<BString> {
    let mut names: Vec<BString> = BUILTINS.iter().map(|builtin| builtin.name.into()).collect();
    names.extend(shell.functions.keys().cloned());
    let search_path = shell.variable("PATH").cloned().unwrap_or_default();
    for directory in search_path.split(|&byte| byte == b':') {
        names.extend(names_in(BStr::new(directory)));
    }
    names.retain(|name| name.starts_with(word));
    names
}

/// `typed`: how many bytes of each name are there already.
fn among(
    mut names: Vec<BString>,
    typed: usize,
    end: impl Fn(&BStr) -> &'static [u8],
) -> Completion {
    names.sort();
    names.dedup();
    let Some((first, rest)) = names.split_first() else { return Completion::default() };
    let mut shared = first.len();
    for name in rest {
        let same = first.iter().zip(name.iter()).take_while(|(a, b)| a == b).count();
        shared = shared.min(same);
    }
    // Not in the middle of a character.
    while shared > typed && first.get(shared).is_some_and(|byte| byte & 0xc0 == 0x80) {
        shared -= 1;
    }
    let mut insertion = BString::from(first.get(typed..shared).unwrap_or_default());
    if rest.is_empty() {
        insertion.extend_from_slice(end(first.as_bstr()));
    }
    Completion { insertion, candidates: names }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use rt::bstr::BString;

    use super::{Completion, among};

    fn names(names: &[&str]) -> Vec<BString> {
        names.iter().copied().map(BString::from).collect()
    }

    #[test]
    fn what_is_added() {
        assert_eq!(among(Vec::new(), 0, |_| b" "), Completion::default());
        assert_eq!(among(names(&["ping6"]), 2, |_| b" ").insertion, "ng6 ");
        assert_eq!(among(names(&["head", "help", "help"]), 1, |_| b" ").insertion, "e");
        let several = among(names(&["b", "a"]), 0, |_| b" ");
        assert_eq!(
            (several.insertion, several.candidates),
            (BString::default(), names(&["a", "b"]))
        );
    }
}
