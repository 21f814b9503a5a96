//! Shared ports as the engine's callers see them.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::command::Command;
use crate::engine::Engine;
use crate::error::Error;
use crate::port::{PortSnapshot, PortSocket, SharedPort};
use crate::port_slot::PortSlot;
use crate::ports::LegPorts;
use crate::shared::SharedLeg;
use crate::socket::Sockets;

/// How long the media thread may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

impl Engine {
    /// Bind a port for legs to share (`LegPorts::shared`); its number. It stays until the engine is closed.
    ///
    /// # Errors
    /// [`Error::Address`]; [`Error::Busy`].
    pub fn share(&self, listen: SocketAddr, receive_buffer: usize) -> Result<u32, Error> {
        self.check()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let port = PortSocket::open(number, listen, receive_buffer);
        let refused = |source| Error::Address {
            address: listen,
            source,
        };
        let port = Arc::new(port.map_err(refused)?);
        self.ask(
            0,
            Command::Share(Box::new(PortSlot::new(Arc::clone(&port)))),
        )?;
        let mut ports = self.ports.write().unwrap_or_else(PoisonError::into_inner);
        ports.insert(number, port);
        Ok(number)
    }

    /// Where a shared port really listens.
    ///
    /// # Errors
    /// [`Error::NoPort`].
    pub fn port_address(&self, port: u32) -> Result<SocketAddr, Error> {
        Ok(self.shared_port(port)?.local)
    }

    /// What a shared port has seen that belongs to no leg.
    ///
    /// # Errors
    /// [`Error::NoPort`].
    pub fn port_counters(&self, port: u32) -> Result<PortSnapshot, Error> {
        Ok(self.shared_port(port)?.snapshot())
    }

    /// The sender that a shared port turned away last.
    ///
    /// # Errors
    /// [`Error::NoPort`].
    pub fn port_stranger(&self, port: u32) -> Result<Option<SocketAddr>, Error> {
        Ok(self.shared_port(port)?.senders.stranger())
    }

    /// The sockets of a leg to be made.
    pub(crate) fn sockets(&self, ports: &LegPorts) -> Result<Sockets, Error> {
        let (play_to, from_listen) = (ports.play_to, ports.send_from_listen);
        if let Some(number) = ports.shared {
            let port = self.port(number)?;
            return Ok(Sockets::on(&port, play_to, from_listen));
        }
        Sockets::open(ports.listen, play_to, from_listen, ports.receive_buffer)
            .map_err(|(address, source)| Error::Address { address, source })
    }

    /// Wait until a leg that was added, or whose source was changed, is in its port's table: a datagram that
    /// is sent from now on is its own.
    pub(crate) fn wait_for_routes(&self, leg: &Arc<SharedLeg>) {
        if leg.port.is_some() {
            let (done, answered) = sync_channel(1);
            if self.tell(leg, Command::Answer { done }).is_ok() {
                // It will be in there, if not now.
                let _ = answered.recv_timeout(PATIENCE);
            }
        }
    }

    fn shared_port(&self, port: u32) -> Result<Arc<SharedPort>, Error> {
        Ok(Arc::clone(&self.port(port)?.shared))
    }

    fn port(&self, port: u32) -> Result<Arc<PortSocket>, Error> {
        self.check_process()?;
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        ports.get(&port).cloned().ok_or(Error::NoPort(port))
    }
}
