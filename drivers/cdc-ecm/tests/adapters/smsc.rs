//! LAN9514 and LAN7515, from plugging in to pulling out.

use crate::bench::{BUFFERS, Bench, FarEnd, frame};
use cdc_ecm::{Error, Preference};
use net::netif::{LinkDrop, LinkState, MacAddress, ReceiveFilter};
use std::time::Duration;
use usb_core::pipe::Speed;
use usb_sim::Options;
use usb_sim::lan::{Family, LanDevice, Partner};

const SECOND: Duration = Duration::from_secs(1);
/// What the bench has as the board's address.
const BOARD: [u8; 6] = [0xb8, 0x27, 0xeb, 1, 2, 3];

fn up(chip: &LanDevice) -> Bench<LanDevice> {
    Bench::up(chip, Options::new(Speed::High), Preference::default())
}

/// A chip with a cable, and its link up.
fn linked(family: Family) -> Bench<LanDevice> {
    let chip = LanDevice::new(family);
    chip.cable(Some(Partner::HUNDRED));
    let mut bench = up(&chip);
    bench.until("there is a link", |b| {
        b.port().links.borrow().last() == Some(&LinkState::Up { speed: Some(100) })
    });
    bench
}

/// A frame to the board's address.
fn to_board(number: u8, length: usize) -> Vec<u8> {
    let mut bytes = frame(number, length);
    bytes[..6].copy_from_slice(&BOARD);
    bytes
}

const FAMILIES: [(Family, &str); 2] = [(Family::Lan95xx, "smsc95xx"), (Family::Lan78xx, "lan78xx")];

#[test]
fn a_chip_without_eeprom_gets_the_boards_address() {
    for (family, name) in FAMILIES {
        let bench = up(&LanDevice::new(family));
        assert_eq!(*bench.bus.drivers().identity.borrow(), [(MacAddress(BOARD), 1500, name)]);
        // A receive transfer ends where the chip ends a run of packets.
        let burst_cap =
            bench.ethernet.register(if family == Family::Lan95xx { 0x38 } else { 0x90 });
        assert_eq!(burst_cap, 2048 / 512);
        assert_eq!(*bench.port().links.borrow(), [LinkState::Down]);
        bench.finish();
    }
}

#[test]
fn an_address_of_its_own_comes_first() {
    for (family, name) in FAMILIES {
        let chip = LanDevice::new(family);
        let own = [0, 0x80, 0x0f, 7, 8, 9];
        chip.state.borrow_mut().eeprom = Some(own);
        // Read at power-on.
        chip.state.borrow_mut().power_cycle();
        let bench = up(&chip);
        assert_eq!(*bench.bus.drivers().identity.borrow(), [(MacAddress(own), 1500, name)]);
        bench.finish();
    }
}

#[test]
fn the_link_follows_the_cable() {
    for (family, _) in FAMILIES {
        let mut bench = up(&LanDevice::new(family));
        let mut expected = vec![LinkState::Down];
        let mut fastest = vec![Some(Partner::HUNDRED), None, Some(Partner::TEN_HALF), None];
        if family == Family::Lan78xx {
            fastest.push(Some(Partner::THOUSAND));
        }
        for partner in fastest {
            bench.ethernet.cable(partner);
            bench.executor.run_for(SECOND * 3);
            expected.push(match partner {
                None => LinkState::Down,
                Some(Partner::HUNDRED) => LinkState::Up { speed: Some(100) },
                Some(Partner::TEN_HALF) => LinkState::Up { speed: Some(10) },
                Some(_) => LinkState::Up { speed: Some(1000) },
            });
            assert_eq!(*bench.port().links.borrow(), expected);
            if family == Family::Lan95xx && partner.is_some() {
                let full_duplex = bench.ethernet.register(0x100) & 1 << 20 != 0;
                assert_eq!(full_duplex, partner == Some(Partner::HUNDRED));
            }
        }
        assert!(bench.counters().notifications >= 3, "interrupts of the PHY");
        bench.finish();
    }
}

#[test]
fn frames_of_every_length_both_ways() {
    for (family, _) in FAMILIES {
        let mut bench = linked(family);
        let lengths = (60..1515).step_by(7).chain([504, 508, 1016, 1020, 1514]);
        let frames: Vec<_> = lengths.map(|length| to_board(length as u8, length)).collect();
        for some in frames.chunks(8) {
            for frame in some {
                bench.network_sends(frame);
                bench.stack_sends(frame);
            }
            bench.executor.run_for(Duration::from_millis(20));
        }
        bench.expect_received(&frames);
        bench.expect_sent(&frames);
        // Small ones came together.
        assert!(bench.counters().copied > 0);
        assert_eq!(*bench.port().drops.borrow(), []);
        bench.finish();
    }
}

#[test]
fn what_is_for_others_does_not_come_through() {
    for (family, _) in FAMILIES {
        let mut bench = linked(family);
        let mut foreign = frame(1, 80);
        foreign[..6].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        let mut multicast = frame(2, 80);
        multicast[..6].copy_from_slice(&[0x33, 0x33, 0xff, 1, 2, 3]);
        let mut broadcast = frame(3, 80);
        broadcast[..6].copy_from_slice(&[0xff; 6]);
        for frame in [&foreign, &multicast, &broadcast] {
            bench.network_sends(frame);
        }
        bench.expect_received(&[multicast, broadcast]);
        bench.finish();
    }
}

#[test]
fn all_frames_come_while_somebody_wants_them() {
    for (family, _) in FAMILIES {
        let mut bench = linked(family);
        let mut foreign = frame(1, 80);
        foreign[..6].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        let mut wanted = vec![];
        for number in 0..3 {
            for filter in [ReceiveFilter::All, ReceiveFilter::Own] {
                bench.stack_wants(filter);
                bench.executor.run_for(SECOND);
                bench.network_sends(&foreign);
                bench.network_sends(&to_board(number, 90));
                if filter == ReceiveFilter::All {
                    wanted.push(foreign.clone());
                }
                wanted.push(to_board(number, 90));
            }
        }
        bench.expect_received(&wanted);
        // What else the registers say is as before: the link works both ways.
        bench.stack_sends(&frame(5, 60));
        bench.expect_sent(&[frame(5, 60)]);
        assert_eq!(bench.ethernet.garbage(), 0);
        bench.finish();
    }
}

#[test]
fn damaged_frames_and_nonsense_are_counted() {
    let mut bench = linked(Family::Lan95xx);
    let good = to_board(1, 100);
    // A CRC error, then a good frame in the same run.
    let mut run = (68_u32 << 16 | 0x8002).to_le_bytes().to_vec();
    run.extend([0x11; 68]);
    run.extend((104_u32 << 16).to_le_bytes());
    run.extend(&good);
    run.extend([0; 4]);
    bench.ethernet.send_raw(&bench.world, run);
    bench.expect_received(std::slice::from_ref(&good));
    assert_eq!(bench.counters().damaged, 1);
    assert_eq!(*bench.port().drops.borrow(), [LinkDrop::ReceiveError]);
    // Longer than its transfer; shorter than an FCS.
    for nonsense in [vec![0, 0, 0xff, 0x3f, 1, 2, 3, 4], vec![0, 0, 3, 0, 1, 2, 3, 4]] {
        bench.ethernet.send_raw(&bench.world, nonsense);
        bench.network_sends(&good);
    }
    bench.expect_received(&vec![good; 3]);
    assert_eq!(bench.counters().malformed, 2);
    bench.finish();
}

#[test]
fn a_phy_that_does_not_answer_is_given_up_after_a_while() {
    for (family, _) in FAMILIES {
        let chip = LanDevice::new(family);
        chip.state.borrow_mut().stuck = true;
        let mut bench = Bench::new(&chip, Options::new(Speed::High), Preference::default());
        bench.world.attach_root(bench.device);
        bench.executor.run_for(SECOND * 400);
        let ends = bench.bus.drivers().ends.borrow().clone();
        assert!(ends.len() > 1 && ends.len() < 10, "{ends:?}");
        assert!(ends.iter().all(|end| matches!(end, Error::Chip(_))), "{ends:?}");
    }
}

#[test]
fn gone_and_back_again_in_the_middle_of_traffic() {
    for (family, _) in FAMILIES {
        let mut bench = linked(family);
        for round in 0..12_u8 {
            for number in 0..6 {
                bench.network_sends(&to_board(number, 60 + usize::from(round)));
                bench.stack_sends(&frame(number, 60));
            }
            bench.executor.run_for(Duration::from_micros(u64::from(round) * 170));
            bench.world.detach(bench.device);
            bench.executor.run_for(SECOND * 3);
            assert_eq!(bench.world.open_pipes(), 0);
            assert_eq!(bench.pool.free(), BUFFERS);
            assert_eq!(bench.bus.drivers().ends.borrow().last(), Some(&Error::Disconnected));
            bench.world.attach_root(bench.device);
            bench.until("the link is up again", |b| {
                matches!(b.port().links.borrow().last(), Some(LinkState::Up { .. }))
            });
        }
        let last = to_board(99, 99);
        bench.network_sends(&last);
        bench.until("the frame is there", |b| b.port().received.borrow().last() == Some(&last));
        assert_eq!(bench.ethernet.garbage(), 0);
        bench.finish();
    }
}
