//! `traceroute6`: tells which routers are on the way to a host.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::traceroute::run(arguments))
}
