//! The root port's task.

use super::path::DevicePath;
use super::port::{Connection, Port, PortError, PortMemory, debounce};
use super::slot::Parent;
use super::{Core, attach};
use crate::class::Platform;
use crate::host::{Clock, HostController, Recovery, RootPortState, TransferError};
use crate::pipe::{PortNumber, Speed, TransactionTranslator};
use crate::request::RequestError;
use core::future::pending;
use core::time::Duration;
use embassy_futures::select::select3;

/// The number of the only root port.
const ROOT_PORT: PortNumber = PortNumber::FIRST;

/// How long a device may take to show itself after its port was without power.
const RECONNECTION: Duration = Duration::from_secs(1);

struct RootPort<'a, P: Platform> {
    core: &'a Core<P>,
}

impl<P: Platform> Port for RootPort<'_, P> {
    fn parent(&self) -> Parent {
        Parent::Root
    }

    fn number(&self) -> PortNumber {
        ROOT_PORT
    }

    fn device_path(&self) -> Option<DevicePath> {
        Some(DevicePath::ROOT_PORT)
    }

    fn translator(&self, _: Speed) -> Option<TransactionTranslator> {
        // The root port itself takes the device's speed.
        None
    }

    async fn connection(&self) -> Result<Connection, PortError> {
        match self.core.platform.host().root_port() {
            RootPortState::Empty => Ok(Connection { connected: false, changed: false }),
            RootPortState::Connected | RootPortState::Enabled(_) => {
                Ok(Connection { connected: true, changed: false })
            }
            RootPortState::OverCurrent => Err(PortError::OverCurrent),
        }
    }

    async fn until_disconnected(&self) {
        // The events taken here are not missed: the port is looked at again afterwards.
        while self.connection().await.is_ok_and(|now| now.connected) {
            self.core.platform.host().root_port_changed().await;
        }
    }

    async fn reset(&self) -> Result<Speed, PortError> {
        let host = self.core.platform.host();
        host.quiesce().await;
        host.reset_root_port().await.map_err(|error| match error {
            TransferError::Disconnected => PortError::Disconnected,
            TransferError::Timeout => PortError::ResetFailed,
            other => PortError::Hub(RequestError::Transfer(other)),
        })
    }

    async fn recover(&self, recovery: Recovery) -> Result<(), PortError> {
        // The 5 V of the supported boards are not switched: what remains is the controller.
        self.core.count(|c| c.controller_recoveries += 1);
        let host = self.core.platform.host();
        host.quiesce().await;
        host.recover(recovery)
            .await
            .map_err(|error| PortError::Hub(RequestError::Transfer(error)))?;
        // The device comes back as a new connection, which is the one we wait for.
        let give_up = self.core.platform.clock().now() + RECONNECTION;
        while !debounce(self, self.core.platform.clock()).await?
            && self.core.platform.clock().now() < give_up
        {}
        Ok(())
    }

    async fn disable(&self) {
        // A reset comes before the next request to address 0, and no other port competes.
    }
}

/// Watches the root port for ever.
pub(super) async fn run<P: Platform>(core: &Core<P>) {
    let (host, clock) = (core.platform.host(), core.platform.clock());
    let port = RootPort { core };
    let mut memory = PortMemory::default();
    let mut over_current = false;
    loop {
        let state = host.root_port();
        if !over_current && state == RootPortState::OverCurrent {
            log::warn!("usb: over-current on the root port");
            core.count(|c| c.over_current += 1);
        }
        over_current = state == RootPortState::OverCurrent;

        let requested = core.requests(Parent::Root).take(ROOT_PORT);
        if let Some(child) = core.child(Parent::Root, ROOT_PORT) {
            // A device that is there, on a port that is not enabled, came after the one we know,
            // or was cut off by an error on the bus.
            let usable = matches!(state, RootPortState::Enabled(_));
            let since = core.slot(child).identity.get().map(|identity| identity.since);
            if !usable || requested {
                core.detach(Parent::Root, ROOT_PORT).await;
            }
            if let (true, true, Some(since)) = (usable, requested, since) {
                memory.restart(since, clock.now());
            }
        }
        if state == RootPortState::Empty {
            memory.forget();
        }
        let attached = matches!(state, RootPortState::Connected | RootPortState::Enabled(_));
        let vacant = core.child(Parent::Root, ROOT_PORT).is_none();
        if attached && vacant && memory.may_try(clock.now()) {
            attach(core, &port, &mut memory).await;
        }

        let retry = async {
            match memory.retry_at() {
                Some(at) if vacant && attached => clock.sleep(at.saturating_sub(clock.now())).await,
                _ => pending().await,
            }
        };
        select3(host.root_port_changed(), core.requests(Parent::Root).wait(), retry).await;
    }
}
