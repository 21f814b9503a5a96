//! What a caller says about a leg to be made.

use std::net::SocketAddr;

use translink_core::leg::LegConfig;

use crate::source::Policy;

/// Where a leg listens and plays, and how its logic behaves.
#[derive(Clone, Debug)]
pub struct LegPorts {
    /// Address to bind; port 0 = any free one.
    pub listen: SocketAddr,
    /// In place of `listen`: the shared port to which its senders send ([`crate::Engine::share`]), and from
    /// which its ear is sent.
    pub shared: Option<u32>,
    /// The ear. None: where the newest datagram of the call came from, with `send_from_listen`;
    /// else speech is paced, reported and thrown away.
    pub play_to: Option<SocketAddr>,
    /// Send from the receiving socket, for gateways that answer only where they are answered.
    pub send_from_listen: bool,
    /// Bytes of kernel receive buffer to ask for.
    pub receive_buffer: usize,
    /// Whose datagrams are heard.
    pub source: Policy,
    /// Samples of the talker's audio that can be read again ([`crate::Engine::history`]).
    pub ledger_samples: usize,
    /// The leg's logic.
    pub config: LegConfig,
}
