//! Arguments and environment of the process.

use core::ffi::CStr;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use bstr::{BStr, ByteSlice};

/// Where the kernel left `argc`; null before start-up and in host tests.
static INITIAL_STACK: AtomicPtr<usize> = AtomicPtr::new(ptr::null_mut());

/// Remembers the initial stack.
///
/// # Safety
///
/// As for [`crate::start::begin`]; everything the pointers lead to stays as it is for the life of
/// the process.
pub(crate) unsafe fn set_initial_stack(stack: *const usize) {
    INITIAL_STACK.store(stack.cast_mut(), Ordering::Relaxed);
}

/// Pointers to strings, ended by a null pointer: what `argv` and `envp` are.
#[derive(Clone, Copy, Debug)]
struct PointerList(*const *const u8);

impl PointerList {
    const EMPTY: Self = Self(&raw const NONE.0);

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: `self.0` points into a list that ends with a null, and never past that null,
        // because it is only advanced over pointers that are not null.
        let string = unsafe { *self.0 };
        if string.is_null() {
            return None;
        }
        // SAFETY: the pointer read was not the ending null, so there is a next one.
        self.0 = unsafe { self.0.add(1) };
        // SAFETY: the kernel's strings end with NUL and stay for the life of the process.
        Some(unsafe { CStr::from_ptr(string.cast()) })
    }
}

/// A list with nothing but its end.
struct EmptyList(*const u8);
// SAFETY: the pointer in it is null and is never followed.
unsafe impl Sync for EmptyList {}
static NONE: EmptyList = EmptyList(ptr::null());

/// The arguments still to come, as bytes (a file name need not be UTF-8). The first one of
/// [`arguments`] is the one *after* the program's name.
#[derive(Clone, Debug)]
pub struct Arguments(PointerList);

impl Iterator for Arguments {
    type Item = &'static BStr;

    fn next(&mut self) -> Option<&'static BStr> {
        self.0.next().map(|string| string.to_bytes().as_bstr())
    }
}

impl Arguments {
    /// As the next call of `next` will return it.
    #[must_use]
    pub fn peek(&self) -> Option<&'static BStr> {
        self.clone().next()
    }
}

fn argument_list() -> PointerList {
    let stack = INITIAL_STACK.load(Ordering::Relaxed);
    if stack.is_null() {
        return PointerList::EMPTY;
    }
    // SAFETY: `argv` follows `argc` on the initial stack.
    PointerList(unsafe { stack.add(1) }.cast_const().cast())
}

/// The pointers to the environment's strings, for `execve`.
#[must_use]
pub fn environment_pointers() -> *const *const u8 {
    let mut list = argument_list();
    if INITIAL_STACK.load(Ordering::Relaxed).is_null() {
        return list.0;
    }
    while list.next().is_some() {}
    // SAFETY: `envp` begins after the null that ends `argv`.
    unsafe { list.0.add(1) }
}

/// An entry of the auxiliary vector by its `AT_` number.
#[must_use]
pub fn auxiliary_value(kind: usize) -> Option<usize> {
    if INITIAL_STACK.load(Ordering::Relaxed).is_null() {
        return None;
    }
    let mut list = PointerList(environment_pointers());
    while list.next().is_some() {}
    // SAFETY: the vector begins after the null that ends `envp`.
    let mut entry = unsafe { list.0.add(1) }.cast::<[usize; 2]>();
    loop {
        // SAFETY: the vector consists of such pairs, and `AT_NULL` (0), which ends it, is not
        // passed.
        match unsafe { *entry } {
            [0, _] => return None,
            [this, value] if this == kind => return Some(value),
            // SAFETY: as above, there is a next one.
            _ => entry = unsafe { entry.add(1) },
        }
    }
}

/// The arguments after the program's name.
#[must_use]
pub fn arguments() -> Arguments {
    let mut list = argument_list();
    list.next();
    Arguments(list)
}

/// Argument 0 as it was given.
#[must_use]
pub fn invocation() -> &'static BStr {
    argument_list().next().map_or(BStr::new(b""), |string| string.to_bytes().as_bstr())
}

/// The program's name for its messages: the last component of argument 0.
#[must_use]
pub fn program_name() -> &'static BStr {
    let path = invocation();
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    if name.is_empty() { BStr::new("?") } else { name.as_bstr() }
}

/// The environment the process was started with, `NAME=value` each.
#[must_use]
pub fn environment() -> Arguments {
    Arguments(PointerList(environment_pointers()))
}

/// The value of an environment variable.
#[must_use]
pub fn variable(name: &str) -> Option<&'static BStr> {
    environment().find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value.as_bstr())
    })
}
