//! A kernel in QEMU, its console and its monitor.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long a boot or a command may take on a slow machine before the test gives up. It bounds a
/// hang; no test measures time with it.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// What the shell prints when it waits for a command.
const PROMPT: &str = "$ ";

/// A running guest. Dropping it ends QEMU.
pub struct Guest {
    child: Child,
    stdin: ChildStdin,
    console: Arc<Console>,
    /// How much of the console's text has been consumed by `expect`.
    position: usize,
    monitor: PathBuf,
}

#[derive(Default)]
struct Console {
    state: Mutex<ConsoleState>,
    grown: Condvar,
}

#[derive(Default)]
struct ConsoleState {
    text: String,
    closed: bool,
}

/// What a command printed, and its exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Standard output and error, as the console showed them, lines ending in `\n`.
    pub text: String,
    /// `$?` after it.
    pub status: i32,
}

impl Output {
    /// The text, after a check that the command succeeded.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(self.status, 0, "exit status of a command that printed:\n{}", self.text);
        self.text
    }
}

impl Guest {
    /// Boots the kernel named by the environment variable `KERNEL_IMAGE` with these options of
    /// `tools/run-qemu-raspi3b.sh`, inside the network namespace if one is given.
    pub fn boot(options: &[&str], namespace: Option<&str>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let kernel = std::env::var("KERNEL_IMAGE")
            .expect("KERNEL_IMAGE names the kernel to test; `make test-system` sets it");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/run-qemu-raspi3b.sh");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let monitor =
            std::env::temp_dir().join(format!("raspi3b-monitor-{}-{number}", std::process::id()));

        let mut command = if let Some(namespace) = namespace {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", namespace]).arg(&script);
            command
        } else {
            Command::new(&script)
        };
        command.args(["--kernel", &kernel]).arg("--monitor").arg(&monitor).args(options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the run script starts");
        let stdin = child.stdin.take().expect("stdin is a pipe");
        let mut stdout = child.stdout.take().expect("stdout is a pipe");

        let console = Arc::new(Console::default());
        let writer = Arc::clone(&console);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut pending = Vec::new();
            loop {
                let count = stdout.read(&mut buffer).unwrap_or(0);
                pending.extend_from_slice(&buffer[..count]);
                // The last character may be there in part.
                let whole = match std::str::from_utf8(&pending) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => pending.len(),
                };
                let text: Vec<u8> = pending.drain(..whole).collect();
                let mut state = writer.state.lock().expect("no test panics with it locked");
                if count == 0 {
                    state.closed = true;
                } else {
                    state.text.push_str(&String::from_utf8_lossy(&text));
                }
                drop(state);
                writer.grown.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { child, stdin, console, position: 0, monitor }
    }

    /// Boots with a USB network adapter on QEMU's user network and waits for the shell.
    pub fn boot_to_shell(options: &[&str]) -> Self {
        let mut guest = Self::boot(options, None);
        guest.wait_for_shell();
        guest
    }

    /// Waits until init is ready and the shell has prompted.
    #[track_caller]
    pub fn wait_for_shell(&mut self) {
        self.expect("kinit: ready");
        self.expect(PROMPT);
    }

    /// Waits for `text` on the console and returns what came before it.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.expect_within(text, PATIENCE)
    }

    #[track_caller]
    fn expect_within(&mut self, text: &str, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        let mut state = self.console.state.lock().expect("the reader does not panic");
        loop {
            if let Some(found) = state.text[self.position..].find(text) {
                let before = state.text[self.position..self.position + found].to_owned();
                self.position += found + text.len();
                return before;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                let why = if state.closed { "the guest ended" } else { "time ran out" };
                let transcript = state.text.clone();
                drop(state);
                panic!("{why} waiting for {text:?}; the console:\n{transcript}");
            }
            state =
                self.console.grown.wait_timeout(state, left).expect("the reader does not panic").0;
        }
    }

    /// Types `keys` at the console.
    pub fn type_keys(&mut self, keys: &str) {
        self.stdin.write_all(keys.as_bytes()).expect("QEMU reads its console");
        self.stdin.flush().expect("QEMU reads its console");
    }

    /// Runs a command line in the shell.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> Output {
        self.run_within(line, PATIENCE)
    }

    /// Runs a command line that has a lot to do.
    #[track_caller]
    pub fn run_long(&mut self, line: &str) -> Output {
        self.run_within(line, 5 * PATIENCE)
    }

    #[track_caller]
    fn run_within(&mut self, line: &str, patience: Duration) -> Output {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // The echo of the line shows the variable, only the output shows the number.
        let mark = format!("done-{}-", COUNT.fetch_add(1, Ordering::Relaxed));
        self.type_keys(&format!("{line}; echo {mark}$?.\r"));
        self.expect(&format!("{mark}$?."));
        let text = self.expect_within(&mark, patience);
        let status = self.expect(".");
        self.expect(PROMPT);
        let text = strip_escapes(&text);
        let text = text.strip_prefix('\n').unwrap_or(&text).to_owned();
        let status = status.parse().unwrap_or_else(|_| panic!("{status:?} is no exit status"));
        Output { text, status }
    }

    /// Runs a command line and returns what it printed, with nothing on the console that a user
    /// would not have typed. With the prompt it must fit on a line of the console, so that its echo
    /// comes in one piece.
    #[track_caller]
    pub fn show(&mut self, line: &str) -> String {
        self.type_keys(&format!("{line}\r"));
        self.expect(line);
        let printed = self.expect(&format!("\n{PROMPT}"));
        strip_escapes(&printed).trim_start_matches('\n').to_owned()
    }

    /// Runs a command again and again until its output satisfies `condition`.
    #[track_caller]
    pub fn run_until(&mut self, line: &str, condition: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = self.run(line);
            if condition(&output.text) {
                return output.text;
            }
            assert!(
                Instant::now() < deadline,
                "`{line}` never showed what was awaited; at last:\n{}",
                output.text
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Gives QEMU's monitor a command and returns its answer.
    #[track_caller]
    pub fn monitor(&mut self, line: &str) -> String {
        let mut socket = UnixStream::connect(&self.monitor).expect("the monitor listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        read_monitor(&mut socket);
        socket.write_all(format!("{line}\n").as_bytes()).expect("the monitor reads");
        read_monitor(&mut socket)
    }

    /// Waits until QEMU has ended by itself and all that it printed has been read.
    #[track_caller]
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("QEMU is our child") {
                self.wait_for_end_of_console(deadline);
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "QEMU did not end; the console:\n{}",
                self.transcript()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for_end_of_console(&self, deadline: Instant) {
        let mut state = self.console.state.lock().expect("the reader does not panic");
        while !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "QEMU has ended, but not its console");
            state =
                self.console.grown.wait_timeout(state, left).expect("the reader does not panic").0;
        }
    }

    /// Everything the console has shown.
    pub fn transcript(&self) -> String {
        self.console.state.lock().map(|state| state.text.clone()).unwrap_or_default()
    }

    /// Whether QEMU is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut text = String::new();
            let _ = writeln!(text, "--- console ---\n{}\n---------------", self.transcript());
            eprint!("{text}");
        }
        // The child is QEMU itself (the script ends in `exec`), or `ip netns exec` become QEMU.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.monitor);
    }
}

/// Reads up to and including the monitor's prompt.
fn read_monitor(socket: &mut UnixStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"(qemu) ") {
        match socket.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            _ => break,
        }
    }
    strip_escapes(&String::from_utf8_lossy(&text))
}

/// The text without carriage returns and terminal control sequences.
pub fn strip_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {}
            '\x1b' if characters.peek() == Some(&'[') => {
                characters.next();
                while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_removed() {
        assert_eq!(strip_escapes("\r\x1b[K$ \x1b[1;31mred\x1b[0m\r\n"), "$ red\n");
    }
}
