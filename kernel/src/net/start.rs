//! Starting the network at boot.

use super::{change_stack, proc, service, sysfs};
use crate::{boot_arguments, executor, time};
use ::net::config::{Config, IdentifierMethod, TemporaryAddresses};
use ::net::interface::{InterfaceConfig, InterfaceKind};
use ::net::tcp::{CongestionAlgorithm, EcnMode};

/// MTU of `lo`: what one packet buffer holds. Longer datagrams to ourselves go in fragments.
const LOOPBACK_MTU: u16 = 1500;

/// Configures the stack, gives it the loopback interface, and starts its task.
///
/// Boot arguments: `ip6.addr_gen=eui64|stable` chooses how interface identifiers are made,
/// `ip6.temporary=0|1|2` whether there are temporary addresses (Linux's `use_tempaddr`),
/// `ip6.optimistic_dad=1|0` whether autoconfigured addresses are used while they are tested,
/// `tcp.congestion=cubic|reno|bbr` the congestion control of new stream sockets, `tcp.ecn=0|1|2`
/// whether they use ECN: never, always if the other side agrees, or if it asks.
pub fn start() {
    let mut config = Config::default();
    match boot_arguments::get("ip6.addr_gen") {
        None | Some("eui64") => {}
        Some("stable") => config.interface.identifiers = IdentifierMethod::StableOpaque,
        Some(other) => log::warn!("ip6.addr_gen={other} is neither eui64 nor stable: eui64 it is"),
    }
    if let Some(text) = boot_arguments::get("ip6.temporary") {
        match text.parse() {
            Ok(number) => config.interface.temporary = TemporaryAddresses::from_number(number),
            Err(_) => log::warn!("ip6.temporary={text} is none of 0, 1 and 2: 0 it is"),
        }
    }
    if let Some(name) = boot_arguments::get("tcp.congestion") {
        match CongestionAlgorithm::from_name(name) {
            Some(algorithm) => config.tcp.congestion = algorithm,
            None => log::warn!(
                "tcp.congestion={name} is unknown: {} it is",
                config.tcp.congestion.name()
            ),
        }
    }
    config.interface.optimistic = match boot_arguments::get("ip6.optimistic_dad") {
        None | Some("1") => true,
        Some("0") => false,
        Some(other) => {
            log::warn!("ip6.optimistic_dad={other} is neither 0 nor 1: 1 it is");
            true
        }
    };
    if let Some(text) = boot_arguments::get("tcp.ecn") {
        if let Some(mode) = text.parse().ok().and_then(EcnMode::from_number) {
            config.tcp.ecn = mode;
        } else {
            let mode = config.tcp.ecn.number();
            log::warn!("tcp.ecn={text} is none of 0, 1 and 2: {mode} it is");
        }
    }
    let loopback = InterfaceConfig { name: "lo", kind: InterfaceKind::Loopback, mtu: LOOPBACK_MTU };
    let added = change_stack(|stack| {
        stack.configure(config);
        let index = stack.add_interface(&loopback)?;
        stack.set_admin_up(index, true, time::now())
    });
    if let Err(error) = added {
        log::error!("lo: {error}");
    }
    proc::register();
    sysfs::register();
    executor::spawn("net", service::serve());
}
