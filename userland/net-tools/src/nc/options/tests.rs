use alloc::string::String;

use rt::bstr::BStr;

use super::{Mode, Options, Place, TOOL, Target, Transfer, Tuning, parse};

fn options(line: &'static str) -> Result<Options, String> {
    parse(TOOL.parse_from(line.split_whitespace().map(BStr::new)))
}

#[test]
fn the_calling_side() {
    let found = options("-N -w 2 -vn fe80::1%usb0 80-90 -p 7 -s ::1 -i0.5").unwrap();
    assert_eq!(
        found.mode,
        Mode::Connect(Target {
            host: "fe80::1%usb0".into(),
            ports: 80..=90,
            scan: false,
            shuffled: false,
            source: Some("::1".into()),
            source_port: Some(7),
        })
    );
    assert!(found.verbose && found.numeric && !found.udp);
    let transfer = Transfer {
        half_close: true,
        idle: Some(2_000_000),
        pause: Some(500_000),
        ..Transfer::default()
    };
    assert_eq!(found.transfer, transfer);
}

#[test]
fn the_called_side() {
    for (line, address, port, keep) in [
        ("-l 8080", None, 8080, false),
        ("-l ::1 8080", Some("::1"), 8080, false),
        ("-lk -p 8080", None, 8080, true),
        ("-l -s ::1 -p 8080", Some("::1"), 8080, false),
        ("8080 -l -s ::1", Some("::1"), 8080, false),
    ] {
        let place = Place { address: address.map(Into::into), port, keep };
        assert_eq!(options(line).map(|options| options.mode), Ok(Mode::Listen(place)), "{line}");
    }
}

#[test]
fn the_end_of_the_input() {
    let transfer = |line| options(line).unwrap().transfer;
    let quit = transfer("-q 0 ::1 9");
    assert_eq!((quit.quit_after, quit.half_close), (Some(0), true));
    let never = transfer("-q -1 ::1 9");
    assert_eq!((never.quit_after, never.half_close), (None, false));
    assert!(transfer("-d ::1 9").deaf);
    assert_eq!(transfer("-W 3 ::1 9").receive_limit, Some(3));
}

#[test]
fn sockets_and_ports() {
    let found = options("-I 4096 -O 8192 -T ef -M 3 -rz ::1 1-9").unwrap();
    let tuning = Tuning {
        receive_buffer: Some(4096),
        send_buffer: Some(8192),
        traffic_class: Some(0xb8),
        hop_limit: Some(3),
    };
    assert_eq!(found.tuning, tuning);
    let Mode::Connect(target) = found.mode else { panic!("{found:?}") };
    assert!(target.shuffled && target.scan);
}

#[test]
fn refusals() {
    for (line, message) in [
        ("", "missing host and port number"),
        ("::1", "missing port number"),
        ("-l", "missing port number"),
        ("-lz 9", "cannot use -z and -l"),
        ("-k ::1 9", "must use -l with -k"),
        ("-4 ::1 9", "-4: there is no IPv4 here"),
        ("::1 9 10", "extra operand '10'"),
        ("-l ::1 9 10", "extra operand '10'"),
        ("-l -p 9 10", "the port is given twice: by -p and after it"),
        ("-l -s ::1 ::1 9", "the address is given twice: by -s and after it"),
        ("-l 9-10", "port number invalid: 9-10"),
        ("-p 0 ::1 9", "port number too small: 0"),
        ("-w x ::1 9", "timeout invalid: x"),
        ("-w 0 ::1 9", "timeout too small: 0"),
        ("-w -1 ::1 9", "timeout invalid: -1"),
        ("-i x ::1 9", "interval invalid: x"),
        ("-q x ::1 9", "quit timer invalid: x"),
        ("-q -x ::1 9", "quit timer invalid: -x"),
        ("-T fast ::1 9", "illegal tos value fast"),
        ("-W 0 ::1 9", "receive limit too small: 0"),
    ] {
        assert_eq!(options(line), Err(message.into()), "{line}");
    }
}
