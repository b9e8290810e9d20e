//! Command lines and what becomes of them.

use alloc::string::String;
use alloc::vec::Vec;

use bstr::BStr;

use super::{Argument, Found, Item, Opt, Scanner, Tool};

static TOOL: Tool = Tool::new(
    "tool",
    "[OPTION]... [FILE]...",
    "Does it.",
    &[
        Opt::flag('a', "all", "everything"),
        Opt::flag('l', "", "long"),
        Opt::value('n', "lines", "NUM", "so many"),
        Opt::long("allow", Argument::None, "permit"),
        Opt::long("color", Argument::Optional("WHEN"), "colors"),
    ],
);
static POSIX: Tool = TOOL.operands_last();

fn scan(tool: &'static Tool, line: &'static str) -> Result<Vec<Item>, String> {
    let mut scanner = Scanner::new(tool, line.split_whitespace().map(BStr::new));
    let mut items = Vec::new();
    while let Some(found) = scanner.next()? {
        match found {
            Found::Item(item) => items.push(item),
            Found::Help => return Err("help".into()),
        }
    }
    Ok(items)
}

#[test]
fn options_in_every_spelling() {
    use Item::{Long, Operand, Option};
    let value = |text: &'static str| Some(BStr::new(text));
    let operand = |text: &'static str| Operand(BStr::new(text));
    for (line, expected) in [
        ("", Vec::new()),
        ("-al x", Vec::from([Option('a', None), Option('l', None), operand("x")])),
        ("x -a", Vec::from([operand("x"), Option('a', None)])),
        ("-n5 -n 6", Vec::from([Option('n', value("5")), Option('n', value("6"))])),
        ("-an5", Vec::from([Option('a', None), Option('n', value("5"))])),
        ("--lines=5 --li 6", Vec::from([Option('n', value("5")), Option('n', value("6"))])),
        ("--lines=", Vec::from([Option('n', value(""))])),
        ("--all", Vec::from([Option('a', None)])),
        ("--allow", Vec::from([Long("allow", None)])),
        ("--color --color=x", Vec::from([Long("color", None), Long("color", value("x"))])),
        ("-- -a --all", Vec::from([operand("-a"), operand("--all")])),
        ("- -a", Vec::from([operand("-"), Option('a', None)])),
        ("-n -a", Vec::from([Option('n', value("-a"))])),
    ] {
        assert_eq!(scan(&TOOL, line), Ok(expected), "{line}");
    }
    assert_eq!(
        scan(&POSIX, "-a x -a"),
        Ok(Vec::from([Option('a', None), operand("x"), operand("-a")]))
    );
}

#[test]
fn messages_are_those_of_getopt() {
    for (line, message) in [
        ("-x", "invalid option -- 'x'"),
        ("-ax", "invalid option -- 'x'"),
        ("-n", "option requires an argument -- 'n'"),
        ("--lines", "option '--lines' requires an argument"),
        ("--all=1", "option '--all' doesn't allow an argument"),
        ("--nothing", "unrecognized option '--nothing'"),
        ("--al", "option '--al' is ambiguous; possibilities: '--all' '--allow'"),
        ("--help", "help"),
        ("--he", "help"),
    ] {
        assert_eq!(scan(&TOOL, line), Err(message.into()), "{line}");
    }
}

#[test]
fn help_lists_every_option() {
    let help = TOOL.help();
    assert!(help.starts_with("Usage: tool [OPTION]... [FILE]...\nDoes it.\n\n"), "{help}");
    for line in [
        "  -a, --all                 everything\n",
        "  -l                        long\n",
        "  -n, --lines=NUM           so many\n",
        "      --color[=WHEN]        colors\n",
        "      --help                display this help and exit\n",
    ] {
        assert!(help.contains(line), "{line:?} in\n{help}");
    }
}
