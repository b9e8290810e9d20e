//! From the number of a system call to its function, and from its result to X0.
#![allow(non_upper_case_globals, reason = "the numbers of system calls have the names of Linux")]
#![allow(clippy::match_same_arms, reason = "the calls stand in families")]

use super::arguments::Arguments;
use super::errno::Errno;
use super::{
    descriptors, directories, epoll, files, identity, memory, metadata, poll, processes,
    read_write, resources, signals, socket, splice, system, time,
};
use crate::arch::aarch64::UserContext;
use crate::executor;
use crate::process::Next;
use crate::process::Process;
use crate::process::deliver::{self, Restart};
use crate::process::status::ExitStatus;
use crate::sync::TaskCell;
use alloc::collections::BTreeSet;
use alloc::rc::Rc;
#[allow(clippy::wildcard_imports, reason = "the numbers of all system calls")]
use linux_raw_sys::general::*;

/// Numbers that were asked for in vain, each logged once.
static UNKNOWN: TaskCell<BTreeSet<u32>> = TaskCell::new(BTreeSet::new());
/// So that a program which counts through all numbers does not fill the heap.
const UNKNOWN_MAX: usize = 512;

/// Handles the system call in `context`.
pub async fn handle(process: &Rc<Process>, context: &mut UserContext) -> Next {
    // Only the low half of the register means anything.
    let number = context.x[8] as u32;
    let first_argument = context.x[0];
    let arguments = Arguments([0, 1, 2, 3, 4, 5].map(|index| context.x[index]));
    let result = match number {
        __NR_exit | __NR_exit_group => {
            return Next::Exit(ExitStatus::Exited(arguments.int(0) as u8));
        }
        __NR_rt_sigreturn => {
            deliver::return_from_handler(process, context);
            return Next::Resume;
        }
        __NR_execve => match processes::execve(process, arguments) {
            Ok(fresh) => {
                *context = fresh;
                return Next::Resume;
            }
            Err(error) => Err(error),
        },
        __NR_clone => processes::clone(process, context, arguments).await,
        __NR_sigaltstack => signals::sigaltstack(process, arguments, context.sp),
        _ => dispatch(process, number, arguments).await,
    };
    match result {
        Ok(value) => {
            context.x[0] = value as u64;
            Next::Resume
        }
        Err(Errno::RESTARTSYS) => {
            context.x[0] = Errno::INTR.to_result() as u64;
            Next::Interrupted(Restart { first_argument })
        }
        Err(error) => {
            context.x[0] = error.to_result() as u64;
            Next::Resume
        }
    }
}

fn unknown(process: &Process, number: u32) -> Errno {
    let fresh = UNKNOWN.with(|seen| seen.len() < UNKNOWN_MAX && seen.insert(number));
    if fresh {
        let name = process.program().name.clone();
        let name = alloc::string::String::from_utf8_lossy(&name);
        log::warn!("{name}[{}]: system call {number} does not exist", process.pid());
    }
    Errno::NOSYS
}

async fn dispatch(process: &Rc<Process>, number: u32, a: Arguments) -> Result<usize, Errno> {
    match number {
        // Reading and writing.
        __NR_read => read_write::read(process, a).await,
        __NR_write => read_write::write(process, a).await,
        __NR_readv => read_write::readv(process, a).await,
        __NR_writev => read_write::writev(process, a).await,
        __NR_pread64 => read_write::pread64(process, a),
        __NR_pwrite64 => read_write::pwrite64(process, a),
        __NR_preadv => read_write::preadv(process, a),
        __NR_pwritev => read_write::pwritev(process, a),
        __NR_lseek => read_write::lseek(process, a),
        __NR_sendfile => read_write::sendfile(process, a).await,
        __NR_splice => splice::splice(process, a).await,

        // Descriptors.
        __NR_close => descriptors::close(process, a).await,
        __NR_close_range => descriptors::close_range(process, a).await,
        __NR_dup => descriptors::dup(process, a),
        __NR_dup3 => descriptors::dup3(process, a).await,
        __NR_fcntl => descriptors::fcntl(process, a),
        __NR_pipe2 => descriptors::pipe2(process, a),
        __NR_ioctl => descriptors::ioctl(process, a),
        __NR_flock => process.file(a.int(0)).map(|_| 0),

        // Files and directories.
        __NR_openat => files::openat(process, a),
        __NR_truncate => files::truncate(process, a),
        __NR_ftruncate => files::ftruncate(process, a),
        __NR_readlinkat => files::readlinkat(process, a),
        __NR_faccessat => files::faccessat(process, a, 0),
        __NR_faccessat2 => files::faccessat(process, a, a.unsigned(3)),
        __NR_getdents64 => directories::getdents64(process, a),
        __NR_mkdirat => directories::mkdirat(process, a),
        __NR_mknodat => directories::mknodat(process, a),
        __NR_symlinkat => directories::symlinkat(process, a),
        __NR_linkat => directories::linkat(process, a),
        __NR_unlinkat => directories::unlinkat(process, a),
        __NR_renameat => directories::renameat2(process, a, 0),
        __NR_renameat2 => directories::renameat2(process, a, a.unsigned(4)),
        __NR_getcwd => directories::getcwd(process, a),
        __NR_chdir => directories::chdir(process, a),
        __NR_fchdir => directories::fchdir(process, a),
        __NR_umask => {
            let mask = a.unsigned(0) & 0o777;
            Ok(process.files().umask.replace(mask) as usize)
        }
        __NR_fstat => metadata::fstat(process, a),
        __NR_newfstatat => metadata::newfstatat(process, a),
        __NR_statfs => metadata::statfs(process, a),
        __NR_fstatfs => metadata::fstatfs(process, a),
        __NR_fchmod => metadata::fchmod(process, a),
        __NR_fchmodat => metadata::fchmodat(process, a),
        __NR_fchown => metadata::fchown(process, a),
        __NR_fchownat => metadata::fchownat(process, a),
        __NR_utimensat => metadata::utimensat(process, a),
        // All files are in memory: there is nothing to write anywhere.
        __NR_fsync | __NR_fdatasync | __NR_syncfs => process.file(a.int(0)).map(|_| 0),
        __NR_sync => Ok(0),

        // Waiting for files.
        __NR_ppoll => poll::ppoll(process, a).await,
        __NR_pselect6 => poll::pselect6(process, a).await,
        __NR_epoll_create1 => epoll::epoll_create1(process, a),
        __NR_epoll_ctl => epoll::epoll_ctl(process, a),
        __NR_epoll_pwait => epoll::epoll_pwait(process, a).await,

        // Sockets.
        __NR_socket => socket::socket(process, a.unsigned(0), a.unsigned(1), a.unsigned(2)),
        __NR_socketpair => socket::socketpair(a.unsigned(0)),
        __NR_bind => socket::bind(process, a.int(0), a.long(1), a.unsigned(2)),
        __NR_listen => socket::listen(process, a.int(0), a.int(1)),
        __NR_accept => socket::accept4(process, a.int(0), a.long(1), a.pointer(2), 0).await,
        __NR_accept4 => {
            socket::accept4(process, a.int(0), a.long(1), a.pointer(2), a.unsigned(3)).await
        }
        __NR_connect => socket::connect(process, a.int(0), a.long(1), a.unsigned(2)).await,
        __NR_getsockname => socket::getsockname(process, a.int(0), a.long(1), a.pointer(2)),
        __NR_getpeername => socket::getpeername(process, a.int(0), a.long(1), a.pointer(2)),
        __NR_sendto => {
            let (flags, length) = (a.unsigned(3), a.unsigned(5));
            socket::sendto(process, a.int(0), a.slice(1), flags, a.long(4), length).await
        }
        __NR_recvfrom => {
            let (flags, length) = (a.unsigned(3), a.pointer(5));
            socket::recvfrom(process, a.int(0), a.slice(1), flags, a.long(4), length).await
        }
        __NR_sendmsg => socket::sendmsg(process, a.int(0), a.long(1), a.unsigned(2)).await,
        __NR_recvmsg => socket::recvmsg(process, a.int(0), a.long(1), a.unsigned(2)).await,
        __NR_sendmmsg => {
            socket::sendmmsg(process, a.int(0), a.long(1), a.unsigned(2), a.unsigned(3)).await
        }
        __NR_recvmmsg => socket::recvmmsg(process, a).await,
        __NR_setsockopt => {
            let (level, name, length) = (a.unsigned(1), a.unsigned(2), a.unsigned(4));
            socket::setsockopt(process, a.int(0), level, name, a.long(3), length)
        }
        __NR_getsockopt => {
            let (level, name, length) = (a.unsigned(1), a.unsigned(2), a.pointer(4));
            socket::getsockopt(process, a.int(0), level, name, a.long(3), length)
        }
        __NR_shutdown => socket::shutdown(process, a.int(0), a.unsigned(1)),

        // Memory.
        __NR_brk => memory::brk(process, a),
        __NR_mmap => memory::mmap(process, a),
        __NR_munmap => memory::munmap(process, a),
        __NR_mprotect => memory::mprotect(process, a),
        __NR_madvise => memory::madvise(process, a),
        // Memory is never swapped and never written back.
        __NR_mlock | __NR_munlock | __NR_mlockall | __NR_munlockall | __NR_msync => Ok(0),

        // Processes.
        __NR_wait4 => processes::wait4(process, a).await,
        __NR_waitid => processes::waitid(process, a).await,
        __NR_futex => processes::futex(process, a).await,
        __NR_set_tid_address => {
            process.set_clear_child_tid(a.long(0));
            Ok(process.pid() as usize)
        }
        // A list of locks matters only where threads die holding them.
        __NR_set_robust_list => {
            if a.long(1) == 24 {
                Ok(0)
            } else {
                Err(Errno::INVAL)
            }
        }
        __NR_sched_yield => {
            executor::yield_now().await;
            Ok(0)
        }

        // Who a process is.
        __NR_getpid | __NR_gettid => Ok(process.pid() as usize),
        __NR_getppid => Ok(process.family().parent as usize),
        __NR_setpgid => identity::setpgid(process, a),
        __NR_getpgid => identity::getpgid(process, a),
        __NR_getsid => identity::getsid(process, a),
        __NR_setsid => identity::setsid(process),
        __NR_getuid | __NR_geteuid | __NR_getgid | __NR_getegid | __NR_getgroups => Ok(0),
        __NR_setfsuid | __NR_setfsgid => Ok(0),
        __NR_setuid | __NR_setgid => identity::set_identity(&[a.unsigned(0)]),
        __NR_setreuid | __NR_setregid => identity::set_identity(&[a.unsigned(0), a.unsigned(1)]),
        __NR_setresuid | __NR_setresgid => {
            identity::set_identity(&[a.unsigned(0), a.unsigned(1), a.unsigned(2)])
        }
        __NR_getresuid | __NR_getresgid => identity::get_identities(a),
        __NR_setgroups => Ok(0),
        __NR_prctl => identity::prctl(process, a),

        // Signals.
        __NR_kill => signals::kill(process, a),
        __NR_tkill => signals::kill_thread(process, None, a.int(0), a.int(1)),
        __NR_tgkill => signals::kill_thread(process, Some(a.int(0)), a.int(1), a.int(2)),
        __NR_rt_sigaction => signals::rt_sigaction(process, a),
        __NR_rt_sigprocmask => signals::rt_sigprocmask(process, a),
        __NR_rt_sigpending => signals::rt_sigpending(process, a),
        __NR_rt_sigsuspend => signals::rt_sigsuspend(process, a).await,
        __NR_rt_sigtimedwait => signals::rt_sigtimedwait(process, a).await,

        // Time.
        __NR_clock_gettime => time::clock_gettime(process, a),
        __NR_clock_settime => time::clock_settime(a),
        __NR_clock_getres => time::clock_getres(process, a),
        __NR_gettimeofday => time::gettimeofday(a),
        __NR_settimeofday => time::settimeofday(a),
        __NR_nanosleep => time::nanosleep(process, a).await,
        __NR_clock_nanosleep => time::clock_nanosleep(process, a).await,
        __NR_getitimer => time::getitimer(process, a),
        __NR_setitimer => time::setitimer(process, a),

        // Resources.
        __NR_prlimit64 => resources::prlimit64(process, a),
        __NR_getrlimit => resources::getrlimit(process, a),
        __NR_setrlimit => resources::setrlimit(process, a),
        __NR_getrusage => resources::getrusage(process, a),
        __NR_times => resources::times(process, a),
        __NR_sched_getaffinity => resources::sched_getaffinity(process, a),
        __NR_getcpu => resources::getcpu(a),
        __NR_getpriority => Ok(resources::PRIORITY),
        __NR_setpriority => Ok(0),

        // The system.
        __NR_uname => system::uname(a),
        __NR_sethostname => system::sethostname(a),
        __NR_sysinfo => system::sysinfo(a),
        __NR_syslog => system::syslog(a),
        __NR_getrandom => system::getrandom(a),
        __NR_reboot => system::reboot(a),

        // Calls that libraries try first and know to do without: not worth a line in the log.
        __NR_rseq | __NR_clone3 | __NR_statx | __NR_membarrier | __NR_openat2 | __NR_pidfd_open
        | __NR_copy_file_range | __NR_get_robust_list | __NR_mremap => Err(Errno::NOSYS),
        __NR_getxattr | __NR_lgetxattr | __NR_fgetxattr | __NR_listxattr | __NR_llistxattr
        | __NR_flistxattr | __NR_setxattr | __NR_lsetxattr | __NR_fsetxattr => {
            Err(Errno::OPNOTSUPP)
        }

        _ => Err(unknown(process, number)),
    }
}
