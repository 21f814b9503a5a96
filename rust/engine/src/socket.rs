//! A leg's sockets and what the kernel is asked to tell about them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use crate::port::PortSocket;
use crate::shared::SharedLeg;

/// Where a leg listens and where its ear is.
#[derive(Debug)]
pub(crate) struct Sockets {
    receive: Receiving,
    /// None = send from the receiving socket.
    own: Option<Socket>,
    ear: Option<SockAddr>,
    /// The ear is wherever the datagrams come from.
    learns: bool,
    /// Receive buffer that the kernel granted, in the unit that was asked for.
    pub(crate) granted: u64,
    /// Where it really listens.
    pub(crate) local: SocketAddr,
}

/// Where its datagrams come in.
#[derive(Debug)]
enum Receiving {
    Own(Socket),
    /// With others, and its ear is sent from there.
    Shared(Arc<PortSocket>),
}

impl Sockets {
    /// Bind. On failure: the address concerned and the reason.
    pub(crate) fn open(
        listen: SocketAddr,
        play_to: Option<SocketAddr>,
        send_from_listen: bool,
        receive_buffer: usize,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let (receive, local, granted) =
            receiver(listen, receive_buffer).map_err(|error| (listen, error))?;
        let own = match play_to {
            Some(ear) if !send_from_listen => {
                let source = SocketAddr::new(source_for(ear), 0);
                Some(bound(source).map_err(|error| (source, error))?)
            }
            _ => None,
        };
        Ok(Self {
            receive: Receiving::Own(receive),
            own,
            ear: play_to.map(SockAddr::from),
            learns: send_from_listen && play_to.is_none(),
            granted,
            local,
        })
    }

    /// On a port that is bound already.
    pub(crate) fn on(port: &Arc<PortSocket>, play_to: Option<SocketAddr>, learns: bool) -> Self {
        Self {
            receive: Receiving::Shared(Arc::clone(port)),
            own: None,
            ear: play_to.map(SockAddr::from),
            learns: learns && play_to.is_none(),
            granted: port.shared.snapshot().rcvbuf,
            local: port.shared.local,
        }
    }

    pub(crate) fn receiving(&self) -> BorrowedFd<'_> {
        match &self.receive {
            Receiving::Own(socket) => socket.as_fd(),
            Receiving::Shared(port) => port.descriptor(),
        }
    }

    /// The port it shares, if it has none of its own.
    pub(crate) const fn port(&self) -> Option<&Arc<PortSocket>> {
        match &self.receive {
            Receiving::Own(_) => None,
            Receiving::Shared(port) => Some(port),
        }
    }

    /// Datagrams are accepted from there now. A gateway that moves (a new call, a new port behind
    /// its NAT) takes the ear with it.
    /// True: the ear was somewhere else.
    pub(crate) fn heard_from(&mut self, source: Option<SocketAddr>) -> bool {
        if !self.learns {
            return false;
        }
        let before = std::mem::replace(&mut self.ear, source.map(SockAddr::from));
        before.is_some_and(|before| before.as_socket() != source)
    }

    /// Let the kernel drop what a program does not let in, or nothing any more.
    pub(crate) fn filter(&self, program: Option<&[SockFilter]>) -> io::Result<()> {
        match (&self.receive, program) {
            (Receiving::Own(socket), Some(program)) => socket.attach_filter(program),
            (Receiving::Own(socket), None) => socket.detach_filter(),
            // It would keep the others' out.
            (Receiving::Shared(_), _) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Nobody is there any more.
    pub(crate) fn forget(&mut self) {
        if self.learns {
            self.ear = None;
        }
    }

    /// Whether there is somebody to send to.
    pub(crate) const fn has_ear(&self) -> bool {
        self.ear.is_some()
    }

    /// The ear is there, from now on, whichever sender is heard. It is sent from the receiving socket.
    pub(crate) fn play_to(&mut self, ear: Option<SocketAddr>) {
        self.own = None;
        self.ear = ear.map(SockAddr::from);
        self.learns = false;
    }

    /// Send a datagram to the ear; what became of it. From a shared port it leaves with the others', and
    /// `leg` counts it then.
    pub(crate) fn send(&self, datagram: &[u8], leg: Option<&Arc<SharedLeg>>) -> io::Result<Sent> {
        let Some(ear) = &self.ear else {
            return Ok(Sent::ToNobody);
        };
        let socket = match (&self.own, &self.receive) {
            (Some(socket), _) | (None, Receiving::Own(socket)) => socket,
            (None, Receiving::Shared(port)) => {
                port.post(datagram, ear, leg);
                return Ok(Sent::Posted);
            }
        };
        socket.send_to(datagram, ear).map(|_| Sent::Now)
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Now,
    /// It leaves at the end of the tick.
    Posted,
    /// There is no ear.
    ToNobody,
}

/// The receiving socket, where it listens, and the buffer it was granted. The buffer is asked for
/// first with the right (`CAP_NET_ADMIN`) to exceed the system's limit.
pub(crate) fn receiver(
    listen: SocketAddr,
    receive_buffer: usize,
) -> io::Result<(Socket, SocketAddr, u64)> {
    let socket = bound(listen)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    if setsockopt(&socket, sockopt::RcvBufForce, &receive_buffer).is_err() {
        socket.set_recv_buffer_size(receive_buffer)?;
    }
    // socket(7): the kernel doubles what is asked, for its own bookkeeping, and tells the double.
    let granted = (socket.recv_buffer_size()? / 2) as u64;
    let local = socket.local_addr()?.as_socket();
    let local = local.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((socket, local, granted))
}

/// No `SO_REUSEADDR`: with it, two legs on one port would bind happily and share the datagrams.
fn bound(address: SocketAddr) -> io::Result<Socket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::UDP))?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// What is for this machine does not leave from an address that others can answer.
fn source_for(ear: SocketAddr) -> IpAddr {
    match ear.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
