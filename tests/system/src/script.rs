//! The network that `tools/lab.sh` makes, with the guest in it, driven as its users do.

use crate::guest::{Guest, PATIENCE};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Linux as the first router and host of the lab.
pub const ROUTER: &str = "2001:db8:1::1";
/// The host behind it.
pub const FAR: &str = "2001:db8:2::2";

/// A lab that is up. Dropping it removes it.
pub struct ScriptedLab {
    /// The namespaces have names of their own, so there is one lab at a time.
    _alone: MutexGuard<'static, ()>,
}

impl ScriptedLab {
    /// `tools/lab.sh up` with these options.
    #[track_caller]
    pub fn up(options: &[&str]) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let lab = Self { _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner) };
        let words: Vec<_> = ["up"].into_iter().chain(options.iter().copied()).collect();
        lab.run(&words);
        lab
    }

    /// Boots a guest on the first TAP and waits for its shell.
    #[track_caller]
    pub fn boot(&self, options: &[&str]) -> Guest {
        let all: Vec<_> =
            ["--usb-net-backend", "tap"].into_iter().chain(options.iter().copied()).collect();
        let mut guest = Guest::boot(&all, None);
        guest.wait_for_shell();
        guest
    }

    /// Runs `tools/lab.sh` with these words and returns what it printed; it must succeed.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        let output = self.try_run(words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "lab.sh {words:?}: {}\n{text}{error}", output.status);
        text
    }

    /// The same, whatever its exit status.
    pub fn try_run(&self, words: &[&str]) -> Output {
        Command::new(script()).args(words).output().expect("lab.sh runs")
    }

    /// Runs a line of shell beside the router; it must succeed.
    #[track_caller]
    pub fn shell(&self, line: &str) -> String {
        self.run(&["shell", "sh", "-c", line])
    }

    /// Runs a line of shell beside the router until what it prints satisfies `condition`.
    #[track_caller]
    pub fn shell_until(&self, line: &str, condition: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.shell(line);
            if condition(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "`{line}` at last printed:\n{text}");
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
}

impl Drop for ScriptedLab {
    fn drop(&mut self) {
        let output = self.try_run(&["down"]);
        if !output.status.success() {
            eprintln!("lab.sh down: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/lab.sh")
}
