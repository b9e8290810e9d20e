//! A user at the console: what keys do while a line is typed and while a program runs.

use system_tests::guest::Guest;

/// The Up key of a VT100.
const UP: &str = "\x1b[A";

/// Types keys that end a line, and waits for this output on a line of its own.
#[track_caller]
fn types(guest: &mut Guest, keys: &str, output: &str) {
    guest.type_keys(keys);
    guest.type_keys("\r");
    guest.expect(&format!("\n{output}\r\n"));
    guest.expect("$ ");
}

#[test]
fn lines_are_edited_recalled_and_completed() {
    let mut guest = Guest::boot(&[], None);
    guest.wait_for_shell();
    types(&mut guest, "echo one two", "one two");
    types(&mut guest, "echo three", "three");
    // ^W takes a word away, ^A goes to the beginning.
    types(&mut guest, "cho four five\x17six\x01e", "four six");
    types(&mut guest, &UP.repeat(3), "one two");
    // ^R looks for what is typed then; ^R once more goes on to what is before it.
    types(&mut guest, "\x12echo t", "three");
    types(&mut guest, "\x12echo\x12\x12", "four six");
    // What is typed after the search is added to what was found.
    types(&mut guest, "\x12one\x05 more", "one two more");
    // ^G gives up: nothing was found, and nothing is left.
    types(&mut guest, "\x12three\x07echo new", "new");
    types(&mut guest, "base\t/a/b", "b");
    types(&mut guest, "cat /proc/sys/net/core/som\t", "128");
}

#[test]
fn programs_are_interrupted_and_stopped() {
    let mut guest = Guest::boot(&[], None);
    guest.wait_for_shell();
    // At once: whether the shell or the program has the terminal then.
    guest.type_keys("sleep 1000\r");
    guest.expect("sleep 1000");
    guest.type_keys("\x03");
    guest.expect("^C");
    guest.expect("$ ");
    assert_eq!(guest.run("true").status, 0);
    guest.type_keys("sh -c 'echo begun; exec sleep 2000'\r");
    guest.expect("\nbegun");
    guest.type_keys("\x1a");
    guest.expect("Stopped");
    guest.expect("$ ");
    let jobs = guest.run("jobs").success();
    assert!(jobs.starts_with("[1]+  Stopped"), "{jobs}");
    let killed = guest.run("kill %1; wait %1");
    assert_eq!(killed.status, 128 + 15, "{}", killed.text);
    // The job that began last has the mark also when it has ended.
    let jobs = guest.run("sleep 3000 & sleep 0.1 & sleep 1; jobs; kill %1").success();
    let (running, done) = ("[1]-  Running", "[2]+  Done");
    assert!(jobs.ends_with(&format!("{running:<30}sleep 3000\n{done:<30}sleep 0.1\n")), "{jobs}");
}
