//! DMA memory that notices when it is touched at the wrong time.
//!
//! The CPU's view of a buffer and the memory that the controller sees are apart, so that nothing
//! here needs `unsafe`: a buffer copies in when it is read and out when its bus address is asked
//! for, which the driver does for every program.

use super::core::Model;
use elsa::FrozenVec;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use usb_core::buffer::{BusAddress, DmaBuffer};
use usb_core::host::Clock;
use usb_dwc2::{Board, PowerError};

const BLOCK: usize = 4096;
const BLOCKS: usize = 64;
/// Not zero, and with the alias of the BCM283x.
const BASE: u32 = 0xc010_0000;

struct Inner {
    bytes: RefCell<Vec<u8>>,
    live: RefCell<[bool; BLOCKS]>,
    /// What the controller works on: channel, start, end.
    in_flight: RefCell<Vec<(usize, usize, usize)>>,
    /// Written by the CPU since the last barrier.
    dirty: Cell<bool>,
}

#[derive(Clone)]
pub struct Memory(Rc<Inner>);

impl Memory {
    pub fn new() -> Self {
        Self(Rc::new(Inner {
            bytes: RefCell::new(vec![0xee; BLOCK * BLOCKS]),
            live: RefCell::new([false; BLOCKS]),
            in_flight: RefCell::new(Vec::new()),
            dirty: Cell::new(false),
        }))
    }

    pub fn live(&self) -> usize {
        self.0.live.borrow().iter().filter(|live| **live).count()
    }

    pub fn barrier(&self) {
        self.0.dirty.set(false);
    }

    pub fn begin(&self, channel: usize, address: u32, length: usize) {
        assert!(!self.0.dirty.get(), "channel {channel} enabled without a barrier");
        let start = self.check(address, length);
        for (other, from, to) in self.0.in_flight.borrow().iter() {
            assert!(
                start >= *to || start + length <= *from || length == 0,
                "channels {other} and {channel} on the same memory"
            );
        }
        self.0.in_flight.borrow_mut().push((channel, start, start + length));
    }

    pub fn end(&self, channel: usize) {
        self.0.in_flight.borrow_mut().retain(|(other, ..)| *other != channel);
    }

    fn check(&self, address: u32, length: usize) -> usize {
        let start = address.checked_sub(BASE).expect("DMA below the pool") as usize;
        let end = start + length;
        assert!(end <= BLOCK * BLOCKS, "DMA beyond the pool");
        let (first, last) = (start / BLOCK, end.max(start + 1).div_ceil(BLOCK));
        assert_eq!(first + 1, last, "DMA across blocks: {address:#x}+{length}");
        assert!(self.0.live.borrow()[first], "DMA to a freed block");
        start
    }

    pub fn read(&self, address: u32, length: usize) -> Vec<u8> {
        let start = self.check(address, length);
        self.0.bytes.borrow()[start..start + length].to_vec()
    }

    pub fn write(&self, address: u32, data: &[u8]) {
        let start = self.check(address, data.len());
        self.0.bytes.borrow_mut()[start..start + data.len()].copy_from_slice(data);
    }

    fn touch(&self, start: usize, end: usize, what: &str) {
        for (channel, from, to) in self.0.in_flight.borrow().iter() {
            assert!(
                end <= *from || start >= *to,
                "buffer {what} while channel {channel} works on it"
            );
        }
    }

    /// A buffer with a window of `len` bytes full of 0xa5.
    pub fn buffer(&self, len: usize) -> Buffer {
        let mut buffer = self.take(len).expect("a free block");
        buffer.bytes_mut().fill(0xa5);
        buffer
    }

    pub fn filled(&self, data: &[u8]) -> Buffer {
        let mut buffer = self.take(data.len()).expect("a free block");
        buffer.bytes_mut().copy_from_slice(data);
        buffer
    }

    /// As `buffer`, while there is a free block.
    pub fn take(&self, len: usize) -> Option<Buffer> {
        let index = self.0.live.borrow().iter().position(|live| !live)?;
        if len > BLOCK {
            return None;
        }
        self.0.live.borrow_mut()[index] = true;
        Some(Buffer {
            memory: self.clone(),
            block: index,
            len,
            local: RefCell::new(None),
            views: FrozenVec::new(),
        })
    }
}

/// The board: this memory, and a switch for the controller's power.
#[derive(Clone)]
pub struct ModelBoard {
    pub memory: Memory,
    pub model: Model,
}

impl Board for ModelBoard {
    type Buffer = Buffer;

    fn allocate(&self, len: usize) -> Option<Buffer> {
        assert!(len <= 1024, "the driver promised to ask for 1024 bytes at most");
        self.memory.take(len)
    }

    async fn cycle_power(&self) -> Result<(), PowerError> {
        let clock = {
            let state = self.model.peek();
            if !state.power_works {
                return Err(PowerError);
            }
            state.clock.clone()
        };
        self.model.state().power_off = true;
        let on = PowerOn(&self.model);
        clock.sleep(Duration::from_millis(200)).await;
        drop(on);
        Ok(())
    }
}

/// Switches the power on again, also when the power cycle is dropped on the way.
struct PowerOn<'m>(&'m Model);

impl Drop for PowerOn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.power_off = false;
        state.power_cycle();
    }
}

pub struct Buffer {
    memory: Memory,
    block: usize,
    len: usize,
    /// What the CPU has written and the memory does not hold yet.
    local: RefCell<Option<Vec<u8>>>,
    /// What the CPU has looked at.
    views: FrozenVec<Box<[u8]>>,
}

impl Buffer {
    fn start(&self) -> usize {
        self.block * BLOCK
    }

    fn flush(&self) {
        if let Some(local) = self.local.borrow_mut().take() {
            let start = self.start();
            self.memory.touch(start, start + local.len(), "written");
            self.memory.0.bytes.borrow_mut()[start..start + local.len()].copy_from_slice(&local);
            self.memory.0.dirty.set(true);
        }
    }
}

impl DmaBuffer for Buffer {
    fn bus_address(&self) -> BusAddress {
        self.flush();
        BusAddress(BASE + self.start() as u32)
    }

    fn bytes(&self) -> &[u8] {
        self.flush();
        let start = self.start();
        self.memory.touch(start, start + self.len, "read");
        let copy = self.memory.0.bytes.borrow()[start..start + self.len].to_vec();
        self.views.push_get(copy.into_boxed_slice())
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.flush();
        self.views = FrozenVec::new();
        let start = self.start();
        self.memory.touch(start, start + self.len, "written");
        let copy = self.memory.0.bytes.borrow()[start..start + self.len].to_vec();
        self.local.get_mut().insert(copy)
    }

    fn set_len(&mut self, len: usize) -> bool {
        self.flush();
        let fits = len <= BLOCK;
        if fits {
            self.len = len;
        }
        fits
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let start = self.start();
        if !std::thread::panicking() {
            self.memory.touch(start, start + BLOCK, "dropped");
        }
        self.memory.0.live.borrow_mut()[self.block] = false;
    }
}
