//! Octets as text: `-x`, `-X`, and what no printer knows.

use alloc::string::String;
use core::fmt::Write;

/// Octets a line.
const LINE: usize = 16;

/// Lines of `0x0000:  6000 0000 ...`, each after `lead`, which begins with a newline.
pub fn plain(out: &mut String, lead: &str, bytes: &[u8]) {
    lines(out, lead, bytes, false);
}

/// The same with the octets as characters at the end.
pub fn with_characters(out: &mut String, lead: &str, bytes: &[u8]) {
    lines(out, lead, bytes, true);
}

fn lines(out: &mut String, lead: &str, bytes: &[u8], characters: bool) {
    for (index, line) in bytes.chunks(LINE).enumerate() {
        let _ = write!(out, "{lead}0x{:04x}: ", index * LINE);
        for pair in line.chunks(2) {
            out.push(' ');
            for octet in pair {
                let _ = write!(out, "{octet:02x}");
            }
        }
        if characters {
            // A full line has 16 octets in 39 columns.
            let printed = line.len() * 2 + line.len().div_ceil(2) - 1;
            for _ in printed..41 {
                out.push(' ');
            }
            out.extend(line.iter().map(|octet| match octet {
                0x21..=0x7e => char::from(*octet),
                _ => '.',
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::{plain, with_characters};

    #[test]
    fn lines() {
        let mut out = String::new();
        plain(&mut out, "\n\t", &[0x60, 0, 1]);
        assert_eq!(out, "\n\t0x0000:  6000 01");
        let mut out = String::new();
        with_characters(&mut out, "\n\t", b"PT....4W........AB ");
        assert_eq!(
            out,
            "\n\t0x0000:  5054 2e2e 2e2e 3457 2e2e 2e2e 2e2e 2e2e  PT....4W........\
             \n\t0x0010:  4142 20                                  AB."
        );
    }
}
