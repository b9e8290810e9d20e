//! Tests of the memory of a program, on a model of the page tables.

use super::*;

const RW: Permissions = Permissions { read: true, write: true, execute: false };
const R: Permissions = Permissions { read: true, write: false, execute: false };
const NONE: Permissions = Permissions { read: false, write: false, execute: false };
const BASE: u64 = 0x40_0000;

impl AddressSpace {
    fn entry(&self, address: u64) -> Option<Permissions> {
        let address = UserAddress::new(address).expect("a user address");
        self.inner.borrow().table.entry(address).map(|(_, permissions)| permissions)
    }

    fn byte(&self, address: u64) -> u8 {
        self.resolve(address, Attempt::Read).expect("readable");
        let inner = self.inner.borrow();
        let page = address - address % PAGE;
        let frame = &inner.pages[&page];
        let place = UserAddress::new(page).expect("a user address");
        let (physical, _) = inner.table.entry(place).expect("entered");
        assert_eq!(physical, frame.physical(), "the table shows another page");
        frame.bytes()[(address % PAGE) as usize]
    }

    /// What a store of the program does.
    fn store(&self, address: u64, byte: u8) -> Result<(), FaultReason> {
        self.resolve(address, Attempt::Write)?;
        let mut inner = self.inner.borrow_mut();
        let page = address - address % PAGE;
        let place = UserAddress::new(page).expect("a user address");
        let (_, permissions) = inner.table.entry(place).expect("entered");
        assert!(permissions.write, "the table does not let it happen");
        let frame = inner.pages.get_mut(&page).and_then(Rc::get_mut).expect("not shared");
        frame.bytes_mut()[(address % PAGE) as usize] = byte;
        Ok(())
    }
}

fn space(pages: u64, permissions: Permissions) -> AddressSpace {
    let space = AddressSpace::new().expect("memory");
    let range = PageRange::new(BASE, pages * PAGE).expect("a range");
    space.map(&range, permissions, Backing::Zero, Purpose::Mapping).expect("map");
    space
}

#[test]
fn pages_come_when_they_are_touched() {
    let space = space(4, RW);
    assert_eq!((space.size(), space.resident()), (4 * PAGE, 0));
    assert_eq!(space.byte(BASE + 5), 0);
    assert_eq!(space.resident(), PAGE);
    assert_eq!(space.store(BASE + 3 * PAGE, 7), Ok(()));
    assert_eq!(space.byte(BASE + 3 * PAGE), 7);
    assert_eq!(space.resolve(BASE + 4 * PAGE, Attempt::Read), Err(FaultReason::Unmapped));
    assert_eq!(space.resolve(BASE, Attempt::Execute), Err(FaultReason::Denied));
    assert_eq!(space.resolve(u64::MAX, Attempt::Read), Err(FaultReason::Unmapped));
    assert_eq!((space.resident(), space.peak()), (2 * PAGE, 2 * PAGE));
}

#[test]
fn a_fork_shares_until_one_writes() {
    let parent = space(2, RW);
    parent.store(BASE, 1).expect("store");
    let child = parent.fork().expect("memory");
    assert_eq!(parent.entry(BASE), Some(R), "the parent may not write to the shared page");
    assert_eq!(child.byte(BASE), 1);
    assert_eq!(child.entry(BASE), Some(R));
    child.store(BASE, 2).expect("store");
    assert_eq!((parent.byte(BASE), child.byte(BASE)), (1, 2));
    parent.store(BASE, 3).expect("store");
    assert_eq!((parent.byte(BASE), child.byte(BASE)), (3, 2));
    assert_eq!(parent.entry(BASE), Some(RW), "the last owner writes in place");
    child.store(BASE + PAGE, 4).expect("a page that came after the fork");
    assert_eq!(parent.byte(BASE + PAGE), 0);
}

#[test]
fn programs_come_from_their_file_and_zeros() {
    let mut file = alloc::vec![1; 5000];
    file[4999] = 9;
    let contents: &'static [u8] = alloc::vec::Vec::leak(file);
    let space = AddressSpace::new().expect("memory");
    let range = PageRange::new(BASE, 3 * PAGE).expect("a range");
    let backing = Backing::File { contents, start: BASE };
    space.map(&range, RW, backing, Purpose::Program).expect("map");
    assert_eq!(space.byte(BASE), 1);
    assert_eq!(space.byte(BASE + 4999), 9);
    assert_eq!(space.byte(BASE + 5000), 0);
    assert_eq!(space.byte(BASE + 2 * PAGE), 0);
    space.store(BASE, 5).expect("store");
    assert_eq!(contents[0], 1, "the file stays");
    space.forget(BASE, PAGE).expect("forget");
    assert_eq!(space.byte(BASE), 1);
}

#[test]
fn programs_share_the_pages_of_their_file() {
    let contents: &'static [u8] = alloc::vec![1; 5000].leak();
    let load = || {
        let space = AddressSpace::new().expect("memory");
        let range = PageRange::new(BASE, 2 * PAGE).expect("a range");
        let backing = Backing::File { contents, start: BASE };
        space.map(&range, RW, backing, Purpose::Program).expect("map");
        space
    };
    let frame = |space: &AddressSpace| space.inner.borrow().pages[&BASE].physical();
    let (one, two) = (load(), load());
    assert_eq!((one.byte(BASE), two.byte(BASE)), (1, 1));
    assert_eq!(frame(&one), frame(&two));
    assert_eq!(one.entry(BASE), Some(R), "nobody writes to the shared page");
    one.store(BASE, 2).expect("store");
    assert_ne!(frame(&one), frame(&two));
    assert_eq!((one.byte(BASE), two.byte(BASE), load().byte(BASE)), (2, 1, 1));
}

#[test]
fn protection_reaches_pages_that_are_there() {
    let space = space(3, RW);
    space.store(BASE + PAGE, 1).expect("store");
    assert_eq!(space.protect(BASE + PAGE, 1, R), Ok(()));
    assert_eq!(space.entry(BASE + PAGE), Some(R));
    assert_eq!(space.store(BASE + PAGE, 2), Err(FaultReason::Denied));
    assert_eq!(space.protect(BASE + PAGE, PAGE, NONE), Ok(()));
    assert_eq!(space.entry(BASE + PAGE), None);
    assert_eq!(space.resolve(BASE + PAGE, Attempt::Read), Err(FaultReason::Denied));
    assert_eq!(space.protect(BASE + PAGE, PAGE, RW), Ok(()));
    assert_eq!(space.byte(BASE + PAGE), 1, "the contents were kept");
    assert_eq!(space.protect(BASE, 4 * PAGE, R), Err(Errno::NOMEM), "there is a hole");
    assert_eq!(space.protect(BASE + 1, PAGE, R), Err(Errno::INVAL));
    assert_eq!(space.protect(BASE, 0, R), Ok(()));
}

#[test]
fn a_shared_page_made_writable_is_still_copied() {
    let parent = space(1, R);
    assert_eq!(parent.byte(BASE), 0);
    let child = parent.fork().expect("memory");
    assert_eq!(child.protect(BASE, PAGE, RW), Ok(()));
    assert_eq!(child.store(BASE, 1), Ok(()));
    assert_eq!(parent.byte(BASE), 0);
}

#[test]
fn the_break_moves_and_stays_where_it_cannot() {
    let space = AddressSpace::new().expect("memory");
    space.set_heap(BASE);
    assert_eq!(space.set_break(0), BASE);
    assert_eq!(space.set_break(BASE + 0xb28), BASE + 0xb28, "not rounded");
    space.store(BASE + 0xb27, 1).expect("store");
    assert_eq!(space.set_break(BASE + 3 * PAGE + 1), BASE + 3 * PAGE + 1);
    space.store(BASE + 3 * PAGE, 1).expect("store");
    assert_eq!(space.set_break(BASE + 1), BASE + 1);
    assert_eq!(space.byte(BASE + 0xb27), 1, "the page of the break stays");
    assert_eq!(space.resolve(BASE + 3 * PAGE, Attempt::Read), Err(FaultReason::Unmapped));
    assert_eq!(space.set_break(BASE - 1), BASE + 1);
    assert_eq!(space.set_break(u64::MAX), BASE + 1);
    let range = PageRange::new(BASE + 2 * PAGE, PAGE).expect("a range");
    space.map(&range, R, Backing::Zero, Purpose::Mapping).expect("map");
    assert_eq!(space.set_break(BASE + 5 * PAGE), BASE + 1, "something is in the way");
}

#[test]
fn mappings_go_where_they_may() {
    let space = AddressSpace::new().expect("memory");
    let anywhere =
        |hint, length| space.map_anywhere(Place::Anywhere(hint), length, RW, Backing::Zero);
    assert_eq!(anywhere(0, 0), Err(Errno::INVAL));
    assert_eq!(anywhere(0, u64::MAX), Err(Errno::NOMEM));
    let first = anywhere(0, 1).expect("mmap");
    let second = anywhere(0, 2 * PAGE).expect("mmap");
    assert_eq!((first, second), (MAPPINGS_TOP - PAGE, MAPPINGS_TOP - 3 * PAGE));
    assert_eq!(anywhere(BASE + 5, PAGE), Ok(BASE + PAGE), "the hint is rounded up");
    let fixed = |place| space.map_anywhere(place, PAGE, R, Backing::Zero);
    assert_eq!(fixed(Place::FixedIfFree(first)), Err(Errno::EXIST));
    assert_eq!(fixed(Place::Fixed(first)), Ok(first));
    assert_eq!(fixed(Place::Fixed(first + 1)), Err(Errno::INVAL));
    assert_eq!(fixed(Place::Fixed(0)), Err(Errno::PERM));
    assert_eq!(fixed(Place::Fixed(UserAddress::END)), Err(Errno::NOMEM));
    assert_eq!(space.unmap(second, 2 * PAGE), Ok(()));
    assert_eq!(space.unmap(second, 2 * PAGE), Ok(()), "a hole");
    assert_eq!(space.unmap(second + 1, PAGE), Err(Errno::INVAL));
    assert_eq!(space.unmap(second, 0), Err(Errno::INVAL));
}

#[test]
fn loading_fills_read_only_pages_too() {
    let space = space(2, R);
    assert_eq!(space.initialize(BASE + PAGE - 2, b"abcd"), Ok(()));
    assert_eq!(space.byte(BASE + PAGE - 1), b'b');
    assert_eq!(space.byte(BASE + PAGE), b'c');
    assert_eq!(space.initialize(BASE + 2 * PAGE - 1, b"ab"), Err(FaultReason::Unmapped));
}
