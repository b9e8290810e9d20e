//! `tr`: translates, squeezes and deletes characters (POSIX, GNU, C locale).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use coreutils::translate::{SetError, complement, expand};
use rt::bstr::{BStr, ByteSlice};
use rt::input::{read, stdin};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "tr",
    "[OPTION]... STRING1 [STRING2]",
    "Translate, squeeze, and/or delete characters from standard input,\nwriting to standard output.",
    &[
        Opt::flag('c', "complement", "use the complement of STRING1"),
        Opt::flag('C', "", "use the complement of STRING1"),
        Opt::flag('d', "delete", "delete characters in STRING1, do not translate"),
        Opt::flag('s', "squeeze-repeats", "replace each sequence of a repeated character with one"),
        Opt::flag('t', "truncate-set1", "first truncate STRING1 to length of STRING2"),
    ],
)
.operands_last();

fn set(text: &BStr) -> Vec<u8> {
    match expand(text) {
        Ok(set) => set,
        Err(SetError::Reversed(first, last)) => rt::fail!(
            1,
            "range-endpoints of '{0}-{1}' are in reverse collating sequence order",
            char::from(first),
            char::from(last)
        ),
        Err(SetError::UnknownClass(name)) => {
            rt::fail!(1, "invalid character class '{}'", name.as_bstr())
        }
    }
}

fn main(arguments: Arguments) -> ExitCode {
    let (mut inverted, mut delete, mut squeeze, mut truncate) = (false, false, false, false);
    let mut operands: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('c' | 'C', _) => inverted = true,
            Item::Option('d', _) => delete = true,
            Item::Option('s', _) => squeeze = true,
            Item::Option('t', _) => truncate = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    let (first, second) = match operands.as_slice() {
        [] => TOOL.missing_operand(None),
        [first] if !delete && !squeeze => {
            rt::warn!("missing operand after '{first}'");
            rt::eprintln!("Two strings must be given when translating.");
            rt::eprintln!("Try '{} --help' for more information.", rt::program_name());
            return ExitCode::FAILURE;
        }
        [first] if delete && squeeze => TOOL.missing_operand(Some(first)),
        [first] => (first, None),
        [_, second] if delete && !squeeze => {
            rt::warn!("extra operand '{second}'");
            rt::eprintln!("Only one string may be given when deleting without squeezing repeats.");
            rt::eprintln!("Try '{} --help' for more information.", rt::program_name());
            return ExitCode::FAILURE;
        }
        [first, second] => (first, Some(set(second))),
        [_, _, extra, ..] => TOOL.extra_operand(extra),
    };
    let mut from = set(first);
    if inverted {
        from = complement(&from);
    }
    // What becomes of each byte: another one, or nothing.
    let mut table: Vec<Option<u8>> = (0..=255).map(Some).collect();
    let mut squeezed = [false; 256];
    let mut mark = |set: &[u8]| {
        for &byte in set {
            if let Some(place) = squeezed.get_mut(usize::from(byte)) {
                *place = true;
            }
        }
    };
    if delete {
        for &byte in &from {
            if let Some(place) = table.get_mut(usize::from(byte)) {
                *place = None;
            }
        }
        if squeeze && let Some(second) = &second {
            mark(second);
        }
    } else if let Some(second) = &second {
        let Some(&last) = second.last() else {
            rt::fail!(1, "when not truncating set1, string2 must be non-empty");
        };
        if truncate {
            from.truncate(second.len());
        }
        for (index, &byte) in from.iter().enumerate() {
            if let Some(place) = table.get_mut(usize::from(byte)) {
                // The last character stands for all that are missing.
                *place = Some(second.get(index).copied().unwrap_or(last));
            }
        }
        if squeeze {
            mark(second);
        }
    } else {
        mark(&from);
    }
    translate(&table, &squeezed)
}

fn translate(table: &[Option<u8>], squeezed: &[bool; 256]) -> ExitCode {
    let mut buffer = vec![0; 16 * 1024];
    let mut previous = None;
    loop {
        let count = match read(stdin(), &mut buffer) {
            Ok(0) => return ExitCode::SUCCESS,
            Ok(count) => count,
            Err(error) => rt::fail!(1, "read error: {}", strerror(error)),
        };
        let mut translated = Vec::with_capacity(count);
        for &byte in buffer.get(..count).unwrap_or_default() {
            let Some(Some(byte)) = table.get(usize::from(byte)).copied() else { continue };
            let repeated = previous == Some(byte);
            if repeated && squeezed.get(usize::from(byte)) == Some(&true) {
                continue;
            }
            previous = Some(byte);
            translated.push(byte);
        }
        output::write(&translated);
    }
}
