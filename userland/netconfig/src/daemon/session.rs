//! A run of `netconfigd`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::size_of;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::rtnetlink_groups::{
    RTNLGRP_IPV6_IFINFO, RTNLGRP_LINK, RTNLGRP_ND_USEROPT,
};
use linux_raw_sys::netlink::{RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTM_NEWNDUSEROPT, ifinfomsg};
use net_tools::clock::now;
use net_tools::discovery::Question;
use net_tools::discovery::link_socket::LinkSocket;
use net_tools::discovery::router::Routers;
use net_tools::ip::router_option::RouterOption;
use net_tools::netlink::{Error, Record, Request, RouteSocket};
use rt::strerror;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::children::Children;
use super::links::Link;
use crate::files;
use crate::servers::advertised::Advertised;
use crate::servers::table::Table;
use crate::servers::text::Text;
use crate::signals::Signals;

/// All routers of a link (RFC 4291 section 2.7.1).
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// A run.
#[derive(Debug)]
pub(super) struct Session {
    announcements: RouteSocket,
    signals: Signals,
    /// Names by index.
    links: Vec<(u32, String)>,
    table: Table,
    children: Children,
    /// What was written last; a file that somebody else wrote stays until there is something to
    /// say.
    written: Text,
    verbose: bool,
}

impl Session {
    /// Prepares a run.
    pub(super) fn open(verbose: bool) -> Result<Self, String> {
        if let Some(pid) = files::running(files::DAEMON_PID, "netconfigd") {
            return Err(format!("runs already as process {pid}"));
        }
        let signals = Signals::note().map_err(|errno| strerror(errno).to_string())?;
        let pid = rustix::process::getpid().as_raw_pid();
        files::replace(files::DAEMON_PID, &format!("{pid}\n"))
            .map_err(|errno| format!("{}: {}", files::DAEMON_PID, strerror(errno)))?;
        let groups = [RTNLGRP_LINK, RTNLGRP_IPV6_IFINFO, RTNLGRP_ND_USEROPT];
        let groups = groups.iter().fold(0, |bits, group| bits | 1 << (*group as u32 - 1));
        let announcements = RouteSocket::open(groups).map_err(|error| error.to_string())?;
        Ok(Self {
            announcements,
            signals,
            links: Vec::new(),
            table: Table::default(),
            children: Children::default(),
            written: Text::default(),
            verbose,
        })
    }

    /// Goes on until it is ended.
    pub(super) fn run(mut self) -> Result<(), String> {
        let result = self.serve();
        self.children.end();
        files::remove(files::DAEMON_PID);
        result
    }

    fn serve(&mut self) -> Result<(), String> {
        self.look_around()?;
        loop {
            let next = self.table.expire(now());
            self.write();
            if self.signals.stop() {
                return Ok(());
            }
            let wait = next.map(|next| next.saturating_sub(now()));
            let mut wanted = [PollFd::new(&self.announcements, PollFlags::IN)];
            self.signals.wait(&mut wanted, wait).map_err(|errno| strerror(errno).to_string())?;
            let announced = !wanted[0].revents().is_empty();
            self.children.reap();
            if self.signals.reload() {
                self.read_clients();
            }
            if announced {
                self.hear()?;
            }
        }
    }

    /// Looks at what is there already. What routers said before is gone: they are asked again.
    fn look_around(&mut self) -> Result<(), String> {
        let failed = |error: Error| error.to_string();
        let mut fixed = [0; size_of::<ifinfomsg>()];
        fixed[0] = AF_INET6 as u8;
        let mut requests = RouteSocket::open(0).map_err(failed)?;
        let records = requests.dump(Request::new(RTM_GETLINK as u32, 0, &fixed)).map_err(failed)?;
        for link in records.iter().filter_map(|record| Link::parse(&record.payload)) {
            if link.advertised {
                solicit(link.index);
            }
            self.take_link(&link);
        }
        self.read_clients();
        Ok(())
    }

    fn hear(&mut self) -> Result<(), String> {
        match self.announcements.announcements() {
            Ok(records) => {
                for record in &records {
                    self.hear_record(record);
                }
                Ok(())
            }
            // Some were lost.
            Err(Error::System(_, Errno::NOBUFS)) => self.look_around(),
            Err(error) => Err(error.to_string()),
        }
    }

    fn hear_record(&mut self, record: &Record) {
        let kind = u32::from(record.kind);
        if kind == RTM_NEWNDUSEROPT as u32 {
            if let Some(option) = RouterOption::parse(&record.payload)
                && let Some(advertised) = Advertised::parse(&option.option)
            {
                self.table.advertise(option.index, advertised, now());
            }
        } else if kind == RTM_NEWLINK as u32 {
            if let Some(link) = Link::parse(&record.payload) {
                self.take_link(&link);
            }
        } else if kind == RTM_DELLINK as u32
            && let Some(link) = Link::parse(&record.payload)
        {
            self.links.retain(|(index, _)| *index != link.index);
            self.table.forget(link.index);
            self.children.forget(link.index);
        }
    }

    fn take_link(&mut self, link: &Link) {
        self.links.retain(|(index, _)| *index != link.index);
        self.links.push((link.index, link.name.clone()));
        let Some(wish) = link.wish else { return };
        if let Err(errno) = self.children.wish(link.index, &link.name, wish, self.signals) {
            self.say(format_args!("{}: {}", link.name, strerror(errno)));
        }
    }

    /// Reads what the clients were told.
    fn read_clients(&mut self) {
        for (index, name) in &self.links {
            let text = files::read(&files::of_client(name, "conf"));
            self.table.lease(*index, text.as_deref().map(Text::parse));
        }
    }

    /// Writes the file of name servers if it should say something else.
    fn write(&mut self) {
        let name_of = |wanted| {
            let mut links = self.links.iter();
            links.find(|(index, _)| *index == wanted).map(|(_, name)| name.clone())
        };
        let text = self.table.text(name_of);
        if text == self.written {
            return;
        }
        let content = format!("# written by netconfigd\n{text}");
        match files::replace(files::RESOLV_CONF, &content) {
            Ok(()) => self.say(format_args!("{}:\n{text}", files::RESOLV_CONF)),
            Err(errno) => self.say(format_args!("{}: {}", files::RESOLV_CONF, strerror(errno))),
        }
        self.written = text;
    }

    fn say(&self, text: core::fmt::Arguments<'_>) {
        if self.verbose {
            rt::println!("{text}");
            rt::output::flush();
        }
    }
}

/// Asks the routers of a link to advertise again. Without an answer the next advertisement that
/// comes by itself will do.
fn solicit(interface: u32) {
    let message = Routers { destination: ALL_ROUTERS }.solicitation(None);
    let to = SocketAddrV6::new(ALL_ROUTERS, 0, 0, interface);
    let _ = LinkSocket::open(None).and_then(|socket| socket.send(&message, &to));
}
