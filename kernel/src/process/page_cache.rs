//! Pages of program files, kept so that every process that runs a program shares them.
//!
//! A program starts faster when its code is in memory already, and needs no cleaning of caches.
//! Only contents that never change are kept (files of the archive). A process that writes to such
//! a page gets a copy, as after a fork. Pages that only the cache has are given back when memory
//! runs out.

use crate::memory::frame::Frame;
use crate::sync::TaskCell;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;

/// Which page: where the contents are, how long they are, and the page's place relative to their
/// beginning (negative when they begin within it).
type Key = (usize, usize, i64);

static PAGES: TaskCell<BTreeMap<Key, Rc<Frame>>> = TaskCell::new(BTreeMap::new());

fn key(contents: &'static [u8], offset: i64) -> Key {
    (contents.as_ptr() as usize, contents.len(), offset)
}

/// The page, if it is kept.
pub fn find(contents: &'static [u8], offset: i64) -> Option<Rc<Frame>> {
    PAGES.with(|pages| pages.get(&key(contents, offset)).cloned())
}

/// Keeps a page.
pub fn insert(contents: &'static [u8], offset: i64, page: &Rc<Frame>) {
    let replaced = PAGES.with(|pages| pages.insert(key(contents, offset), page.clone()));
    drop(replaced);
}

/// Gives back what nobody uses and says how many pages that were.
pub fn shrink() -> usize {
    PAGES.with(|pages| {
        let before = pages.len();
        pages.retain(|_, page| Rc::strong_count(page) > 1);
        before - pages.len()
    })
}

/// Pages that are kept for nobody: memory that could be had.
pub fn unused() -> usize {
    PAGES.with(|pages| pages.values().filter(|page| Rc::strong_count(page) == 1).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_their_place_in_the_file() {
        let contents: &'static [u8] = alloc::vec![1; 5000].leak();
        assert!(find(contents, 0).is_none());
        let page = Rc::new(Frame::allocate().expect("memory"));
        insert(contents, 4096, &page);
        assert!(find(contents, 4096).is_some_and(|found| Rc::ptr_eq(&found, &page)));
        assert!(find(contents, 0).is_none());
        assert!(find(&contents[..4999], 4096).is_none(), "other contents");
    }
}
