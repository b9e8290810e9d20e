//! `ip`: shows and changes links, addresses, routes and neighbors.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::ip::run(&net_tools::words(arguments)))
}
