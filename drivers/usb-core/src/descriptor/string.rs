//! String descriptors: UTF-16LE on the wire, UTF-8 here (USB 2.0 section 9.6.7).

use super::{DescriptorError, kind};
use heapless::String;

/// UTF-8 bytes that a string descriptor needs at most: 126 UTF-16 units of up to three bytes.
pub const MAX_STRING_BYTES: usize = 378;

/// A string as the table of devices keeps it; longer ones are cut at a character.
pub type DeviceString = String<64>;

fn units(bytes: &[u8]) -> Result<impl Iterator<Item = u16>, DescriptorError> {
    let [length, found, ..] = *bytes else { return Err(DescriptorError::Truncated) };
    if found != kind::STRING {
        return Err(DescriptorError::Kind(found));
    }
    if length < 2 || length % 2 != 0 {
        return Err(DescriptorError::Length(length));
    }
    let body = bytes.get(2..usize::from(length)).ok_or(DescriptorError::Truncated)?;
    Ok(body.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])))
}

/// The language identifiers that string descriptor 0 lists, in the device's order.
pub fn language_ids(bytes: &[u8]) -> Result<impl Iterator<Item = u16>, DescriptorError> {
    units(bytes)
}

/// The text of a string descriptor, as much of it as `N` bytes of UTF-8 hold. Control characters
/// become U+FFFD: the text goes to consoles.
pub fn parse_string<const N: usize>(bytes: &[u8]) -> Result<String<N>, DescriptorError> {
    let mut text = String::new();
    for character in char::decode_utf16(units(bytes)?) {
        let character = character.map_err(|_| DescriptorError::String)?;
        // Devices pad with NUL.
        if character == '\0' {
            break;
        }
        let shown = if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
        if text.push(shown).is_err() {
            break;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_languages() {
        assert_eq!(parse_string::<8>(&[6, 3, b'H', 0, b'i', 0]).as_deref(), Ok("Hi"));
        assert_eq!(parse_string::<8>(&[6, 3, 0xe4, 0, 0xac, 0x20]).as_deref(), Ok("ä€"));
        // U+1F600 as a surrogate pair.
        assert_eq!(parse_string::<8>(&[6, 3, 0x3d, 0xd8, 0x00, 0xde]).as_deref(), Ok("😀"));
        assert_eq!(parse_string::<8>(&[2, 3]).as_deref(), Ok(""));
        let mut languages = language_ids(&[4, 3, 0x09, 0x04]).expect("a good list");
        assert_eq!(languages.next(), Some(0x0409));
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(parse_string::<4>(&[6, 3, 0xac, 0x20, 0xac, 0x20]).as_deref(), Ok("€"));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(parse_string::<8>(&[]), Err(DescriptorError::Truncated));
        assert_eq!(parse_string::<8>(&[6, 3, 1, 0]), Err(DescriptorError::Truncated));
        assert_eq!(parse_string::<8>(&[3, 3, 1]), Err(DescriptorError::Length(3)));
        assert_eq!(parse_string::<8>(&[4, 2, 1, 0]), Err(DescriptorError::Kind(2)));
        assert_eq!(parse_string::<8>(&[4, 3, 0, 0xd8]), Err(DescriptorError::String));
        assert_eq!(parse_string::<8>(&[6, 3, 27, 0, b'a', 0]).as_deref(), Ok("\u{fffd}a"));
    }
}
