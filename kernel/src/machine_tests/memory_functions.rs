//! memcpy, memmove, memset and memcmp against the obvious loops.

use super::{Outcome, check};
use alloc::vec::Vec;
use core::ffi::c_int;
use core::hint::black_box;

unsafe extern "C" {
    fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
    fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
    fn memset(to: *mut u8, byte: c_int, length: usize) -> *mut u8;
    fn memcmp(a: *const u8, b: *const u8, length: usize) -> c_int;
}

/// Lengths around every branch of the functions.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=140).chain([191, 192, 193, 255, 256, 257, 1000, 1440, 4095])
}

/// Bytes that differ from their neighbors, wherever one looks.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + index / 256) as u8).collect()
}

// What is expected must not come from the functions under test, which the compiler would call for
// a plain loop, too.
fn copy_slowly(from: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(from.len());
    for byte in from {
        copy.push(black_box(*byte));
    }
    copy
}

fn equal_slowly(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| black_box(*a) == *b)
}

/// `original` after a move of `length` bytes within it.
fn moved(original: &[u8], from: usize, to: usize, length: usize) -> Vec<u8> {
    let mut expected = copy_slowly(original);
    for (slot, byte) in expected[to..to + length].iter_mut().zip(&original[from..from + length]) {
        *slot = black_box(*byte);
    }
    expected
}

pub(super) fn copies() -> Outcome {
    const SIZE: usize = 8704;

    let original = pattern(SIZE);
    for length in lengths() {
        for (from, to) in [(0, 4096), (1, 4099), (7, 4096), (15, 4111), (4096, 3), (4101, 8)] {
            let expected = moved(&original, from, to, length);
            let mut actual = copy_slowly(&original);
            let start = actual.as_mut_ptr();
            // SAFETY: both ranges are inside of the vector, and memcpy only gets ranges that don't
            // overlap.
            let result = unsafe {
                let far_apart = from.abs_diff(to) >= length;
                let copy = if far_apart { memcpy } else { memmove };
                copy(start.add(to), start.add(from), length)
            };
            check!(result == start.wrapping_add(to), "memcpy of {length} returns something else");
            let equal = equal_slowly(&actual, &expected);
            check!(equal, "{length} bytes from {from} to {to}");
        }
        for distance in [0, 1, 2, 7, 8, 15, 16, 17, 31, 63, 64, 65, 128, 200] {
            for (from, to) in [(500, 500 + distance), (500 + distance, 500)] {
                let expected = moved(&original, from, to, length);
                let mut actual = copy_slowly(&original);
                let start = actual.as_mut_ptr();
                // SAFETY: both ranges are inside of the vector; memmove lets them overlap.
                unsafe { memmove(start.add(to), start.add(from), length) };
                let equal = equal_slowly(&actual, &expected);
                check!(equal, "memmove of {length} bytes from {from} to {to}");
            }
        }
    }
    Ok(())
}

pub(super) fn fills() -> Outcome {
    let original = pattern(8192);
    for length in lengths().chain([5000, 7000]) {
        for offset in [64, 65, 71, 79, 100] {
            for byte in [0, 0xa5] {
                let mut expected = copy_slowly(&original);
                for slot in &mut expected[offset..offset + length] {
                    *slot = black_box(byte);
                }
                let mut actual = copy_slowly(&original);
                // SAFETY: the range is inside of the vector.
                unsafe { memset(actual.as_mut_ptr().add(offset), c_int::from(byte), length) };
                check!(equal_slowly(&actual, &expected), "{length} bytes of {byte} at {offset}");
            }
        }
    }
    Ok(())
}

pub(super) fn comparisons() -> Outcome {
    let a = pattern(300);
    for length in 0..200 {
        let b = copy_slowly(&a);
        // SAFETY: both are longer than `length`.
        let equal = unsafe { memcmp(a.as_ptr(), b.as_ptr(), length) };
        check!(equal == 0, "equal {length} bytes compare as {equal}");
        for position in 0..length {
            for other in [0, 0x7f, 0x80, 0xff] {
                let mut b = copy_slowly(&a);
                b[position] = other;
                // Behind the difference everything is the other way round.
                for byte in &mut b[position + 1..] {
                    *byte = !*byte;
                }
                // SAFETY: both are longer than `length`.
                let order = unsafe { memcmp(a.as_ptr(), b.as_ptr(), length) };
                let expected = a[..length].iter().cmp(b[..length].iter());
                check!(
                    order.cmp(&0) == expected,
                    "{length} bytes that differ at {position}: {order}, not {expected:?}"
                );
            }
        }
    }
    Ok(())
}
