//! `make selftest`: the kernel's own tests, their TAP output and the exit status they cause.

use system_tests::guest::Guest;

#[test]
fn all_pass_and_the_exit_status_says_so() {
    let mut guest = Guest::boot(&["--usb-net", "--selftest"], None);
    let status = guest.wait_for_exit();
    let text = guest.transcript();
    // For docs/conformance.md.
    if let Ok(path) = std::env::var("SELFTEST_LOG") {
        std::fs::write(&path, &text).expect("SELFTEST_LOG names a file that can be written");
    }
    assert_eq!(status.code(), Some(0), "{text}");
    assert!(text.lines().any(|line| line.trim_end().starts_with("1..")), "a TAP plan:\n{text}");
    assert!(!text.contains("not ok"), "{text}");
    for subject in ["enumeration", "link-local", "neighbor", "SLAAC", "echo", "socket", "isolation"]
    {
        assert!(
            text.lines().any(|line| line.starts_with("ok ") && line.contains(subject)),
            "a test of {subject}:\n{text}"
        );
    }
}

#[test]
fn a_failing_test_shows_in_the_exit_status() {
    // Without an adapter the tests of the network can't pass.
    let mut guest = Guest::boot(&["--selftest"], None);
    let status = guest.wait_for_exit();
    let text = guest.transcript();
    assert!(text.contains("not ok"), "{text}");
    assert_ne!(status.code(), Some(0), "{text}");
}
