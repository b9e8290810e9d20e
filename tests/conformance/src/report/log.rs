//! What `cargo test` printed.

use super::Outcome;
use super::annotation::Annotation;

/// The result of one test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestResult {
    /// The name of the program with the tests: a crate, or a file of its `tests` folder.
    pub program: String,
    /// The path of the test in it.
    pub path: String,
    /// It passed.
    pub passed: bool,
}

/// The program whose tests are printed in TAP's format.
const SELFTESTS: &str = "kinit";

/// A line of TAP (testanything.org): `ok 1 - name` or `not ok 1 - name`.
fn parse_tap(line: &str) -> Option<TestResult> {
    let (line, passed) = match line.strip_prefix("not ") {
        Some(rest) => (rest, false),
        None => (line, true),
    };
    let (number, name) = line.strip_prefix("ok ")?.split_once(" - ")?;
    number.parse::<u32>().ok()?;
    Some(TestResult { program: SELFTESTS.to_owned(), path: name.to_owned(), passed })
}

/// The results in what `cargo test`, or the kernel's self-tests, printed.
pub fn parse(text: &str) -> Vec<TestResult> {
    let mut program = String::new();
    let mut results = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(result) = parse_tap(line) {
            results.push(result);
        } else if let Some(rest) = line.strip_prefix("Running ") {
            // Running unittests src/lib.rs (target/debug/deps/net-0123456789abcdef)
            let file = rest.rsplit('/').next().unwrap_or_default().trim_end_matches(')');
            let name = file.rsplit_once('-').map_or(file, |(name, _)| name);
            name.clone_into(&mut program);
        } else if let Some((path, verdict)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        {
            let passed = verdict.starts_with("ok");
            results.push(TestResult {
                program: program.clone(),
                path: path.trim_end().to_owned(),
                passed,
            });
        }
    }
    results
}

/// The program that a file's tests are in: `net/src/tcp/x.rs` is in `net`,
/// `tests/simulation/tests/tcp.rs` in `tcp`.
fn program_of(file: &str) -> &str {
    if let Some((_, tests)) = file.rsplit_once("/tests/")
        && !file.contains("/src/")
    {
        return tests.split(['/', '.']).next().unwrap_or(tests);
    }
    let folder = file.split("/src/").next().unwrap_or(file);
    folder.rsplit('/').next().unwrap_or(folder)
}

/// What became of an annotated test.
pub fn outcome(annotation: &Annotation, results: &[TestResult]) -> Outcome {
    let program = program_of(&annotation.file).replace('-', "_");
    let mut parts = annotation.file.trim_end_matches(".rs").rsplit('/');
    let mut module = parts.next().unwrap_or_default();
    if module == "mod" || module == "main" {
        module = parts.next().unwrap_or_default();
    }
    let ends = format!("::{}", annotation.function);
    let same_name = |result: &&TestResult| {
        result.program == program
            && (result.path == annotation.function || result.path.ends_with(&ends))
    };
    let named: Vec<_> = results.iter().filter(same_name).collect();
    let in_module = named.iter().find(|result| result.path.split("::").any(|part| part == module));
    match in_module.or_else(|| named.first().filter(|_| named.len() == 1)) {
        Some(result) if result.passed => Outcome::Passed,
        Some(_) => Outcome::Failed,
        None => Outcome::NotRun,
    }
}

/// What became of a case of the suite.
pub fn outcome_of_case(name: &str, results: &[TestResult]) -> Outcome {
    match results.iter().find(|result| result.program == "suite" && result.path == name) {
        Some(result) if result.passed => Outcome::Passed,
        Some(_) => Outcome::Failed,
        None => Outcome::NotRun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "     Running unittests src/lib.rs (target/debug/deps/net-45cd17e33ce2c2ad)\n\
                       test tcp::arrival_tests::one ... ok\n\
                       test udp::one ... FAILED\n\
                       \u{20}    Running tests/tcp.rs (target/debug/deps/tcp-c107ecbe7a11495d)\n\
                       test two ... ok\n\
                       ok 1 - three: of three\nnot ok 2 - four\nok - five\n";

    fn annotation(file: &str, function: &str) -> Annotation {
        Annotation { file: file.into(), function: function.into(), rows: Vec::new() }
    }

    #[test]
    fn a_test_is_found_by_its_program_and_module() {
        let results = parse(LOG);
        let of = |file, function| outcome(&annotation(file, function), &results);
        assert_eq!(of("net/src/tcp/arrival_tests.rs", "one"), Outcome::Passed);
        assert_eq!(of("net/src/udp.rs", "one"), Outcome::Failed);
        assert_eq!(of("tests/simulation/tests/tcp.rs", "two"), Outcome::Passed);
        assert_eq!(of("tests/simulation/tests/udp.rs", "two"), Outcome::NotRun);
        assert_eq!(of("net/src/udp.rs", "two"), Outcome::NotRun);
        let selftest = "userland/kinit/src/selftest/udp.rs";
        assert_eq!(of(selftest, "three: of three"), Outcome::Passed);
        assert_eq!(of(selftest, "four"), Outcome::Failed);
        assert_eq!(of(selftest, "five"), Outcome::NotRun);
    }
}
