//! File systems whose files are made when somebody looks: `/proc` and `/sys`.
//!
//! Parts of the kernel register a [`Source`] under a path. It is asked for what is at a path below
//! its own, and answers from the state of the moment, so that entries appear and vanish with what
//! they describe (processes, USB devices). Contents are made when a file is read from its
//! beginning, and one reader sees one state until it goes back there.

use super::directory::DirectoryFile;
use super::file::{Access, File, OpenFile};
use super::node::{Entry, FIRST_COOKIE, Node};
use super::stat::{DeviceNumber, FileSystemStatus, Kind, Stat, Times};
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::time;
use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::any::Any;
use core::cell::RefCell;

/// What is at a path.
pub enum Generated {
    /// A directory with these entries.
    Directory(Vec<(String, Kind)>),
    /// A file; the function makes its contents.
    File(Box<dyn Fn() -> Vec<u8>>),
    /// A file that can be written: what makes its contents, and what takes others.
    Setting(Box<dyn Fn() -> Vec<u8>>, Box<Setter>),
    /// A symbolic link to a path.
    Link(String),
    /// A link to an open file, as in `/proc/PID/fd`.
    OpenFile(Rc<OpenFile>),
}

impl Generated {
    fn kind(&self) -> Kind {
        match self {
            Self::Directory(_) => Kind::Directory,
            Self::File(_) | Self::Setting(..) => Kind::Regular,
            Self::Link(_) | Self::OpenFile(_) => Kind::SymbolicLink,
        }
    }
}

/// Says what is at a path below the one it is registered under: components joined by `/`, empty
/// for that place itself. `None`: nothing is there.
pub type Source = fn(path: &str) -> Option<Generated>;

/// Makes the text of one file.
pub type TextFile = fn(text: &mut String);

/// Takes what was written to a file, without the line's end; `EINVAL` for what it cannot be.
pub type SetText = fn(text: &str) -> Result<(), Errno>;

/// The same of a file that a [`Source`] made.
pub type Setter = dyn Fn(&str) -> Result<(), Errno>;

/// The longest text that a file takes.
const SETTING_MAX: usize = 4096;

#[derive(Clone, Copy)]
enum Provider {
    Tree(Source),
    Text(TextFile),
    Setting(TextFile, SetText),
}

/// What a file contains now.
fn contents(text: TextFile) -> Vec<u8> {
    let mut contents = String::new();
    text(&mut contents);
    contents.into_bytes()
}

/// A tree of generated files.
pub struct GeneratedTree {
    magic: u64,
    device: DeviceNumber,
    providers: TaskCell<Vec<(&'static str, Provider)>>,
}

/// What is left of `path` below `prefix`.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(prefix)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

impl GeneratedTree {
    /// An empty tree; `magic` is the number that statfs(2) tells.
    pub const fn new(magic: u32, device: DeviceNumber) -> Self {
        Self { magic: magic as u64, device, providers: TaskCell::new(Vec::new()) }
    }

    /// Has `source` answer for `path` and what is below it.
    pub fn register(&self, path: &'static str, source: Source) {
        self.providers.with(|providers| providers.push((path, Provider::Tree(source))));
    }

    /// Has `text` make the file `path`, in place of who did before.
    pub fn register_file(&self, path: &'static str, text: TextFile) {
        self.replace(path, Provider::Text(text));
    }

    /// Has `text` make the file `path`, and `set` take what is written to it.
    pub fn register_setting(&self, path: &'static str, text: TextFile, set: SetText) {
        self.replace(path, Provider::Setting(text, set));
    }

    fn replace(&self, path: &'static str, file: Provider) {
        self.providers.with(|providers| {
            providers.retain(|(other, provider)| {
                *other != path || matches!(provider, Provider::Tree(_))
            });
            providers.push((path, file));
        });
    }

    /// The root directory.
    pub fn root(&'static self) -> Rc<dyn Node> {
        Rc::new(GeneratedNode { tree: self, path: String::new(), kind: Kind::Directory })
    }

    fn find(&self, path: &str) -> Option<Generated> {
        // Sources may look at other state, even register: they are not asked from within the cell.
        let providers = self.providers.with(|providers| providers.clone());
        let mut directory: Option<Vec<(String, Kind)>> = path.is_empty().then(Vec::new);
        for (place, provider) in providers {
            if let Some(rest) = below(path, place) {
                let found = match provider {
                    Provider::Tree(source) => source(rest),
                    Provider::Text(text) if rest.is_empty() => {
                        Some(Generated::File(Box::new(move || contents(text))))
                    }
                    Provider::Setting(text, set) if rest.is_empty() => {
                        Some(Generated::Setting(Box::new(move || contents(text)), Box::new(set)))
                    }
                    Provider::Text(_) | Provider::Setting(..) => None,
                };
                match found {
                    Some(Generated::Directory(entries)) => {
                        directory.get_or_insert_default().extend(entries);
                    }
                    Some(other) => return Some(other),
                    None => {}
                }
            } else if let Some(rest) = below(place, path) {
                // A directory on the way to what is registered.
                let (name, deeper) =
                    rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
                let directory_here = deeper || matches!(provider, Provider::Tree(_));
                let kind = if directory_here { Kind::Directory } else { Kind::Regular };
                directory.get_or_insert_default().push((name.to_string(), kind));
            }
        }
        let mut entries = directory?;
        let mut seen: Vec<String> = Vec::new();
        entries.retain(|(name, _)| {
            let new = !seen.contains(name);
            if new {
                seen.push(name.clone());
            }
            new
        });
        Some(Generated::Directory(entries))
    }
}

/// A place in a generated tree.
struct GeneratedNode {
    tree: &'static GeneratedTree,
    path: String,
    kind: Kind,
}

impl GeneratedNode {
    fn find(&self) -> Result<Generated, Errno> {
        self.tree.find(&self.path).ok_or(Errno::NOENT)
    }

    fn child_path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}/{name}", self.path) }
    }
}

/// A number for a path: the same one while the kernel runs (FNV-1a).
fn inode_of(path: &str) -> u64 {
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash | 1
}

impl Node for GeneratedNode {
    fn stat(&self) -> Stat {
        let permissions = match self.kind {
            Kind::Directory => 0o555,
            Kind::SymbolicLink => 0o777,
            _ if matches!(self.find(), Ok(Generated::Setting(..))) => 0o644,
            _ => 0o444,
        };
        Stat {
            times: Times::all(time::realtime()),
            links: if self.kind == Kind::Directory { 2 } else { 1 },
            ..Stat::new(self.tree.device, inode_of(&self.path), self.kind, permissions)
        }
    }

    fn file_system(&self) -> FileSystemStatus {
        FileSystemStatus { magic: self.tree.magic, total: 0, free: 0, files: 0, read_only: false }
    }

    fn open(self: Rc<Self>, access: Access) -> Result<Box<dyn File>, Errno> {
        let found = self.find()?;
        if access.write && !matches!(found, Generated::Setting(..)) {
            let is_directory = self.kind == Kind::Directory;
            return Err(if is_directory { Errno::ISDIR } else { Errno::ACCES });
        }
        match found {
            Generated::Directory(_) => Ok(Box::new(DirectoryFile(self))),
            Generated::File(make) => {
                let contents = RefCell::new(make());
                Ok(Box::new(GeneratedFile { node: self, make, contents, set: None }))
            }
            Generated::Setting(make, set) => {
                let contents = RefCell::new(make());
                Ok(Box::new(GeneratedFile { node: self, make, contents, set: Some(set) }))
            }
            Generated::Link(_) | Generated::OpenFile(_) => Err(Errno::LOOP),
        }
    }

    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        // What is written replaces all there is anyway.
        if matches!(self.find()?, Generated::Setting(..)) { Ok(()) } else { Err(Errno::ACCES) }
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        match self.find()? {
            Generated::Link(target) => Ok(target.into_bytes()),
            Generated::OpenFile(file) => Ok(describe(&file)),
            Generated::Directory(_) | Generated::File(_) | Generated::Setting(..) => {
                Err(Errno::INVAL)
            }
        }
    }

    fn magic_target(&self) -> Option<Result<Rc<OpenFile>, Errno>> {
        match self.find() {
            Ok(Generated::OpenFile(file)) => Some(Ok(file)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        if self.kind != Kind::Directory {
            return Err(Errno::NOTDIR);
        }
        let name = core::str::from_utf8(name).map_err(|_| Errno::NOENT)?;
        let path = self.child_path(name);
        let kind = self.tree.find(&path).ok_or(Errno::NOENT)?.kind();
        Ok(Rc::new(Self { tree: self.tree, path, kind }))
    }

    fn entries(&self) -> Result<Vec<Entry>, Errno> {
        let Generated::Directory(entries) = self.find()? else { return Err(Errno::NOTDIR) };
        Ok((FIRST_COOKIE..)
            .zip(entries)
            .map(|(cookie, (name, kind))| Entry {
                cookie,
                inode: inode_of(&self.child_path(&name)),
                name: name.into_bytes(),
                kind,
            })
            .collect())
    }

    fn create(&self, _name: &[u8], _new: super::node::NewNode<'_>) -> Result<Rc<dyn Node>, Errno> {
        // Linux has no way to make files here either.
        Err(Errno::NOENT)
    }

    fn remove(&self, name: &[u8], _directory: bool) -> Result<(), Errno> {
        self.lookup(name)?;
        Err(Errno::PERM)
    }

    fn set_permissions(&self, _permissions: u32) -> Result<(), Errno> {
        Err(Errno::PERM)
    }

    fn set_times(&self, _times: Times) -> Result<(), Errno> {
        Err(Errno::PERM)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What `/proc/PID/fd` shows of an open file: its path, or what it is.
pub fn describe(file: &OpenFile) -> Vec<u8> {
    if let Some(location) = file.location() {
        return location.path();
    }
    match file.stat() {
        Ok(stat) if stat.kind == Kind::Fifo => format!("pipe:[{}]", stat.inode).into_bytes(),
        Ok(stat) if stat.kind == Kind::Socket => format!("socket:[{}]", stat.inode).into_bytes(),
        _ => b"anon_inode:[file]".to_vec(),
    }
}

/// A generated file, open.
struct GeneratedFile {
    node: Rc<GeneratedNode>,
    make: Box<dyn Fn() -> Vec<u8>>,
    contents: RefCell<Vec<u8>>,
    /// Takes what is written.
    set: Option<Box<Setter>>,
}

impl File for GeneratedFile {
    /// Every write is a value of its own, wherever it goes.
    fn write_at(&self, _position: u64, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        let set = self.set.as_ref().ok_or(Errno::BADF)?;
        if from.remaining() > SETTING_MAX {
            return Err(Errno::INVAL);
        }
        let bytes = from.copy_all()?;
        let text = core::str::from_utf8(&bytes).map_err(|_| Errno::INVAL)?;
        set(text.trim_ascii())?;
        Ok(bytes.len())
    }

    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        self.set.as_ref().map(|_| ()).ok_or(Errno::INVAL)
    }

    fn read_at(&self, position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        if position == 0 {
            let fresh = (self.make)();
            self.contents.replace(fresh);
        }
        let contents = self.contents.borrow();
        let start = usize::try_from(position).unwrap_or(usize::MAX);
        to.copy(contents.get(start..).unwrap_or_default())
    }

    fn size(&self) -> Option<u64> {
        Some(self.contents.borrow().len() as u64)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.node.stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use core::fmt::Write as _;
    use core::sync::atomic::{AtomicU32, Ordering};

    static READS: AtomicU32 = AtomicU32::new(0);

    fn devices(path: &str) -> Option<Generated> {
        match path {
            "" => Some(Generated::Directory(vec![("1-1".into(), Kind::Directory)])),
            "1-1" => Some(Generated::Directory(vec![("idVendor".into(), Kind::Regular)])),
            "1-1/idVendor" => Some(Generated::File(Box::new(|| b"0525\n".to_vec()))),
            _ => None,
        }
    }

    fn counter(text: &mut String) {
        let _ = writeln!(text, "{}", READS.fetch_add(1, Ordering::Relaxed));
    }

    fn tree() -> Rc<dyn Node> {
        let tree = Box::leak(Box::new(GeneratedTree::new(1, DeviceNumber::new(0, 1))));
        tree.register("bus/usb/devices", devices);
        tree.register_file("net/dev", counter);
        tree.register_file("net/udp6", counter);
        tree.root()
    }

    fn walk(root: &Rc<dyn Node>, path: &str) -> Result<Rc<dyn Node>, Errno> {
        path.split('/').try_fold(root.clone(), |node, name| node.lookup(name.as_bytes()))
    }

    fn names(node: &Rc<dyn Node>) -> Vec<(String, Kind)> {
        let entries = node.entries().expect("a directory");
        let name = |entry: Entry| String::from_utf8(entry.name).expect("text");
        entries.into_iter().map(|entry| (name(entry.clone()), entry.kind)).collect()
    }

    #[test]
    fn directories_on_the_way_exist_and_merge() {
        let root = tree();
        let (directory, file) = (Kind::Directory, Kind::Regular);
        assert_eq!(names(&root), [("bus".into(), directory), ("net".into(), directory)]);
        let net = walk(&root, "net").expect("net");
        assert_eq!(names(&net), [("dev".into(), file), ("udp6".into(), file)]);
        let usb = walk(&root, "bus/usb").expect("usb");
        assert_eq!(names(&usb), [("devices".into(), directory)]);
        let device = walk(&root, "bus/usb/devices/1-1").expect("device");
        assert_eq!(names(&device), [("idVendor".into(), file)]);
        assert!(matches!(walk(&root, "bus/usb/devices/1-2"), Err(Errno::NOENT)));
        assert!(matches!(walk(&root, "ne"), Err(Errno::NOENT)));
        assert!(matches!(walk(&root, "net/dev/x"), Err(Errno::NOTDIR)));
    }

    static VALUE: AtomicU32 = AtomicU32::new(1);

    fn value(text: &mut String) {
        let _ = writeln!(text, "{}", VALUE.load(Ordering::Relaxed));
    }

    fn set_value(text: &str) -> Result<(), Errno> {
        VALUE.store(text.parse().map_err(|_| Errno::INVAL)?, Ordering::Relaxed);
        Ok(())
    }

    #[test]
    fn settings_take_what_is_written() {
        let tree = Box::leak(Box::new(GeneratedTree::new(1, DeviceNumber::new(0, 1))));
        tree.register_setting("sys/value", value, set_value);
        let node = walk(&tree.root(), "sys/value").expect("file");
        assert_eq!(node.stat().permissions & 0o777, 0o644);
        let file = node.open(Access::BOTH).expect("open");
        let write = |text: &[u8]| file.write_at(9, &mut UserReader::from_bytes(text));
        assert_eq!(write(b"42\n"), Ok(3));
        let mut bytes = [0; 8];
        let count = file.read_at(0, &mut UserWriter::from_bytes(&mut bytes));
        assert_eq!((count, &bytes[..3]), (Ok(3), &b"42\n"[..]));
        assert_eq!(write(b"a number\n"), Err(Errno::INVAL));
        assert_eq!(write(&[0xff]), Err(Errno::INVAL));
        assert_eq!(write(&[b'1'; SETTING_MAX + 1]), Err(Errno::INVAL));
    }

    #[test]
    fn contents_change_only_when_read_from_the_beginning() {
        let root = tree();
        let file = walk(&root, "net/dev").expect("file").open(Access::READ).expect("open");
        let read = |at| {
            let mut bytes = [0; 16];
            let count = file.read_at(at, &mut UserWriter::from_bytes(&mut bytes)).expect("read");
            bytes[..count].to_vec()
        };
        let first = read(0);
        assert_eq!(read(1), &first[1..], "the rest of the same text");
        assert_ne!(read(0), first);
        assert!(matches!(
            walk(&root, "net/dev").expect("file").open(Access::BOTH),
            Err(Errno::ACCES)
        ));
    }
}
