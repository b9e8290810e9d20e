//! How much arrives over a bottleneck, in virtual time: the same in each run. The floors are what
//! Linux reaches over such paths with CUBIC, less a twentieth, and what BBR is there for.

use net::config::Config;
use net::tcp::{CongestionAlgorithm, EcnMode};
use net::time::Duration;
use simulation::bottleneck::{Bottleneck, Path};

fn config(algorithm: CongestionAlgorithm) -> Config {
    let mut config = Config::default();
    config.tcp.congestion = algorithm;
    config
}

/// Kilobits a second that arrive, from the opening of the connection on.
fn goodput(algorithm: CongestionAlgorithm, path: Path, seconds: u64) -> u64 {
    let mut bottleneck = Bottleneck::new(1, &config(algorithm), path);
    let ends = bottleneck.connect();
    bottleneck.goodput(ends, Duration::from_secs(seconds)) / 1000
}

#[test]
fn cubic_keeps_up_with_linux() {
    let lossy = |loss| Path { loss, ..Path::GOOD };
    for (name, path, seconds, floor) in [
        ("no loss", Path::GOOD, 5, 89_300),
        ("0.1 % loss", lossy(100), 20, 21_850),
        ("1 % loss", lossy(1000), 20, 5_980),
        ("3 % loss", lossy(3000), 20, 2_560),
        ("5 % loss", lossy(5000), 20, 1_710),
        ("1 % late", Path { late: 1000, ..Path::GOOD }, 5, 90_000),
        ("25 kB queue", Path { queue: 25_000, ..Path::GOOD }, 8, 76_900),
    ] {
        let reached = goodput(CongestionAlgorithm::Cubic, path, seconds);
        println!("{name}: {reached} kbit/s");
        assert!(reached >= floor, "{name}: {reached} kbit/s, below {floor}");
    }
}

#[test]
fn reno_works_as_its_model_says() {
    for (name, path, seconds, floor) in [
        ("no loss", Path::GOOD, 3, 89_300),
        // Mathis: 1.22 * 1428 octets / 20 ms / sqrt(0.01), and some for what is sent in recovery.
        ("1 % loss", Path { loss: 1000, ..Path::GOOD }, 20, 5_500),
    ] {
        let reached = goodput(CongestionAlgorithm::NewReno, path, seconds);
        println!("{name}: {reached} kbit/s");
        assert!(reached >= floor, "{name}: {reached} kbit/s, below {floor}");
    }
}

#[test]
fn bbr_is_not_misled_by_random_losses() {
    let lossy = |loss| Path { loss, ..Path::GOOD };
    for (name, path, floor) in [
        ("no loss", Path::GOOD, 88_000),
        ("1 % loss", lossy(1000), 84_000),
        ("3 % loss", lossy(3000), 80_000),
        ("25 kB queue", Path { queue: 25_000, ..Path::GOOD }, 84_000),
    ] {
        let reached = goodput(CongestionAlgorithm::Bbr, path, 5);
        println!("{name}: {reached} kbit/s");
        assert!(reached >= floor, "{name}: {reached} kbit/s, below {floor}");
    }
}

/// The time until `octets` have arrived.
fn completion(path: Path, octets: u64, seed: u64) -> Duration {
    let mut bottleneck = Bottleneck::new(seed, &config(CongestionAlgorithm::Cubic), path);
    let ends = bottleneck.connect();
    let (got, time) = bottleneck.transfer(ends, octets, Duration::from_mins(1));
    assert_eq!(got, octets, "seed {seed}");
    time
}

#[test]
fn short_transfers_are_short() {
    for (octets, most) in [(10_000, 12), (100_000, 75), (1_000_000, 210)] {
        let time = completion(Path::GOOD, octets, 1);
        println!("{octets} octets: {time:?}");
        assert!(time <= Duration::from_millis(most), "{octets} octets: {time:?}");
    }
    for (octets, most) in [(10_000, 45), (100_000, 260), (1_000_000, 1500)] {
        let path = Path { loss: 1000, ..Path::GOOD };
        let mut times: Vec<_> = (1..=40).map(|seed| completion(path, octets, seed)).collect();
        times.sort_unstable();
        let high = times[37];
        println!(
            "{octets} octets at 1 % loss: {:?} half of the time, {high:?} at worst",
            times[20]
        );
        assert!(high <= Duration::from_millis(most), "{octets} octets: {high:?}");
    }
}

/// A bottleneck that marks instead of losing: once slow start is over, nothing is lost any more.
#[test]
fn marks_do_what_losses_did() {
    let path = Path { queue: 200_000, mark_from: Some(60_000), ..Path::GOOD };
    for algorithm in CongestionAlgorithm::ALL {
        let mut config = config(algorithm);
        config.tcp.ecn = EcnMode::Request;
        let mut bottleneck = Bottleneck::new(1, &config, path);
        let ends = bottleneck.connect();
        bottleneck.goodput(ends, Duration::from_secs(1));
        let before = bottleneck.counts;
        assert!(before.marked > 0, "{algorithm:?}");
        let reached = bottleneck.goodput(ends, Duration::from_secs(3)) / 1000;
        println!("{algorithm:?}: {reached} kbit/s, {before:?}, then {:?}", bottleneck.counts);
        assert!(reached > 75_000, "{algorithm:?}: {reached} kbit/s");
        // BBR is driven by its model, and hardly by marks.
        if algorithm != CongestionAlgorithm::Bbr {
            assert_eq!(bottleneck.counts.overflowed, before.overflowed, "{algorithm:?}");
        }
    }
}

/// Pacing costs a timer for a burst, not for a segment.
#[test]
fn bursts_are_short_and_timers_few() {
    let mut bottleneck = Bottleneck::new(1, &config(CongestionAlgorithm::Bbr), Path::GOOD);
    let ends = bottleneck.connect();
    bottleneck.goodput(ends, Duration::from_secs(3));
    let info = bottleneck.hosts[0].stack.tcp_info(ends[0], bottleneck.now()).expect("it is there");
    let rate = info.delivery_rate.expect("it was measured");
    assert!((11_000_000..12_500_000).contains(&rate), "{rate}");
    assert!(bottleneck.longest_burst <= 24, "{} frames at once", bottleneck.longest_burst);
}
