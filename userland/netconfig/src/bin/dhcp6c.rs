//! `dhcp6c`: gets addresses and name servers by DHCPv6.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(netconfig::client::run(arguments))
}
