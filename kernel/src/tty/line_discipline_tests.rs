//! Tests of the line discipline: what is typed, what is shown, what is read.

use super::*;
use proptest::prelude::*;

struct Typist {
    discipline: LineDiscipline,
    shown: Vec<u8>,
    signals: Vec<KeySignal>,
}

impl Typist {
    fn new() -> Self {
        Self { discipline: LineDiscipline::new(), shown: Vec::new(), signals: Vec::new() }
    }

    fn with(change: impl FnOnce(&mut Termios)) -> Self {
        let mut typist = Self::new();
        let mut termios = *typist.discipline.termios();
        change(&mut termios);
        typist.discipline.set_termios(termios);
        typist
    }

    fn types(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            let signal = self.discipline.input(byte, &mut self.shown);
            self.signals.extend(signal);
        }
        self
    }

    fn reads(&mut self, room: usize) -> Option<Vec<u8>> {
        self.discipline.read(room)
    }

    fn shows(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.shown)
    }
}

#[test]
fn a_line_is_read_when_it_is_finished() {
    let mut typist = Typist::new();
    typist.types(b"ls -l");
    assert_eq!(typist.reads(100), None);
    assert!(!typist.discipline.is_readable());
    typist.types(b"\r");
    assert_eq!(typist.shows(), b"ls -l\r\n");
    assert!(typist.discipline.is_readable());
    assert_eq!(typist.reads(100), Some(b"ls -l\n".to_vec()));
    assert_eq!(typist.reads(100), None);
}

#[test]
fn a_read_ends_with_its_line_and_a_short_one_leaves_the_rest() {
    let mut typist = Typist::new();
    typist.types(b"one\ntwo\n");
    assert_eq!(typist.reads(2), Some(b"on".to_vec()));
    assert_eq!(typist.reads(100), Some(b"e\n".to_vec()));
    assert_eq!(typist.reads(100), Some(b"two\n".to_vec()));
}

#[test]
fn keys_edit_the_line() {
    for (typed, shown, read) in [
        (&b"ab\x7fc\n"[..], &b"ab\x08 \x08c\r\n"[..], &b"ac\n"[..]),
        (b"\x7f\n", b"\r\n", b"\n"),
        (b"ab\x15c\n", b"ab\x08 \x08\x08 \x08c\r\n", b"c\n"),
        (b"a b \x17c\n", b"a b \x08 \x08\x08 \x08c\r\n", b"a c\n"),
        (b"\x16\x03\n", b"^\x08^C\r\n", b"\x03\n"),
        (b"\x01\x7fx\n", b"^A\x08 \x08\x08 \x08x\r\n", b"x\n"),
        ("ä\u{7f}x\n".as_bytes(), "ä\u{8} \u{8}x\r\n".as_bytes(), b"x\n"),
        (b"a\t\x7fb\n", b"a\t\x08\x08\x08\x08\x08\x08\x08b\r\n", b"ab\n"),
        (b"ab\x12\n", b"ab^R\r\nab\r\n", b"ab\n"),
    ] {
        let mut typist = Typist::new();
        typist.types(typed);
        assert_eq!(typist.shows(), shown, "shown after {typed:x?}");
        assert_eq!(typist.reads(100).as_deref(), Some(read), "read after {typed:x?}");
    }
}

#[test]
fn end_of_file_finishes_the_line_or_the_input() {
    let mut typist = Typist::new();
    typist.types(b"ab\x04");
    assert_eq!(typist.reads(100), Some(b"ab".to_vec()));
    typist.types(b"\x04");
    assert_eq!(typist.reads(100), Some(Vec::new()));
    assert_eq!(typist.reads(100), None);
    assert_eq!(typist.shows(), b"ab");
}

#[test]
fn signal_keys_flush_what_was_typed() {
    let mut typist = Typist::new();
    typist.types(b"old\nsleep\x03x\n");
    assert_eq!(typist.signals, [KeySignal::Interrupt]);
    assert_eq!(typist.reads(100), Some(b"x\n".to_vec()));
    assert_eq!(typist.shows(), b"old\r\nsleep^Cx\r\n");
    typist.types(b"\x1c\x1a");
    assert_eq!(typist.signals[1..], [KeySignal::Quit, KeySignal::Suspend]);
    let mut raw = Typist::with(|termios| termios.local &= !(ISIG | ICANON | ECHO));
    raw.types(b"\x03");
    assert_eq!(raw.signals, []);
    assert_eq!(raw.reads(10), Some(b"\x03".to_vec()));
}

#[test]
fn raw_mode_gives_bytes_by_vmin() {
    let mut typist = Typist::with(|termios| {
        termios.local &= !(ICANON | ECHO);
        termios.input &= !ICRNL;
        termios.characters[VMIN as usize] = 3;
    });
    typist.types(b"a\r");
    assert_eq!(typist.reads(10), None);
    assert_eq!(typist.reads(2), Some(b"a\r".to_vec()), "no more than was asked for");
    typist.types(b"\x7fbc");
    assert_eq!(typist.reads(10), Some(b"\x7fbc".to_vec()));
    assert_eq!(typist.shows(), b"");

    let mut polling = Typist::with(|termios| {
        termios.local &= !ICANON;
        termios.characters[VMIN as usize] = 0;
    });
    assert_eq!(polling.reads(10), Some(Vec::new()));
    assert!(!polling.discipline.is_readable());
    assert_eq!(polling.discipline.read_timeout(), None);

    let mut timed = Typist::with(|termios| {
        termios.local &= !ICANON;
        termios.characters[VMIN as usize] = 0;
        termios.characters[VTIME as usize] = 5;
    });
    assert_eq!(timed.reads(10), None);
    assert_eq!(timed.discipline.read_timeout(), Some(5));
}

#[test]
fn a_change_of_mode_keeps_what_was_typed() {
    let mut typist = Typist::new();
    typist.types(b"half");
    let canonical = *typist.discipline.termios();
    let mut raw = canonical;
    raw.local &= !ICANON;
    typist.discipline.set_termios(raw);
    assert_eq!(typist.reads(2), Some(b"ha".to_vec()));
    typist.discipline.set_termios(canonical);
    assert_eq!(typist.reads(10), Some(b"lf".to_vec()));
}

#[test]
fn output_is_stopped_and_started() {
    let mut typist = Typist::new();
    typist.types(b"\x13");
    assert!(typist.discipline.is_stopped());
    typist.types(b"a");
    assert!(typist.discipline.is_stopped());
    typist.types(b"\x11");
    assert!(!typist.discipline.is_stopped());
    typist.types(b"\x13\x03");
    assert!(!typist.discipline.is_stopped(), "an interrupted program's last words are shown");
}

#[test]
fn output_is_processed() {
    let mut discipline = LineDiscipline::new();
    let mut wire = Vec::new();
    for &byte in b"a\tb\n" {
        discipline.output_byte(byte, &mut wire);
    }
    assert_eq!(wire, b"a\tb\r\n");
    let mut termios = *discipline.termios();
    termios.output &= !OPOST;
    discipline.set_termios(termios);
    wire.clear();
    discipline.output_byte(b'\n', &mut wire);
    assert_eq!(wire, b"\n");
}

#[test]
fn a_full_terminal_drops_and_counts_but_takes_the_newline() {
    let mut typist = Typist::new();
    typist.types(&[b'x'; CAPACITY + 10]);
    assert_eq!(typist.discipline.dropped(), 11);
    typist.types(b"\n");
    assert_eq!(typist.reads(2 * CAPACITY).map(|line| line.len()), Some(CAPACITY));
}

#[test]
fn without_echo_only_the_newline_is_shown_on_request() {
    let mut typist = Typist::with(|termios| termios.local &= !ECHO);
    typist.types(b"secret\x7f\n");
    assert_eq!(typist.shows(), b"");
    let mut typist = Typist::with(|termios| {
        termios.local &= !ECHO;
        termios.local |= ECHONL;
    });
    typist.types(b"secret\n");
    assert_eq!(typist.shows(), b"\r\n");
}

proptest! {
    /// Whatever is typed and however the modes change, it stays within its bounds.
    #[test]
    fn any_input_is_survived(
        steps in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..300)
    ) {
        let mut typist = Typist::new();
        for (kind, byte) in steps {
            match kind {
                0..=9 => {
                    let mut termios = *typist.discipline.termios();
                    termios.local ^= 1 << (byte % 16);
                    typist.discipline.set_termios(termios);
                }
                10..=19 => {
                    let read = typist.reads(usize::from(byte));
                    prop_assert!(read.is_none_or(|read| read.len() <= usize::from(byte)));
                }
                _ => {
                    typist.types(&[byte]);
                }
            }
            let discipline = &typist.discipline;
            prop_assert!(discipline.line.len() + discipline.ready.len() <= CAPACITY);
            if discipline.canonical() {
                prop_assert!(discipline.lines.iter().sum::<usize>() == discipline.ready.len());
            }
        }
    }
}
