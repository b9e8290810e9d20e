//! `nc`: connects standard input and output with the network.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::nc::run(arguments))
}
