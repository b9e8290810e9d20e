//! `ndisc6`: asks a neighbor for its link-layer address.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::discovery::run_ndisc6(arguments))
}
