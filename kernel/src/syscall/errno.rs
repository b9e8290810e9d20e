//! Error numbers of system calls, by the names of errno(3) without the leading `E`.
//!
//! The values come from Linux's own headers (`linux-raw-sys`). A system call returns one as a
//! negative result in `-4095 ..= -1`.

use core::fmt;
use linux_raw_sys::errno;

/// Why a system call failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

macro_rules! errno {
    ($($(#[$doc:meta])* $name:ident = $value:ident;)*) => {
        impl Errno {
            $($(#[$doc])* pub const $name: Self = Self(errno::$value as u16);)*

            /// The name in errno(3), such as `ENOENT`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($value),)*
                    _ => "ERESTARTSYS",
                }
            }
        }
    };
}

errno! {
    /// Operation not permitted.
    PERM = EPERM;
    /// No such file or directory.
    NOENT = ENOENT;
    /// No such process.
    SRCH = ESRCH;
    /// Interrupted system call.
    INTR = EINTR;
    /// Input/output error.
    IO = EIO;
    /// No such device or address.
    NXIO = ENXIO;
    /// Argument list too long.
    TOOBIG = E2BIG;
    /// Not a program that can be run.
    NOEXEC = ENOEXEC;
    /// Bad file descriptor.
    BADF = EBADF;
    /// No child processes.
    CHILD = ECHILD;
    /// Would block; the same number as `EWOULDBLOCK`.
    AGAIN = EAGAIN;
    /// Out of memory.
    NOMEM = ENOMEM;
    /// Permission denied.
    ACCES = EACCES;
    /// Bad address.
    FAULT = EFAULT;
    /// Device or resource busy.
    BUSY = EBUSY;
    /// File exists.
    EXIST = EEXIST;
    /// Link between file systems.
    XDEV = EXDEV;
    /// No such device.
    NODEV = ENODEV;
    /// Not a directory.
    NOTDIR = ENOTDIR;
    /// Is a directory.
    ISDIR = EISDIR;
    /// Invalid argument.
    INVAL = EINVAL;
    /// Too many open files in the system.
    NFILE = ENFILE;
    /// Too many open files in the process.
    MFILE = EMFILE;
    /// The request does not fit the kind of file.
    NOTTY = ENOTTY;
    /// Text file busy.
    TXTBSY = ETXTBSY;
    /// File too large.
    FBIG = EFBIG;
    /// No space left.
    NOSPC = ENOSPC;
    /// The file has no position.
    SPIPE = ESPIPE;
    /// Read-only file system.
    ROFS = EROFS;
    /// Too many links.
    MLINK = EMLINK;
    /// Nobody reads the other end.
    PIPE = EPIPE;
    /// Argument out of the function's domain.
    DOM = EDOM;
    /// Result too large.
    RANGE = ERANGE;
    /// Would deadlock.
    DEADLK = EDEADLK;
    /// Name too long.
    NAMETOOLONG = ENAMETOOLONG;
    /// No locks available.
    NOLCK = ENOLCK;
    /// No such system call.
    NOSYS = ENOSYS;
    /// Directory not empty.
    NOTEMPTY = ENOTEMPTY;
    /// Too many symbolic links.
    LOOP = ELOOP;
    /// No message of the desired type.
    NOMSG = ENOMSG;
    /// No data available.
    NODATA = ENODATA;
    /// Timer expired.
    TIME = ETIME;
    /// Protocol error.
    PROTO = EPROTO;
    /// Bad message.
    BADMSG = EBADMSG;
    /// Value too large.
    OVERFLOW = EOVERFLOW;
    /// Illegal byte sequence.
    ILSEQ = EILSEQ;
    /// Too many users.
    USERS = EUSERS;
    /// Not a socket.
    NOTSOCK = ENOTSOCK;
    /// Destination address required.
    DESTADDRREQ = EDESTADDRREQ;
    /// Message too long.
    MSGSIZE = EMSGSIZE;
    /// Wrong protocol type for the socket.
    PROTOTYPE = EPROTOTYPE;
    /// Protocol option not available.
    NOPROTOOPT = ENOPROTOOPT;
    /// Protocol not supported.
    PROTONOSUPPORT = EPROTONOSUPPORT;
    /// Socket type not supported.
    SOCKTNOSUPPORT = ESOCKTNOSUPPORT;
    /// Operation not supported.
    OPNOTSUPP = EOPNOTSUPP;
    /// Protocol family not supported.
    PFNOSUPPORT = EPFNOSUPPORT;
    /// Address family not supported.
    AFNOSUPPORT = EAFNOSUPPORT;
    /// Address already in use.
    ADDRINUSE = EADDRINUSE;
    /// Address not available.
    ADDRNOTAVAIL = EADDRNOTAVAIL;
    /// Network is down.
    NETDOWN = ENETDOWN;
    /// Network is unreachable.
    NETUNREACH = ENETUNREACH;
    /// Network dropped the connection.
    NETRESET = ENETRESET;
    /// Connection aborted.
    CONNABORTED = ECONNABORTED;
    /// Connection reset by the peer.
    CONNRESET = ECONNRESET;
    /// No buffer space.
    NOBUFS = ENOBUFS;
    /// Already connected.
    ISCONN = EISCONN;
    /// Not connected.
    NOTCONN = ENOTCONN;
    /// Cannot send after shutdown.
    SHUTDOWN = ESHUTDOWN;
    /// Timed out.
    TIMEDOUT = ETIMEDOUT;
    /// Connection refused.
    CONNREFUSED = ECONNREFUSED;
    /// Host is down.
    HOSTDOWN = EHOSTDOWN;
    /// No route to the host.
    HOSTUNREACH = EHOSTUNREACH;
    /// Operation already in progress.
    ALREADY = EALREADY;
    /// Operation now in progress.
    INPROGRESS = EINPROGRESS;
    /// Stale handle.
    STALE = ESTALE;
    /// Quota exceeded.
    DQUOT = EDQUOT;
    /// Operation canceled.
    CANCELED = ECANCELED;
}

impl Errno {
    /// A signal arrived while the call waited. It never reaches a program: on the way back to it
    /// the call starts again when the handler has `SA_RESTART` or none runs, and otherwise ends
    /// with [`Errno::INTR`]. (Linux keeps the same number for itself.)
    pub const RESTARTSYS: Self = Self(512);

    /// The positive number.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// What goes into `x0`: the negative number.
    pub const fn to_result(self) -> i64 {
        -(self.0 as i64)
    }

    /// For the calls that signal(7) lists as never restarted: an interrupted wait ends with
    /// [`Errno::INTR`] whatever the handler's flags say.
    #[must_use]
    pub fn never_restart(self) -> Self {
        if self == Self::RESTARTSYS { Self::INTR } else { self }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_linux() {
        for (errno, number, name) in [
            (Errno::PERM, 1, "EPERM"),
            (Errno::TOOBIG, 7, "E2BIG"),
            (Errno::AGAIN, 11, "EAGAIN"),
            (Errno::NOSYS, 38, "ENOSYS"),
            (Errno::HOSTUNREACH, 113, "EHOSTUNREACH"),
        ] {
            assert_eq!(errno.raw(), number);
            assert_eq!(errno.to_result(), -i64::from(number));
            assert_eq!(errno.name(), name);
        }
    }

    #[test]
    fn a_restart_becomes_an_interruption() {
        assert_eq!(Errno::RESTARTSYS.never_restart(), Errno::INTR);
        assert_eq!(Errno::BADF.never_restart(), Errno::BADF);
    }
}
