//! The boot arguments: `key=value` words from whoever started the kernel.
//!
//! They come, in this order of preference, from a device tree's /chosen/bootargs, from the
//! ATAG_CMDLINE of QEMU's list, or from the firmware's mailbox. All of it is input from outside.

use core::ops::Range;
use dtoolkit::fdt::Fdt;
use dtoolkit::{Node, Property};
use heapless::{String, Vec};

/// The longest command line that is kept, in bytes; Linux keeps as much on this architecture.
pub const MAX_LENGTH: usize = 2048;

/// The longest name of a board that is kept, in bytes.
const MAX_MODEL: usize = 64;

static MODEL: spin::Once<String<MAX_MODEL>> = spin::Once::new();

static ARGUMENTS: spin::Once<String<MAX_LENGTH>> = spin::Once::new();

/// Reservations in a device tree that are kept; boards have one or two.
const MAX_RESERVATIONS: usize = 16;

/// All arguments as one line.
pub fn raw() -> &'static str {
    ARGUMENTS.get().map_or("", String::as_str)
}

/// What the device tree calls the board, if there is one.
pub fn model() -> Option<&'static str> {
    MODEL.get().map(String::as_str)
}

/// Value of the last `key=value` among the arguments. A word without `=` has the value "".
pub fn get(key: &str) -> Option<&'static str> {
    find(raw(), key)
}

/// Whether `key` is there as a word of its own, or as `key=1`.
pub fn is_set(key: &str) -> bool {
    matches!(get(key), Some("" | "1"))
}

fn find<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_ascii_whitespace()
        .rev()
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .find_map(|(name, value)| (name == key).then_some(value))
}

/// Sets the arguments; the first who has some wins. Ends at a NUL, and where it becomes too long
/// or is not ASCII.
pub fn set(line: &[u8]) {
    let mut text = String::new();
    for byte in line.iter().take_while(|byte| **byte != 0 && byte.is_ascii()) {
        if text.push(char::from(*byte)).is_err() {
            log::warn!("boot arguments beyond {MAX_LENGTH} bytes are ignored");
            break;
        }
    }
    if !text.trim().is_empty() {
        ARGUMENTS.call_once(|| text);
    }
}

/// The size that a device tree's header claims, if the bytes start with one (Devicetree
/// Specification 0.4, section 5.2).
pub fn device_tree_size(bytes: &[u8]) -> Option<u32> {
    let word = |offset: usize| {
        let bytes = bytes.get(offset..offset + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    (word(0)? == 0xd00d_feed).then_some(())?;
    word(4).filter(|size| *size >= 40)
}

/// Reads a device tree or an ATAG list: sets the arguments and the board's name, and returns the
/// physical memory that it says is in use.
pub fn read(bytes: &[u8]) -> Vec<Range<u64>, MAX_RESERVATIONS> {
    let mut reserved = Vec::new();
    if device_tree_size(bytes).is_none() {
        set(atag_command_line(bytes).unwrap_or_default());
        return reserved;
    }
    let tree = match Fdt::new(bytes) {
        Ok(tree) => tree,
        Err(error) => {
            log::warn!("the device tree is damaged and ignored: {error}");
            return reserved;
        }
    };
    if let Some(line) = tree.find_node("/chosen").and_then(|chosen| chosen.property("bootargs")) {
        set(line.value());
    }
    if let Some(model) = tree.root().property("model")
        && let Some(name) = text(model.value())
    {
        MODEL.call_once(|| name);
    }
    let blocks = tree.memory_reservations().map(|block| (block.address(), block.size()));
    let nodes = tree
        .reserved_memory()
        .into_iter()
        .flatten()
        .filter_map(|node| node.reg().ok().flatten()?.next())
        .filter_map(|reg| Some((reg.address::<u64>().ok()?, reg.size::<u64>().ok()?)));
    for (start, size) in blocks.chain(nodes) {
        if reserved.push(start..start.saturating_add(size)).is_err() {
            log::warn!("the device tree reserves more ranges than {MAX_RESERVATIONS}");
            break;
        }
    }
    reserved
}

/// Bytes up to a NUL as text: without control characters, and not too long.
fn text(bytes: &[u8]) -> Option<String<MAX_MODEL>> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = core::str::from_utf8(&bytes[..end]).ok()?;
    let is_printable = !text.is_empty() && !text.chars().any(char::is_control);
    is_printable.then(|| String::try_from(text).ok()).flatten()
}

/// The text of ATAG_CMDLINE in an ATAG list (Linux, arch/arm/include/uapi/asm/setup.h): each tag
/// starts with its size in words and its number.
fn atag_command_line(bytes: &[u8]) -> Option<&[u8]> {
    const ATAG_NONE: u32 = 0;
    const ATAG_CORE: u32 = 0x5441_0001;
    const ATAG_CMDLINE: u32 = 0x5441_0009;
    let word = |offset: usize| {
        let bytes = bytes.get(offset..offset.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    if word(4)? != ATAG_CORE {
        return None;
    }
    let mut offset = 0usize;
    loop {
        let length = (word(offset)? as usize).checked_mul(4)?;
        match word(offset + 4)? {
            ATAG_NONE => return None,
            ATAG_CMDLINE => return bytes.get(offset + 8..offset.checked_add(length)?),
            _ if length < 8 => return None,
            _ => offset = offset.checked_add(length)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_found_by_name_and_the_last_one_counts() {
        let line = "log=info quiet log=net=debug,info selftest=1 logs=x";
        assert_eq!(find(line, "log"), Some("net=debug,info"));
        assert_eq!(find(line, "quiet"), Some(""));
        assert_eq!(find(line, "selftest"), Some("1"));
        assert_eq!(find(line, "lo"), None);
        assert_eq!(find("", ""), None);
    }

    /// What QEMU leaves at 0x100: core, memory, command line, end.
    fn atag_list(line: &[u8]) -> std::vec::Vec<u8> {
        let words = |words: &[u32]| -> std::vec::Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        let mut list = words(&[5, 0x5441_0001, 1, 4096, 0]);
        list.extend(words(&[4, 0x5441_0002, 0x3c00_0000, 0]));
        let mut text = line.to_vec();
        text.resize((line.len() + 1).next_multiple_of(4), 0);
        list.extend(words(&[2 + text.len() as u32 / 4, 0x5441_0009]));
        list.extend(text);
        list.extend(words(&[0, 0]));
        list
    }

    #[test]
    fn the_command_line_of_an_atag_list_is_found() {
        let list = atag_list(b"panic=exit log=debug");
        let line = atag_command_line(&list).expect("it is there");
        assert!(line.starts_with(b"panic=exit log=debug\0"));
        assert_eq!(device_tree_size(&list), None);
    }

    #[test]
    fn a_list_without_core_or_with_a_tag_of_no_length_ends() {
        assert_eq!(atag_command_line(&[0; 64]), None);
        let mut list = atag_list(b"x");
        list[20] = 0;
        assert_eq!(atag_command_line(&list), None);
    }

    #[test]
    fn a_name_is_printable_text() {
        assert_eq!(
            text(b"Raspberry Pi Zero 2 W Rev 1.0\0").as_deref(),
            Some("Raspberry Pi Zero 2 W Rev 1.0")
        );
        assert_eq!(text(b"no end").as_deref(), Some("no end"));
        for bytes in [&b""[..], b"\0x", b"line\nbreak\0", b"\xff\0", &[b'x'; MAX_MODEL + 1]] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_list_panics(position in 0usize..64, byte: u8, end in 0usize..80) {
            let mut list = atag_list(b"some arguments");
            let length = list.len();
            list[position % length] = byte;
            let _ = atag_command_line(&list[..end.min(length)]);
        }

        #[test]
        fn no_device_tree_panics(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut tree = vec![0xd0, 0x0d, 0xfe, 0xed];
            tree.extend((bytes.len() as u32 + 8).to_be_bytes());
            tree.extend(bytes);
            let _ = read(&tree);
        }
    }
}
