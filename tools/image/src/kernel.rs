//! The flat image: every loadable segment at its physical address, the symbol table filled in.

use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind, elf};
use std::path::Path;

/// Where the firmware and QEMU load a raw `kernel8.img`.
const LOAD_ADDRESS: u64 = 0x8_0000;
/// No sensible kernel is larger; a wrong linker script is caught here.
const SIZE_LIMIT: u64 = 64 << 20;
/// First bytes of the reserved section (`kernel/src/symbols.rs`).
const SYMBOLS_MAGIC: &[u8; 8] = b"KSYMTAB1";
const SYMBOLS_SECTION: &str = ".symbols";
const SYMBOLS_HEADER: usize = 16;
const SYMBOLS_ENTRY: usize = 16;

/// Makes `output` from the kernel's ELF file and says how large it is.
pub(crate) fn build(elf_path: &Path, output: &Path) -> Result<String, String> {
    let bytes = std::fs::read(elf_path)
        .map_err(|error| format!("cannot read {}: {error}", elf_path.display()))?;
    let elf: ElfFile64<'_, Endianness> =
        ElfFile64::parse(&*bytes).map_err(|error| format!("{}: {error}", elf_path.display()))?;

    crate::boot_code::check(&elf)?;
    crate::erratum_835769::check_kernel(&elf)?;
    let mut image = flatten(&elf)?;
    let symbols = fill_symbols(&elf, &mut image)?;
    std::fs::write(output, &image)
        .map_err(|error| format!("cannot write {}: {error}", output.display()))?;
    Ok(format!("{}: {} KiB, {symbols} symbols", output.display(), image.len() / 1024))
}

fn flatten(elf: &ElfFile64<'_, Endianness>) -> Result<Vec<u8>, String> {
    let endian = elf.endian();
    let mut image = Vec::new();
    for segment in elf.elf_program_headers() {
        let size = segment.p_filesz(endian);
        if segment.p_type(endian) != elf::PT_LOAD || size == 0 {
            continue;
        }
        let address = segment.p_paddr(endian);
        let end =
            address.checked_add(size).filter(|end| end - LOAD_ADDRESS.min(*end) <= SIZE_LIMIT);
        let (Some(start), Some(end)) = (address.checked_sub(LOAD_ADDRESS), end) else {
            return Err(format!("a segment at physical address {address:#x} is out of range"));
        };
        let data = segment
            .data(endian, elf.data())
            .map_err(|()| "a segment lies outside the file".to_owned())?;
        let (start, end) = (usize_of(start)?, usize_of(end - LOAD_ADDRESS)?);
        if image.len() < end {
            image.resize(end, 0);
        }
        image[start..end].copy_from_slice(data);
    }
    if image.is_empty() { Err("the file has no loadable segment".to_owned()) } else { Ok(image) }
}

/// Writes the names of all functions into the section that the kernel keeps for them: magic, count
/// and names offset (u32 each), then `{address: u64, name offset: u32, name length: u32}` in order
/// of address, then the names.
fn fill_symbols(elf: &ElfFile64<'_, Endianness>, image: &mut [u8]) -> Result<usize, String> {
    let Some(section) = elf.section_by_name(SYMBOLS_SECTION) else {
        return Ok(0);
    };
    let start = usize_of(physical(elf, section.address())? - LOAD_ADDRESS)?;
    let size = usize_of(section.size())?;
    let table = image
        .get_mut(start..start + size)
        .filter(|table| table.starts_with(SYMBOLS_MAGIC))
        .ok_or("the symbol section does not begin with its magic")?;

    let mut functions: Vec<(u64, String)> = elf
        .symbols()
        .filter(|symbol| {
            let section = symbol.section_index().and_then(|index| elf.section_by_index(index).ok());
            matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Label | SymbolKind::Unknown)
                && section.is_some_and(|section| section.kind() == object::SectionKind::Text)
        })
        .filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?)))
        // Mapping symbols ($x, $d) and local labels say nothing to a reader.
        .filter(|(_, name)| !name.is_empty() && !name.starts_with('$') && !name.starts_with(".L"))
        .map(|(address, name)| (address, format!("{:#}", rustc_demangle::demangle(name))))
        .collect();
    functions.sort();
    functions.dedup_by_key(|(address, _)| *address);

    let names_offset = SYMBOLS_HEADER + functions.len() * SYMBOLS_ENTRY;
    let names: usize = functions.iter().map(|(_, name)| name.len()).sum();
    if names_offset + names > size {
        return Err(format!(
            "{} symbols need {} KiB, the section has {}",
            functions.len(),
            (names_offset + names) / 1024,
            size / 1024
        ));
    }
    table[8..12].copy_from_slice(&u32_of(functions.len())?.to_le_bytes());
    table[12..16].copy_from_slice(&u32_of(names_offset)?.to_le_bytes());
    let mut offset = 0;
    for (index, (address, name)) in functions.iter().enumerate() {
        let entry = &mut table[SYMBOLS_HEADER + index * SYMBOLS_ENTRY..][..SYMBOLS_ENTRY];
        entry[..8].copy_from_slice(&address.to_le_bytes());
        entry[8..12].copy_from_slice(&u32_of(offset)?.to_le_bytes());
        entry[12..].copy_from_slice(&u32_of(name.len())?.to_le_bytes());
        table[names_offset + offset..][..name.len()].copy_from_slice(name.as_bytes());
        offset += name.len();
    }
    Ok(functions.len())
}

fn physical(elf: &ElfFile64<'_, Endianness>, address: u64) -> Result<u64, String> {
    let endian = elf.endian();
    elf.elf_program_headers()
        .iter()
        .find_map(|segment| {
            let offset = address.checked_sub(segment.p_vaddr(endian))?;
            (segment.p_type(endian) == elf::PT_LOAD && offset < segment.p_filesz(endian))
                .then(|| segment.p_paddr(endian) + offset)
        })
        .filter(|physical| *physical >= LOAD_ADDRESS)
        .ok_or_else(|| format!("address {address:#x} is in no segment"))
}

fn usize_of(value: u64) -> Result<usize, String> {
    usize::try_from(value).map_err(|_| format!("{value:#x} does not fit this machine"))
}

fn u32_of(value: usize) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| format!("{value} does not fit 32 bits"))
}
