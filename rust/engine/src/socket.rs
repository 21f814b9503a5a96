//! A leg's sockets and what the kernel is asked to tell about them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

/// Where a leg listens and where its ear is.
#[derive(Debug)]
pub(crate) struct Sockets {
    receive: Socket,
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
            receive,
            own,
            ear: play_to.map(SockAddr::from),
            learns: send_from_listen && play_to.is_none(),
            granted,
            local,
        })
    }

    pub(crate) fn receiving(&self) -> BorrowedFd<'_> {
        self.receive.as_fd()
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
        match program {
            Some(program) => self.receive.attach_filter(program),
            None => self.receive.detach_filter(),
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

    /// Send a datagram to the ear. `Ok(false)`: there is none.
    pub(crate) fn send(&self, datagram: &[u8]) -> io::Result<bool> {
        let Some(ear) = &self.ear else {
            return Ok(false);
        };
        let socket = self.own.as_ref().unwrap_or(&self.receive);
        socket.send_to(datagram, ear).map(|_| true)
    }
}

/// The receiving socket, where it listens, and the buffer it was granted. The buffer is asked for
/// first with the right (`CAP_NET_ADMIN`) to exceed the system's limit.
fn receiver(listen: SocketAddr, receive_buffer: usize) -> io::Result<(Socket, SocketAddr, u64)> {
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
