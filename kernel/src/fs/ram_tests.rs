//! Tests of the file system in memory.

use super::*;
use crate::fs::file::{OpenFile, Status};
use proptest::prelude::*;

fn empty(limit: u64) -> Rc<dyn Node> {
    RamFileSystem::new(DeviceNumber::new(0, 1), limit)
}

fn regular(root: &Rc<dyn Node>, name: &[u8]) -> Rc<dyn Node> {
    root.create(name, NewNode::Regular(0o644)).expect("create")
}

fn directory(root: &Rc<dyn Node>, name: &[u8]) -> Rc<dyn Node> {
    root.create(name, NewNode::Directory(0o755)).expect("mkdir")
}

fn write(node: &Rc<dyn Node>, at: u64, bytes: &[u8]) -> Result<usize, Errno> {
    let file = node.clone().open(Access::BOTH)?;
    file.write_at(at, &mut UserReader::from_bytes(bytes))
}

fn read(node: &Rc<dyn Node>) -> Vec<u8> {
    let mut bytes = alloc::vec![0xee; 64 * 1024];
    let count = node.read_at(0, &mut UserWriter::from_bytes(&mut bytes)).expect("read");
    bytes.truncate(count);
    bytes
}

fn used(root: &Rc<dyn Node>) -> u64 {
    let status = root.file_system();
    status.total - status.free
}

#[test]
fn contents_grow_with_holes_and_shrink_to_zeros() {
    let root = empty(1 << 20);
    let file = regular(&root, b"f");
    assert_eq!(write(&file, 5000, b"end"), Ok(3));
    assert_eq!(file.stat().size, 5003);
    assert_eq!(file.stat().allocated, 4096, "the first chunk is a hole");
    let contents = read(&file);
    assert!(contents[..5000].iter().all(|&byte| byte == 0));
    assert_eq!(&contents[5000..], b"end");
    assert_eq!(file.truncate(5001), Ok(()));
    assert_eq!(file.truncate(5003), Ok(()));
    assert_eq!(&read(&file)[5000..], b"e\0\0");
    assert_eq!(file.truncate(0), Ok(()));
    assert_eq!(file.stat().allocated, 0);
}

#[test]
fn the_limit_holds_and_space_comes_back() {
    let root = empty(16 * 1024);
    let before = used(&root);
    let file = regular(&root, b"f");
    let written = write(&file, 0, &alloc::vec![1; 64 * 1024]).expect("a part fits");
    assert_eq!(written, 3 * CHUNK, "what fits is written");
    assert_eq!(write(&file, written as u64, b"x"), Err(Errno::NOSPC));
    assert_eq!(write(&file, 0, b"x"), Ok(1), "what is there can be changed");
    let mut made = 0_u32;
    let error = loop {
        match root.create(&made.to_be_bytes(), NewNode::Regular(0o644)) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Errno::NOSPC, "empty files are charged too");
    for name in 0..made {
        assert_eq!(root.remove(&name.to_be_bytes(), false), Ok(()));
    }
    assert_eq!(root.remove(b"f", false), Ok(()));
    assert_eq!(used(&root), before + NODE_COST + 3 * CHUNK as u64, "still open");
    drop(file);
    assert_eq!(used(&root), before);
}

#[test]
fn the_number_of_files_is_bounded() {
    let root = empty(1 << 30);
    let made = (0..2 * FILES_MAX as u32)
        .take_while(|name| root.create(&name.to_be_bytes(), NewNode::Regular(0o644)).is_ok())
        .count();
    assert_eq!(made as u64, FILES_MAX - 1, "the root is one");
    assert_eq!(root.remove(&0_u32.to_be_bytes(), false), Ok(()));
    assert!(root.create(b"again", NewNode::SymbolicLink(b"x")).is_ok());
}

#[test]
fn positions_past_the_largest_file_are_refused() {
    let root = empty(1 << 20);
    let file = regular(&root, b"f");
    assert_eq!(write(&file, u64::MAX, b"x"), Err(Errno::FBIG));
    assert_eq!(write(&file, i64::MAX as u64, b"x"), Err(Errno::FBIG));
    assert_eq!(file.truncate(u64::MAX), Err(Errno::INVAL));
    assert_eq!(file.truncate(i64::MAX as u64), Ok(()));
}

#[test]
fn removal_asks_for_the_right_kind() {
    let root = empty(1 << 20);
    let full = directory(&root, b"full");
    regular(&full, b"f");
    assert_eq!(root.remove(b"full", false), Err(Errno::ISDIR));
    assert_eq!(root.remove(b"full", true), Err(Errno::NOTEMPTY));
    assert_eq!(full.remove(b"f", true), Err(Errno::NOTDIR));
    assert_eq!(full.remove(b"g", false), Err(Errno::NOENT));
    assert_eq!(full.remove(b"f", false), Ok(()));
    assert_eq!(root.stat().links, 3);
    assert_eq!(root.remove(b"full", true), Ok(()));
    assert_eq!(root.stat().links, 2);
    assert!(matches!(full.create(b"f", NewNode::Regular(0)), Err(Errno::NOENT)), "it is gone");
}

#[test]
fn rename_replaces_what_it_may() {
    let root = empty(1 << 20);
    let (one, two) = (directory(&root, b"one"), directory(&root, b"two"));
    write(&regular(&root, b"f"), 0, b"f").expect("write");
    write(&regular(&root, b"g"), 0, b"g").expect("write");
    assert_eq!(root.rename(b"f", &root, b"g", true), Err(Errno::EXIST));
    assert_eq!(root.rename(b"f", &root, b"g", false), Ok(()));
    assert_eq!(root.lookup(b"g").map(|node| read(&node)), Ok(b"f".to_vec()));
    assert!(matches!(root.lookup(b"f"), Err(Errno::NOENT)));
    assert_eq!(root.rename(b"f", &root, b"h", false), Err(Errno::NOENT));
    assert_eq!(root.rename(b"g", &root, b"one", false), Err(Errno::ISDIR));
    assert_eq!(root.rename(b"one", &root, b"g", false), Err(Errno::NOTDIR));
    assert_eq!(root.rename(b"one", &one, b"below", false), Err(Errno::INVAL));
    assert_eq!(root.rename(b"one", &two, b"one", false), Ok(()));
    assert_eq!(two.rename(b"one", &one, b"self", false), Err(Errno::INVAL));
    assert_eq!((root.stat().links, two.stat().links), (3, 3));
    regular(&one, b"x");
    directory(&root, b"three");
    assert_eq!(root.rename(b"three", &two, b"one", false), Err(Errno::NOTEMPTY));
    assert_eq!(root.rename(b"g", &root, b"g", false), Ok(()), "onto itself");
    let other = empty(1 << 20);
    assert_eq!(root.rename(b"g", &other, b"g", false), Err(Errno::XDEV));
}

#[test]
fn hard_links_count() {
    let root = empty(1 << 20);
    let file = regular(&root, b"f");
    assert_eq!(root.link(b"g", &file), Ok(()));
    assert_eq!(root.link(b"g", &file), Err(Errno::EXIST));
    assert_eq!(file.stat().links, 2);
    assert_eq!(root.rename(b"f", &root, b"g", false), Ok(()), "the same file: both stay");
    assert_eq!(root.remove(b"f", false), Ok(()));
    assert_eq!(file.stat().links, 1);
    let below = directory(&root, b"d");
    assert_eq!(root.link(b"e", &below), Err(Errno::PERM));
    assert_eq!(empty(1 << 20).link(b"f", &file), Err(Errno::XDEV));
}

#[test]
fn listing_while_removing_misses_nothing() {
    let root = empty(1 << 20);
    for name in [b"c", b"a", b"b"] {
        regular(&root, name);
    }
    let first = root.entries().expect("list").remove(0);
    assert_eq!(first.name, b"c", "in the order of creation");
    root.remove(b"c", false).expect("unlink");
    let rest: Vec<_> = root
        .entries()
        .expect("list")
        .into_iter()
        .filter(|entry| entry.cookie > first.cookie)
        .map(|entry| entry.name)
        .collect();
    assert_eq!(rest, [b"a", b"b"]);
}

#[test]
fn append_goes_to_the_end_and_rights_are_checked() {
    let root = empty(1 << 20);
    let node = regular(&root, b"f");
    let open = |access, status| {
        let file = node.clone().open(access).expect("open");
        OpenFile::new(file, access, status).expect("few files are open")
    };
    let log = open(Access::WRITE, Status::APPEND);
    write(&node, 0, b"one").expect("write");
    assert_eq!(log.try_write(&mut UserReader::from_bytes(b"two")), Ok(3));
    assert_eq!(log.position(), 6);
    assert_eq!(log.try_read(&mut UserWriter::from_bytes(&mut [0; 4])), Err(Errno::BADF));
    let reader = open(Access::READ, Status::empty());
    assert_eq!(reader.try_write(&mut UserReader::from_bytes(b"x")), Err(Errno::BADF));
    let mut part = [0; 4];
    assert_eq!(reader.try_read(&mut UserWriter::from_bytes(&mut part)), Ok(4));
    assert_eq!(&part, b"onet");
    assert_eq!(reader.try_read(&mut UserWriter::from_bytes(&mut part)), Ok(2));
    assert_eq!(reader.try_read(&mut UserWriter::from_bytes(&mut part)), Ok(0));
}

proptest! {
    /// Any sequence of writes and truncations leaves what a plain vector would hold.
    #[test]
    fn contents_are_those_of_a_vector(
        steps in proptest::collection::vec(
            (any::<bool>(), 0_usize..20_000, proptest::collection::vec(any::<u8>(), 0..9000)),
            1..12,
        )
    ) {
        let root = empty(1 << 20);
        let file = regular(&root, b"f");
        let mut model: Vec<u8> = Vec::new();
        for (cut, at, bytes) in steps {
            if cut {
                file.truncate(at as u64).expect("truncate");
                model.resize(at, 0);
            } else if !bytes.is_empty() {
                prop_assert_eq!(write(&file, at as u64, &bytes), Ok(bytes.len()));
                if model.len() < at + bytes.len() {
                    model.resize(at + bytes.len(), 0);
                }
                model[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            prop_assert_eq!(file.stat().size, model.len() as u64);
        }
        prop_assert_eq!(read(&file), model);
    }
}

#[test]
fn a_copy_of_fixed_files_can_be_changed() {
    let long = alloc::vec![b'x'; CHUNK + 5];
    let bytes = crate::fs::cpio::tests::archive(&[
        ("etc/hosts", 1, 1, 0o100_640, b"::1 localhost\n"),
        ("etc/more/long", 2, 1, 0o100_644, &long),
        ("etc/link", 3, 1, 0o120_777, b"hosts"),
    ]);
    let archive = crate::fs::initramfs::build(
        alloc::boxed::Box::leak(bytes.into_boxed_slice()),
        DeviceNumber::new(0, 2),
    );
    let folder = archive.root.lookup(b"etc").expect("the folder");
    let root = RamFileSystem::with(Some(folder), DeviceNumber::new(0, 7), 1 << 20);
    let hosts = root.lookup(b"hosts").expect("the file");
    assert_eq!((read(&hosts), hosts.stat().permissions), (b"::1 localhost\n".to_vec(), 0o640));
    let more = root.lookup(b"more").expect("the folder in it");
    assert_eq!(read(&more.lookup(b"long").expect("the file")), long);
    let link = root.lookup(b"link").expect("the link");
    assert_eq!(link.read_link(), Ok(b"hosts".to_vec()));
    write(&regular(&root, b"resolv.conf.new"), 0, b"new").expect("write");
    assert_eq!(root.rename(b"resolv.conf.new", &root, b"hosts", false), Ok(()));
    assert_eq!(root.lookup(b"hosts").map(|node| read(&node)), Ok(b"new".to_vec()));
    // Without the folder it is empty; without room what fits is there.
    let none = RamFileSystem::with(None, DeviceNumber::new(0, 7), 1 << 20);
    assert_eq!(none.entries().expect("a directory").len(), 0);
    let folder = archive.root.lookup(b"etc").expect("the folder");
    let small = RamFileSystem::with(Some(folder), DeviceNumber::new(0, 7), 6000);
    assert!(small.lookup(b"hosts").is_ok());
    assert!(small.lookup(b"more").and_then(|more| more.lookup(b"long")).is_err());
}
