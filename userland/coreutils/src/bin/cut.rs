//! `cut`: parts of lines (POSIX, GNU, C locale).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::filter::each_input;
use coreutils::ranges::{RangeError, Ranges};
use rt::bstr::{BStr, ByteSlice};
use rt::input::Lines;
use rt::options::{Argument, Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "cut",
    "OPTION... [FILE]...",
    "Print selected parts of lines from each FILE to standard output.",
    &[
        Opt::value('b', "bytes", "LIST", "select only these bytes"),
        Opt::value('c', "characters", "LIST", "select only these characters (bytes)"),
        Opt::value('d', "delimiter", "DELIM", "use DELIM instead of TAB for field delimiter"),
        Opt::value('f', "fields", "LIST", "select only these fields"),
        Opt::flag('n', "", "(ignored)"),
        Opt::flag('s', "only-delimited", "do not print lines not containing delimiters"),
        Opt::long("complement", Argument::None, "complement the set of selected parts"),
        Opt::long(
            "output-delimiter",
            Argument::Required("STRING"),
            "use STRING as the output delimiter",
        ),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut list, mut by_field) = (None, false);
    let (mut delimiter, mut joint) = (None, None);
    let (mut only_delimited, mut complement) = (false, false);
    let mut files: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option(letter @ ('b' | 'c' | 'f'), Some(text)) => {
                if list.is_some() {
                    TOOL.usage_error("only one list may be specified");
                }
                by_field = letter == 'f';
                let what = if by_field { "field" } else { "byte/character position" };
                list = Some(match Ranges::parse(text) {
                    Ok(ranges) => ranges,
                    Err(RangeError::Zero) if by_field => {
                        TOOL.usage_error("fields are numbered from 1")
                    }
                    Err(RangeError::Zero) => {
                        TOOL.usage_error("byte/character positions are numbered from 1")
                    }
                    Err(RangeError::Decreasing) => TOOL.usage_error("invalid decreasing range"),
                    Err(RangeError::Invalid) => {
                        TOOL.usage_error(format_args!("invalid {what} value '{text}'"))
                    }
                });
            }
            Item::Option('d', Some(text)) => match text.as_bytes() {
                [byte] => delimiter = Some(*byte),
                _ => TOOL.usage_error("the delimiter must be a single character"),
            },
            Item::Option('s', _) => only_delimited = true,
            Item::Long("complement", _) => complement = true,
            Item::Long("output-delimiter", Some(text)) => joint = Some(text),
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    let Some(ranges) = list else {
        TOOL.usage_error("you must specify a list of bytes, characters, or fields");
    };
    if delimiter.is_some() && !by_field {
        TOOL.usage_error("an input delimiter may be specified only when operating on fields");
    }
    let delimiter = delimiter.unwrap_or(b'\t');
    let own = [delimiter];
    let joint = joint.map_or(own.as_slice(), |text| text.as_bytes());
    let chosen = |position: usize| ranges.contains(position as u64 + 1) != complement;
    each_input(&files, |_, input| {
        let mut lines = Lines::new(input.as_fd());
        while let Some(line) = lines.next_line()? {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            if !by_field {
                let kept: Vec<u8> = (text.iter().enumerate())
                    .filter_map(|(position, byte)| chosen(position).then_some(*byte))
                    .collect();
                output::write(&kept);
            } else if text.contains(&delimiter) {
                let kept: Vec<&[u8]> = (text.split(|&byte| byte == delimiter).enumerate())
                    .filter_map(|(position, field)| chosen(position).then_some(field))
                    .collect();
                output::write(&kept.join(joint));
            } else if only_delimited {
                continue;
            } else {
                output::write(text);
            }
            output::write(b"\n");
        }
        Ok(())
    })
}
