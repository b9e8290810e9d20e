//! CDC-EEM adapters: a stream of frames and nothing else.

use crate::bench::{Bench, frame};
use cdc_ecm::Preference;
use net::netif::{LinkDrop, LinkState, MacAddress};
use std::time::Duration;
use usb_core::pipe::Speed;
use usb_sim::{EthernetDevice, Options, Quirks};

/// A Linux gadget with EEM.
fn with(quirks: Quirks) -> Bench {
    let device = vec![18, 1, 0, 2, 2, 0, 0, 64, 0x25, 0x05, 0xa2, 0xa4, 0, 1, 1, 2, 10, 1];
    let configuration = vec![
        9, 2, 32, 0, 1, 1, 0, 0xc0, 1, // configuration 1
        9, 4, 0, 0, 2, 2, 0x0c, 7, 0, // interface 0
        7, 5, 0x81, 2, 0, 2, 0, 7, 5, 1, 2, 0, 2, 0, // bulk, 512 bytes
    ];
    let ethernet = EthernetDevice::with_descriptors(device, vec![configuration]);
    ethernet.state.borrow_mut().quirks = quirks;
    Bench::up(&ethernet, Options::new(Speed::High), Preference::default())
}

#[test]
fn frames_of_every_length_both_ways() {
    for batches in [false, true] {
        let mut bench = with(Quirks { batches, ..Quirks::default() });
        let mac = MacAddress([0xfe, 1, 2, 3, 4, 5]);
        assert_eq!(*bench.bus.drivers().identity.borrow(), [(mac, 1500, "cdc-eem")]);
        assert_eq!(*bench.port().links.borrow(), [LinkState::Up { speed: None }]);
        let lengths = (60..1515).step_by(7).chain([504, 506, 508, 1016, 1018, 1020, 1514]);
        let frames: Vec<_> = lengths.map(|length| frame(length as u8, length)).collect();
        for some in frames.chunks(8) {
            for frame in some {
                bench.network_sends(frame);
                bench.stack_sends(frame);
            }
            bench.executor.run_for(Duration::from_millis(20));
        }
        bench.expect_received(&frames);
        bench.expect_sent(&frames);
        assert_eq!(*bench.port().drops.borrow(), []);
        if batches {
            assert!(bench.counters().straddling > 0);
            assert!(bench.counters().copied > 0);
        }
        bench.finish();
    }
}

#[test]
fn nonsense_is_dropped_and_counted() {
    let mut bench = with(Quirks::default());
    let good = frame(1, 100);
    // Shorter than its CRC; longer than its transfer.
    for nonsense in [vec![3, 0, 1, 2, 3], vec![0xff, 0x3f, 1]] {
        bench.ethernet.send_raw(&bench.world, nonsense);
        bench.network_sends(&good);
    }
    // A command and empty packets are none.
    bench.ethernet.send_raw(&bench.world, vec![0, 0, 0xff, 0x97, 0, 0]);
    bench.network_sends(&good);
    bench.expect_received(&vec![good; 3]);
    assert_eq!(*bench.port().drops.borrow(), [LinkDrop::ReceiveMalformed; 2]);
    bench.finish();
}
