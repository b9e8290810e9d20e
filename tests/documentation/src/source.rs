//! Names in Rust source, found by their looks: what compiles need not be parsed.

use std::collections::BTreeSet;

/// The source without comments and without the tests at its end.
pub fn code(text: &str) -> String {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..tests].lines();
    // A double slash in a string is no comment, but then nobody names an interface behind it.
    lines.map(|line| line.split("//").next().unwrap_or_default()).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    )
}

/// All names in it.
pub fn identifiers(code: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.split(|c| !is_part(c)).filter(|name| !name.is_empty()).collect()
}

/// The strings that follow one of these openings, such as `register(`, whatever white space is in
/// between, and that are followed by a comma or a parenthesis.
pub fn strings_after(code: &str, openings: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for opening in openings {
        for piece in code.split(opening).skip(1) {
            let Some(piece) = piece.trim_start().strip_prefix('"') else { continue };
            let Some((string, behind)) = piece.split_once('"') else { continue };
            if behind.trim_start().starts_with([',', ')']) {
                found.insert(string.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_left_out() {
        let text = "one; // two\n//! three\n#[cfg(test)]\nmod tests {\nfour";
        assert_eq!(identifiers(&code(text)), ["one"].into());
    }

    #[test]
    fn strings_are_found_across_lines() {
        let code = "register(\n  \"a/b\",\n f); register(\"c\", f); register(name); push(\"d\");";
        assert_eq!(strings_after(code, &["register("]), ["a/b", "c"].map(String::from).into());
    }
}
