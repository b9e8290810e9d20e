//! Prints what our stack and smoltcp reach, side by side.
//!
//! `cargo run --release -p bench -- WHAT`, where WHAT is one of the parts that [`USAGE`] lists.

mod instructions;
mod published;
mod table;
mod time;
mod virtual_time;

use std::process::ExitCode;

const USAGE: &str = "\
usage: bench goodput      over links with losses, late frames or a short queue, in virtual time
       bench completion   of short transfers, in virtual time
       bench time         of each piece of work, in turn
       bench instructions of each piece of work, by callgrind
       bench work [PART [STACK]]
                          what callgrind runs: all pieces, or those with PART in their name";

/// A host with large tables is some tens of megabytes, which pass over the stack on their way to
/// the heap.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    let work = std::thread::Builder::new().stack_size(STACK).spawn(run);
    match work.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            eprintln!("bench: no thread: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let table = match arguments.next().as_deref() {
        Some("goodput") => virtual_time::goodput(),
        Some("completion") => virtual_time::completion(),
        Some("time") => time::time(),
        Some("instructions") => match instructions::instructions() {
            Ok(table) => table,
            Err(error) => {
                eprintln!("bench: {error}");
                return ExitCode::FAILURE;
            }
        },
        Some("work") => {
            let part = arguments.next().unwrap_or_default();
            instructions::work(&part, arguments.next().as_deref());
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    print!("{table}");
    ExitCode::SUCCESS
}
