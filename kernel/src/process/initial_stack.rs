//! The stack that a program finds at its first instruction: arguments, environment and the
//! auxiliary vector.
//!
//! ```text
//! high  8 zero bytes
//!       path of the executable          <- AT_EXECFN
//!       environment and argument strings
//!       "aarch64"                       <- AT_PLATFORM
//!       16 random bytes                 <- AT_RANDOM
//!       auxiliary vector
//!       environment pointers, NULL
//!       argument pointers, NULL
//! sp -> argument count
//! ```

use super::program_image::{PROGRAM_HEADER_SIZE, ProgramImage};
use crate::memory::PAGE_SIZE;
use crate::syscall::errno::Errno;
use alloc::vec::Vec;
use linux_raw_sys::auxvec::{
    AT_BASE, AT_CLKTCK, AT_EGID, AT_ENTRY, AT_EUID, AT_EXECFN, AT_FLAGS, AT_GID, AT_HWCAP,
    AT_HWCAP2, AT_MINSIGSTKSZ, AT_NULL, AT_PAGESZ, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PLATFORM,
    AT_RANDOM, AT_SECURE, AT_UID,
};

/// Ticks of `times` and `/proc/PID/stat` in a second.
pub const CLOCK_TICKS: u64 = 100;
/// Bytes that all strings together may take: a quarter of the stack.
pub const STRINGS_MAX: usize = 2 << 20;
/// Bytes that one string may take with its NUL (`MAX_ARG_STRLEN`).
pub const STRING_MAX: usize = 128 << 10;

/// What goes onto the stack.
pub struct StackContents<'a> {
    /// The arguments, the program's name first.
    pub arguments: &'a [Vec<u8>],
    /// The environment.
    pub environment: &'a [Vec<u8>],
    /// The path that was executed.
    pub path: &'a [u8],
    /// The program.
    pub image: &'a ProgramImage,
    /// What the processor can do (`AT_HWCAP`).
    pub capabilities: u64,
    /// Bytes that a signal frame takes (`AT_MINSIGSTKSZ`).
    pub signal_frame_size: u64,
    /// For the C library's stack protector.
    pub random: [u8; 16],
}

/// A finished stack.
#[derive(Debug, PartialEq, Eq)]
pub struct InitialStack {
    /// Where `sp` points; 16-byte aligned.
    pub pointer: u64,
    /// What stands from there to the top.
    pub bytes: Vec<u8>,
    /// The auxiliary vector alone, for `/proc/PID/auxv` and `PR_GET_AUXV`.
    pub auxiliary: Vec<u8>,
}

/// Fills memory downwards from `top`, kept in reverse until it is finished.
struct Downwards {
    top: u64,
    reversed: Vec<u8>,
}

impl Downwards {
    fn pointer(&self) -> u64 {
        self.top - self.reversed.len() as u64
    }

    fn push(&mut self, bytes: &[u8]) -> u64 {
        self.reversed.extend(bytes.iter().rev());
        self.pointer()
    }

    fn push_string(&mut self, string: &[u8]) -> u64 {
        self.push(b"\0");
        self.push(string)
    }

    fn push_words(&mut self, words: &[u64]) {
        for word in words.iter().rev() {
            self.push(&word.to_le_bytes());
        }
    }
}

/// Lays the stack out below `top` (16-byte aligned). `E2BIG` when the strings are too long.
pub fn build(top: u64, contents: &StackContents<'_>) -> Result<InitialStack, Errno> {
    let StackContents { arguments, environment, path, image, .. } = *contents;
    let strings = || arguments.iter().chain(environment).map(|string| string.len() + 1);
    // The pointers count too, as on Linux.
    let total = strings().map(|len| len + size_of::<u64>()).sum::<usize>();
    if total > STRINGS_MAX || strings().any(|len| len > STRING_MAX) {
        return Err(Errno::TOOBIG);
    }
    let mut stack = Downwards { top, reversed: Vec::new() };
    stack.reversed.try_reserve(total + PAGE_SIZE).map_err(|_| Errno::NOMEM)?;

    stack.push(&[0; 8]);
    let path = stack.push_string(path);
    let mut push_all = |strings: &[Vec<u8>]| {
        let mut pointers: Vec<u64> =
            strings.iter().rev().map(|string| stack.push_string(string)).collect();
        pointers.reverse();
        pointers.push(0);
        pointers
    };
    let environment = push_all(environment);
    let arguments = push_all(arguments);
    let platform = stack.push_string(b"aarch64");
    let random = stack.push(&contents.random);

    let auxiliary: Vec<u64> = [
        (AT_MINSIGSTKSZ, contents.signal_frame_size),
        (AT_HWCAP, contents.capabilities),
        (AT_PAGESZ, PAGE_SIZE as u64),
        (AT_CLKTCK, CLOCK_TICKS),
        (AT_PHDR, image.headers),
        (AT_PHENT, PROGRAM_HEADER_SIZE as u64),
        (AT_PHNUM, u64::from(image.header_count)),
        (AT_BASE, 0),
        (AT_FLAGS, 0),
        (AT_ENTRY, image.entry),
        (AT_UID, 0),
        (AT_EUID, 0),
        (AT_GID, 0),
        (AT_EGID, 0),
        (AT_SECURE, 0),
        (AT_RANDOM, random),
        (AT_HWCAP2, 0),
        (AT_EXECFN, path),
        (AT_PLATFORM, platform),
        (AT_NULL, 0),
    ]
    .into_iter()
    .flat_map(|(kind, value)| [u64::from(kind), value])
    .collect();

    // The words below begin at sp, which must be a multiple of 16.
    let words = auxiliary.len() + environment.len() + arguments.len() + 1;
    let padding = (stack.pointer() - (words * 8) as u64) % 16;
    stack.push(&[0; 16][..padding as usize]);
    stack.push_words(&auxiliary);
    stack.push_words(&environment);
    stack.push_words(&arguments);
    stack.push_words(&[arguments.len() as u64 - 1]);

    let pointer = stack.pointer();
    stack.reversed.reverse();
    let auxiliary = auxiliary.iter().flat_map(|word| word.to_le_bytes()).collect();
    Ok(InitialStack { pointer, bytes: stack.reversed, auxiliary })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: u64 = 0x7f_ffff_f000;

    fn image() -> ProgramImage {
        ProgramImage {
            segments: Vec::new(),
            entry: 0x40_0580,
            headers: 0x40_0040,
            header_count: 7,
            end: 0x41_0000,
            executable_stack: false,
        }
    }

    fn stack(arguments: &[&[u8]], environment: &[&[u8]]) -> Result<InitialStack, Errno> {
        let own = |strings: &[&[u8]]| strings.iter().map(|string| string.to_vec()).collect();
        let (arguments, environment): (Vec<_>, Vec<_>) = (own(arguments), own(environment));
        build(
            TOP,
            &StackContents {
                arguments: &arguments,
                environment: &environment,
                path: b"/bin/ls",
                image: &image(),
                capabilities: 0x8f,
                signal_frame_size: 4720,
                random: *b"0123456789abcdef",
            },
        )
    }

    impl InitialStack {
        fn at(&self, address: u64) -> &[u8] {
            &self.bytes[(address - self.pointer) as usize..]
        }

        fn word(&self, index: usize) -> u64 {
            let bytes = &self.bytes[index * 8..][..8];
            u64::from_le_bytes(bytes.try_into().expect("8 bytes"))
        }

        fn string(&self, address: u64) -> &[u8] {
            let bytes = self.at(address);
            &bytes[..bytes.iter().position(|&byte| byte == 0).expect("a NUL")]
        }
    }

    #[test]
    fn everything_is_where_a_program_looks_for_it() {
        let stack = stack(&[b"ls", b"-l", b""], &[b"PATH=/bin"]).expect("small");
        assert_eq!(stack.pointer % 16, 0);
        assert_eq!(stack.pointer + stack.bytes.len() as u64, TOP);
        assert_eq!(stack.word(0), 3);
        let arguments: Vec<_> = (1..4).map(|index| stack.string(stack.word(index))).collect();
        assert_eq!(arguments, [&b"ls"[..], b"-l", b""]);
        assert_eq!(stack.word(4), 0);
        assert_eq!(stack.string(stack.word(5)), b"PATH=/bin");
        assert_eq!(stack.word(6), 0);
        assert_eq!(stack.at(stack.pointer + 7 * 8)[..stack.auxiliary.len()], stack.auxiliary);
        let find = |kind: u32| {
            let mut pairs =
                (7..).step_by(2).map(|index| (stack.word(index), stack.word(index + 1)));
            pairs.find(|&(found, _)| found == u64::from(kind)).expect("an entry").1
        };
        assert_eq!(find(AT_PAGESZ), 4096);
        assert_eq!(find(AT_PHDR), 0x40_0040);
        assert_eq!(find(AT_PHNUM), 7);
        assert_eq!(find(AT_ENTRY), 0x40_0580);
        assert_eq!(find(AT_SECURE), 0);
        assert_eq!(stack.string(find(AT_EXECFN)), b"/bin/ls");
        assert_eq!(stack.string(find(AT_PLATFORM)), b"aarch64");
        assert_eq!(&stack.at(find(AT_RANDOM))[..16], b"0123456789abcdef");
        assert!(stack.auxiliary.len() <= 512, "what programs without a heap have room for");
    }

    #[test]
    fn the_pointer_is_aligned_whatever_there_is() {
        for count in 0..9 {
            for len in 0..17 {
                let string = &[b'x'; 17][..len];
                let built = stack(&vec![string; count], &[string]).expect("small");
                assert_eq!(built.pointer % 16, 0, "{count} arguments of {len}");
            }
        }
    }

    #[test]
    fn too_much_is_refused() {
        let long = vec![b'x'; STRING_MAX];
        assert_eq!(stack(&[&long], &[]), Err(Errno::TOOBIG));
        assert!(stack(&[&long[1..]], &[]).is_ok());
        let many = vec![&long[1..]; 16];
        assert_eq!(stack(&many, &[]), Err(Errno::TOOBIG));
        let tiny = vec![&b""[..]; STRINGS_MAX / 8];
        assert_eq!(stack(&[], &tiny), Err(Errno::TOOBIG));
    }
}
