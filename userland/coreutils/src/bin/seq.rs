//! `seq`: numbers in a row (GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;

use coreutils::fixed_point::Fixed;
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Opt, Tool};
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "seq",
    "[OPTION]... LAST\n[OPTION]... FIRST LAST\n[OPTION]... FIRST INCREMENT LAST",
    "Print numbers from FIRST to LAST, in steps of INCREMENT.\nThe numbers may have fractions of up to nine digits.",
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
        let digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        word.strip_prefix(b"-").is_some_and(|rest| rest.first().is_some_and(digit))
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
    let values: Vec<Fixed> = operands.iter().copied().map(number).collect();
    let one = Fixed { value: 1_000_000_000, precision: 0 };
    let (first, step, last) = match values.as_slice() {
        [last] => (one, one, *last),
        [first, last] => (*first, one, *last),
        [first, step, last] => (*first, *step, *last),
        [] => TOOL.missing_operand(None),
        _ => TOOL.extra_operand(operands.get(3).copied().unwrap_or_default()),
    };
    if step.value == 0 {
        let text = operands.get(1).copied().unwrap_or_default();
        TOOL.usage_error(format_args!("invalid Zero increment value: '{text}'"));
    }
    let precision = first.precision.max(step.precision);
    let shown = |value| Fixed { value, precision };
    let length = |value| format!("{}", shown(value)).len();
    let width = if equal { length(first.value).max(length(last.value)) } else { 0 };
    let mut value = first.value;
    let mut any = false;
    while if step.value > 0 { value <= last.value } else { value >= last.value } {
        if any {
            output::write(separator);
        }
        any = true;
        rt::print!("{:width$}", shown(value));
        // Both are far from the ends of 128 bits.
        value += step.value;
    }
    if any {
        output::write(b"\n");
    }
    ExitCode::SUCCESS
}

fn number(text: &BStr) -> Fixed {
    text.to_str().ok().and_then(Fixed::parse).unwrap_or_else(|| {
        TOOL.usage_error(format_args!("invalid floating point argument: '{text}'"))
    })
}
