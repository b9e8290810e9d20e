//! Prints what our stack and smoltcp reach, side by side.
//!
//! `cargo run --release -p bench -- WHAT`, where WHAT is one of the parts that [`USAGE`] lists.

mod bare;
mod chart;
mod gate;
mod instructions;
mod published;
mod size;
mod table;
mod time;
mod virtual_time;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};
use table::Table;

const USAGE: &str = "\
usage: bench goodput [FOLDER]       over links with losses, late frames or a short queue
       bench completion [FOLDER]    of short transfers
       bench time [FOLDER]          of each piece of work, in turn
       bench time --only PART       the same for pieces with PART in their name
       bench instructions [FOLDER]  of each piece of work, counted by callgrind
       bench bare IMAGE [FOLDER]    of each piece of work, counted by QEMU on the bare machine
       bench size IMAGE [FOLDER]    of the code, by the symbols of an ELF image
       bench gate [IMAGE]           fails when an instruction count is too high beside smoltcp's
       bench work [PART [STACK]]    what callgrind runs: pieces with PART in their name
       bench sample PART SECONDS    works on pieces for so long, with ours alone, for a profiler

With FOLDER the table is also written there, as JSON and as a picture.";

/// A host with large tables is some tens of megabytes, which pass over the stack on their way to
/// the heap.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    let work = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        let arguments: Vec<_> = env::args().skip(1).collect();
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let result = work.map(std::thread::JoinHandle::join);
    match result {
        Ok(Ok(Ok(code))) => code,
        Ok(Ok(Err(error))) | Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
    }
}

/// Prints a table, and writes it to a folder if one is given.
fn show(
    table: &Table,
    folder: Option<&&str>,
    name: &str,
    picture: fn(&Table) -> String,
) -> io::Result<ExitCode> {
    println!("{table}");
    if let Some(folder) = folder {
        let folder = Path::new(folder);
        fs::create_dir_all(folder)?;
        fs::write(folder.join(format!("{name}.json")), table.json())?;
        fs::write(folder.join(format!("{name}.svg")), picture(table))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run(arguments: &[&str]) -> io::Result<ExitCode> {
    let (first, second) = (arguments.get(1), arguments.get(2));
    match arguments.first() {
        Some(&"goodput") => show(&virtual_time::goodput(), first, "goodput", chart::bars),
        Some(&"completion") => show(&virtual_time::completion(), first, "completion", chart::bars),
        Some(&"time") if first == Some(&"--only") => {
            println!("{}", time::time(second.copied().unwrap_or_default()));
            Ok(ExitCode::SUCCESS)
        }
        Some(&"time") => show(&time::time(""), first, "time", chart::ratios),
        Some(&"instructions") => {
            let counts = instructions::instructions(&instructions::PIECES)?;
            let table = instructions::table("Instructions on x86-64", &counts);
            show(&table, first, "instructions", chart::ratios)
        }
        Some(&"bare") if let Some(image) = first => {
            let table = instructions::table("Instructions on bare aarch64", &bare::count(image)?);
            show(&table, second, "bare", chart::ratios)
        }
        Some(&"size") if let Some(image) = first => {
            let table = size::size(image)?;
            println!("{table}");
            if let Some(folder) = second {
                fs::create_dir_all(folder)?;
                fs::write(Path::new(folder).join("size.json"), table.json())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(&"gate") => gate::gate(first.copied()),
        Some(&"work") => {
            instructions::work(first.unwrap_or(&""), second.copied());
            Ok(ExitCode::SUCCESS)
        }
        Some(&"sample")
            if let (Some(part), Some(Ok(seconds))) = (first, second.map(|s| s.parse())) =>
        {
            time::sample(part, seconds);
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}
