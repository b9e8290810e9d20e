//! ioctl(2) on sockets: what is readable, and the old interface to interfaces (netdevice(7)).
//!
//! Programs that use no netlink ask here for names, indexes, flags and addresses; changing goes
//! through the same stack calls as netlink's.

use super::netlink::link;
use super::socket::Socket;
use super::{Buffer, KernelStack, TRANSMIT_QUEUE_LENGTH, change_stack, with_stack};
use crate::fs::file::IoctlArgument;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserPtr, plain};
use crate::time;
use ::net::interface::{Interface, InterfaceIndex, InterfaceKind};
use linux_raw_sys::ioctl::{
    FIONREAD, SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFCONF, SIOCGIFDSTADDR, SIOCGIFFLAGS,
    SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMAP, SIOCGIFMETRIC, SIOCGIFMTU, SIOCGIFNAME,
    SIOCGIFNETMASK, SIOCGIFTXQLEN, SIOCGSTAMP, SIOCSIFFLAGS, SIOCSIFMTU, TIOCOUTQ as SIOCOUTQ,
};
use linux_raw_sys::net::{IFNAMSIZ, SIOCGSTAMPNS_OLD, net_device_flags};

const NAME_LENGTH: usize = IFNAMSIZ as usize;

/// SIOCOUTQNSD (linux/sockios.h), which the crate with the others lacks.
const SIOCOUTQNSD: u32 = 0x894b;

/// `struct ifreq`: a name and 24 bytes whose meaning the request tells.
#[derive(Clone, Copy)]
#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME_LENGTH],
    value: [u8; 24],
}

/// `struct ifconf`, of which only the length is ever changed here.
#[derive(Clone, Copy)]
#[repr(C)]
struct InterfaceList {
    length: i32,
    padding: u32,
    buffer: u64,
}

plain!(InterfaceRequest, InterfaceList);

/// Carries out a request on a socket.
pub(super) fn socket(
    socket: &dyn Socket,
    request: u32,
    argument: IoctlArgument,
) -> Result<usize, Errno> {
    match request {
        FIONREAD => {
            let count = i32::try_from(socket.readable_bytes()?).unwrap_or(i32::MAX);
            UserPtr::new(argument).write(&count)?;
        }
        SIOCOUTQ => {
            let count = i32::try_from(socket.unacknowledged_bytes()?).unwrap_or(i32::MAX);
            UserPtr::new(argument).write(&count)?;
        }
        SIOCOUTQNSD => {
            let count = i32::try_from(socket.unsent_bytes()?).unwrap_or(i32::MAX);
            UserPtr::new(argument).write(&count)?;
        }
        SIOCGSTAMP | SIOCGSTAMPNS_OLD => {
            let time = socket.last_time().ok_or(Errno::NOENT)?;
            let fraction =
                if request == SIOCGSTAMP { time.subsec_micros() } else { time.subsec_nanos() };
            UserPtr::new(argument).write(&[time.as_secs(), u64::from(fraction)])?;
        }
        SIOCGIFCONF => {
            // It lists the interfaces with IPv4 addresses: none.
            let pointer = UserPtr::<InterfaceList>::new(argument);
            let list = pointer.read()?;
            pointer.write(&InterfaceList { length: 0, ..list })?;
        }
        SIOCSIFFLAGS | SIOCSIFMTU => {
            let asked = UserPtr::<InterfaceRequest>::new(argument).read()?;
            change(request, &asked)?;
        }
        SIOCGIFNAME | SIOCGIFFLAGS | SIOCGIFADDR | SIOCGIFDSTADDR | SIOCGIFBRDADDR
        | SIOCGIFNETMASK | SIOCGIFMETRIC | SIOCGIFMTU | SIOCGIFHWADDR | SIOCGIFINDEX
        | SIOCGIFTXQLEN | SIOCGIFMAP => {
            let pointer = UserPtr::<InterfaceRequest>::new(argument);
            let mut answer = pointer.read()?;
            with_stack(|stack| describe(stack, request, &mut answer))?;
            pointer.write(&answer)?;
        }
        _ => return Err(Errno::NOTTY),
    }
    Ok(0)
}

impl InterfaceRequest {
    fn find<'a>(&self, stack: &'a KernelStack) -> Result<&'a Interface<Buffer>, Errno> {
        let name = self.name.split(|byte| *byte == 0).next().unwrap_or_default();
        stack.interfaces().find(|interface| interface.name().as_bytes() == name).ok_or(Errno::NODEV)
    }

    fn set_name(&mut self, name: &str) {
        self.name = [0; NAME_LENGTH];
        for (place, byte) in self.name.iter_mut().zip(name.bytes()) {
            *place = byte;
        }
    }

    fn set_value(&mut self, bytes: &[u8]) {
        self.value = [0; 24];
        for (place, byte) in self.value.iter_mut().zip(bytes) {
            *place = *byte;
        }
    }

    fn value_u32(&self) -> u32 {
        let [a, b, c, d, ..] = self.value;
        u32::from_ne_bytes([a, b, c, d])
    }
}

fn describe(stack: &KernelStack, request: u32, answer: &mut InterfaceRequest) -> Result<(), Errno> {
    if request == SIOCGIFNAME {
        let index = InterfaceIndex::new(answer.value_u32()).ok_or(Errno::NODEV)?;
        answer.set_name(stack.interface(index).ok_or(Errno::NODEV)?.name());
        return Ok(());
    }
    let interface = answer.find(stack)?;
    match request {
        // The field is 16 bits wide: the upper flags do not show.
        SIOCGIFFLAGS => answer.set_value(&(link::flags(interface) as u16).to_ne_bytes()),
        SIOCGIFINDEX => answer.set_value(&interface.index().get().to_ne_bytes()),
        SIOCGIFMTU => answer.set_value(&u32::from(interface.device_mtu()).to_ne_bytes()),
        SIOCGIFTXQLEN => answer.set_value(&TRANSMIT_QUEUE_LENGTH.to_ne_bytes()),
        SIOCGIFMETRIC | SIOCGIFMAP => answer.set_value(&[]),
        SIOCGIFHWADDR => {
            let mac = match interface.kind() {
                InterfaceKind::Loopback => [0; 6],
                InterfaceKind::Ethernet { mac } => mac.0,
            };
            // A `sockaddr`: the family, then the address.
            let mut value = [0; 8];
            value[..2].copy_from_slice(&(link::hardware(interface) as u16).to_ne_bytes());
            value[2..].copy_from_slice(&mac);
            answer.set_value(&value);
        }
        // IPv4 addresses.
        _ => return Err(Errno::ADDRNOTAVAIL),
    }
    Ok(())
}

fn change(request: u32, asked: &InterfaceRequest) -> Result<(), Errno> {
    change_stack(|stack| {
        let index = asked.find(stack)?.index();
        let result = if request == SIOCSIFMTU {
            let mtu = u16::try_from(asked.value_u32()).map_err(|_| Errno::INVAL)?;
            stack.set_mtu(index, mtu, time::now())
        } else {
            let up = asked.value_u32() & net_device_flags::IFF_UP as u32 != 0;
            stack.set_admin_up(index, up, time::now())
        };
        result.map_err(link::errno)
    })
}
