//! `udp-echo`: client and server of the UDP echo service.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::echo::run(net_tools::echo::options::Protocol::Udp, arguments))
}
