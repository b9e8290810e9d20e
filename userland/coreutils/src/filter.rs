//! Programs that read the files they are given, one after the other, or standard input.

use alloc::vec::Vec;

use rt::bstr::BStr;
use rt::input::Input;
use rt::rustix::io::Errno;
use rt::{ExitCode, output};

/// Calls `action` with each file; without any with standard input, named `-`. What can't be opened
/// or read is reported; the status says whether everything worked.
pub fn each_input(
    names: &[&'static BStr],
    action: impl FnMut(&'static BStr, &Input) -> Result<(), Errno>,
) -> ExitCode {
    each_input_or(names, output::warn_path, action)
}

/// [`each_input`] with another report of what can't be opened or read.
pub fn each_input_or(
    names: &[&'static BStr],
    complain: impl Fn(&'static BStr, Errno),
    mut action: impl FnMut(&'static BStr, &Input) -> Result<(), Errno>,
) -> ExitCode {
    let stdin = [BStr::new("-")];
    let mut success = true;
    for name in if names.is_empty() { &stdin } else { names } {
        if let Err(error) = Input::open(name).and_then(|input| action(name, &input)) {
            complain(name, error);
            success = false;
        }
    }
    ExitCode::from_success(success)
}

/// The operands among the items of a command line, for programs with no options of their own.
pub fn operands(items: impl Iterator<Item = rt::options::Item>) -> Vec<&'static BStr> {
    items
        .filter_map(|item| match item {
            rt::options::Item::Operand(operand) => Some(operand),
            rt::options::Item::Option(..) | rt::options::Item::Long(..) => None,
        })
        .collect()
}
