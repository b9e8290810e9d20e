//! The table, as a page.

use super::requirement::{Level, Requirement};
use super::{Evidence, Outcome};
use std::collections::HashMap;
use std::fmt::Write;

/// How a requirement stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// A test of it failed.
    Failed,
    /// There is no test, and no reason either.
    Untested,
    /// It is not met, for a reason that is given.
    NotMet,
    /// There is a test that this run did not include.
    NotRun,
    /// All its tests passed.
    Passed,
}

impl Standing {
    const ALL: [Self; 5] = [Self::Passed, Self::NotRun, Self::NotMet, Self::Untested, Self::Failed];

    const fn words(self) -> &'static str {
        match self {
            Self::Failed => "**failed**",
            Self::Untested => "no test",
            Self::NotMet => "not met",
            Self::NotRun => "not run",
            Self::Passed => "passed",
        }
    }
}

/// A requirement with what there is about it.
pub struct Row<'a> {
    /// The requirement.
    pub requirement: &'a Requirement,
    /// The tests about it.
    pub evidence: Vec<&'a Evidence>,
    /// Why it is not met, if it is not.
    pub reason: Option<&'a str>,
}

impl Row<'_> {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        let any = |outcome| self.evidence.iter().any(|test| test.outcome == outcome);
        if any(Outcome::Failed) {
            Standing::Failed
        } else if self.reason.is_some() {
            Standing::NotMet
        } else if any(Outcome::NotRun) {
            Standing::NotRun
        } else if any(Outcome::Passed) {
            Standing::Passed
        } else {
            Standing::Untested
        }
    }
}

/// Brings requirements, tests and reasons together.
///
/// # Errors
/// A test that is about a requirement that does not exist.
pub fn join<'a>(
    requirements: &'a [Requirement],
    evidence: &'a [Evidence],
    reasons: &'a [(String, String)],
) -> Result<Vec<Row<'a>>, String> {
    let mut at: HashMap<&str, usize> = HashMap::new();
    for (index, requirement) in requirements.iter().enumerate() {
        for identifier in &requirement.identifiers {
            at.insert(identifier, index);
        }
    }
    let mut rows: Vec<_> = requirements
        .iter()
        .map(|requirement| Row { requirement, evidence: Vec::new(), reason: None })
        .collect();
    for test in evidence {
        let mut known: Vec<usize> = Vec::new();
        for identifier in &test.rows {
            let index = at.get(identifier.as_str()).copied();
            known.push(
                index.ok_or(format!(
                    "{} is about {identifier}, which is no requirement",
                    test.name
                ))?,
            );
        }
        known.sort_unstable();
        known.dedup();
        for index in known {
            rows[index].evidence.push(test);
        }
    }
    for (identifier, reason) in reasons {
        if let Some(&index) = at.get(identifier.as_str()) {
            rows[index].reason = Some(reason);
        }
    }
    Ok(rows)
}

fn summary(rows: &[Row<'_>], page: &mut String) {
    page.push_str("| level | rows |");
    for standing in Standing::ALL {
        _ = write!(page, " {} |", standing.words().trim_matches('*'));
    }
    page.push_str("\n|---|---|---|---|---|---|---|\n");
    for level in [Level::Must, Level::Should, Level::May, Level::Goal] {
        let of_level: Vec<_> = rows.iter().filter(|row| row.requirement.level == level).collect();
        _ = write!(page, "| {level} | {} |", of_level.len());
        for standing in Standing::ALL {
            let count = of_level.iter().filter(|row| row.standing() == standing).count();
            _ = write!(page, " {count} |");
        }
        page.push('\n');
    }
}

/// The page.
pub fn page(rows: &[Row<'_>], cases: usize) -> String {
    let mut page = String::from(
        "# Conformance\n\n\
         Every requirement on an IPv6 host that this project knows of, with the tests that are about\n\
         it and what became of them in the last run. The page is written by `make conformance`, not by\n\
         hand: a test names its rows, the run gives the result.\n\n",
    );
    _ = writeln!(
        page,
        "{cases} of the tests are cases of the conformance suite (`tests/conformance`): frames in, expected\n\
         frames or silence out, in virtual time. Their numbers are those of the IPv6 Ready Core tests\n\
         whose titles they carry. The others live beside the code; `cargo test NAME` runs one.\n"
    );
    summary(rows, &mut page);
    let mut section = "";
    for row in rows {
        if row.requirement.section != section {
            section = &row.requirement.section;
            _ = write!(
                page,
                "\n## {section}\n\n| row | RFC | level | requirement | result | tests |\n|---|---|---|---|---|---|\n"
            );
        }
        let tests: Vec<_> = row.evidence.iter().map(|test| test.name.as_str()).collect();
        let shown = if tests.len() > 6 {
            format!("{} and {} more", tests[..5].join(" · "), tests.len() - 5)
        } else {
            tests.join(" · ")
        };
        let Requirement { identifiers, level, source, text, .. } = row.requirement;
        let reason = row.reason.map_or(String::new(), |reason| format!(": {reason}"));
        _ = writeln!(
            page,
            "| {} | {source} | {level} | {text} | {}{reason} | {shown} |",
            identifiers.join(", "),
            row.standing().words(),
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::super::requirement::parse;
    use super::*;

    fn evidence(rows: &[&str], outcome: Outcome) -> Evidence {
        let rows = rows.iter().map(|&row| row.to_owned()).collect();
        Evidence { name: "a test".into(), rows, outcome }
    }

    #[test]
    fn a_row_is_as_good_as_its_worst_test() {
        let requirements = parse("A-1, A-2 | M | 1 | x\nB-1 | S | 1 | y\nC-1 | S | 1 | z").unwrap();
        let tests = [
            evidence(&["A-1", "A-2", "B-1"], Outcome::Passed),
            evidence(&["B-1"], Outcome::Failed),
        ];
        let rows = join(&requirements, &tests, &[]).unwrap();
        let standings: Vec<_> = rows.iter().map(Row::standing).collect();
        assert_eq!(standings, [Standing::Passed, Standing::Failed, Standing::Untested]);
        assert_eq!(rows[0].evidence.len(), 1);
        assert!(page(&rows, 1).contains("| B-1 | 1 | SHOULD | y | **failed** |"));
    }

    #[test]
    fn a_reason_stands_beside_what_is_not_met() {
        let requirements = parse("A-1 | S | 1 | x").unwrap();
        let reasons = [("A-1".to_owned(), "no router".to_owned())];
        let rows = join(&requirements, &[], &reasons).unwrap();
        assert_eq!(rows[0].standing(), Standing::NotMet);
        assert!(page(&rows, 1).contains("not met: no router"));
    }

    #[test]
    fn a_test_of_nothing_is_an_error() {
        let tests = [evidence(&["Z-1"], Outcome::Passed)];
        assert!(join(&[], &tests, &[]).is_err());
    }
}
