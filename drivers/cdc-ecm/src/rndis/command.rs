//! The command channel: encapsulated commands over endpoint 0 ([MS-RNDIS] section 2.1, CDC 1.2
//! section 6.2).

use super::message::{Command, Filter, Response, STATUS_SUCCESS, oid};
use crate::counters::{Counters, count};
use crate::error::{Error, Step};
use core::cell::Cell;
use core::time::Duration;
use net::netif::{MacAddress, ReceiveFilter};
use usb_core::buffer::DmaBuffer;
use usb_core::class::{BufferOf, Platform};
use usb_core::device::{Device, DevicePipe};
use usb_core::host::{Clock, SetupPacket, TransferError};

/// SEND_ENCAPSULATED_COMMAND: class request to the interface, host to device.
const SEND_ENCAPSULATED_COMMAND: (u8, u8) = (0x21, 0x00);
/// GET_ENCAPSULATED_RESPONSE.
const GET_ENCAPSULATED_RESPONSE: (u8, u8) = (0xa1, 0x01);
/// How long a request on endpoint 0 may take (USB 2.0 section 9.2.6.1).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes asked for: the protocol's smallest answer buffer is 1025.
const RESPONSE_LENGTH: u16 = 1028;
/// How often an answer is asked for before it is given up, and the pause between.
const RESPONSE_TRIES: u32 = 20;
const RESPONSE_PAUSE: Duration = Duration::from_millis(40);
/// Longest time for the one look at the notification endpoint before an answer is fetched.
const NOTIFICATION_TIMEOUT: Duration = Duration::from_millis(100);
/// Directed, broadcast and all multicast: IPv6 Neighbor Discovery needs its multicasts, and the
/// stack filters by itself.
const FILTER: Filter = Filter::DIRECTED.union(Filter::ALL_MULTICAST).union(Filter::BROADCAST);
/// Bytes of a transfer that we offer to take: the receive window.
const MAX_TRANSFER_SIZE: u32 = crate::receive::WINDOW as u32;

/// What the device said on its own, while something else was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// The link came or went.
    Link(bool),
}

/// The answer to a command, as far as it is of use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// The largest transfer the device takes.
    Initialized { max_transfer_size: u32 },
    /// The first bytes of an object and its length; objects we ask for are short.
    Value([u8; 8], usize),
    /// Done.
    Done,
}

impl Answer {
    /// An object that is a word.
    fn word(self) -> Option<u32> {
        match self {
            Self::Value([a, b, c, d, ..], 4..) => Some(u32::from_le_bytes([a, b, c, d])),
            _ => None,
        }
    }
}

/// The command channel of one device.
pub(crate) struct CommandChannel<'d, 'b, P: Platform> {
    pub(crate) device: &'d Device<'b, P>,
    pub(crate) interface: u8,
    pub(crate) notification: Option<DevicePipe>,
    pub(crate) counters: &'d Cell<Counters>,
    /// RequestID of the next command.
    pub(crate) next_id: Cell<u32>,
}

/// What the device told of itself while it was brought up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Initialized {
    pub(crate) max_transfer_size: u32,
    pub(crate) mac: Option<MacAddress>,
    pub(crate) max_payload: Option<u32>,
    pub(crate) connected: bool,
    /// Mbit/s.
    pub(crate) speed: Option<u32>,
}

impl<P: Platform> CommandChannel<'_, '_, P> {
    /// Brings the device up, up to and including the packet filter, which starts the data path.
    pub(crate) async fn initialize(&self) -> Result<Initialized, Error> {
        if self.device.restarts() > 0 {
            // Half a frame may have stayed in the device's buffer; only this clears it. It may
            // not be allowed before the initialization, and then does no harm.
            let _ = self.command(Command::Reset, &mut |_| ()).await;
        }
        let mut connected = true;
        let mut event = |Event::Link(up)| connected = up;
        let initialize = Command::Initialize { max_transfer_size: MAX_TRANSFER_SIZE };
        let Answer::Initialized { max_transfer_size } =
            self.command(initialize, &mut event).await?
        else {
            return Err(Error::NoAnswer);
        };
        let address = Command::Query { oid: oid::PERMANENT_ADDRESS, with_room: true };
        let mac = match self.command(address, &mut event).await {
            Ok(Answer::Value(start, 6..)) => {
                start.first_chunk().map(|a| MacAddress(*a)).filter(|a| a.is_station())
            }
            Err(Error::Disconnected) => return Err(Error::Disconnected),
            _ => None,
        };
        let mut query = async |oid| {
            let answer = self.command(Command::Query { oid, with_room: false }, &mut event).await;
            match answer {
                Err(Error::Disconnected) => Err(Error::Disconnected),
                answer => Ok(answer.ok().and_then(Answer::word)),
            }
        };
        let max_payload = query(oid::MAXIMUM_FRAME_SIZE).await?;
        let speed = query(oid::LINK_SPEED).await?.map(|units| units / 10_000);
        let media = query(oid::MEDIA_CONNECT_STATUS).await?;
        self.set_filter(ReceiveFilter::Own, &mut event).await?;
        let connected = media.map_or(connected, |state| state == 0);
        Ok(Initialized { max_transfer_size, mac, max_payload, connected, speed })
    }

    /// Sets the packet filter.
    pub(crate) async fn set_filter(
        &self,
        wanted: ReceiveFilter,
        event: &mut impl FnMut(Event),
    ) -> Result<(), Error> {
        let mut filter = FILTER;
        filter.set(Filter::PROMISCUOUS, wanted == ReceiveFilter::All);
        let set = Command::Set { oid: oid::CURRENT_PACKET_FILTER, value: filter.bits() };
        self.command(set, event).await.map(|_| ())
    }

    /// Asks whether the device lives.
    pub(crate) async fn keep_alive(&self, event: &mut impl FnMut(Event)) -> Result<(), Error> {
        self.command(Command::KeepAlive, event).await.map(|_| ())
    }

    /// Sends a command and waits for its answer. What the device says in between is dealt with.
    async fn command(
        &self,
        command: Command,
        event: &mut impl FnMut(Event),
    ) -> Result<Answer, Error> {
        let id = self.next_id.get();
        // 0 is left out: some firmware answers it with whatever it has.
        self.next_id.set(id.checked_add(1).unwrap_or(1));
        self.send(command, id).await?;
        if let Some(pipe) = self.notification {
            // Some devices answer only after they could say that they have an answer.
            self.look_at_notification(pipe).await;
        }
        let mut buffer = self.buffer()?;
        for attempt in 0..RESPONSE_TRIES {
            let Some(response) = self.fetch(&mut buffer).await? else {
                if attempt == 0 {
                    count(self.counters, |c| c.late_answers += 1);
                }
                self.device.platform().clock().sleep(RESPONSE_PAUSE).await;
                continue;
            };
            if let Some(answer) = self.handle(response, id, event).await? {
                return answer;
            }
        }
        Err(Error::NoAnswer)
    }

    /// Fetches and deals with whatever the device has to say, after RESPONSE_AVAILABLE.
    pub(crate) async fn listen(&self, event: &mut impl FnMut(Event)) -> Result<(), Error> {
        let mut buffer = self.buffer()?;
        for _ in 0..RESPONSE_TRIES {
            match self.fetch(&mut buffer).await {
                Ok(Some(response)) => {
                    // No command has this identifier.
                    let _late_answer = self.handle(response, 0, event).await?;
                }
                Ok(None) => break,
                Err(Error::Malformed(error)) => {
                    log::debug!("usb {}: rndis: {error}", self.device.path());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The answer, if `response` is the one to command `id`.
    async fn handle(
        &self,
        response: Response<'_>,
        id: u32,
        event: &mut impl FnMut(Event),
    ) -> Result<Option<Result<Answer, Error>>, Error> {
        let (answered, status, answer) = match response {
            Response::InitializeComplete { id, status, max_transfer_size, .. } => {
                (id, status, Answer::Initialized { max_transfer_size })
            }
            Response::QueryComplete { id, status, value } => {
                let mut start = [0; 8];
                for (to, from) in start.iter_mut().zip(value) {
                    *to = *from;
                }
                (id, status, Answer::Value(start, value.len()))
            }
            Response::SetComplete { id, status } | Response::KeepAliveComplete { id, status } => {
                (id, status, Answer::Done)
            }
            Response::ResetComplete { status, addressing_reset } => {
                log::debug!("usb {}: rndis reset ({addressing_reset})", self.device.path());
                // Has no identifier; only one command is under way at a time.
                (id, status, Answer::Done)
            }
            Response::KeepAlive { id } => {
                self.send(Command::KeepAliveComplete, id).await?;
                return Ok(None);
            }
            Response::MediaConnected(up) => {
                event(Event::Link(up));
                return Ok(None);
            }
            Response::Indication(status) => {
                log::debug!("usb {}: rndis indicates {status:#010x}", self.device.path());
                return Ok(None);
            }
        };
        Ok((answered == id).then_some(match status {
            STATUS_SUCCESS => Ok(answer),
            status => Err(Error::Refused(status)),
        }))
    }

    /// SEND_ENCAPSULATED_COMMAND.
    async fn send(&self, command: Command, id: u32) -> Result<(), Error> {
        let mut message = command.to_bytes(id);
        let (request_type, request) = SEND_ENCAPSULATED_COMMAND;
        let setup = SetupPacket {
            request_type,
            request,
            value: 0,
            index: u16::from(self.interface),
            length: message.len() as u16,
        };
        let sent = self.device.control(setup, &mut message, REQUEST_TIMEOUT).await;
        sent.map(|_| ()).map_err(command_failed)
    }

    /// GET_ENCAPSULATED_RESPONSE; `None` when there is none yet.
    async fn fetch<'r>(&self, buffer: &'r mut BufferOf<P>) -> Result<Option<Response<'r>>, Error> {
        let (request_type, request) = GET_ENCAPSULATED_RESPONSE;
        let setup = SetupPacket {
            request_type,
            request,
            value: 0,
            index: u16::from(self.interface),
            length: RESPONSE_LENGTH,
        };
        let received = match self.device.control(setup, buffer.bytes_mut(), REQUEST_TIMEOUT).await {
            Ok(received) => received,
            // Some devices say so that they have nothing.
            Err(TransferError::Stall) => return Ok(None),
            Err(error) => return Err(command_failed(error)),
        };
        let response = buffer.bytes().get(..received).unwrap_or(&[]);
        // A single zero byte, or a message of type 0: nothing.
        if response.len() < 8 || response.get(..4) == Some(&[0; 4]) {
            return Ok(None);
        }
        Ok(Some(Response::parse(response)?))
    }

    fn buffer(&self) -> Result<BufferOf<P>, Error> {
        let mut buffer = self.device.platform().allocate().ok_or(Error::NoBuffer)?;
        if buffer.set_len(usize::from(RESPONSE_LENGTH)) { Ok(buffer) } else { Err(Error::NoBuffer) }
    }

    /// One poll of the notification endpoint, whatever comes of it.
    async fn look_at_notification(&self, pipe: DevicePipe) {
        let Some(mut buffer) = self.device.platform().allocate() else { return };
        if buffer.set_len(pipe.max_packet_size()) {
            let poll = self.device.transfer_in(pipe, buffer, Some(NOTIFICATION_TIMEOUT));
            embassy_futures::select::select(self.device.until_gone(), poll).await;
        }
    }
}

const fn command_failed(error: TransferError) -> Error {
    match error {
        TransferError::Disconnected => Error::Disconnected,
        other => Error::Transfer(Step::RndisCommand, other),
    }
}
