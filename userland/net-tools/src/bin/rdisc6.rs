//! `rdisc6`: asks the routers of a link what they advertise.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::discovery::run_rdisc6(arguments))
}
