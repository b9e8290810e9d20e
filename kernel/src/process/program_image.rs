//! What execve(2) must know of a program file: the parsed and checked ELF headers.
//!
//! ELF for AArch64, statically linked: at fixed addresses (`ET_EXEC`) or position-independent
//! (`ET_DYN` without `PT_INTERP`, "static-PIE"; it relocates itself). The file is input like any
//! other: every number in it is checked before it is used. Loading is `execute`'s.

use super::address_space::{LOWEST, POSITION_INDEPENDENT_BASE};
use super::regions::PageRange;
use crate::memory::{PAGE_SIZE, Permissions};
use crate::syscall::errno::Errno;
use alloc::vec::Vec;
use elf::abi::{EM_AARCH64, ET_DYN, ET_EXEC, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::segment::{ProgramHeader, SegmentTable};

const PAGE: u64 = PAGE_SIZE as u64;
/// Bytes of a program header (`e_phentsize`).
pub const PROGRAM_HEADER_SIZE: usize = 56;
/// Bytes of the identification and of the rest of the file header.
const IDENTIFICATION_SIZE: usize = 16;
const HEADER_SIZE: usize = 64;
/// The headers must lie in this much of the beginning of the file. Linux reads one page for the
/// program headers, and no linker needs more.
pub const HEADERS_SIZE: usize = 4096;
/// Where programs must end: well below the mappings and the stack.
const HIGHEST: u64 = 0x40_0000_0000;

/// A part of the file that is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Address of the first byte, bias included.
    pub address: u64,
    /// Where it is in the file.
    pub offset: u64,
    /// Bytes that come from the file.
    pub file_size: u64,
    /// Bytes in memory; those behind the file's are zero.
    pub memory_size: u64,
    /// What the program may do there.
    pub permissions: Permissions,
}

/// A program that can be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramImage {
    /// What to map, by rising address.
    pub segments: Vec<Segment>,
    /// Address of the first instruction.
    pub entry: u64,
    /// Address of the program headers in memory (`AT_PHDR`).
    pub headers: u64,
    /// Number of program headers (`AT_PHNUM`).
    pub header_count: u16,
    /// First page boundary behind the program: where the heap begins.
    pub end: u64,
    /// Whether the stack must be executable (`PT_GNU_STACK`).
    pub executable_stack: bool,
}

fn permissions(flags: u32) -> Permissions {
    Permissions { read: flags & PF_R != 0, write: flags & PF_W != 0, execute: flags & PF_X != 0 }
}

impl Segment {
    fn parse(header: &ProgramHeader, bias: u64, file_len: u64) -> Result<Self, Errno> {
        let file_end = header.p_offset.checked_add(header.p_filesz).ok_or(Errno::NOEXEC)?;
        let address = header.p_vaddr.checked_add(bias).ok_or(Errno::NOEXEC)?;
        let end = address.checked_add(header.p_memsz).ok_or(Errno::NOEXEC)?;
        let sound = header.p_filesz <= header.p_memsz
            && file_end <= file_len
            && header.p_vaddr % PAGE == header.p_offset % PAGE
            && address >= LOWEST
            && end <= HIGHEST;
        if !sound {
            return Err(Errno::NOEXEC);
        }
        Ok(Self {
            address,
            offset: header.p_offset,
            file_size: header.p_filesz,
            memory_size: header.p_memsz,
            permissions: permissions(header.p_flags),
        })
    }

    /// The pages that it takes.
    pub fn pages(&self) -> Option<PageRange> {
        PageRange::covering(self.address, self.memory_size)
    }

    /// Where the file's bytes begin when whole pages are mapped: what stands before the segment in
    /// its first page comes along, as on Linux.
    pub fn file_part(&self) -> (u64, u64, u64) {
        let lead = self.address % PAGE;
        (self.address - lead, self.offset - lead, self.file_size + lead)
    }

    fn contains(&self, address: u64) -> bool {
        (self.address..self.address + self.memory_size).contains(&address)
    }
}

impl ProgramImage {
    /// Checks the headers. `beginning` holds the first bytes of the file (up to [`HEADERS_SIZE`]),
    /// `file_len` says how long it is. `ENOEXEC`: not a program for this machine or a broken one;
    /// `ENOENT`: a dynamic program, whose interpreter there is not.
    pub fn parse(beginning: &[u8], file_len: u64) -> Result<Self, Errno> {
        let header = Self::header(beginning)?;
        let table_len = usize::from(header.e_phnum) * PROGRAM_HEADER_SIZE;
        let table_at = usize::try_from(header.e_phoff).map_err(|_| Errno::NOEXEC)?;
        let table = beginning.get(table_at..).and_then(|rest| rest.get(..table_len));
        let table = table.ok_or(Errno::NOEXEC)?;
        let table: SegmentTable<'_, LittleEndian> =
            SegmentTable::new(LittleEndian, Class::ELF64, table);

        if table.iter().any(|header| header.p_type == PT_INTERP) {
            return Err(Errno::NOENT);
        }
        let loads: Vec<ProgramHeader> =
            table.iter().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0).collect();
        let lowest = loads.first().ok_or(Errno::NOEXEC)?.p_vaddr;
        let bias = if header.e_type == ET_DYN {
            Self::bias(lowest, loads.iter().map(|header| header.p_align).max())?
        } else {
            0
        };
        let segments: Vec<Segment> = loads
            .iter()
            .map(|header| Segment::parse(header, bias, file_len))
            .collect::<Result<_, _>>()?;
        let mut end = 0;
        for segment in &segments {
            // Rising addresses, and no two segments in one page of memory.
            let pages = segment.pages().ok_or(Errno::NOEXEC)?;
            if pages.start() < end {
                return Err(Errno::NOEXEC);
            }
            end = pages.end();
        }
        let entry = header.e_entry.checked_add(bias).ok_or(Errno::NOEXEC)?;
        let executable =
            |segment: &&Segment| segment.permissions.execute && segment.contains(entry);
        segments.iter().find(executable).ok_or(Errno::NOEXEC)?;
        let executable_stack =
            table.iter().any(|header| header.p_type == PT_GNU_STACK && header.p_flags & PF_X != 0);
        let headers = Self::headers_in_memory(&segments, header.e_phoff, table_len as u64)?;
        let header_count = header.e_phnum;
        Ok(Self { segments, entry, headers, header_count, end, executable_stack })
    }

    fn header(beginning: &[u8]) -> Result<FileHeader<LittleEndian>, Errno> {
        let identification = beginning.get(..IDENTIFICATION_SIZE).ok_or(Errno::NOEXEC)?;
        let tail = beginning.get(IDENTIFICATION_SIZE..HEADER_SIZE).ok_or(Errno::NOEXEC)?;
        let identification =
            parse_ident::<LittleEndian>(identification).map_err(|_| Errno::NOEXEC)?;
        let header = FileHeader::parse_tail(identification, tail).map_err(|_| Errno::NOEXEC)?;
        let ours = header.class == Class::ELF64
            && header.e_machine == EM_AARCH64
            && matches!(header.e_type, ET_EXEC | ET_DYN)
            && usize::from(header.e_phentsize) == PROGRAM_HEADER_SIZE;
        if ours { Ok(header) } else { Err(Errno::NOEXEC) }
    }

    /// What to add to the addresses of a position-independent program.
    fn bias(lowest: u64, alignment: Option<u64>) -> Result<u64, Errno> {
        let alignment = alignment.unwrap_or(PAGE).max(PAGE);
        if !alignment.is_power_of_two() || alignment > POSITION_INDEPENDENT_BASE {
            return Err(Errno::NOEXEC);
        }
        let lowest = lowest - lowest % alignment;
        POSITION_INDEPENDENT_BASE.checked_sub(lowest).ok_or(Errno::NOEXEC)
    }

    /// Both C libraries find their thread-local storage through these, so they must be mapped.
    fn headers_in_memory(segments: &[Segment], offset: u64, len: u64) -> Result<u64, Errno> {
        segments
            .iter()
            .find_map(|segment| {
                let (address, start, size) = segment.file_part();
                let within = offset.checked_sub(start)?;
                (within + len <= size).then_some(address + within)
            })
            .ok_or(Errno::NOEXEC)
    }
}

/// The first line of a script: its interpreter, and what follows the interpreter, if anything.
pub type InterpreterLine<'a> = (&'a [u8], Option<&'a [u8]>);

/// The interpreter line of a script, `#!path argument`.
/// `None` when the file does not begin with one; `ENOEXEC` when the line is empty or too long.
pub fn script_interpreter(beginning: &[u8]) -> Option<Result<InterpreterLine<'_>, Errno>> {
    /// Linux's `BINPRM_BUF_SIZE`.
    const LINE_MAX: usize = 256;
    let rest = beginning.strip_prefix(b"#!")?;
    let line_len = rest.iter().take(LINE_MAX - 2).position(|&byte| byte == b'\n');
    let line_len = line_len.or((rest.len() < LINE_MAX - 2).then_some(rest.len()));
    let Some(line) = line_len.and_then(|len| rest.get(..len)) else {
        return Some(Err(Errno::NOEXEC));
    };
    let line = line.trim_ascii();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let (path, argument) = match line.iter().position(is_blank) {
        None => (line, None),
        Some(end) => (&line[..end], Some(line[end..].trim_ascii())),
    };
    if path.is_empty() { Some(Err(Errno::NOEXEC)) } else { Some(Ok((path, argument))) }
}

#[cfg(test)]
#[path = "program_image_tests.rs"]
mod tests;
