//! What the kernel's first instructions must not be: memory behaves as a device until the MMU is on,
//! and an emulator does not mind what hardware then does to an exclusive access.

use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _};

/// From here (behind the arm64 header's data)...
const FIRST: &str = "start";
/// ... to here the MMU is off, and there is no stack.
const BEHIND: &str = "upper_half";

/// An instruction class: these bits have this value (Arm Architecture Reference Manual for A-profile,
/// C4.1).
struct Class {
    mask: u32,
    value: u32,
    what: &'static str,
}

const FORBIDDEN: [Class; 4] = [
    Class { mask: 0x3f00_0000, value: 0x0800_0000, what: "an exclusive or ordered access" },
    Class { mask: 0x3b20_0c00, value: 0x3820_0000, what: "an atomic operation" },
    Class { mask: 0x0e00_0000, value: 0x0c00_0000, what: "a vector access" },
    Class { mask: 0xfc00_0000, value: 0x9400_0000, what: "a call" },
];

/// Looks at the code that runs with the MMU off.
pub(crate) fn check(elf: &ElfFile64<'_, Endianness>) -> Result<(), String> {
    let address = |name: &str| {
        elf.symbols()
            .find(|symbol| symbol.name() == Ok(name))
            .map(|symbol| symbol.address())
            .ok_or_else(|| format!("the kernel has no symbol '{name}'"))
    };
    let (first, behind) = (address(FIRST)?, address(BEHIND)?);
    let section = elf
        .sections()
        .find(|section| (section.address()..section.address() + section.size()).contains(&first))
        .ok_or("the boot code is in no section")?;
    let length = behind.checked_sub(first).ok_or("the boot code ends before it begins")?;
    let bytes = section
        .data_range(first, length)
        .ok()
        .flatten()
        .ok_or("the boot code reaches beyond its section")?;
    check_code(bytes).map_err(|(offset, what)| {
        format!("{what} at {:#x}, where the MMU is still off", first + offset as u64)
    })
}

/// Offset and kind of the first instruction that must not be there.
fn check_code(code: &[u8]) -> Result<(), (usize, &'static str)> {
    for (index, bytes) in code.chunks_exact(4).enumerate() {
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if let Some(class) = FORBIDDEN.iter().find(|class| word & class.mask == class.value) {
            return Err((index * 4, class.what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_words(words: &[u32]) -> Result<(), (usize, &'static str)> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        check_code(&bytes)
    }

    #[test]
    fn what_the_boot_code_does_is_allowed() {
        let words = [
            0xa8c1_1c66, // ldp x6, x7, [x3], #16
            0xa881_1c46, // stp x6, x7, [x2], #16
            0xf900_0041, // str x1, [x2]
            0xf900_0441, // str x1, [x2, #8]
            0x5800_0042, // ldr x2, =...
            0xd508_7621, // dc ivac, x1
            0xd518_1001, // msr sctlr_el1, x1
            0xd61f_00c0, // br x6
            0x5400_0043, // b.lo
        ];
        assert_eq!(check_words(&words), Ok(()));
    }

    #[test]
    fn what_needs_the_mmu_is_found() {
        for (word, what) in [
            (0xc85f_7c20, "exclusive"), // ldxr x0, [x1]
            (0xc802_7c20, "exclusive"), // stxr w2, x0, [x1]
            (0xc8df_fc20, "exclusive"), // ldar x0, [x1]
            (0xc8a0_7c22, "exclusive"), // cas x0, x2, [x1]
            (0xf820_0022, "atomic"),    // ldadd x0, x2, [x1]
            (0x4c40_7000, "vector"),    // ld1 {v0.16b}, [x0]
            (0xad00_0400, "vector"),    // stp q0, q1, [x0]
            (0x9400_0001, "call"),      // bl
        ] {
            let (offset, found) = check_words(&[0xd503_201f, word]).expect_err(what);
            assert_eq!(offset, 4);
            assert!(found.contains(what), "{word:#x}: {found}");
        }
    }
}
