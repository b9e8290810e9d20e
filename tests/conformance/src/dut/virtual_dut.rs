//! Our stack in virtual time.

use super::{Action, Dut};
use crate::station::Mac;
use net::config::Config;
use net::manage::VlanConfig;
use net::netif::MacAddress;
use net::tcp::TcpId;
use net::time::Instant;
use net::vlan::Vlan;
use net::wire::vlan::VlanId;
use simulation::host::Host;
use simulation::network::Node;
use simulation::random::Seeded;
use std::collections::VecDeque;
use std::net::{Ipv6Addr, SocketAddrV6};

/// The station of the device.
const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0xdd];

/// Our stack at the end of a cable in virtual time.
pub struct VirtualDut {
    host: Host,
    now: Instant,
    sent: VecDeque<(Instant, Vec<u8>)>,
    streams: Vec<TcpId>,
}

impl VirtualDut {
    /// A device with these settings, whose cable is not plugged in yet.
    pub fn new(config: Config, seed: u64) -> Self {
        let host = Host::new(MacAddress(MAC), config, Seeded::new(seed));
        let now = Instant::from_secs(1000);
        Self { host, now, sent: VecDeque::new(), streams: Vec::new() }
    }

    fn collect(&mut self) {
        while let Some(frame) = self.host.transmit(self.now) {
            self.sent.push_back((self.now, frame));
        }
    }

    fn connect(&mut self, destination: Ipv6Addr, port: u16) {
        let to = self.host.socket_address(destination, port);
        let Ok(id) = self.host.stack.tcp_open() else { return };
        // A refusal is silence on the wire, which the test sees.
        let _refused = self.host.stack.tcp_connect(id, to, self.now);
        self.streams.push(id);
    }

    fn listen(&mut self, port: u16) {
        let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
        let Ok(id) = self.host.stack.tcp_open() else { return };
        let bound = self.host.stack.tcp_bind(id, any).is_ok();
        assert!(bound && self.host.stack.tcp_listen(id, 8).is_ok(), "port {port} is taken");
        self.streams.push(id);
    }

    fn add_vlan(&mut self, number: u16) {
        let id = VlanId::new(number).expect("the number of a VLAN");
        let vlan = Vlan { parent: self.host.index, id };
        let config = VlanConfig { name: &format!("eth0.{number}"), vlan, mtu: None };
        let index = self.host.stack.add_vlan(&config).expect("there is room for it");
        self.host.stack.set_admin_up(index, true, self.now).expect("the adapter is up");
    }
}

impl Dut for VirtualDut {
    fn mac(&self) -> Mac {
        Mac(self.host.mac.0)
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn send(&mut self, frame: &[u8]) {
        self.host.receive(frame, self.now);
        self.collect();
    }

    fn receive(&mut self, deadline: Instant) -> Option<(Instant, Vec<u8>)> {
        loop {
            self.collect();
            if let Some(sent) = self.sent.pop_front() {
                return Some(sent);
            }
            let Some(next) = self.host.deadline(self.now).filter(|&next| next <= deadline) else {
                self.now = self.now.max(deadline);
                return None;
            };
            self.now = self.now.max(next);
            self.host.wake(self.now);
        }
    }

    fn act(&mut self, action: &Action) {
        let now = self.now;
        match *action {
            Action::SetLink(up) => self.host.set_link(up, now),
            Action::Ping { destination, size } => {
                self.host.ping_with(destination, 1, &vec![0x5a; size], now);
            }
            Action::SendUdp { destination, port, size } => {
                let socket = self.host.open_udp(0);
                self.host.send(socket, (destination, port), &vec![0x5a; size], now);
            }
            Action::Connect { destination, port } => self.connect(destination, port),
            Action::Listen(port) => self.listen(port),
            Action::Membership { group, join } => self.host.set_membership(group, join, now),
            Action::AddVlan(number) => self.add_vlan(number),
            Action::AddAddress(address) => self.host.add_address(address, 64, now),
        }
        self.collect();
    }
}
