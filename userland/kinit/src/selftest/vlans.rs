//! Virtual LANs (IEEE 802.1Q): interfaces that programs add and delete over rtnetlink, as
//! `ip link add … type vlan` does.

use alloc::format;
use alloc::string::{String, ToString};

use linux_raw_sys::netlink::{IFLA_LINK, NLM_F_CREATE, NLM_F_EXCL, RTM_DELLINK, RTM_NEWLINK};
use net_tools::ip::interfaces::Interfaces;
use net_tools::ip::link::{Link, RUNNING, UP};
use net_tools::ip::link_command::{self, Change, Kind};
use net_tools::ip::style::Style;
use net_tools::ip::vlan::{KIND, Vlan};
use net_tools::netlink::Error;
use rustix::io::Errno;

use super::network::{Network, eui64_link_local, link_address, refused_with};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "VLAN: added, shown, with an address of its own, deleted", run: comes_and_goes },
    Test { name: "VLAN: what cannot be is refused", run: refusals },
];

/// The VLAN of the tests, and what its interface is called.
const ID: u16 = 4094;
const NAME: &str = "selftest.4094";

fn add(network: &mut Network, below: u32, name: &str, id: u16) -> Result<(), Error> {
    let vlan = Some(Vlan { id: Some(id), ..Vlan::default() });
    let change = Change {
        name: Some(name),
        mask: UP,
        flags: UP,
        kind: Some(Kind { name: KIND, vlan }),
        ..Change::default()
    };
    let mut request = link_command::request(&change, 0, RTM_NEWLINK as u32);
    request.add_flags(NLM_F_CREATE | NLM_F_EXCL).u32(IFLA_LINK as u32, below);
    network.change(request)
}

fn delete(network: &mut Network, index: u32) -> Result<(), Error> {
    network.change(link_command::request(&Change::default(), index, RTM_DELLINK as u32))
}

fn find(network: &mut Network, name: &str) -> Result<Option<Link>, String> {
    Ok(network.links()?.into_iter().find(|link| link.name == name))
}

/// The text of a file in `/proc/net/vlan`.
fn text_of(name: &str) -> Result<String, String> {
    let path = format!("/proc/net/vlan/{name}");
    let bytes = because(&path, rt::input::read_file(&path))?;
    Ok(String::from_utf8_lossy(&bytes).to_string())
}

/// Runs `body` while the adapter has the VLAN.
fn with_vlan(body: impl FnOnce(&mut Network, &Link, &Link) -> Outcome) -> Outcome {
    let mut network = Network::open()?;
    let adapter = network.adapter()?;
    add(&mut network, adapter.index, NAME, ID).map_err(|error| format!("adding: {error}"))?;
    let link = find(&mut network, NAME)?.ok_or("it is not among the links")?;
    let outcome = body(&mut network, &adapter, &link);
    let deleted = delete(&mut network, link.index);
    outcome.and(deleted.map_err(|error| format!("deleting: {error}")))
}

fn comes_and_goes() -> Outcome {
    with_vlan(|network, adapter, link| {
        let flags = link.flags;
        check!(flags & (UP | RUNNING) == UP | RUNNING, "it does not run: flags {flags:#x}");
        let same = (link.mtu, &link.address) == (adapter.mtu, &adapter.address);
        check!(same, "it is unlike the adapter: {link:?}");
        let text = link.text(&Interfaces::from_links(&network.links()?), Style::default(), true);
        let title = format!("{}: {NAME}@{}: ", link.index, adapter.name);
        check!(text.starts_with(&title), "it is shown so: {text}");
        let expected = eui64_link_local(link_address(link)?);
        network.settled_address(link.index, "link-local address", |address| {
            address.local == expected
        })?;
        let config = text_of("config")?;
        let line = format!("{NAME:<15}| {ID}  | {}", adapter.name);
        check!(config.lines().any(|found| found == line), "no {line:?} in {config:?}");
        let own = text_of(NAME)?;
        check!(own.starts_with(&format!("{NAME}  VID: {ID}\t ")), "{own}");
        Ok(())
    })?;
    let mut network = Network::open()?;
    let left = find(&mut network, NAME)?;
    check!(left.is_none(), "it is still there: {left:?}");
    let config = text_of("config")?;
    check!(!config.contains(NAME), "{config}");
    Ok(())
}

fn refusals() -> Outcome {
    with_vlan(|network, adapter, link| {
        let mut refused = |below, name, id, errno| {
            refused_with(add(network, below, name, id), errno)
                .map_err(|problem| format!("{name} {id}: {problem}"))
        };
        refused(adapter.index, NAME, 7, Errno::EXIST)?;
        refused(adapter.index, "other", ID, Errno::EXIST)?;
        refused(adapter.index, "other", 0, Errno::RANGE)?;
        refused(adapter.index, "other", 4095, Errno::RANGE)?;
        refused(link.index, "other", 7, Errno::OPNOTSUPP)?;
        refused(1, "other", 7, Errno::OPNOTSUPP)?;
        refused(99, "other", 7, Errno::NODEV)?;
        refused_with(delete(network, adapter.index), Errno::OPNOTSUPP)
    })
}
