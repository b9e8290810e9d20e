//! What Linux does in the place of the device under test, as a page.

use super::requirement::parse_reasons;
use crate::Case;
use std::collections::HashMap;
use std::fmt::Write;

/// Why Linux does otherwise, where that is understood: number | words.
pub const READINGS: &str = include_str!("../../linux.txt");

/// What became of a case.
pub struct Ran {
    /// The case.
    pub case: Case,
    /// It passed, or this was seen: the first line says what was expected and did not happen.
    pub result: Result<(), String>,
}

/// What was run on which Linux.
pub struct Run {
    /// Linux's version.
    pub version: String,
    /// Settings as `sysctl` prints them, in the order in which they are told.
    pub settings: Vec<String>,
    /// Cases that did not run because they need settings that the test has of our stack alone.
    pub with_settings: usize,
    /// Cases that did not run because they take longer than this many seconds.
    pub too_long: (usize, u64),
    /// Those that ran.
    pub ran: Vec<Ran>,
}

/// One line for a cell of a table.
fn cell(text: &str) -> String {
    text.lines().next().unwrap_or_default().replace('|', "\\|")
}

/// The page `docs/conformance-linux.md`.
pub fn page(run: &Run) -> String {
    let readings = parse_reasons(READINGS);
    let readings: HashMap<_, _> =
        readings.iter().map(|(number, words)| (number.as_str(), words.as_str())).collect();
    let (passed, differ): (Vec<_>, Vec<_>) = run.ran.iter().partition(|ran| ran.result.is_ok());
    let mut page = format!(
        "# Linux {} beside us\n\n\
         The cases of the [conformance](conformance.md) suite with Linux as the device under test: the same\n\
         frames, to a TAP in a network namespace. Our stack passes all of them. `make conformance-linux` writes\n\
         this page, for the Linux that it runs on.\n\n\
         Of {} cases Linux passes {} and does otherwise in {}, which does not make it wrong: the last column\n\
         says how we read it. {} more take longer than {} seconds, {} need settings that the suite has for our\n\
         stack alone; those did not run.\n\n",
        run.version,
        run.ran.len(),
        passed.len(),
        differ.len(),
        run.too_long.0,
        run.too_long.1,
        run.with_settings,
    );
    page.push_str("| case | rows | what the suite says | how we read it |\n|---|---|---|---|\n");
    for ran in &differ {
        let Case { number, title, rows, .. } = ran.case;
        let seen = ran.result.as_ref().err().map_or("", String::as_str);
        let reading = readings.get(number).copied().unwrap_or("not looked into");
        _ = writeln!(
            page,
            "| {number} {title} | {} | {} | {reading} |",
            rows.join(", "),
            cell(seen)
        );
    }
    page.push_str("\nPassed: ");
    let numbers: Vec<_> = passed.iter().map(|ran| ran.case.number).collect();
    page.push_str(&numbers.join(", "));
    page.push_str(".\n\nSettings of that Linux:\n\n```\n");
    for setting in &run.settings {
        page.push_str(setting);
        page.push('\n');
    }
    page.push_str("```\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn every_reading_is_of_a_case() {
        let cases = suite::all();
        for (number, words) in parse_reasons(READINGS) {
            assert!(cases.iter().any(|case| case.number == number), "{number}");
            assert!(!words.is_empty(), "{number}");
        }
    }

    #[test]
    fn the_first_line_of_what_was_seen_is_told() {
        let case = suite::all()[0];
        let ran = |result| Ran { case, result };
        let failure = "no Echo Reply | within 3000 ms\nwhat was seen:\nnothing".to_owned();
        let page = page(&Run {
            version: "6.1".into(),
            settings: vec!["net.a=1".into()],
            with_settings: 3,
            too_long: (4, 90),
            ran: vec![ran(Ok(())), ran(Err(failure))],
        });
        assert!(page.contains("Of 2 cases Linux passes 1 and does otherwise in 1,"));
        assert!(page.contains("| no Echo Reply \\| within 3000 ms |"));
        assert!(!page.contains("what was seen:") && page.contains("\nnet.a=1\n"));
    }
}
