//! execve(2): a new program in the place of the old one.

use super::address_space::{AddressSpace, FaultReason, STACK_SIZE, STACK_TOP, TRAMPOLINE};
use super::exit;
use super::initial_stack::{self, StackContents};
use super::object::{Process, Program};
use super::program_image::{HEADERS_SIZE, ProgramImage, Segment, script_interpreter};
use super::regions::{Backing, PageRange, Purpose};
use super::signal_frame::MINIMUM_STACK;
use crate::arch::aarch64::{UserContext, hwcap};
use crate::fs::node::Node;
use crate::fs::path::{LastLink, Location};
use crate::fs::stat::Kind;
use crate::memory::frame::Frame;
use crate::memory::{PAGE_SIZE, Permissions, UserAddress};
use crate::random;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::UserWriter;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Interpreters that may stand before a program: a script whose interpreter is a script, and so
/// on (Linux allows as many).
const INTERPRETERS_MAX: usize = 4;

/// Bytes of the arguments that `/proc/PID/cmdline` shows.
const COMMAND_LINE_MAX: usize = PAGE_SIZE;

/// `mov x8, #139; svc #0`: rt_sigreturn(2), for handlers whose library brings no return of its own.
const TRAMPOLINE_CODE: [u32; 2] = [0xd280_1168, 0xd400_0001];

static TRAMPOLINE_PAGE: TaskCell<Option<Rc<Frame>>> = TaskCell::new(None);

/// What execve(2) is asked for.
pub struct Request {
    /// The file.
    pub path: Vec<u8>,
    /// The arguments, the program's name first.
    pub arguments: Vec<Vec<u8>>,
    /// The environment.
    pub environment: Vec<Vec<u8>>,
}

/// A program that is ready to run.
struct Loaded {
    memory: AddressSpace,
    program: Program,
    context: UserContext,
}

impl From<FaultReason> for Errno {
    fn from(reason: FaultReason) -> Self {
        match reason {
            FaultReason::OutOfMemory => Self::NOMEM,
            FaultReason::Unmapped | FaultReason::Denied => Self::FAULT,
        }
    }
}

/// Replaces the program of `process`, which goes on at the returned registers. On an error the old
/// program is untouched.
pub fn execute(
    process: &Process,
    start: &Rc<Location>,
    request: Request,
) -> Result<UserContext, Errno> {
    let Loaded { memory, program, context } = load(process, start, request)?;
    // From here on nothing fails.
    exit::leave_memory(process);
    memory.activate();
    process.memory.replace(Some(Rc::new(memory)));
    // Shared descriptors become the process's own.
    let table = process.descriptors();
    let mut own = table.borrow().clone();
    let closed = own.take_close_on_exec();
    process.descriptors.replace(Rc::new(core::cell::RefCell::new(own)));
    drop((table, closed));
    process.signals.borrow_mut().reset_for_program();
    process.clear_child_tid.set(0);
    process.has_executed.set(true);
    process.program.replace(program);
    Ok(context)
}

/// The file that a path leads to, if it may be executed.
fn executable(process: &Process, start: &Rc<Location>, path: &[u8]) -> Result<Rc<Location>, Errno> {
    let location = process.walk(start, path, LastLink::Follow)?;
    let stat = location.node().stat();
    if stat.kind != Kind::Regular || stat.permissions & 0o111 == 0 {
        return Err(Errno::ACCES);
    }
    Ok(location)
}

fn beginning(node: &dyn Node) -> Result<Vec<u8>, Errno> {
    let mut bytes = alloc::vec![0; HEADERS_SIZE];
    let count = node.read_at(0, &mut UserWriter::from_bytes(&mut bytes))?;
    bytes.truncate(count);
    Ok(bytes)
}

fn load(process: &Process, start: &Rc<Location>, request: Request) -> Result<Loaded, Errno> {
    let Request { mut path, mut arguments, environment } = request;
    if arguments.is_empty() {
        // There is always a name, as on Linux since 5.18.
        arguments.push(Vec::new());
    }
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
    for _ in 0..=INTERPRETERS_MAX {
        let location = executable(process, start, &path)?;
        let bytes = beginning(&**location.node())?;
        if let Some(line) = script_interpreter(&bytes) {
            let (interpreter, argument) = line?;
            let own = [Some(interpreter), argument, Some(&path)];
            let own: Vec<Vec<u8>> = own.into_iter().flatten().map(<[u8]>::to_vec).collect();
            arguments.splice(..1, own);
            path = interpreter.to_vec();
            continue;
        }
        let image = ProgramImage::parse(&bytes, location.node().stat().size)?;
        return build(&location, &image, &path, &name, &arguments, &environment);
    }
    Err(Errno::LOOP)
}

fn build(
    location: &Rc<Location>,
    image: &ProgramImage,
    path: &[u8],
    name: &[u8],
    arguments: &[Vec<u8>],
    environment: &[Vec<u8>],
) -> Result<Loaded, Errno> {
    let memory = AddressSpace::new().ok_or(Errno::NOMEM)?;
    for segment in &image.segments {
        map_segment(&memory, &**location.node(), segment)?;
    }
    memory.set_heap(image.end);

    let stack = PageRange::new(STACK_TOP - STACK_SIZE, STACK_SIZE).ok_or(Errno::NOMEM)?;
    let permissions = Permissions { read: true, write: true, execute: image.executable_stack };
    memory.map(&stack, permissions, Backing::Zero, Purpose::Stack)?;
    memory.map_shared(TRAMPOLINE, trampoline()?)?;

    let mut random = [0; 16];
    random::fill(&mut random);
    let contents = StackContents {
        arguments,
        environment,
        path,
        image,
        capabilities: hwcap(),
        signal_frame_size: MINIMUM_STACK,
        random,
    };
    let stack = initial_stack::build(STACK_TOP, &contents)?;
    memory.initialize(stack.pointer, &stack.bytes)?;

    let mut program = Program {
        name: Vec::new(),
        path: location.path(),
        command_line: arguments
            .iter()
            .flat_map(|argument| argument.iter().copied().chain([0]))
            .take(COMMAND_LINE_MAX)
            .collect(),
        auxiliary: stack.auxiliary,
    };
    program.set_name(name);
    let entry = UserAddress::new(image.entry).ok_or(Errno::NOEXEC)?;
    let pointer = UserAddress::new(stack.pointer).ok_or(Errno::NOEXEC)?;
    Ok(Loaded { memory, program, context: UserContext::new(entry, pointer) })
}

/// Maps a segment. A file that cannot change is read page by page when the program touches it,
/// another one at once.
fn map_segment(memory: &AddressSpace, node: &dyn Node, segment: &Segment) -> Result<(), Errno> {
    let pages = segment.pages().ok_or(Errno::NOEXEC)?;
    let (address, offset, size) = segment.file_part();
    if let Some(contents) = node.fixed_contents() {
        let range = offset as usize..(offset + size) as usize;
        let contents = contents.get(range).ok_or(Errno::NOEXEC)?;
        let backing = Backing::File { contents, start: address };
        return memory.map(&pages, segment.permissions, backing, Purpose::Program);
    }
    memory.map(&pages, segment.permissions, Backing::Zero, Purpose::Program)?;
    let mut page = alloc::vec![0; PAGE_SIZE];
    let mut done = 0;
    while done < size {
        let count = (size - done).min(PAGE_SIZE as u64) as usize;
        let read = node.read_at(offset + done, &mut UserWriter::from_bytes(&mut page[..count]))?;
        if read == 0 {
            return Err(Errno::IO);
        }
        memory.initialize(address + done, &page[..read])?;
        done += read as u64;
    }
    Ok(())
}

/// The page with the return from signal handlers, one for all programs.
fn trampoline() -> Result<Rc<Frame>, Errno> {
    TRAMPOLINE_PAGE.with(|page| {
        if let Some(page) = page {
            return Ok(page.clone());
        }
        let mut frame = Frame::allocate().ok_or(Errno::NOMEM)?;
        for (place, instruction) in frame.bytes_mut().chunks_exact_mut(4).zip(TRAMPOLINE_CODE) {
            place.copy_from_slice(&instruction.to_le_bytes());
        }
        crate::arch::aarch64::synchronize_instructions(frame.bytes());
        let frame = Rc::new(frame);
        *page = Some(frame.clone());
        Ok(frame)
    })
}
