//! Erratum 835769 of the Cortex-A53 (r0p0 to r0p4, ARM EPM 048406): a 64-bit multiply-accumulate right
//! behind a load, a store or a prefetch may give a wrong result. The compiler keeps the two apart
//! (`tools/cross-cargo.sh`); this looks whether it did, in code that came prebuilt, too.

use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, SectionKind};

/// Pairs that a program may have. `core` and `compiler_builtins` as rustup ships them, compiled, have
/// five, in functions that read and print fractions and one that multiplies 128-bit numbers; there may
/// be some more in another release. A program compiled without the compiler's help has dozens.
const PREBUILT: usize = 8;

/// A load, store or prefetch of any kind (Arm Architecture Reference Manual for A-profile, C4.1).
const fn accesses_memory(word: u32) -> bool {
    word >> 25 & 0b0101 == 0b0100
}

/// MADD, MSUB, SMADDL, SMSUBL, UMADDL, UMSUBL with a 64-bit result and something to add to: not the
/// multiplications, whose Ra is XZR.
const fn multiplies_and_adds(word: u32) -> bool {
    word >> 24 == 0x9b && matches!(word >> 21 & 7, 0b000 | 0b001 | 0b101) && word >> 10 & 31 != 31
}

/// Addresses of the multiply-accumulates that stand where they must not.
pub(crate) fn find(elf: &ElfFile64<'_, Endianness>) -> Result<Vec<u64>, String> {
    let mut found = Vec::new();
    for section in elf.sections().filter(|section| section.kind() == SectionKind::Text) {
        let code = section.data().map_err(|error| error.to_string())?;
        found.extend(pairs(code).map(|offset| section.address() + offset as u64));
    }
    Ok(found)
}

/// Offsets of the second instructions of pairs.
fn pairs(code: &[u8]) -> impl Iterator<Item = usize> {
    let mut memory = false;
    code.chunks_exact(4).enumerate().filter_map(move |(index, bytes)| {
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let before = std::mem::replace(&mut memory, accesses_memory(word));
        (before && multiplies_and_adds(word)).then_some(4 * index)
    })
}

/// The kernel must have none.
pub(crate) fn check_kernel(elf: &ElfFile64<'_, Endianness>) -> Result<(), String> {
    match find(elf)?.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(format!("an instruction pair of erratum 835769 at {first:#x}")),
    }
}

/// How many a program has; an error when the compiler was not told to avoid them. What is no program
/// has none.
pub(crate) fn check_program(name: &str, bytes: &[u8]) -> Result<usize, String> {
    let Ok(elf) = ElfFile64::<Endianness>::parse(bytes) else { return Ok(0) };
    let found = find(&elf)?.len();
    if found > PREBUILT {
        return Err(format!("{name} has {found} instruction pairs of erratum 835769"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[u32]) -> Vec<usize> {
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        pairs(&code).collect()
    }

    const NOP: u32 = 0xd503_201f;
    const LDR: u32 = 0xf940_0041; // ldr x1, [x2]
    const MADD: u32 = 0x9b02_0c20; // madd x0, x1, x2, x3

    #[test]
    fn a_pair_is_found_wherever_it_is_and_a_nop_parts_it() {
        assert_eq!(found(&[LDR, MADD]), [4]);
        assert_eq!(found(&[NOP, NOP, LDR, MADD, MADD, LDR, MADD]), [12, 24]);
        assert_eq!(found(&[LDR, NOP, MADD]), []);
        assert_eq!(found(&[MADD, LDR]), []);
        assert_eq!(found(&[]), []);
    }

    #[test]
    fn every_access_counts() {
        for word in [
            0xf900_0041, // str x1, [x2]
            0x3940_0041, // ldrb w1, [x2]
            0xa940_0841, // ldp x1, x2, [x2]
            0x3c81_83e0, // stur q0, [sp, #24]
            0xad00_0400, // stp q0, q1, [x0]
            0x5800_0042, // ldr x2, =...
            0xf980_0040, // prfm pldl1keep, [x2]
            0xc85f_7c20, // ldxr x0, [x1]
            0x4c40_7000, // ld1 {v0.16b}, [x0]
        ] {
            assert_eq!(found(&[word, MADD]), [4], "{word:#x}");
        }
        for word in [NOP, 0x8b02_0020, 0xd65f_03c0, 0x9400_0001, 0x1e60_2800] {
            // nop; add x0, x1, x2; ret; bl; fadd d0, d0, d0
            assert_eq!(found(&[word, MADD]), [], "{word:#x}");
        }
    }

    #[test]
    fn only_64_bit_sums_of_products_count() {
        for word in [
            0x9b02_8c20, // msub x0, x1, x2, x3
            0x9b22_0c20, // smaddl x0, w1, w2, x3
            0x9b22_8c20, // smsubl
            0x9ba2_0c20, // umaddl
            0x9ba2_8c20, // umsubl
        ] {
            assert_eq!(found(&[LDR, word]), [4], "{word:#x}");
        }
        for word in [
            0x9b02_7c20, // mul x0, x1, x2
            0x9ba2_7c20, // umull x0, w1, w2
            0x9bc2_7c20, // umulh x0, x1, x2
            0x1b02_0c20, // madd w0, w1, w2, w3
        ] {
            assert_eq!(found(&[LDR, word]), [], "{word:#x}");
        }
    }
}
