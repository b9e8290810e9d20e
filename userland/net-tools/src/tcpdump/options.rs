//! The command line of `tcpdump`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::options::{Hint, Item, Opt, Tool};

use super::pcap::LONGEST;
use super::style::Style;
use super::timestamp::Stamps;

/// How the program is called.
pub static TOOL: Tool = Tool {
    name: "tcpdump",
    usage: "[-i INTERFACE|any] [OPTION]... [EXPRESSION]\n-r FILE [OPTION]... [EXPRESSION]",
    about: "Shows the packets that pass an interface, or those of a file, one a line. Addresses and\n\
            ports are always numbers. An EXPRESSION says which packets, for example\n\
            'tcp port 80 and host fec0::2', 'icmp6 and not src net fe80::/10'.",
    options: &[
        Opt::value('i', "interface", "NAME", "listen there; 'any' for all (the first that is up)"),
        Opt::value('c', "", "COUNT", "end after so many packets"),
        Opt::value('r', "", "FILE", "read packets from a file ('-': standard input)"),
        Opt::value('w', "", "FILE", "write packets to a file instead ('-': standard output)"),
        Opt::value('s', "snapshot-length", "BYTES", "keep so much of a packet (262144)"),
        Opt::flag('e', "", "print the link-layer header"),
        Opt::flag('v', "", "print more; twice: even more"),
        Opt::flag('q', "", "print less about protocols"),
        Opt::flag('S', "absolute-tcp-sequence-numbers", "TCP sequence numbers as they are"),
        Opt::flag('x', "", "print the packet in hexadecimal; twice: with the link-layer header"),
        Opt::flag('X', "", "the same and as characters"),
        Opt::flag(
            't',
            "",
            "no time; twice: since 1970; thrice: since the packet before;\n\
                            \x20                           four times: with the date",
        ),
        Opt::flag('l', "", "write each line at once"),
        Opt::flag('U', "packet-buffered", "write each packet to the file at once"),
        Opt::flag('p', "no-promiscuous-mode", "take no frames for others"),
        Opt::flag('n', "", "numbers instead of names, which is all there is"),
    ],
    status: 1,
    hint: Hint::TryHelp,
    permute: false,
};

/// How packets are printed as octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hex {
    /// In hexadecimal.
    pub wanted: bool,
    /// And as characters.
    pub characters: bool,
    /// With the link-layer header.
    pub link_header: bool,
}

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    /// The interface to listen on.
    pub interface: Option<String>,
    /// The file to read.
    pub read: Option<String>,
    /// The file to write.
    pub write: Option<String>,
    /// How many packets.
    pub count: Option<u64>,
    /// How much of a packet.
    pub snapshot: usize,
    /// How lines look.
    pub style: Style,
    /// The time.
    pub stamps: Stamps,
    /// The octets.
    pub hex: Hex,
    /// Write out each line or packet.
    pub unbuffered: bool,
    /// Take frames for others too.
    pub promiscuous: bool,
    /// Which packets.
    pub expression: String,
}

/// Understands a command line.
pub fn parse(items: impl Iterator<Item = Item>) -> Result<Options, String> {
    let mut times = 0;
    let mut words: Vec<String> = Vec::new();
    let mut options = Options {
        interface: None,
        read: None,
        write: None,
        count: None,
        snapshot: LONGEST,
        style: Style::default(),
        stamps: Stamps::default(),
        hex: Hex::default(),
        unbuffered: false,
        promiscuous: true,
        expression: String::new(),
    };
    for item in items {
        let (letter, value) = match item {
            Item::Operand(operand) => {
                words.push(operand.to_string());
                continue;
            }
            Item::Long(name, _) => return Err(format!("unrecognized option '--{name}'")),
            Item::Option(letter, value) => {
                (letter, value.map(ToString::to_string).unwrap_or_default())
            }
        };
        let number = || rt::number::decimal(value.as_bytes());
        match letter {
            'i' => options.interface = Some(value),
            'r' => options.read = Some(value),
            'w' => options.write = Some(value),
            'c' => {
                let count = number().filter(|count| *count > 0);
                options.count = Some(count.ok_or_else(|| format!("invalid packet count {value}"))?);
            }
            's' => {
                let length = number().filter(|length| *length <= LONGEST as u64);
                let length = length.ok_or_else(|| format!("invalid snaplen {value}"))? as usize;
                options.snapshot = if length == 0 { LONGEST } else { length };
            }
            'e' => options.style.link_header = true,
            'v' => options.style.verbosity = options.style.verbosity.saturating_add(1),
            'q' => options.style.quiet = true,
            'S' => options.style.absolute = true,
            'x' | 'X' => {
                options.style.dumped = true;
                options.hex = Hex {
                    link_header: options.hex.wanted,
                    characters: options.hex.characters || letter == 'X',
                    wanted: true,
                };
            }
            't' => times += 1,
            'l' | 'U' => options.unbuffered = true,
            'p' => options.promiscuous = false,
            _ => {}
        }
    }
    options.stamps = Stamps::from_count(times);
    options.expression = words.join(" ");
    if options.read.is_some() && options.interface.is_some() {
        return Err("either -i or -r, not both".into());
    }
    Ok(options)
}
