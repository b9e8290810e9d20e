//! Why there is no address.

use core::fmt;

use rustix::io::Errno;

use crate::exchange::Failure;

/// Why there is no address, or no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nobody knows the name, or the zone.
    Unknown,
    /// The name exists, but has no IPv6 address.
    NoAddress,
    /// It is an IPv4 address.
    NotIpv6,
    /// There is nobody to ask.
    NoServer,
    /// Those who were asked did not answer, or said that they can't at the moment.
    TryAgain(Failure),
    /// Those who were asked refused, or talked nonsense.
    Failed(Failure),
    /// A signal came.
    Interrupted,
    /// This host could not ask.
    System(Errno),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        use domain::base::iana::OptRcode;
        match failure {
            Failure::NoServer => Self::NoServer,
            Failure::Silence | Failure::Unreachable(_) | Failure::Refused(OptRcode::SERVFAIL) => {
                Self::TryAgain(failure)
            }
            Failure::Refused(_) | Failure::Malformed => Self::Failed(failure),
        }
    }
}

/// As `gai_strerror(3)` words it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Name or service not known",
            Self::NoAddress => "No address associated with hostname",
            Self::NotIpv6 => "Address family for hostname not supported",
            Self::NoServer => "No name server known",
            Self::TryAgain(_) => "Temporary failure in name resolution",
            Self::Failed(_) => "Non-recoverable failure in name resolution",
            Self::Interrupted => "Interrupted by a signal",
            Self::System(errno) => return write!(f, "{}", rt::strerror(*errno)),
        })
    }
}
