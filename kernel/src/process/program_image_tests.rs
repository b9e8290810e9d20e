//! Tests of the program headers: the shapes that real toolchains make, and everything to refuse.

use super::*;
use elf::abi::{PT_DYNAMIC, PT_TLS};
use proptest::prelude::*;

#[derive(Clone)]
struct Elf {
    kind: u16,
    machine: u16,
    entry: u64,
    header_size: u16,
    /// type, flags, offset, vaddr, file size, memory size, alignment
    segments: Vec<(u32, u32, u64, u64, u64, u64, u64)>,
}

impl Elf {
    /// The shape of busybox-static: fixed addresses, text and data.
    fn fixed() -> Self {
        Self {
            kind: ET_EXEC,
            machine: EM_AARCH64,
            entry: 0x40_0580,
            header_size: 56,
            segments: vec![
                (PT_LOAD, PF_R | PF_X, 0, 0x40_0000, 0x1_e000, 0x1_e000, 0x1_0000),
                (PT_LOAD, PF_R | PF_W, 0x1_ec38, 0x42_fc38, 0x5000, 0x9000, 0x1_0000),
                (PT_TLS, PF_R, 0x1_ec38, 0x42_fc38, 0x20, 0x98, 16),
                (PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 16),
            ],
        }
    }

    /// The shape of a static-PIE.
    fn position_independent() -> Self {
        Self {
            kind: ET_DYN,
            entry: 0x494,
            segments: vec![
                (PT_LOAD, PF_R | PF_X, 0, 0, 0x8000, 0x8000, 0x1_0000),
                (PT_LOAD, PF_R | PF_W, 0xfe48, 0x1_fe48, 0x300, 0x900, 0x1_0000),
                (PT_DYNAMIC, PF_R | PF_W, 0xfe60, 0x1_fe60, 0x180, 0x180, 8),
            ],
            ..Self::fixed()
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(self.kind.to_le_bytes());
        bytes.extend(self.machine.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        for field in [self.entry, 64, 0] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(0_u32.to_le_bytes());
        for field in [64, self.header_size, self.segments.len() as u16, 64, 0, 0] {
            bytes.extend(field.to_le_bytes());
        }
        for &(kind, flags, offset, address, file_size, memory_size, alignment) in &self.segments {
            bytes.extend(kind.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            for field in [offset, address, address, file_size, memory_size, alignment] {
                bytes.extend(field.to_le_bytes());
            }
        }
        bytes
    }

    fn parse(&self) -> Result<ProgramImage, Errno> {
        ProgramImage::parse(&self.bytes(), 0x3_0000)
    }

    fn changed(mut self, change: impl FnOnce(&mut Self)) -> Result<ProgramImage, Errno> {
        change(&mut self);
        self.parse()
    }
}

#[test]
fn a_program_at_fixed_addresses() {
    let image = Elf::fixed().parse().expect("a good program");
    assert_eq!((image.entry, image.headers, image.header_count), (0x40_0580, 0x40_0040, 4));
    assert_eq!(image.end, 0x43_9000);
    assert!(!image.executable_stack);
    let data = image.segments[1];
    assert!(data.permissions.write && !data.permissions.execute);
    assert_eq!(data.file_part(), (0x42_f000, 0x1_e000, 0x5c38));
    assert_eq!(data.pages().map(|pages| pages.start()), Some(0x42_f000));
}

#[test]
fn a_position_independent_program_is_moved() {
    let image = Elf::position_independent().parse().expect("a good program");
    let base = POSITION_INDEPENDENT_BASE;
    assert_eq!((image.entry, image.headers), (base + 0x494, base + 0x40));
    assert_eq!(image.segments[1].address, base + 0x1_fe48);
}

#[test]
fn other_files_are_no_programs() {
    for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &[0; 100]] {
        assert_eq!(ProgramImage::parse(bytes, 1000), Err(Errno::NOEXEC));
    }
    let good = Elf::fixed().bytes();
    for (at, value) in [(4, 1), (5, 2), (0, b'X')] {
        let mut bad = good.clone();
        bad[at] = value;
        assert_eq!(ProgramImage::parse(&bad, 0x3_0000), Err(Errno::NOEXEC), "byte {at}");
    }
    let refused = |change: fn(&mut Elf)| Elf::fixed().changed(change);
    assert_eq!(refused(|elf| elf.machine = 62), Err(Errno::NOEXEC));
    assert_eq!(refused(|elf| elf.kind = 1), Err(Errno::NOEXEC));
    assert_eq!(refused(|elf| elf.header_size = 32), Err(Errno::NOEXEC));
    assert_eq!(refused(|elf| elf.segments.clear()), Err(Errno::NOEXEC));
}

#[test]
fn dynamic_programs_have_no_interpreter_here() {
    let dynamic = Elf::position_independent()
        .changed(|elf| elf.segments.push((PT_INTERP, PF_R, 0x200, 0x200, 30, 30, 1)));
    assert_eq!(dynamic, Err(Errno::NOENT));
}

#[test]
fn unsound_segments_are_refused() {
    let refused = |change: fn(&mut Elf)| {
        assert_eq!(Elf::fixed().changed(change), Err(Errno::NOEXEC));
    };
    refused(|elf| elf.segments[1].4 = 0x9001);
    refused(|elf| elf.segments[1].2 = 0x2_fc38);
    refused(|elf| elf.segments[1].2 = u64::MAX - 0x3c7);
    refused(|elf| elf.segments[1].3 = 0x42_fc39);
    refused(|elf| elf.segments[1].3 = 0x41_dc38);
    refused(|elf| elf.segments[1].3 = u64::MAX - 0x3c7);
    refused(|elf| elf.segments[1].5 = u64::MAX);
    refused(|elf| elf.segments[1].5 = HIGHEST);
    refused(|elf| elf.segments[0].3 = 0);
    refused(|elf| elf.segments.swap(0, 1));
    refused(|elf| elf.entry = 0x43_0000);
    refused(|elf| elf.entry = 0x41_f000);
    refused(|elf| elf.segments[0].1 = PF_R);
    // The program headers are not mapped.
    refused(|elf| (elf.segments[0].2, elf.segments[0].3) = (0x1000, 0x40_0000));
    let alignment = Elf::position_independent().changed(|elf| elf.segments[0].6 = 0x1_0001);
    assert_eq!(alignment, Err(Errno::NOEXEC));
}

#[test]
fn an_executable_stack_is_noticed() {
    let image = Elf::fixed().changed(|elf| elf.segments[3].1 = PF_R | PF_W | PF_X);
    assert!(image.expect("a good program").executable_stack);
}

#[test]
fn scripts_name_their_interpreter() {
    let parse = |line: &'static [u8]| script_interpreter(line);
    assert_eq!(parse(b"echo"), None);
    assert_eq!(parse(b"#!/bin/sh\necho"), Some(Ok((&b"/bin/sh"[..], None))));
    assert_eq!(parse(b"#! /bin/sh  -e x \n"), Some(Ok((&b"/bin/sh"[..], Some(&b"-e x"[..])))));
    assert_eq!(parse(b"#!/bin/sh"), Some(Ok((&b"/bin/sh"[..], None))));
    assert_eq!(parse(b"#!\n/bin/sh\n"), Some(Err(Errno::NOEXEC)));
    let long: &'static [u8] = Vec::leak([&b"#!"[..], &[b'x'; 300]].concat());
    assert_eq!(parse(long), Some(Err(Errno::NOEXEC)));
}

proptest! {
    /// Any damage is refused or leaves a program whose ranges can be mapped.
    #[test]
    fn damaged_headers_are_survived(
        pie in any::<bool>(),
        damage in proptest::collection::vec((0_usize..300, any::<u8>()), 1..6)
    ) {
        let elf = if pie { Elf::position_independent() } else { Elf::fixed() };
        let mut bytes = elf.bytes();
        for (at, value) in damage {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(image) = ProgramImage::parse(&bytes, 0x3_0000) {
            let mut end = LOWEST;
            for segment in &image.segments {
                let pages = segment.pages().expect("whole pages");
                prop_assert!(pages.start() >= end && pages.end() <= HIGHEST);
                let (address, offset, size) = segment.file_part();
                prop_assert!(address >= pages.start() && address + size <= pages.end());
                prop_assert!(offset + size <= 0x3_0000);
                end = pages.end();
            }
            prop_assert!(image.end >= end);
        }
    }
}
