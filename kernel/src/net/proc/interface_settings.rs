//! `/proc/sys/net/ipv6/conf`: settings of interfaces by the names that Linux gives them (ip-sysctl).
//!
//! A directory for each interface; `default` is what an interface starts with, and what is written
//! into `all` goes there and to every interface.

use crate::fs;
use crate::fs::generated::Generated;
use crate::fs::stat::Kind;
use crate::net::{KernelStack, change_stack, with_stack};
use crate::syscall::errno::Errno;
use crate::time::{self, Duration};
use ::net::config::{IdentifierMethod, InterfaceSettings, TemporaryAddresses};
use ::net::interface::InterfaceIndex;
use ::net::wire::ipv6::HopLimit;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A number under a name.
struct Setting {
    name: &'static str,
    get: fn(&InterfaceSettings) -> u64,
    /// `EINVAL` for a number that means nothing.
    set: fn(&mut InterfaceSettings, i32) -> Result<(), Errno>,
}

/// A setting that is on or off.
macro_rules! switch {
    ($name:literal, $field:ident) => {
        Setting {
            name: $name,
            get: |settings| u64::from(settings.$field),
            set: |settings, value| {
                settings.$field = value != 0;
                Ok(())
            },
        }
    };
}

/// A time in seconds.
macro_rules! seconds {
    ($name:literal, $field:ident) => {
        Setting {
            name: $name,
            get: |settings| settings.$field.as_secs(),
            set: |settings, value| {
                let seconds = u64::try_from(value).map_err(|_| Errno::INVAL)?;
                settings.$field = Duration::from_secs(seconds);
                Ok(())
            },
        }
    };
}

const SETTINGS: [Setting; 11] = [
    switch!("accept_ra", accept_router_advertisements),
    switch!("accept_redirects", accept_redirects),
    Setting { name: "addr_gen_mode", get: address_mode, set: set_address_mode },
    switch!("autoconf", autoconfiguration),
    Setting {
        name: "dad_transmits",
        get: |settings| settings.duplicate_address_detection_transmits.into(),
        set: |settings, value| {
            let transmits = u8::try_from(value).map_err(|_| Errno::INVAL)?;
            settings.duplicate_address_detection_transmits = transmits;
            Ok(())
        },
    },
    Setting {
        name: "hop_limit",
        get: |settings| settings.hop_limit.0.into(),
        set: |settings, value| match u8::try_from(value) {
            Ok(limit @ 1..) => {
                settings.hop_limit = HopLimit(limit);
                Ok(())
            }
            _ => Err(Errno::INVAL),
        },
    },
    switch!("ndisc_notify", announce_addresses),
    switch!("optimistic_dad", optimistic),
    seconds!("temp_prefered_lft", temporary_preferred_lifetime),
    seconds!("temp_valid_lft", temporary_valid_lifetime),
    Setting {
        name: "use_tempaddr",
        get: |settings| settings.temporary.number().into(),
        set: |settings, value| {
            settings.temporary = TemporaryAddresses::from_number(value);
            Ok(())
        },
    },
];

/// IN6_ADDR_GEN_MODE_*: from the hardware address, none, stable and opaque.
fn address_mode(settings: &InterfaceSettings) -> u64 {
    match settings.identifiers {
        _ if !settings.link_local_address => 1,
        IdentifierMethod::Eui64 => 0,
        IdentifierMethod::StableOpaque => 2,
    }
}

fn set_address_mode(settings: &mut InterfaceSettings, mode: i32) -> Result<(), Errno> {
    settings.link_local_address = mode != 1;
    match mode {
        0 => settings.identifiers = IdentifierMethod::Eui64,
        1 => {}
        2 => settings.identifiers = IdentifierMethod::StableOpaque,
        _ => return Err(Errno::INVAL),
    }
    Ok(())
}

/// Whose settings a directory shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    All,
    Default,
    Interface(InterfaceIndex),
}

impl Owner {
    fn find(stack: &KernelStack, name: &str) -> Option<Self> {
        match name {
            "all" => Some(Self::All),
            "default" => Some(Self::Default),
            name => stack.interface_by_name(name).map(Self::Interface),
        }
    }

    fn settings(self, stack: &KernelStack) -> Option<InterfaceSettings> {
        match self {
            Self::All | Self::Default => Some(stack.config().interface.clone()),
            Self::Interface(index) => Some(stack.interface(index)?.settings().clone()),
        }
    }
}

/// Makes the directory known to `/proc`.
pub(super) fn register() {
    fs::proc::register_source("sys/net/ipv6/conf", look);
}

fn look(path: &str) -> Option<Generated> {
    if path.is_empty() {
        let names = with_stack(|stack| {
            let interfaces = stack.interfaces().map(|interface| interface.name().to_string());
            ["all", "default"].map(String::from).into_iter().chain(interfaces).collect::<Vec<_>>()
        });
        let entry = |name| (name, Kind::Directory);
        return Some(Generated::Directory(names.into_iter().map(entry).collect()));
    }
    let (owner, name) = path.split_once('/').unwrap_or((path, ""));
    let owner = with_stack(|stack| Owner::find(stack, owner))?;
    if name.is_empty() {
        let entry = |setting: &Setting| (setting.name.to_string(), Kind::Regular);
        return Some(Generated::Directory(SETTINGS.iter().map(entry).collect()));
    }
    let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
    Some(Generated::Setting(
        Box::new(move || {
            let settings = with_stack(|stack| owner.settings(stack));
            settings.map_or(Vec::new(), |settings| format!("{}\n", (setting.get)(&settings)).into())
        }),
        Box::new(move |text| change(owner, setting, text)),
    ))
}

/// `EINVAL` for what is no number of the setting, `ENODEV` when the interface is gone.
fn change(owner: Owner, setting: &Setting, text: &str) -> Result<(), Errno> {
    let value = text.trim().parse().map_err(|_| Errno::INVAL)?;
    change_stack(|stack| {
        let mut settings = owner.settings(stack).ok_or(Errno::NODEV)?;
        (setting.set)(&mut settings, value)?;
        let only = match owner {
            Owner::Interface(index) => Some(index),
            Owner::All | Owner::Default => {
                let mut config = stack.config().clone();
                config.interface = settings;
                stack.configure(config);
                None
            }
        };
        let meant: Vec<InterfaceIndex> = stack
            .interfaces()
            .map(::net::interface::Interface::index)
            .filter(|index| owner == Owner::All || only == Some(*index))
            .collect();
        for index in meant {
            let owner = Owner::Interface(index);
            let mut settings = owner.settings(stack).ok_or(Errno::NODEV)?;
            (setting.set)(&mut settings, value)?;
            stack.set_interface_settings(index, settings, time::now()).map_err(|_| Errno::NODEV)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_comes_back_and_contradictions_do_not_go_in() {
        for setting in &SETTINGS {
            let mut settings = InterfaceSettings::DEFAULT;
            for value in [2, 1, 0] {
                let taken = (setting.set)(&mut settings, value).is_ok();
                let shown = (setting.get)(&settings);
                // Switches know only 0 and 1; no packet goes out with hop limit 0.
                let name = setting.name;
                assert!(!taken || shown == value as u64 || shown == 1, "{name} {value}: {shown}");
                assert_eq!(taken, name != "hop_limit" || value > 0, "{name} {value}");
            }
        }
        let mut settings = InterfaceSettings::DEFAULT;
        for (name, value) in [
            ("hop_limit", 256),
            ("dad_transmits", -1),
            ("temp_valid_lft", -1),
            ("addr_gen_mode", 3),
        ] {
            let setting = SETTINGS.iter().find(|setting| setting.name == name).unwrap();
            assert_eq!((setting.set)(&mut settings, value), Err(Errno::INVAL), "{name}");
        }
    }

    #[test]
    fn what_is_there_and_what_is_not() {
        assert!(matches!(look(""), Some(Generated::Directory(_))));
        assert!(matches!(look("default"), Some(Generated::Directory(_))));
        assert!(matches!(look("default/use_tempaddr"), Some(Generated::Setting(..))));
        assert!(look("default/nosuch").is_none() && look("nosuch0").is_none());
        let setting = SETTINGS.iter().find(|setting| setting.name == "autoconf").unwrap();
        assert_eq!(change(Owner::Default, setting, "yes"), Err(Errno::INVAL));
    }
}
