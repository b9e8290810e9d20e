//! Redirections (POSIX.1-2024, "Shell Command Language", 2.7).

use alloc::format;
use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::descriptor;
use rt::process::{Fork, fork};
use rt::rustix::fd::{AsFd, OwnedFd};
use rt::rustix::fs::{Mode, OFlags, open};
use rt::rustix::io::Errno;
use rt::rustix::pipe::{PipeFlags, pipe_with};
use rt::{output, strerror};

use crate::expand::{self, ExpansionError};
use crate::shell::Shell;
use crate::syntax::{Redirection, Target};

/// A document up to this size goes through a pipe without anybody reading at the same time.
const PIPE_CAPACITY: usize = 4096;

/// Where descriptors led before they were redirected.
#[derive(Debug, Default)]
pub struct Saved(Vec<(i32, Option<i32>)>);

impl Saved {
    /// Makes them lead there again.
    pub fn restore(self) {
        if self.0.is_empty() {
            return;
        }
        output::flush();
        for (fd, copy) in self.0.into_iter().rev() {
            match copy {
                Some(copy) => {
                    // The number was in use a moment ago, so this can't fail.
                    let _ = descriptor::duplicate_to(copy, fd, false);
                    descriptor::close(copy);
                }
                None => descriptor::close(fd),
            }
        }
        output::redirected();
    }

    /// Leaves the descriptors as they are now (`exec > file`).
    pub fn keep(self) {
        for (_, copy) in self.0 {
            copy.into_iter().for_each(descriptor::close);
        }
    }
}

impl Shell {
    /// Redirects descriptors of this process and returns how to undo it. After an error everything
    /// is as before.
    pub(crate) fn redirect(
        &mut self,
        redirections: &[Redirection],
    ) -> Result<Saved, ExpansionError> {
        let mut saved = Saved::default();
        if !redirections.is_empty() {
            output::flush();
        }
        for redirection in redirections {
            let copy = descriptor::duplicate_above(redirection.fd, 10).ok();
            saved.0.push((redirection.fd, copy));
            if let Err(error) = self.redirect_one(redirection) {
                saved.restore();
                return Err(error);
            }
        }
        output::redirected();
        Ok(saved)
    }

    fn redirect_one(&mut self, redirection: &Redirection) -> Result<(), ExpansionError> {
        let fd = redirection.fd;
        let (word, flags, verb) = match &redirection.target {
            Target::Read(word) => (word, OFlags::RDONLY, "open"),
            Target::Write(word) => {
                (word, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, "create")
            }
            Target::Append(word) => {
                (word, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND, "create")
            }
            Target::ReadWrite(word) => (word, OFlags::RDWR | OFlags::CREATE, "create"),
            Target::Duplicate(word) => {
                let source = expand::string(self, word)?;
                return duplicate(&source, fd);
            }
            Target::HereDocument(content) => {
                let text = match content.get() {
                    Some(word) => expand::string(self, word)?,
                    None => BString::default(),
                };
                return document(&text)
                    .and_then(|reader| descriptor::place(reader, fd))
                    .map_err(|error| failure("create", BStr::new("here-document"), error));
            }
        };
        let path = expand::string(self, word)?;
        let mode = Mode::from_raw_mode(0o666);
        open(path.as_bytes(), flags | OFlags::CLOEXEC, mode)
            .and_then(|file| descriptor::place(file, fd))
            .map_err(|error| failure(verb, path.as_bstr(), error))
    }
}

fn failure(verb: &str, path: &BStr, error: Errno) -> ExpansionError {
    let reason = match error {
        Errno::NOENT if verb == "create" => "Directory nonexistent".into(),
        Errno::NOENT => "No such file".into(),
        error => format!("{}", strerror(error)),
    };
    ExpansionError(format!("cannot {verb} {path}: {reason}").into())
}

fn duplicate(source: &[u8], fd: i32) -> Result<(), ExpansionError> {
    if source == b"-" {
        descriptor::close(fd);
        return Ok(());
    }
    let number =
        rt::number::decimal(source).filter(|number| *number < 1024).map(|number| number as i32);
    let Some(number) = number else {
        return Err(ExpansionError(format!("Bad fd number: {}", BStr::new(source)).into()));
    };
    let result = if number == fd {
        descriptor::duplicate_above(fd, 10).map(descriptor::close)
    } else {
        descriptor::duplicate_to(number, fd, false)
    };
    result.map_err(|error| ExpansionError(format!("{number}: {}", strerror(error)).into()))
}

/// A pipe from which `text` can be read.
fn document(text: &[u8]) -> Result<OwnedFd, Errno> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    if text.len() <= PIPE_CAPACITY {
        output::write_all(writer.as_fd(), text)?;
        return Ok(reader);
    }
    match fork()? {
        Fork::Parent(_) => Ok(reader),
        Fork::Child => {
            drop(reader);
            // Whoever does not read to the end has had enough.
            let _ = output::write_all(writer.as_fd(), text);
            rt::exit::exit_now(rt::ExitCode::SUCCESS)
        }
    }
}
