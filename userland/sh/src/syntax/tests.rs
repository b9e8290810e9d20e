//! Command lines and their structure.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::parser::Parser;
use super::{Command, Compound, List, SyntaxError, Target};

fn parse(text: &str) -> Result<Vec<List>, SyntaxError> {
    let mut parser = Parser::new(text.as_bytes(), 0);
    let mut lists = Vec::new();
    while let Some(list) = parser.next_line()? {
        lists.push(list);
    }
    Ok(lists)
}

#[test]
fn well_formed() {
    for text in [
        "",
        "\n\n# nothing\n",
        "a b c",
        "a; b; c",
        "a && b || c &",
        "a & b &\nc",
        "a | b |\n c",
        "! a | b",
        "a >x 2>&1 <y >>z 3<>w",
        "x=1 y=2 a",
        "if a; then b; elif c; then d; else e; fi >x",
        "if a\nthen\nb\nfi\n",
        "while a; do b; done | c",
        "until a; do b; done",
        "for i in a b c; do echo $i; done",
        "for i\ndo echo $i; done",
        "case $x in a|b) c;; (d) e ;; *) f; esac",
        "case x in esac",
        "{ a; b; } > c",
        "( a; b ) & ",
        "f() { a; }; f",
        "f ()\n{ a\n}",
        "a $(b | c; d) `e` $((1 + (2))) \"$(f \"g\")\"",
        "cat <<E\nsome text\nE\nb",
        "cat <<-'E' | c\n\t$x\n\tE\n",
        "echo if then fi",
        "echo a\\\nb",
        "echo }",
    ] {
        assert!(parse(text).is_ok(), "{text:?}: {:?}", parse(text));
    }
}

#[test]
fn incomplete() {
    for text in [
        "echo 'a",
        "echo \"a",
        "echo $(a",
        "echo ${a",
        "echo `a",
        "echo $((1",
        "a &&",
        "a |",
        "if a",
        "if a; then b",
        "while a; do",
        "for i in a",
        "case a in",
        "{ a",
        "( a",
        "f()",
        "cat <<E\nx",
        "cat <<E",
        "a \\",
    ] {
        assert!(
            matches!(parse(text), Err(SyntaxError::Incomplete(_))),
            "{text:?}: {:?}",
            parse(text)
        );
    }
}

#[test]
fn malformed() {
    for (text, message) in [
        (")", "Syntax error: \")\" unexpected"),
        ("a; ; b", "Syntax error: \";\" unexpected"),
        ("fi", "Syntax error: \"fi\" unexpected"),
        ("if a; fi", "Syntax error: \"fi\" unexpected"),
        ("| a", "Syntax error: \"|\" unexpected"),
        ("a >\nb", "Syntax error: newline unexpected"),
        ("a )", "Syntax error: \")\" unexpected"),
        ("echo $(a; })", "Syntax error: \"}\" unexpected"),
        ("()", "Syntax error: \")\" unexpected"),
        ("for 1 in a; do b; done", "Syntax error: \"1\" unexpected"),
    ] {
        let error = parse(text).err().map(|error| error.to_string());
        assert_eq!(error, Some(String::from(message)), "{text:?}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    assert!(parse(&"( ".repeat(5000)).is_err());
    assert!(parse(&"echo $(".repeat(5000)).is_err());
}

#[test]
fn a_document_is_part_of_its_command() {
    let lists = parse("cat <<A; cat <<'B'\none $x\nA\ntwo $x\nB\necho done").expect("valid");
    let documents: Vec<usize> = (lists.iter().flat_map(|list| &list.0))
        .flat_map(|item| &item.and_or.first.commands)
        .filter_map(|command| match command {
            Command::Simple(simple) => simple.redirections.first(),
            _ => None,
        })
        .map(|redirection| match &redirection.target {
            Target::HereDocument(content) => content.get().expect("read").0.len(),
            target => panic!("{target:?}"),
        })
        .collect();
    // Text, parameter, text; and one literal text.
    assert_eq!(documents, [3, 1]);
}

#[test]
fn structure() {
    let lists = parse("a | ( b ) && c &").expect("valid");
    let item = &lists[0].0[0];
    assert!(item.background);
    assert_eq!(item.and_or.rest.len(), 1);
    let commands = &item.and_or.first.commands;
    assert!(matches!(commands[1], Command::Compound(Compound::Subshell(_), _)));
}
