//! States of the device's neighbor cache, brought about and recognized from outside alone.

use crate::Lab;
use crate::dut::Action;
use crate::frame::packet;
use crate::lab::seconds;
use crate::pattern::{
    echo_reply, multicast_solicitation, neighbor_solicitation, unicast_solicitation,
};
use crate::station::{Mac, Station, TN1, solicited_node};

/// Another station that claims an address.
pub(super) const OTHER: Mac = Mac([0x02, 0, 0, 0, 0, 0x77]);

/// The state of the entry of a link-local address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// There is no entry.
    None,
    /// INCOMPLETE.
    Incomplete,
    /// REACHABLE.
    Reachable,
    /// STALE.
    Stale,
    /// PROBE.
    Probe,
}

/// Starts the device and brings its entry of TN1's link-local address to a state. TN1 does not
/// answer of itself afterwards.
#[track_caller]
pub(super) fn start_in(lab: &mut Lab, state: State) {
    lab.start();
    bring(lab, TN1, state);
}

/// Brings an entry that does not exist to a state.
#[track_caller]
pub(super) fn bring(lab: &mut Lab, station: Station, state: State) {
    let address = station.link_local;
    match state {
        State::None => {}
        State::Incomplete => {
            lab.act(Action::Ping { destination: address, size: 8 });
            lab.expect(multicast_solicitation(address));
        }
        State::Reachable => lab.make_reachable(station, address),
        State::Stale => solicit(lab, station, Some(station.mac)),
        State::Probe => {
            solicit(lab, station, Some(station.mac));
            ask(lab, station);
            lab.expect_within(seconds(6), unicast_solicitation(station, address));
        }
    }
    lab.forget();
}

/// Solicits the device's link-local address by multicast, with or without a link-layer address.
pub(super) fn solicit(lab: &mut Lab, station: Station, mac: Option<Mac>) {
    let frame = packet(station.link_local, solicited_node(lab.dut)).neighbor_solicitation(lab.dut);
    match mac {
        Some(mac) => lab.send(station, frame.source_link_layer(mac)),
        None => lab.send(station, frame),
    }
}

/// Sends an Echo Request, so that the device has something to send.
pub(super) fn ask(lab: &mut Lab, station: Station) {
    lab.send(station, packet(station.link_local, lab.dut).echo_request(9, 9, b"state"));
}

/// Whether the entry of the station's link-local address is in `state`, and has this link-layer
/// address.
#[track_caller]
pub(super) fn expect_state(lab: &mut Lab, station: Station, state: State, mac: Mac) {
    let address = station.link_local;
    let claimed = Station { mac, ..station };
    if state != State::Probe {
        lab.forget();
    }
    match state {
        State::None | State::Incomplete => {
            if state == State::None {
                ask(lab, station);
            }
            lab.expect(multicast_solicitation(address));
            lab.never(seconds(1), echo_reply());
        }
        State::Reachable => {
            ask(lab, station);
            lab.expect(echo_reply().to_mac(mac));
            lab.never(seconds(7), neighbor_solicitation(address));
        }
        State::Stale => {
            ask(lab, station);
            let reply = lab.expect(echo_reply().to_mac(mac));
            let probe = lab.expect_within(seconds(7), unicast_solicitation(claimed, address));
            let delay = probe.at.saturating_since(reply.at);
            lab.check(delay >= seconds(4), "DELAY takes five seconds");
        }
        State::Probe => {
            lab.expect_within(seconds(3), unicast_solicitation(claimed, address));
        }
    }
}
