//! A system call that failed, for the message about it.

use core::fmt;

use rt::strerror;
use rustix::io::Errno;

/// Which call failed and why; prints as `bind: Address already in use`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The call.
    pub call: &'static str,
    /// Its error.
    pub errno: Errno,
}

impl Failure {
    /// Makes a failure of the error of `call`: for `map_err`.
    pub fn of(call: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self { call, errno }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, strerror(self.errno))
    }
}
