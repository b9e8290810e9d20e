//! Path names as bytes.

use alloc::vec::Vec;

use bstr::{BStr, BString, ByteSlice};

/// The last component, without trailing slashes; `/` for the root, `.` for the empty path.
#[must_use]
pub fn base_name(path: &BStr) -> &BStr {
    let trimmed = path.trim_end_with(|character| character == '/');
    if trimmed.is_empty() {
        return BStr::new(if path.is_empty() { b"." } else { b"/" });
    }
    trimmed.rsplit(|&byte| byte == b'/').next().unwrap_or(trimmed).as_bstr()
}

/// `directory/name`, without doubling a slash.
#[must_use]
pub fn join(directory: &BStr, name: &BStr) -> BString {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory);
    if !path.is_empty() && !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path.into()
}

#[cfg(test)]
mod tests {
    use bstr::BStr;

    use super::{base_name, join};

    #[test]
    fn components() {
        for (path, name) in
            [("a/b", "b"), ("a/b//", "b"), ("/", "/"), ("", "."), ("a", "a"), ("/a", "a")]
        {
            assert_eq!(base_name(BStr::new(path)), name, "{path:?}");
        }
        assert_eq!(join(BStr::new("a"), BStr::new("b")), "a/b");
        assert_eq!(join(BStr::new("/"), BStr::new("b")), "/b");
        assert_eq!(join(BStr::new(""), BStr::new("b")), "b");
    }
}
