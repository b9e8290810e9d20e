//! `nstat`: shows the counters of the network.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::nstat::run(arguments))
}
