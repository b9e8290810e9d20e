//! `mdnsd`: answers for this host's name on the link.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(mdnsd::run(arguments))
}
