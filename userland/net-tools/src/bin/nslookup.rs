//! `nslookup`: asks name servers about hosts and addresses.
#![no_std]
#![no_main]

rt::main!(main);

fn main(arguments: rt::Arguments) -> rt::ExitCode {
    rt::ExitCode(net_tools::nslookup::run(arguments))
}
