//! `netconfigd`: starts DHCPv6 where routers say so and keeps `/etc/resolv.conf`.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(netconfig::daemon::run(arguments))
}
