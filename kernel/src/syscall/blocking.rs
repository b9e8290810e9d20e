//! Where system calls wait for files: try, wait until something has changed, try again.
//!
//! Every wait ends when a signal must be looked at.

use super::errno::Errno;
use super::user_memory::{UserReader, UserWriter};
use crate::fs::file::{OpenFile, TimeLimit};
use crate::process::Process;
use crate::time::{self, Instant};

/// Repeats `attempt` until it answers something else than `EAGAIN`. With `O_NONBLOCK` that is the
/// answer, too. `None` when `deadline` has come.
pub async fn until_done<T>(
    process: &Process,
    file: &OpenFile,
    deadline: Option<Instant>,
    mut attempt: impl FnMut() -> Result<T, Errno>,
) -> Result<Option<T>, Errno> {
    match attempt() {
        Err(Errno::AGAIN) => {}
        done => return done.map(Some),
    }
    let Some(queue) = file.file().wait_queue().filter(|_| !file.non_blocking()) else {
        return Err(Errno::AGAIN);
    };
    let done = queue.wait_until(|| match attempt() {
        Err(Errno::AGAIN) => None,
        done => Some(done),
    });
    process.interruptible_until(deadline, done).await?.transpose()
}

/// As [`until_done`]; when the time is up, the answer is the one that belongs to the limit.
pub async fn within(
    process: &Process,
    file: &OpenFile,
    limit: Option<TimeLimit>,
    attempt: impl FnMut() -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    let deadline = limit.map(|limit| time::now() + limit.after);
    let done = until_done(process, file, deadline, attempt).await?;
    done.map_or_else(|| limit.map_or(Ok(0), |limit| limit.result), Ok)
}

/// Reads what there is, waiting for the first byte.
pub async fn read(
    process: &Process,
    file: &OpenFile,
    to: &mut UserWriter<'_>,
) -> Result<usize, Errno> {
    within(process, file, file.file().read_limit(), || file.try_read(to)).await
}

/// Writes everything, waiting for room; with `O_NONBLOCK`, or when a signal comes, what there was
/// room for. A broken pipe also sends SIGPIPE.
pub async fn write(
    process: &Process,
    file: &OpenFile,
    from: &mut UserReader<'_>,
) -> Result<usize, Errno> {
    let wanted = from.remaining();
    let mut total = 0;
    loop {
        let limit = file.file().write_limit();
        let step = within(process, file, limit, || file.try_write(from)).await;
        match step {
            Ok(written) => total += written,
            Err(Errno::PIPE) if total == 0 => {
                process.raise_broken_pipe();
                return Err(Errno::PIPE);
            }
            Err(error) if total == 0 => return Err(error),
            Err(_) => return Ok(total),
        }
        if total >= wanted || step == Ok(0) {
            return Ok(total);
        }
    }
}
