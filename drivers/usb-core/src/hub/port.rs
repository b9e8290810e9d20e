//! One port of a hub, as enumeration uses it.

use super::Hub;
use super::request::{self, PortChange, PortFeature, PortState, PortStatus};
use crate::bus::DevicePath;
use crate::bus::port::{Connection, Port, PortError};
use crate::bus::slot::Parent;
use crate::class::Platform;
use crate::host::{Clock, HostController, Recovery};
use crate::pipe::{PortNumber, Speed, TransactionTranslator};
use crate::request::RequestError;
use core::time::Duration;

/// A hub drives reset for 10 to 20 ms (TDRST, section 7.1.7.5).
const RESET_POLL: Duration = Duration::from_millis(10);
/// A reset that takes longer has failed.
const RESET_LIMIT: Duration = Duration::from_millis(500);
/// Resets that are tried.
const RESET_TRIES: u8 = 5;
/// Time between two looks whether a device that is being enumerated is still there.
const PRESENCE_POLL: Duration = Duration::from_millis(200);
/// How long a port stays without power in a power cycle.
const POWER_OFF: Duration = Duration::from_millis(300);

pub(super) struct HubPort<'h, 'a, 'b, P: Platform> {
    pub(super) hub: &'h Hub<'a, 'b, P>,
    pub(super) number: PortNumber,
}

impl From<RequestError> for PortError {
    fn from(error: RequestError) -> Self {
        Self::Hub(error)
    }
}

impl<P: Platform> HubPort<'_, '_, '_, P> {
    async fn status(&self) -> Result<PortStatus, PortError> {
        Ok(request::port_status(self.hub.device, self.number).await?)
    }

    async fn set(&self, feature: PortFeature) -> Result<(), PortError> {
        Ok(request::set_port_feature(self.hub.device, self.number, feature).await?)
    }

    async fn clear(&self, feature: PortFeature) -> Result<(), PortError> {
        Ok(request::clear_port_feature(self.hub.device, self.number, feature).await?)
    }

    /// Waits for the end of a reset; `Ok(None)` when it did not come or the port stayed disabled.
    async fn reset_done(&self) -> Result<Option<Speed>, PortError> {
        let clock = self.hub.clock();
        let start = clock.now();
        loop {
            clock.sleep(RESET_POLL).await;
            let PortStatus { state, change } = self.status().await?;
            if !state.contains(PortState::CONNECTION) || change.contains(PortChange::CONNECTION) {
                return Err(PortError::Disconnected);
            }
            if !state.contains(PortState::RESET)
                && (change.contains(PortChange::RESET) || state.contains(PortState::ENABLE))
            {
                self.clear(PortFeature::ResetChange).await?;
                if change.contains(PortChange::ENABLE) {
                    // Not expected here, but the change endpoint would repeat it for ever.
                    self.clear(PortFeature::EnableChange).await?;
                }
                return Ok(state.contains(PortState::ENABLE).then(|| speed(state)));
            }
            if clock.now().saturating_sub(start) >= RESET_LIMIT {
                return Ok(None);
            }
        }
    }
}

fn speed(state: PortState) -> Speed {
    if state.contains(PortState::LOW_SPEED) {
        Speed::Low
    } else if state.contains(PortState::HIGH_SPEED) {
        Speed::High
    } else {
        Speed::Full
    }
}

impl<P: Platform> Port for HubPort<'_, '_, '_, P> {
    fn parent(&self) -> Parent {
        Parent::Hub(self.hub.index)
    }

    fn number(&self) -> PortNumber {
        self.number
    }

    fn device_path(&self) -> Option<DevicePath> {
        self.hub.device.path().child(self.number)
    }

    fn translator(&self, speed: Speed) -> Option<TransactionTranslator> {
        let slot = self.hub.core.slot(self.hub.index);
        let (hub, multi) = (slot.identity.get()?, slot.multi_translator.get());
        match (hub.speed, speed) {
            // The nearest high-speed hub upstream translates (section 11.14.1): this one, ...
            (Speed::High, Speed::Low | Speed::Full) => {
                Some(TransactionTranslator { hub: hub.address, port: self.number, multi })
            }
            // ... or, below a slower hub, the one that translates for that hub.
            (Speed::Low | Speed::Full, _) => hub.translator,
            (Speed::High, Speed::High) => None,
        }
    }

    async fn connection(&self) -> Result<Connection, PortError> {
        let PortStatus { mut state, change } = self.status().await?;
        let changed = change.contains(PortChange::CONNECTION);
        if changed {
            self.clear(PortFeature::ConnectionChange).await?;
            // A change after the answer was cleared as well: what counts is how it is now.
            state = self.status().await?.state;
        }
        if state.contains(PortState::OVER_CURRENT) {
            return Err(PortError::OverCurrent);
        }
        Ok(Connection { connected: state.contains(PortState::CONNECTION), changed })
    }

    async fn until_disconnected(&self) {
        loop {
            self.hub.clock().sleep(PRESENCE_POLL).await;
            // A hub that does not answer is another matter.
            if let Ok(PortStatus { state, change }) = self.status().await
                && (!state.contains(PortState::CONNECTION)
                    || change.contains(PortChange::CONNECTION))
            {
                return;
            }
        }
    }

    async fn reset(&self) -> Result<Speed, PortError> {
        let host = self.hub.core.platform.host();
        for _ in 0..RESET_TRIES {
            host.quiesce().await;
            self.set(PortFeature::Reset).await?;
            if let Some(speed) = self.reset_done().await? {
                return Ok(speed);
            }
            log::debug!("usb {}: port {} not enabled", self.hub.device.path(), self.number);
        }
        Err(PortError::ResetFailed)
    }

    async fn recover(&self, _: Recovery) -> Result<(), PortError> {
        // Both rungs are the same here: the hub and the controller serve others, too.
        if !self.hub.switches_ports() {
            return Ok(());
        }
        let clock = self.hub.clock();
        let path = self.hub.device.path();
        log::warn!("usb {path}: port {} is switched off and on", self.number);
        self.hub.core.count(|c| c.port_power_cycles += 1);
        self.hub.core.platform.host().quiesce().await;
        self.clear(PortFeature::Power).await?;
        clock.sleep(POWER_OFF).await;
        self.set(PortFeature::Power).await?;
        clock.sleep(self.hub.power_delay()).await;
        // The device comes back as a new connection, which is the one we wait for.
        crate::bus::port::debounce(self, clock).await?;
        Ok(())
    }

    async fn disable(&self) {
        self.hub.core.platform.host().quiesce().await;
        let disable = async {
            let clock = self.hub.clock();
            let start = clock.now();
            // A reset that was given up goes on in the hub, and would enable the port in the end.
            while self.status().await?.state.contains(PortState::RESET)
                && clock.now().saturating_sub(start) < RESET_LIMIT
            {
                clock.sleep(RESET_POLL).await;
            }
            self.clear(PortFeature::Enable).await
        };
        if let Err(error) = disable.await {
            log::debug!("usb {}: port {}: {error}", self.hub.device.path(), self.number);
        }
    }
}
