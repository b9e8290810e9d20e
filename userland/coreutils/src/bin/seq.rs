//! `seq`: numbers in a row (GNU). Integers only.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::options::{Opt, Tool};
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "seq",
    "[OPTION]... LAST\n[OPTION]... FIRST LAST\n[OPTION]... FIRST INCREMENT LAST",
    "Print numbers from FIRST to LAST, in steps of INCREMENT. All are integers.",
    &[
        Opt::value('s', "separator", "STRING", "use STRING to separate numbers (default: \\n)"),
        Opt::flag('w', "equal-width", "equalize width by padding with leading zeroes"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    use rt::options::Item;
    let mut separator = BStr::new("\n");
    let mut equal = false;
    let mut operands: Vec<&'static BStr> = Vec::new();
    // A negative number is no option.
    let words: Vec<&'static BStr> = arguments.collect();
    let is_negative = |word: &&'static BStr| {
        word.strip_prefix(b"-").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    };
    let split = words.iter().position(is_negative).unwrap_or(words.len());
    let (options, numbers) = words.split_at(split);
    for item in TOOL.parse_from(options.iter().copied()) {
        match item {
            Item::Option('s', Some(text)) => separator = text,
            Item::Option('w', _) => equal = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    operands.extend(numbers);
    let values: Vec<i64> = operands.iter().copied().map(number).collect();
    let (first, step, last) = match values.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] => (*first, *step, *last),
        [] => TOOL.missing_operand(None),
        _ => TOOL.extra_operand(operands.last().copied().unwrap_or_default()),
    };
    if step == 0 {
        TOOL.usage_error("invalid Zero increment value: '0'");
    }
    let width = if equal { format!("{first}").len().max(format!("{last}").len()) } else { 0 };
    let mut value = first;
    let mut any = false;
    while if step > 0 { value <= last } else { value >= last } {
        if any {
            output::write(separator);
        }
        any = true;
        rt::print!("{value:0width$}");
        match value.checked_add(step) {
            Some(next) => value = next,
            None => break,
        }
    }
    if any {
        output::write(b"\n");
    }
    ExitCode::SUCCESS
}

fn number(text: &BStr) -> i64 {
    text.to_str()
        .ok()
        .and_then(|text| text.strip_prefix('+').unwrap_or(text).parse().ok())
        .unwrap_or_else(|| TOOL.usage_error(format_args!("invalid integer argument: '{text}'")))
}
