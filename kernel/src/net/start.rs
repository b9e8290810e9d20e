//! Making the stack at boot.

use super::{KernelRandom, STACK, proc, service};
use crate::memory::dma;
use crate::{boot_arguments, executor, time};
use ::net::config::{Config, IdentifierMethod};
use ::net::interface::{InterfaceConfig, InterfaceKind};
use ::net::stack::Stack;
use alloc::boxed::Box;

/// MTU of `lo`: what one packet buffer holds, so that nothing sent to ourselves needs fragments.
const LOOPBACK_MTU: u16 = 1500;

/// Makes the stack with its loopback interface and starts its task.
///
/// Boot arguments: `ip6.addr_gen=eui64|stable` chooses how interface identifiers are made.
pub fn start() {
    let mut config = Config::default();
    match boot_arguments::get("ip6.addr_gen") {
        None | Some("eui64") => {}
        Some("stable") => config.interface.identifiers = IdentifierMethod::StableOpaque,
        Some(other) => log::warn!("ip6.addr_gen={other} is neither eui64 nor stable: eui64 it is"),
    }
    let mut stack = Box::new(Stack::new(config, dma::pool(), KernelRandom));
    let loopback = InterfaceConfig { name: "lo", kind: InterfaceKind::Loopback, mtu: LOOPBACK_MTU };
    let added = stack
        .add_interface(&loopback)
        .and_then(|index| stack.set_admin_up(index, true, time::now()));
    if let Err(error) = added {
        log::error!("lo: {error}");
    }
    STACK.with(|place| *place = Some(stack));
    proc::register();
    executor::spawn("net", service::serve());
    service::hand_on();
}
