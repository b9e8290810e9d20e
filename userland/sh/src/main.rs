//! The shell program.
#![no_std]
#![no_main]

rt::main!(main);

fn main(_arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode::SUCCESS
}
