//! Writes `docs/conformance.md`. Arguments: files with what `cargo test` printed; one that is not
//! there is of tests that did not run. Fails when a requirement's test fails, and when a MUST or
//! SHOULD has neither test nor reason.

use conformance::report::markdown::{self, Standing};
use conformance::report::requirement::{self, Level};
use conformance::report::{Evidence, annotation, log};
use conformance::suite;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

/// Where tests outside the suite are.
const FOLDERS: &[&str] =
    &["net", "kernel/src", "tests/fuzz", "tests/simulation", "tests/system", "userland"];

fn report() -> Result<bool, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut printed = String::new();
    for file in env::args().skip(1) {
        match fs::read_to_string(&file) {
            Ok(text) => printed += &text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{file}: {error}")),
        }
    }
    let results = log::parse(&printed);
    let annotations = annotation::scan_folders(&top, FOLDERS).map_err(|error| error.to_string())?;
    let cases = suite::all();
    let in_suite = cases.iter().map(|case| Evidence {
        name: case.name(),
        rows: case.rows.iter().map(|&row| row.to_owned()).collect(),
        outcome: log::outcome_of_case(&case.name(), &results),
    });
    let elsewhere = annotations.iter().map(|found| Evidence {
        name: format!("`{}`", found.function),
        rows: found.rows.clone(),
        outcome: log::outcome(found, &results),
    });
    let evidence: Vec<_> = in_suite.chain(elsewhere).collect();
    let requirements = requirement::parse(requirement::REQUIREMENTS)?;
    let reasons = requirement::parse_reasons(requirement::REASONS);
    let rows = markdown::join(&requirements, &evidence, &reasons)?;
    let page = markdown::page(&rows, cases.len());
    fs::write(top.join("docs/conformance.md"), page).map_err(|error| error.to_string())?;
    let mut good = true;
    for row in &rows {
        let (standing, level) = (row.standing(), row.requirement.level);
        let bad = standing == Standing::Failed
            || standing < Standing::NotMet && matches!(level, Level::Must | Level::Should);
        if bad {
            eprintln!("{level} {}: {standing:?}", row.requirement.identifiers.join(", "));
        }
        good &= !bad;
    }
    for standing in
        [Standing::Passed, Standing::NotRun, Standing::NotMet, Standing::Untested, Standing::Failed]
    {
        let count = rows.iter().filter(|row| row.standing() == standing).count();
        println!("{standing:?}: {count}");
    }
    Ok(good)
}

fn main() -> ExitCode {
    match report() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance-report: {error}");
            ExitCode::FAILURE
        }
    }
}
