//! `ls`: what is in directories (POSIX, GNU).
#![no_std]
#![no_main]
#![allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]

extern crate alloc;

use alloc::vec::Vec;
use core::cmp::Ordering;

use coreutils::listing::{columns, device, mode, owner, time};
use coreutils::quantity::human;
use coreutils::tree;
use rt::bstr::{BStr, BString, ByteSlice};
use rt::options::{Argument, Item, Opt, Tool};
use rt::rustix::fs::{FileType, Stat, readlink};
use rt::rustix::termios::{isatty, tcgetwinsize};
use rt::rustix::time::{ClockId, clock_gettime};
use rt::{Arguments, ExitCode, output, path, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "ls",
    "[OPTION]... [FILE]...",
    "List information about the FILEs (the current directory by default).",
    &[
        Opt::flag('1', "", "list one file per line"),
        Opt::flag('a', "all", "do not ignore entries starting with ."),
        Opt::flag('A', "almost-all", "do not list implied . and .."),
        Opt::flag('C', "", "list entries by columns"),
        Opt::flag('d', "directory", "list directories themselves, not their contents"),
        Opt::flag('F', "classify", "append indicator (one of */=>@|) to entries"),
        Opt::flag('h', "human-readable", "with -l, print sizes like 1K 234M 2G etc."),
        Opt::flag('i', "inode", "print the index number of each file"),
        Opt::flag('l', "", "use a long listing format"),
        Opt::flag('n', "numeric-uid-gid", "like -l, but list numeric user and group IDs"),
        Opt::flag('p', "", "append / indicator to directories"),
        Opt::flag('r', "reverse", "reverse order while sorting"),
        Opt::flag('R', "recursive", "list subdirectories recursively"),
        Opt::flag('S', "", "sort by file size, largest first"),
        Opt::flag('t', "", "sort by time, newest first"),
        Opt::flag('U', "", "do not sort"),
        Opt::long("color", Argument::Optional("WHEN"), "accepted; there are no colors"),
    ],
)
.with_status(2);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Name,
    Size,
    Time,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Columns,
    Long,
}

struct Style {
    format: Format,
    order: Order,
    /// Everything, or all but `.` and `..`.
    all: bool,
    almost_all: bool,
    directory: bool,
    classify: bool,
    slash: bool,
    human: bool,
    inode: bool,
    numeric: bool,
    reverse: bool,
    recursive: bool,
    width: usize,
    now: i64,
    users: Vec<u8>,
    groups: Vec<u8>,
    failed: bool,
}

struct Entry {
    name: BString,
    status: Stat,
    /// Where a symbolic link leads.
    link: Option<BString>,
}

fn main(arguments: Arguments) -> ExitCode {
    let mut style = Style {
        format: if isatty(output::stdout()) { Format::Columns } else { Format::Lines },
        order: Order::Name,
        all: false,
        almost_all: false,
        directory: false,
        classify: false,
        slash: false,
        human: false,
        inode: false,
        numeric: false,
        reverse: false,
        recursive: false,
        width: 80,
        now: clock_gettime(ClockId::Realtime).tv_sec,
        users: Vec::new(),
        groups: Vec::new(),
        failed: false,
    };
    let mut operands: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('1', _) if style.format != Format::Long => style.format = Format::Lines,
            Item::Option('a', _) => style.all = true,
            Item::Option('A', _) => style.almost_all = true,
            Item::Option('C', _) => style.format = Format::Columns,
            Item::Option('d', _) => style.directory = true,
            Item::Option('F', _) => style.classify = true,
            Item::Option('h', _) => style.human = true,
            Item::Option('i', _) => style.inode = true,
            Item::Option('l', _) => style.format = Format::Long,
            Item::Option('n', _) => (style.format, style.numeric) = (Format::Long, true),
            Item::Option('p', _) => style.slash = true,
            Item::Option('r', _) => style.reverse = true,
            Item::Option('R', _) => style.recursive = true,
            Item::Option('S', _) => style.order = Order::Size,
            Item::Option('t', _) => style.order = Order::Time,
            Item::Option('U', _) => style.order = Order::None,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    if let Ok(size) = tcgetwinsize(output::stdout())
        && size.ws_col > 0
    {
        style.width = size.ws_col.into();
    }
    if style.format == Format::Long && !style.numeric {
        // Without these files the numbers are shown.
        style.users = rt::input::read_file("/etc/passwd").unwrap_or_default();
        style.groups = rt::input::read_file("/etc/group").unwrap_or_default();
    }
    if operands.is_empty() {
        operands.push(BStr::new("."));
    }
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for operand in &operands {
        // A link on the command line means what it leads to, except where links are shown.
        let follow = style.format != Format::Long && !style.directory && !style.classify;
        match tree::status(operand, follow).or_else(|_| tree::status(operand, false)) {
            Ok(status) => {
                let leads_to_directory =
                    || tree::status(operand, true).is_ok_and(|status| tree::is_directory(&status));
                if !style.directory
                    && (tree::is_directory(&status) || follow && leads_to_directory())
                {
                    directories.push((BString::from(*operand), status));
                } else {
                    files.push(entry((*operand).into(), operand, status));
                }
            }
            Err(error) => {
                rt::warn!("cannot access '{operand}': {}", strerror(error));
                style.failed = true;
            }
        }
    }
    style.sort(&mut files);
    let mut directories: Vec<Entry> =
        directories.into_iter().map(|(name, status)| Entry { name, status, link: None }).collect();
    style.show(&files, &directories);
    style.sort(&mut directories);
    let headers = operands.len() > 1 || style.recursive;
    let mut first = files.is_empty();
    for directory in directories {
        style.list(&directory.name, headers, &mut first);
    }
    // 1 would be a lesser problem, such as one inside of a directory.
    if style.failed { ExitCode(2) } else { ExitCode::SUCCESS }
}

fn entry(name: BString, path: &BStr, status: Stat) -> Entry {
    let link = (FileType::from_raw_mode(status.st_mode) == FileType::Symlink)
        .then(|| readlink(path.as_bytes(), Vec::new()).ok().map(|to| to.into_bytes().into()))
        .flatten();
    Entry { name, status, link }
}

impl Style {
    fn sort(&self, entries: &mut [Entry]) {
        let by_name = |a: &Entry, b: &Entry| a.name.cmp(&b.name);
        let modified = |entry: &Entry| (entry.status.st_mtime, entry.status.st_mtime_nsec);
        match self.order {
            Order::None => return,
            Order::Name => entries.sort_by(by_name),
            Order::Size => entries.sort_by(|a, b| {
                b.status.st_size.cmp(&a.status.st_size).then_with(|| by_name(a, b))
            }),
            Order::Time => entries.sort_by(|a, b| {
                let order: Ordering = modified(b).cmp(&modified(a));
                order.then_with(|| by_name(a, b))
            }),
        }
        if self.reverse {
            entries.reverse();
        }
    }

    /// Lists a directory, and those in it where wanted.
    fn list(&mut self, directory: &BString, header: bool, first: &mut bool) {
        let names = match tree::names(directory.as_bstr()) {
            Ok(names) => names,
            Err(error) => {
                rt::warn!("cannot open directory '{directory}': {}", strerror(error));
                self.failed = true;
                return;
            }
        };
        let dots = [BString::from("."), BString::from("..")];
        let mut entries = Vec::new();
        for name in dots.into_iter().filter(|_| self.all).chain(names) {
            if name.starts_with(b".") && !self.all && !self.almost_all {
                continue;
            }
            let path = path::join(directory.as_bstr(), name.as_bstr());
            match tree::status(path.as_bstr(), false) {
                Ok(status) => entries.push(entry(name, path.as_bstr(), status)),
                Err(error) => {
                    rt::warn!("cannot access '{path}': {}", strerror(error));
                    self.failed = true;
                }
            }
        }
        self.sort(&mut entries);
        if header {
            let gap = if *first { "" } else { "\n" };
            rt::println!("{gap}{directory}:");
        }
        *first = false;
        if self.format == Format::Long {
            let blocks: u64 = entries
                .iter()
                .map(|entry| u64::try_from(entry.status.st_blocks).unwrap_or(0))
                .sum();
            // A block of stat(2) is 512 bytes.
            if self.human {
                rt::println!("total {}", human(blocks * 512));
            } else {
                rt::println!("total {}", blocks / 2);
            }
        }
        self.show(&entries, &[]);
        if self.recursive {
            for entry in entries {
                if tree::is_directory(&entry.status) && entry.name != "." && entry.name != ".." {
                    let path = path::join(directory.as_bstr(), entry.name.as_bstr());
                    self.list(&path, header, first);
                }
            }
        }
    }

    /// The name with what marks its kind.
    fn marked(&self, name: &BString, mode: u32) -> BString {
        let mark: &[u8] = match FileType::from_raw_mode(mode) {
            FileType::Directory if self.classify || self.slash => b"/",
            _ if !self.classify => b"",
            FileType::Symlink => b"@",
            FileType::Fifo => b"|",
            FileType::Socket => b"=",
            FileType::RegularFile if mode & 0o111 != 0 => b"*",
            _ => b"",
        };
        [name.as_slice(), mark].concat().into()
    }

    /// The columns are as wide as `others`, which come later, need them, too.
    fn show(&self, entries: &[Entry], others: &[Entry]) {
        if self.format == Format::Long {
            self.show_long(entries, others);
            return;
        }
        let names: Vec<BString> = entries
            .iter()
            .map(|entry| {
                let name = self.marked(&entry.name, entry.status.st_mode);
                if self.inode {
                    alloc::format!("{} {name}", entry.status.st_ino).into()
                } else {
                    name
                }
            })
            .collect();
        let lines =
            if self.format == Format::Columns { columns(&names, self.width) } else { names };
        for line in lines {
            rt::println!("{line}");
        }
    }

    fn show_long(&self, entries: &[Entry], others: &[Entry]) {
        let rows: Vec<[BString; 5]> = (entries.iter().chain(others))
            .map(|entry| {
                let status = &entry.status;
                let is_device = matches!(
                    FileType::from_raw_mode(status.st_mode),
                    FileType::CharacterDevice | FileType::BlockDevice
                );
                let size = if is_device {
                    let (major, minor) = device(status.st_rdev);
                    alloc::format!("{major}, {minor}")
                } else if self.human {
                    human(status.st_size as u64)
                } else {
                    alloc::format!("{}", status.st_size)
                };
                let inode = if self.inode {
                    alloc::format!("{} ", status.st_ino)
                } else {
                    alloc::string::String::new()
                };
                let name = |table: &[u8], id: u32| {
                    if self.numeric { alloc::format!("{id}").into() } else { owner(table, id) }
                };
                [
                    inode.into(),
                    alloc::format!("{}", status.st_nlink).into(),
                    name(&self.users, status.st_uid),
                    name(&self.groups, status.st_gid),
                    size.into(),
                ]
            })
            .collect();
        let mut widths = [0; 5];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        let [w_inode, w_links, w_user, w_group, w_size] = widths;
        for (entry, [inode, links, user, group, size]) in entries.iter().zip(&rows) {
            let status = &entry.status;
            // A link is marked by the arrow, what it leads to by its own kind.
            let name = match &entry.link {
                Some(link) => alloc::format!("{} -> {link}", entry.name).into(),
                None => self.marked(&entry.name, status.st_mode),
            };
            rt::println!(
                "{inode:>w_inode$}{} {links:>w_links$} {user:<w_user$} {group:<w_group$} {size:>w_size$} {} {name}",
                mode(status.st_mode),
                time(status.st_mtime, self.now),
            );
        }
    }
}
