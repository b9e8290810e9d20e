//! How a hub driver learns that something changed (USB 2.0 section 11.12.4).

use super::Hub;
use crate::buffer::DmaBuffer;
use crate::bus::slot::Parent;
use crate::class::{BufferOf, Platform};
use crate::descriptor::EndpointDescriptor;
use crate::device::{Device, DevicePipe};
use crate::host::{Clock, TransferError};
use core::time::Duration;
use embassy_futures::select::select;

/// Bounds for the time between two polls of the status-change endpoint. Hubs ask for up to 256 ms;
/// a poll costs little, and a device that left should be noticed before its driver times out.
const MIN_INTERVAL: Duration = Duration::from_millis(16);
const MAX_INTERVAL: Duration = Duration::from_millis(64);
/// Time between two rounds of asking every port.
const ROUND_INTERVAL: Duration = Duration::from_millis(250);
/// Longest a poll of the endpoint may take.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);
/// Failed polls in a row after which the endpoint is not used any more.
const MAX_POLL_ERRORS: u8 = 4;

/// Where changes are learned from. Bit 0 of a set of changes is the hub, bit n is port n.
pub(super) enum ChangeSource<P: Platform> {
    /// The status-change endpoint.
    Endpoint {
        pipe: DevicePipe,
        interval: Duration,
        /// Kept from poll to poll; `None` while there is none to be had.
        buffer: Option<BufferOf<P>>,
        errors: u8,
    },
    /// Every port is asked in turn.
    Rounds,
}

impl<P: Platform> ChangeSource<P> {
    pub(super) fn open(
        device: &Device<'_, P>,
        endpoint: Option<EndpointDescriptor>,
        ports: u8,
    ) -> Self {
        let pipe = endpoint.and_then(|endpoint| device.open_pipe(&endpoint).ok());
        match pipe {
            // The bitmap must fit in one packet, or the poll would go on past it.
            Some(pipe) if pipe.max_packet_size() > usize::from(ports) / 8 => Self::Endpoint {
                pipe,
                interval: pipe.interval().clamp(MIN_INTERVAL, MAX_INTERVAL),
                buffer: None,
                errors: 0,
            },
            _ => {
                log::warn!("usb {}: no status endpoint, asking each port", device.path());
                Self::Rounds
            }
        }
    }

    /// Waits until something may have changed, a port is asked for, or `retry_at` has come.
    pub(super) async fn changes(
        &mut self,
        hub: &Hub<'_, '_, P>,
        retry_at: Option<Duration>,
    ) -> u32 {
        let clock = hub.clock();
        let requests = hub.core.requests(Parent::Hub(hub.index));
        loop {
            let (changes, interval) = match self {
                Self::Rounds => (None, ROUND_INTERVAL),
                Self::Endpoint { pipe, interval, buffer, errors } => {
                    let result = poll(hub.device, *pipe, buffer).await;
                    match result {
                        Ok(_) | Err(TransferError::Nak) => *errors = 0,
                        Err(TransferError::Stall) => {
                            *errors += 1;
                            // A hub that does not know the request repeats the STALL.
                            let _ = hub.device.clear_halt(*pipe).await;
                        }
                        Err(TransferError::NoResources) => {}
                        Err(_) => *errors += 1,
                    }
                    (result.ok(), *interval)
                }
            };
            if let Self::Endpoint { errors: MAX_POLL_ERRORS.., .. } = self {
                log::warn!("usb {}: status endpoint fails, asking each port", hub.device.path());
                *self = Self::Rounds;
            }
            if let Some(changes) = changes.filter(|changes| *changes != 0) {
                return changes;
            }
            let due = retry_at.map(|at| at.saturating_sub(clock.now()));
            select(clock.sleep(interval.min(due.unwrap_or(interval))), requests.wait()).await;
            if matches!(self, Self::Rounds) {
                return u32::MAX;
            }
            if requests.any() || retry_at.is_some_and(|at| at <= clock.now()) {
                return 0;
            }
        }
    }
}

/// One poll of the status-change endpoint.
async fn poll<P: Platform>(
    device: &Device<'_, P>,
    pipe: DevicePipe,
    kept: &mut Option<BufferOf<P>>,
) -> Result<u32, TransferError> {
    let buffer = kept.take().or_else(|| {
        let mut buffer = device.platform().allocate()?;
        buffer.set_len(pipe.max_packet_size()).then_some(buffer)
    });
    let buffer = buffer.ok_or(TransferError::NoResources)?;
    let (buffer, result) = device.transfer_in(pipe, buffer, Some(POLL_TIMEOUT)).await;
    let changes = result.map(|length| {
        let bytes = buffer.bytes();
        let bitmap = bytes.get(..length.min(4)).unwrap_or(bytes);
        bitmap.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte))
    });
    *kept = Some(buffer);
    changes
}
