//! The link: notifications, and what RNDIS devices say on their command channel; the packet filter.

use crate::adapter::{Adapter, Framing};
use crate::counters::count;
use crate::error::Error;
use crate::notification::{Notification, NotificationReader};
use crate::rndis::command::{CommandChannel, Event};
use core::future::{pending, poll_fn};
use core::time::Duration;
use embassy_futures::select::{Either, select};
use net::netif::{LinkState, Port};
use smsc_lan::Chip;
use usb_core::buffer::DmaBuffer;
use usb_core::class::{BufferOf, Platform};
use usb_core::device::DevicePipe;
use usb_core::host::{Clock, TransferError};

/// Bounds for the time between two polls of the notification endpoint. Devices ask for anything
/// from 1 ms to half a minute, and some repeat themselves at every poll.
const MIN_INTERVAL: Duration = Duration::from_millis(32);
const MAX_INTERVAL: Duration = Duration::from_millis(250);
/// Longest a poll may take.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes of the longest notification.
const NOTIFICATION: usize = 16;
/// Failed polls in a row after which the endpoint is left alone.
const MAX_ERRORS: u32 = 5;
/// How often the PHY of a chip is asked for the link, should its interrupt be lost.
const LINK_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two keep-alive commands ([MS-RNDIS] section 3.1.2).
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// Keep-alive commands in a row without answer that are taken for the end.
const MAX_KEEPALIVE_FAILURES: u32 = 3;

/// How the device has answered so far, and when it is asked next.
struct Patience {
    /// The endpoint for notifications, as long as it works.
    notification: Option<DevicePipe>,
    /// Polls of it that failed in a row.
    errors: u32,
    /// Questions to the PHY or keep-alive commands without answer, in a row.
    unanswered: u32,
    /// A keep-alive command has been answered.
    answered_once: bool,
    /// When the next keep-alive command is due.
    next_keepalive: Duration,
    /// When the PHY is asked without an interrupt.
    next_link: Duration,
}

/// What a poll of the notification endpoint brought.
#[derive(Clone, Copy, Default)]
struct News {
    /// The command channel has something to say.
    response_available: bool,
    /// The PHY of a chip has.
    of_phy: bool,
}

impl<P: Platform> Adapter<'_, '_, P> {
    /// Watches the link until the device does not work any more.
    pub(crate) async fn watch<Q: Port<Buffer = BufferOf<P>>>(&self, port: &Q) -> Error {
        let clock = self.device.platform().clock();
        let mut reader = NotificationReader::default();
        let mut buffer = None;
        let mut patience = Patience {
            notification: self.notification,
            errors: 0,
            unanswered: 0,
            answered_once: false,
            next_keepalive: clock.now() + KEEPALIVE_INTERVAL,
            next_link: clock.now(),
        };
        loop {
            // Commands of RNDIS must not mix, so that this is done here, too.
            let other_filter = poll_fn(|context| port.poll_receive_filter(context));
            let outcome = match select(self.pause(&patience), other_filter).await {
                Either::Second(wanted) => match self.set_filter(wanted, port).await {
                    Err(error) if error != Error::Disconnected => {
                        log::warn!("usb {}: packet filter: {error}", self.device.path());
                        Ok(())
                    }
                    outcome => outcome,
                },
                Either::First(()) => {
                    match self.listen(&mut patience, &mut reader, &mut buffer, port).await {
                        Ok(news) => self.question(&mut patience, news, port).await,
                        Err(error) => Err(error),
                    }
                }
            };
            if let Err(error) = outcome {
                return error;
            }
        }
    }

    /// Waits for the next poll; for ever when there is nothing to poll.
    async fn pause(&self, patience: &Patience) {
        let interval = match (patience.notification, &self.framing) {
            (Some(pipe), _) => pipe.interval().clamp(MIN_INTERVAL, MAX_INTERVAL),
            (None, Framing::Rndis { .. }) => KEEPALIVE_INTERVAL,
            (None, Framing::Smsc(_)) => LINK_INTERVAL,
            (None, _) => return pending().await,
        };
        self.device.platform().clock().sleep(interval).await;
    }

    /// Polls the notification endpoint once; gives it up after [`MAX_ERRORS`].
    async fn listen<Q: Port<Buffer = BufferOf<P>>>(
        &self,
        patience: &mut Patience,
        reader: &mut NotificationReader,
        buffer: &mut Option<BufferOf<P>>,
        port: &Q,
    ) -> Result<News, Error> {
        let mut news = News::default();
        let Some(pipe) = patience.notification else { return Ok(news) };
        match self.poll(pipe, buffer, port).await {
            Ok(packet) => {
                patience.errors = 0;
                if let Framing::Smsc(chip) = &self.framing {
                    news.of_phy = chip.tells_of_phy(packet);
                } else if let Some(notification) = reader.packet(packet) {
                    count(self.counters, |c| c.notifications += 1);
                    news.response_available = self.notified(notification, port);
                }
            }
            Err(TransferError::Nak | TransferError::NoResources) => {}
            Err(TransferError::Disconnected) => return Err(Error::Disconnected),
            Err(error) => {
                patience.errors += 1;
                count(self.counters, |c| c.notification_errors += 1);
                if error == TransferError::Stall {
                    let _ = self.device.clear_halt(pipe).await;
                }
                if patience.errors >= MAX_ERRORS {
                    log::warn!(
                        "usb {}: notifications fail, link state is unknown from now on",
                        self.device.path()
                    );
                    patience.notification = None;
                }
            }
        }
        Ok(news)
    }

    /// Asks the device what is due; an error when it does not work any more.
    async fn question(
        &self,
        patience: &mut Patience,
        news: News,
        port: &impl Port,
    ) -> Result<(), Error> {
        match &self.framing {
            Framing::Smsc(chip) => self.question_phy(patience, chip, news.of_phy, port).await,
            Framing::Rndis { commands, .. } => {
                self.question_commands(patience, commands, news.response_available, port).await
            }
            _ => Ok(()),
        }
    }

    /// Asks a chip's PHY when it has news, and every [`LINK_INTERVAL`].
    async fn question_phy(
        &self,
        patience: &mut Patience,
        chip: &Chip<'_, '_, P>,
        has_news: bool,
        port: &impl Port,
    ) -> Result<(), Error> {
        let now = self.device.platform().clock().now();
        if !has_news && now < patience.next_link {
            return Ok(());
        }
        patience.next_link = now + LINK_INTERVAL;
        match self.ask_phy(chip, has_news, port).await {
            Ok(()) => patience.unanswered = 0,
            Err(Error::Disconnected) => return Err(Error::Disconnected),
            Err(error) => {
                log::debug!("usb {}: {error}", self.device.path());
                patience.unanswered += 1;
                if patience.unanswered >= MAX_ERRORS {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Talks over the command channel when the device wants to, and every [`KEEPALIVE_INTERVAL`].
    async fn question_commands(
        &self,
        patience: &mut Patience,
        commands: &CommandChannel<'_, '_, P>,
        response_available: bool,
        port: &impl Port,
    ) -> Result<(), Error> {
        let clock = self.device.platform().clock();
        let due = clock.now() >= patience.next_keepalive;
        match self.converse(commands, response_available, due, port).await {
            Ok(()) if due => {
                patience.unanswered = 0;
                patience.answered_once = true;
                count(self.counters, |c| c.keepalives += 1);
            }
            Ok(()) => {}
            Err(Error::Disconnected) => return Err(Error::Disconnected),
            Err(error) => {
                log::debug!("usb {}: command channel: {error}", self.device.path());
                if due {
                    patience.unanswered += 1;
                    count(self.counters, |c| c.keepalive_failures += 1);
                }
                // A device that never answers the question may just not know it.
                if patience.unanswered >= MAX_KEEPALIVE_FAILURES && patience.answered_once {
                    return Err(error);
                }
            }
        }
        if due {
            patience.next_keepalive = clock.now() + KEEPALIVE_INTERVAL;
        }
        Ok(())
    }

    /// Asks a chip's PHY for the link.
    async fn ask_phy(
        &self,
        chip: &Chip<'_, '_, P>,
        interrupted: bool,
        port: &impl Port,
    ) -> Result<(), Error> {
        if interrupted {
            count(self.counters, |c| c.notifications += 1);
            chip.acknowledge().await?;
        }
        let link = chip.link().await?;
        self.set_link(link, port);
        Ok(())
    }

    /// One poll of the notification endpoint; the packet that came.
    async fn poll<'a, Q: Port<Buffer = BufferOf<P>>>(
        &self,
        pipe: DevicePipe,
        kept: &'a mut Option<BufferOf<P>>,
        port: &Q,
    ) -> Result<&'a [u8], TransferError> {
        let buffer = kept.take().or_else(|| {
            let mut buffer = port.allocate()?;
            let window = NOTIFICATION.next_multiple_of(pipe.max_packet_size());
            buffer.set_len(window).then_some(buffer)
        });
        let buffer = buffer.ok_or(TransferError::NoResources)?;
        let (buffer, result) = self.device.transfer_in(pipe, buffer, Some(POLL_TIMEOUT)).await;
        let bytes = kept.insert(buffer).bytes();
        result.map(|length| bytes.get(..length).unwrap_or(bytes))
    }

    /// Takes a notification to heart; returns whether the command channel has something to say.
    fn notified(&self, notification: Notification, port: &impl Port) -> bool {
        match notification {
            Notification::NetworkConnection(up) => self.set_up(up, port),
            Notification::SpeedChange { downlink, .. } => {
                // Sent twice a second by some devices, and with zeros while there is no link; by
                // others once, in front of the news that there is one.
                let speed = Some(downlink / 1_000_000).filter(|speed| *speed != 0);
                self.speed.set(speed);
                if matches!(self.link.get(), LinkState::Up { .. }) {
                    self.set_link(LinkState::Up { speed }, port);
                }
            }
            Notification::ResponseAvailable => return true,
            Notification::Other(code) => {
                log::debug!("usb {}: notification {code:#04x}", self.device.path());
            }
        }
        false
    }

    /// Fetches what the device has to say, and asks it whether it lives when that is due.
    async fn converse(
        &self,
        commands: &CommandChannel<'_, '_, P>,
        response_available: bool,
        keepalive_due: bool,
        port: &impl Port,
    ) -> Result<(), Error> {
        let mut event = |Event::Link(up)| self.set_up(up, port);
        if response_available {
            commands.listen(&mut event).await?;
        }
        if keepalive_due {
            commands.keep_alive(&mut event).await?;
        }
        Ok(())
    }

    pub(crate) fn set_up(&self, up: bool, port: &impl Port) {
        let link = match (up, self.link.get()) {
            (false, _) => LinkState::Down,
            (true, LinkState::Down) => LinkState::Up { speed: self.speed.get() },
            (true, up) => up,
        };
        self.set_link(link, port);
    }

    fn set_link(&self, link: LinkState, port: &impl Port) {
        let before = self.link.replace(link);
        if before == link {
            return;
        }
        count(self.counters, |c| c.link_changes += 1);
        match link {
            LinkState::Down => log::info!("usb {}: link down", self.device.path()),
            LinkState::Up { speed: Some(speed) } => {
                log::info!("usb {}: link up, {speed} Mbit/s", self.device.path());
            }
            LinkState::Up { speed: None } => log::info!("usb {}: link up", self.device.path()),
        }
        port.set_link(link);
    }
}
