//! What this host is called: the first line of `/etc/hostname` (hostname(5)), when there is one.

use rt::bstr::ByteSlice;
use rt::rustix::system::sethostname;
use rt::strerror;

const FILE: &str = "/etc/hostname";

/// Tells the kernel.
pub(crate) fn set() {
    let Ok(text) = rt::input::read_file(FILE) else { return };
    let name = text.lines().next().unwrap_or_default().trim_ascii();
    if name.is_empty() || name.starts_with(b"#") {
        return;
    }
    if let Err(error) = sethostname(name) {
        rt::warn!("{FILE}: {}", strerror(error));
    }
}
