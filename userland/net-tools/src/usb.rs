//! `lsusb`: lists the USB devices, as a list, as a tree, or with all their descriptors, in the format
//! of usbutils.
//!
//! All it knows comes from `/sys/bus/usb/devices`, so it needs no access to the devices themselves;
//! what only a request to the device could tell (port states, device status, most strings) is not
//! shown. Names of classes are built in, names of vendors are those the devices give themselves.

pub mod cdc;
pub mod descriptor;
pub mod names;
pub mod sysfs;
pub mod tree;
pub mod verbose;

use alloc::format;
use alloc::string::{String, ToString};

use rt::options::{Hint, Item, Opt, Tool};
use rt::strerror;

use sysfs::Device;

/// How the program is called.
pub static TOOL: Tool = Tool {
    name: "lsusb",
    usage: "[options]...",
    about: "List USB devices",
    options: &[
        Opt::flag('v', "verbose", "Increase verbosity (show descriptors)"),
        Opt::value('s', "", "[[bus]:][devnum]", "Show only devices with these numbers (decimal)"),
        Opt::value('d', "", "vendor:[product]", "Show only devices with these ids (hexadecimal)"),
        Opt::flag('t', "tree", "Dump the physical USB device hierarchy as a tree"),
        Opt::flag('V', "version", "Show version of program"),
        Opt::flag('h', "", "Show usage and help"),
    ],
    status: 1,
    hint: Hint::Usage,
    permute: true,
};

/// Which devices are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Selection {
    bus: Option<u32>,
    number: Option<u32>,
    vendor: Option<u16>,
    product: Option<u16>,
}

/// An optional number: nothing is `None`, what is no number an error.
fn optional<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ()> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some).ok_or(()) }
}

impl Selection {
    /// Takes `[[BUS]:][NUMBER]`.
    fn by_place(&mut self, text: &str) -> Result<(), ()> {
        let (bus, number) = text.split_once(':').unwrap_or(("", text));
        let decimal = |text: &str| text.parse().ok();
        (self.bus, self.number) = (optional(bus, decimal)?, optional(number, decimal)?);
        Ok(())
    }

    /// Takes `VENDOR:[PRODUCT]`.
    fn by_identity(&mut self, text: &str) -> Result<(), ()> {
        let (vendor, product) = text.split_once(':').ok_or(())?;
        let hexadecimal =
            |text: &str| u16::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok();
        (self.vendor, self.product) =
            (optional(vendor, hexadecimal)?, optional(product, hexadecimal)?);
        Ok(())
    }

    fn accepts(&self, device: &Device) -> bool {
        let identity = device.identity();
        self.bus.is_none_or(|bus| bus == device.bus)
            && self.number.is_none_or(|number| number == device.number)
            && self.vendor.is_none_or(|vendor| identity.is_some_and(|(is, _)| is == vendor))
            && self.product.is_none_or(|product| identity.is_some_and(|(_, is)| is == product))
    }
}

/// What the command line asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options {
    selection: Selection,
    verbose: bool,
    tree: bool,
}

/// A command line that is not to be carried out.
enum Refusal {
    Version,
    Help,
    Usage(String),
}

fn parse(items: impl Iterator<Item = Item>) -> Result<Options, Refusal> {
    let mut options = Options::default();
    for item in items {
        let (letter, value) = match item {
            Item::Option(letter, value) => (letter, value.map(ToString::to_string)),
            Item::Long(name, _) => return Err(Refusal::Usage(format!("invalid option '{name}'"))),
            Item::Operand(operand) => {
                return Err(Refusal::Usage(format!("extra operand '{operand}'")));
            }
        };
        let value = value.unwrap_or_default();
        let taken = match letter {
            'v' => {
                options.verbose = true;
                Ok(())
            }
            't' => {
                options.tree = true;
                Ok(())
            }
            's' => options.selection.by_place(&value),
            'd' => options.selection.by_identity(&value),
            'V' => return Err(Refusal::Version),
            _ => return Err(Refusal::Help),
        };
        taken.map_err(|()| Refusal::Usage(format!("invalid argument '{value}' of -{letter}")))?;
    }
    Ok(options)
}

/// The line of a device.
fn line(device: &Device) -> String {
    let (vendor, product) = device.identity().unwrap_or_default();
    format!(
        "Bus {:03} Device {:03}: ID {vendor:04x}:{product:04x} {} {}",
        device.bus, device.number, device.manufacturer, device.product
    )
}

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let options = match parse(TOOL.parse(arguments)) {
        Ok(options) => options,
        Err(Refusal::Version) => {
            rt::println!("lsusb (net-tools) {}", env!("CARGO_PKG_VERSION"));
            return 0;
        }
        Err(Refusal::Help) => {
            rt::print!("{}", TOOL.help());
            return 0;
        }
        Err(Refusal::Usage(message)) => TOOL.usage_error(message),
    };
    let devices = match sysfs::devices() {
        Ok(devices) => devices,
        Err(error) => {
            rt::warn!("{}: {}", sysfs::ROOT, strerror(error));
            return 1;
        }
    };
    if options.tree {
        rt::print!("{}", tree::text(&devices, options.verbose));
        return 0;
    }
    let mut status = 1;
    for device in devices.iter().filter(|device| options.selection.accepts(device)) {
        status = 0;
        if options.verbose {
            rt::println!("\n{}", line(device));
            rt::print!("{}", verbose::text(device));
        } else {
            rt::println!("{}", line(device));
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::{Selection, line};
    use crate::usb::sysfs::examples::adapter;

    #[test]
    fn lines() {
        assert_eq!(
            line(&adapter()),
            "Bus 001 Device 003: ID 0525:a4a2 QEMU RNDIS/QEMU USB Network Device"
        );
    }

    #[test]
    fn selections() {
        let place = |text: &str| {
            let mut selection = Selection::default();
            selection.by_place(text).map(|()| selection.accepts(&adapter()))
        };
        for (text, expected) in
            [("3", true), (":3", true), ("1:", true), ("1:3", true), ("2:3", false), ("4", false)]
        {
            assert_eq!(place(text), Ok(expected), "{text}");
        }
        assert_eq!(place("x"), Err(()));
        let identity = |text: &str| {
            let mut selection = Selection::default();
            selection.by_identity(text).map(|()| selection.accepts(&adapter()))
        };
        for (text, expected) in [
            ("0525:", true),
            ("525:a4a2", true),
            (":a4a2", true),
            ("0525:a4a3", false),
            (":", true),
        ] {
            assert_eq!(identity(text), Ok(expected), "{text}");
        }
        assert_eq!(identity("0525"), Err(()), "a colon is needed");
        assert_eq!(identity("12345:"), Err(()));
    }
}
