//! User memory as system calls see it: an allegation until the bytes have been copied.
//!
//! A program gives an address and a length. [`UserSlice`] and [`UserPtr`] hold them and can do
//! nothing but copy in or out through the unprivileged loads and stores of the architecture, so a
//! bad pointer is `EFAULT` and never a fault in the kernel. [`UserReader`] and [`UserWriter`] are
//! cursors over one or several such slices, or over the kernel's own memory, so that a file's
//! read and write serve system calls, the program loader and tests alike.
//!
//! A page that the program's address space knows but that is not there yet (zero pages, pages of
//! a program file, pages shared after a fork) is fetched when a copy meets it, then the copy goes
//! on.

use super::errno::Errno;
use alloc::vec::Vec;
use core::marker::PhantomData;

/// The most segments in one vector: `UIO_MAXIOV`.
pub const IOV_MAX: usize = 1024;
/// Longest path with its NUL: `PATH_MAX`.
pub const PATH_MAX: usize = 4096;
/// The most that one read or write moves: `MAX_RW_COUNT`, `INT_MAX` cut to a page.
pub const MAX_TRANSFER: usize = 0x7fff_f000;

#[cfg(target_os = "none")]
mod access {
    //! The way to the memory of the program whose address space is active.
    use super::Errno;
    use crate::arch::aarch64::{BadAddress, user_access};
    use crate::memory::{PAGE_SIZE, UserAddress};
    use crate::process::{self, address_space::Attempt};

    /// Repeats `copy` from where it failed, for as long as the missing page can be fetched.
    fn with_missing_pages(
        start: u64,
        length: usize,
        attempt: Attempt,
        mut copy: impl FnMut(UserAddress, usize) -> Result<(), BadAddress>,
    ) -> Result<(), Errno> {
        let mut done = 0;
        let mut fetched = None;
        while done < length {
            let at = start.checked_add(done as u64).and_then(UserAddress::new);
            let Err(bad) = copy(at.ok_or(Errno::FAULT)?, done) else { return Ok(()) };
            // The same page twice: fetching it did not help.
            let page = bad.address / PAGE_SIZE as u64;
            if fetched.replace(page) == Some(page) {
                return Err(Errno::FAULT);
            }
            process::fetch_page(bad.address, attempt)?;
            done = length.saturating_sub(bad.remaining).max(done);
        }
        Ok(())
    }

    pub(super) fn copy_in(to: &mut [u8], from: u64) -> Result<(), Errno> {
        with_missing_pages(from, to.len(), Attempt::Read, |address, done| {
            user_access::copy_in(&mut to[done..], address)
        })
    }

    pub(super) fn copy_out(to: u64, from: &[u8]) -> Result<(), Errno> {
        with_missing_pages(to, from.len(), Attempt::Write, |address, done| {
            user_access::copy_out(address, &from[done..])
        })
    }
}

#[cfg(not(target_os = "none"))]
mod access {
    //! On the host there are no programs: every user address is bad.
    use super::Errno;

    pub(super) fn copy_in(_to: &mut [u8], _from: u64) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }

    pub(super) fn copy_out(_to: u64, _from: &[u8]) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }
}

/// Types that are plain bytes: every bit pattern is a value and there is no padding whose
/// contents could leak kernel memory.
///
/// # Safety
/// The type must be valid for every bit pattern and have no padding bytes that a copy out could
/// leave unset: a structure with holes must name them as fields or be zeroed as a whole first.
pub unsafe trait Plain: Copy + 'static {
    /// The bytes of the value.
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: the implementer promises initialized bytes; the slice covers exactly `self`.
        unsafe {
            core::slice::from_raw_parts(core::ptr::from_ref(self).cast::<u8>(), size_of::<Self>())
        }
    }

    /// A value of all zero bytes.
    fn zeroed() -> Self {
        // SAFETY: every bit pattern is a value, all zeros too.
        unsafe { core::mem::zeroed() }
    }

    /// The value that `bytes` (exactly as many as the type has) hold.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != size_of::<Self>() {
            return None;
        }
        // SAFETY: the length was checked; every bit pattern is a value; the read is unaligned.
        Some(unsafe { core::ptr::read_unaligned(bytes.as_ptr().cast::<Self>()) })
    }
}

macro_rules! plain {
    ($($type:ty),* $(,)?) => {
        $(
            // SAFETY: integers and arrays of them, or `repr(C)` structures of integers whose gaps
            // are zeroed before the fields are set (`Plain::zeroed`).
            unsafe impl $crate::syscall::user_memory::Plain for $type {}
        )*
    };
}
pub(crate) use plain;

plain!(u8, u16, u32, u64, i16, i32, i64, usize, [u32; 2], [i32; 2], [u64; 2]);

/// A place in user memory that is said to hold a `T`; it may be misaligned, unmapped or absent.
pub struct UserPtr<T> {
    address: u64,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserPtr<T> {}

impl<T: Plain> UserPtr<T> {
    /// What the program said.
    pub const fn new(address: u64) -> Self {
        Self { address, kind: PhantomData }
    }

    /// Whether it is the null pointer, with which many calls say "absent".
    pub const fn is_null(self) -> bool {
        self.address == 0
    }

    /// The address as given.
    pub const fn address(self) -> u64 {
        self.address
    }

    /// The same pointer, or `None` when it is null.
    pub fn present(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    /// The pointer to element `index` of an array that starts here.
    #[must_use]
    pub fn element(self, index: usize) -> Self {
        let offset = (index as u64).wrapping_mul(size_of::<T>() as u64);
        Self::new(self.address.wrapping_add(offset))
    }

    /// Copies the value in; `EFAULT` for a bad address.
    pub fn read(self) -> Result<T, Errno> {
        let mut value = T::zeroed();
        // SAFETY: `Plain`: any bytes written into the value leave it a value.
        let bytes = unsafe {
            core::slice::from_raw_parts_mut(
                core::ptr::from_mut(&mut value).cast::<u8>(),
                size_of::<T>(),
            )
        };
        access::copy_in(bytes, self.address)?;
        Ok(value)
    }

    /// Copies `value` out; `EFAULT` for a bad address.
    pub fn write(self, value: &T) -> Result<(), Errno> {
        access::copy_out(self.address, value.as_bytes())
    }

    /// Copies `count` values in, up to `limit` of them (`EINVAL` beyond).
    pub fn read_array(self, count: usize, limit: usize) -> Result<Vec<T>, Errno> {
        if count > limit {
            return Err(Errno::INVAL);
        }
        let mut values = Vec::new();
        values.try_reserve_exact(count).map_err(|_| Errno::NOMEM)?;
        for index in 0..count {
            values.push(self.element(index).read()?);
        }
        Ok(values)
    }
}

/// A range of user memory as a program gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserSlice {
    /// First byte.
    pub address: u64,
    /// Number of bytes.
    pub length: usize,
}

impl UserSlice {
    /// What the program said. Longer than [`MAX_TRANSFER`] is cut, as Linux does.
    pub const fn new(address: u64, length: u64) -> Self {
        let length = if length > MAX_TRANSFER as u64 { MAX_TRANSFER } else { length as usize };
        Self { address, length }
    }

    /// Reads an array of `struct iovec`: `EINVAL` for more than [`IOV_MAX`] or a length that does
    /// not fit a signed number.
    pub fn read_vector(address: u64, count: u64) -> Result<Vec<Self>, Errno> {
        let count = usize::try_from(count).map_err(|_| Errno::INVAL)?;
        let vectors = UserPtr::<[u64; 2]>::new(address).read_array(count, IOV_MAX)?;
        let mut room = MAX_TRANSFER;
        vectors
            .into_iter()
            .map(|[address, length]| {
                if i64::try_from(length).is_err() {
                    return Err(Errno::INVAL);
                }
                let length = usize::try_from(length).map_or(room, |length| length.min(room));
                room -= length;
                Ok(Self { address, length })
            })
            .collect()
    }

    /// Copies the whole range in. The caller bounds the length first; `ENOMEM` when the kernel
    /// has no room for it.
    pub fn read(self) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.length).map_err(|_| Errno::NOMEM)?;
        bytes.resize(self.length, 0);
        access::copy_in(&mut bytes, self.address)?;
        Ok(bytes)
    }

    /// Copies as much of `bytes` out as fits and says how much that was.
    pub fn write(self, bytes: &[u8]) -> Result<usize, Errno> {
        let count = bytes.len().min(self.length);
        if let Some(bytes) = bytes.get(..count).filter(|bytes| !bytes.is_empty()) {
            access::copy_out(self.address, bytes)?;
        }
        Ok(count)
    }
}

/// A NUL-terminated string in user memory.
#[derive(Clone, Copy, Debug)]
pub struct UserString(pub u64);

impl UserString {
    /// Copies the string in without its NUL. `too_long` when there is none within `limit` bytes.
    pub fn read(self, limit: usize, too_long: Errno) -> Result<Vec<u8>, Errno> {
        const CHUNK: usize = 256;
        let mut string = Vec::new();
        let mut chunk = [0; CHUNK];
        while string.len() < limit {
            let address = self.0.checked_add(string.len() as u64).ok_or(Errno::FAULT)?;
            // Never past the end of a chunk's own alignment: the next page may not be there.
            let count = CHUNK - (address % CHUNK as u64) as usize;
            let part = &mut chunk[..count];
            access::copy_in(part, address)?;
            let end = part.iter().position(|&byte| byte == 0);
            string.try_reserve(count).map_err(|_| Errno::NOMEM)?;
            string.extend_from_slice(&part[..end.unwrap_or(count)]);
            if end.is_some() {
                return if string.len() < limit { Ok(string) } else { Err(too_long) };
            }
        }
        Err(too_long)
    }

    /// Copies a path in: `ENAMETOOLONG` from [`PATH_MAX`] bytes on.
    pub fn read_path(self) -> Result<Vec<u8>, Errno> {
        self.read(PATH_MAX, Errno::NAMETOOLONG)
    }
}

enum Source<'a> {
    User(&'a [UserSlice]),
    Kernel(&'a [u8]),
}

/// A cursor that takes bytes from user memory (or from the kernel's own).
pub struct UserReader<'a> {
    source: Source<'a>,
    /// Bytes of the first slice that are behind the cursor.
    offset: usize,
    remaining: usize,
}

impl<'a> UserReader<'a> {
    /// A cursor at the beginning of `slices`.
    pub fn new(slices: &'a [UserSlice]) -> Self {
        let remaining = slices.iter().map(|slice| slice.length).sum();
        Self { source: Source::User(slices), offset: 0, remaining }
    }

    /// A cursor over kernel memory.
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { remaining: bytes.len(), source: Source::Kernel(bytes), offset: 0 }
    }

    /// Bytes that are left.
    pub const fn remaining(&self) -> usize {
        self.remaining
    }

    /// Fills as much of `to` as is left and returns how much that was. After `EFAULT` the cursor
    /// stands behind what was copied before the bad address.
    pub fn copy(&mut self, to: &mut [u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while let Some(room) = to.get_mut(done..).filter(|room| !room.is_empty()) {
            let count = match &mut self.source {
                Source::Kernel(bytes) => {
                    let left = bytes.get(self.offset..).unwrap_or_default();
                    let count = left.len().min(room.len());
                    room[..count].copy_from_slice(&left[..count]);
                    self.offset += count;
                    count
                }
                Source::User(slices) => {
                    let Some((first, rest)) = slices.split_first() else { break };
                    let count = (first.length - self.offset).min(room.len());
                    if count == 0 {
                        (*slices, self.offset) = (rest, 0);
                        continue;
                    }
                    let address =
                        first.address.checked_add(self.offset as u64).ok_or(Errno::FAULT)?;
                    access::copy_in(&mut room[..count], address)?;
                    self.offset += count;
                    count
                }
            };
            if count == 0 {
                break;
            }
            done += count;
            self.remaining -= count;
        }
        Ok(done)
    }

    /// Passes over everything that is left, without looking at it, and says how much that was.
    pub fn skip_all(&mut self) -> usize {
        if let Source::User(slices) = &mut self.source {
            *slices = &[];
        }
        self.offset = match &self.source {
            Source::User(_) => 0,
            Source::Kernel(bytes) => bytes.len(),
        };
        core::mem::take(&mut self.remaining)
    }

    /// Copies everything that is left; the caller bounds [`UserReader::remaining`] first.
    pub fn copy_all(&mut self) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.remaining).map_err(|_| Errno::NOMEM)?;
        bytes.resize(self.remaining, 0);
        let count = self.copy(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }
}

enum Sink<'a> {
    User(&'a [UserSlice]),
    Kernel(&'a mut [u8]),
}

/// A cursor that puts bytes into user memory (or into the kernel's own).
pub struct UserWriter<'a> {
    sink: Sink<'a>,
    offset: usize,
    remaining: usize,
}

impl<'a> UserWriter<'a> {
    /// A cursor at the beginning of `slices`.
    pub fn new(slices: &'a [UserSlice]) -> Self {
        let remaining = slices.iter().map(|slice| slice.length).sum();
        Self { sink: Sink::User(slices), offset: 0, remaining }
    }

    /// A cursor over kernel memory.
    pub fn from_bytes(bytes: &'a mut [u8]) -> Self {
        Self { remaining: bytes.len(), sink: Sink::Kernel(bytes), offset: 0 }
    }

    /// Room that is left.
    pub const fn remaining(&self) -> usize {
        self.remaining
    }

    /// Copies as much of `from` as there is room for and returns how much that was.
    pub fn copy(&mut self, from: &[u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while let Some(left) = from.get(done..).filter(|left| !left.is_empty()) {
            let count = match &mut self.sink {
                Sink::Kernel(bytes) => {
                    let room = bytes.get_mut(self.offset..).unwrap_or_default();
                    let count = left.len().min(room.len());
                    room[..count].copy_from_slice(&left[..count]);
                    self.offset += count;
                    count
                }
                Sink::User(slices) => {
                    let Some((first, rest)) = slices.split_first() else { break };
                    let count = (first.length - self.offset).min(left.len());
                    if count == 0 {
                        (*slices, self.offset) = (rest, 0);
                        continue;
                    }
                    let address =
                        first.address.checked_add(self.offset as u64).ok_or(Errno::FAULT)?;
                    access::copy_out(address, &left[..count])?;
                    self.offset += count;
                    count
                }
            };
            if count == 0 {
                break;
            }
            done += count;
            self.remaining -= count;
        }
        Ok(done)
    }

    /// Puts up to `count` zero bytes.
    pub fn zero(&mut self, count: usize) -> Result<usize, Errno> {
        const ZEROS: [u8; 512] = [0; 512];
        let mut done = 0;
        while done < count {
            let n = self.copy(&ZEROS[..(count - done).min(ZEROS.len())])?;
            if n == 0 {
                break;
            }
            done += n;
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_over_kernel_memory_move_and_stop() {
        let mut reader = UserReader::from_bytes(b"abcdef");
        let mut part = [0; 4];
        assert_eq!(reader.copy(&mut part), Ok(4));
        assert_eq!((&part, reader.remaining()), (b"abcd", 2));
        assert_eq!(reader.copy(&mut part), Ok(2));
        assert_eq!(reader.copy(&mut part), Ok(0));
        let mut skipped = UserReader::from_bytes(b"abc");
        assert_eq!((skipped.skip_all(), skipped.remaining()), (3, 0));
        assert_eq!(skipped.copy(&mut part), Ok(0));

        let mut room = [b'.'; 5];
        let mut writer = UserWriter::from_bytes(&mut room);
        assert_eq!(writer.copy(b"abc"), Ok(3));
        assert_eq!(writer.zero(9), Ok(2));
        assert_eq!(writer.copy(b"x"), Ok(0));
        assert_eq!(&room, b"abc\0\0");
    }

    /// Rows: API-24
    #[test]
    fn empty_segments_are_skipped_and_bad_addresses_fault() {
        let slices = [UserSlice::new(0, 0), UserSlice::new(0x1000, 3)];
        let mut reader = UserReader::new(&slices);
        assert_eq!(reader.remaining(), 3);
        assert_eq!(reader.copy(&mut [0; 8]), Err(Errno::FAULT));
        let mut writer = UserWriter::new(&slices);
        assert_eq!(writer.copy(b"x"), Err(Errno::FAULT));
        assert_eq!(UserWriter::new(&slices[..1]).copy(b"x"), Ok(0));
    }

    #[test]
    fn lengths_are_cut_as_linux_does() {
        assert_eq!(UserSlice::new(1, u64::MAX).length, MAX_TRANSFER);
    }

    #[test]
    fn plain_values_round_trip() {
        let bytes = 0x0102_0304_u32.as_bytes().to_vec();
        assert_eq!(u32::from_bytes(&bytes), Some(0x0102_0304));
        assert_eq!(u32::from_bytes(&bytes[1..]), None);
    }
}
