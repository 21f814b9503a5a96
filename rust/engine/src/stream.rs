//! A connection that carries a leg's audio in messages (`AudioSocket`), in place of its datagrams.
//!
//! Why in the media thread, and not Python's `data_received` that pushes into the engine: it comes 50
//! times a second and leg, and the ear's clock is here. So the connection costs what a socket costs:
//! one read for what waits, one write a frame, no task, no copy through Python, and a loop that
//! stalls stalls no ear. Accepting it and finding out whose it is happens once a call, in Python.
//!
//! A message is written by one call. Where the kernel takes only a part of it, the rest comes first,
//! and until then frames are dropped and counted: a peer that reads nothing for so long has no use for
//! them, and a piece of a message would hold Asterisk's channel up.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;
use translink_core::audiosocket::{self, Message};
use translink_core::digit::Digit;
use translink_core::frame::FRAME_BYTES;
use translink_core::leg::Input;
use translink_core::resample::Resampler;

use crate::clock;
use crate::command::Command;
use crate::engine::Engine;
use crate::error::Error;
use crate::item::{Item, Outbox};
use crate::slot::Slot;

/// What was read.
pub(crate) enum News {
    /// Audio of 16 kHz: see [`Stream::pcm`].
    Audio,
    Digit(Digit),
    /// There will be nothing more.
    Ended,
}

/// One connection.
pub(crate) struct Stream {
    socket: Socket,
    pub(crate) peer: Option<SocketAddr>,
    /// Bytes that are no whole message yet, from `read` on.
    incoming: Vec<u8>,
    read: usize,
    ended: bool,
    heard: Rate,
    said: Rate,
    /// The newest audio.
    pub(crate) pcm: Vec<u8>,
    /// The message that is being sent, from `written` on.
    outgoing: Vec<u8>,
    written: usize,
}

/// A rate, and the converter between it and ours, one way.
struct Rate {
    hertz: u32,
    converter: Resampler,
}

impl Stream {
    /// Takes a copy of the descriptor. Until audio has come, it is sent at `rate`; then at the rate
    /// that came.
    pub(crate) fn new(connection: BorrowedFd<'_>, rate: u32) -> io::Result<Self> {
        let socket = Socket::from(connection.try_clone_to_owned()?);
        socket.set_nonblocking(true)?;
        // Only TCP has it.
        let _ = socket.set_tcp_nodelay(true);
        let peer = socket.peer_addr()?.as_socket();
        Ok(Self {
            socket,
            peer,
            incoming: Vec::with_capacity(CHUNK),
            read: 0,
            ended: false,
            heard: Rate::new(rate, OURS)?,
            said: Rate::new(OURS, rate)?,
            pcm: Vec::with_capacity(CHUNK),
            outgoing: Vec::with_capacity(CHUNK),
            written: 0,
        })
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Take what waits, up to `CHUNK` bytes; epoll tells of more.
    pub(crate) fn fill(&mut self) {
        self.incoming.drain(..std::mem::take(&mut self.read));
        let mut chunk = [0; CHUNK];
        match (&self.socket).read(&mut chunk) {
            Ok(0) => self.ended = true,
            Ok(count) => self.incoming.extend_from_slice(&chunk[..count]),
            Err(error) => {
                let again = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
                self.ended = !again.contains(&error.kind());
            }
        }
    }

    /// What came next, if it is whole.
    pub(crate) fn next(&mut self) -> Option<News> {
        while let Some((message, length)) = audiosocket::first(&self.incoming[self.read..]) {
            let mut news = None;
            match message {
                Message::Audio { rate, pcm } => {
                    // One of the format's nine: none is refused.
                    if rate != self.heard.hertz {
                        self.heard = Rate::new(rate, OURS).ok()?;
                        self.said = Rate::new(OURS, rate).ok()?;
                    }
                    self.pcm.clear();
                    self.heard.converter.push(pcm, &mut self.pcm);
                    news = (!self.pcm.is_empty()).then_some(News::Audio);
                }
                Message::Digit(digit) => news = Some(News::Digit(digit)),
                Message::HangUp | Message::Error(_) => self.ended = true,
                Message::Uuid(_) | Message::Unknown(_) => {}
            }
            self.read += length;
            if news.is_some() || self.ended {
                return news.or(Some(News::Ended));
            }
        }
        self.ended.then_some(News::Ended)
    }

    /// Send one frame, as [`crate::socket::Sockets::send`] does. An error: it was dropped, since the
    /// last one is still on its way.
    pub(crate) fn send(&mut self, frame: &[u8; FRAME_BYTES]) -> io::Result<bool> {
        if !self.flush() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut pcm = std::mem::take(&mut self.pcm);
        pcm.clear();
        self.said.converter.push(frame, &mut pcm);
        audiosocket::put_audio(self.said.hertz, &pcm, &mut self.outgoing);
        self.pcm = pcm;
        self.flush();
        Ok(true)
    }

    /// Tell the other end that this is the end. A message of which a part was sent cannot be followed
    /// by this one; then closing the connection tells it.
    pub(crate) fn hang_up(&mut self) {
        if self.flush() {
            self.outgoing.extend_from_slice(&audiosocket::HANG_UP);
            self.flush();
        }
    }

    /// True: nothing is left to be sent.
    fn flush(&mut self) -> bool {
        if self.written < self.outgoing.len() {
            // An error is told by reading, too.
            if let Ok(count) = (&self.socket).write(&self.outgoing[self.written..]) {
                self.written += count;
            }
        }
        let done = self.written == self.outgoing.len();
        if done {
            self.outgoing.clear();
            self.written = 0;
        }
        done
    }
}

impl Rate {
    fn new(from: u32, to: u32) -> io::Result<Self> {
        let refused = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let converter = Resampler::new(from, to).map_err(refused)?;
        Ok(Self {
            hertz: if from == OURS { to } else { from },
            converter,
        })
    }
}

impl Slot {
    /// A connection carries the audio from now on. What waits for the ear is not for this one.
    pub(crate) fn attach(&mut self, stream: Box<Stream>, watched: bool, out: &mut Outbox) {
        self.shared.senders.tell(stream.peer, None);
        self.detached = false;
        self.stream = Some(stream);
        self.act(Input::Flush, 0, out);
        if !watched {
            self.end_stream(out);
        }
    }

    /// Take what the connection brought.
    pub(crate) fn read_stream(&mut self, out: &mut Outbox) {
        if let Some(stream) = &mut self.stream {
            stream.fill();
        }
        while let Some(stream) = &mut self.stream {
            match stream.next() {
                None => return,
                Some(News::Ended) => self.end_stream(out),
                Some(News::Digit(digit)) => {
                    let arrival = clock::now();
                    self.leg.handle(Input::Digit { digit, arrival }, arrival);
                    self.settle(arrival, out);
                }
                Some(News::Audio) => {
                    let audio = std::mem::take(&mut stream.pcm);
                    let now = clock::now();
                    for pcm in audio.chunks(LONGEST_INPUT) {
                        let arrival = now;
                        self.leg.handle(Input::Pcm { pcm, arrival }, now);
                        self.settle(now, out);
                    }
                    if let Some(stream) = &mut self.stream {
                        stream.pcm = audio;
                    }
                }
            }
        }
    }

    /// End the connection because we want to.
    pub(crate) fn hang_up(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            stream.hang_up();
        }
    }

    fn end_stream(&mut self, out: &mut Outbox) {
        self.stream = None;
        let (leg, at) = (self.shared.number, clock::now());
        out.event(&self.shared, Item::Hangup { leg, at });
    }
}

impl Engine {
    /// From now on the leg's talker and ear are at the other end of a connection, which is closed with
    /// the leg or by [`Engine::hang_up`]; datagrams are strangers'. What waits for the ear is flushed.
    /// The descriptor is copied: the caller closes theirs. `rate`, one of
    /// [`translink_core::audiosocket::RATES`], is that of what is sent until audio has come.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`]; [`Error::Io`] for what is no connection.
    pub fn attach(&self, leg: u32, connection: BorrowedFd<'_>, rate: u32) -> Result<(), Error> {
        self.living(leg)?;
        let stream = Box::new(Stream::new(connection, rate)?);
        self.send(Command::Attach { leg, stream })
    }

    /// Hang up the leg's connection, if it has one.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn hang_up(&self, leg: u32) -> Result<(), Error> {
        self.living(leg)?;
        self.send(Command::HangUp { leg })
    }
}

/// Bytes read at once: six frames of 16 kHz and more.
const CHUNK: usize = 4096;

/// The most that the leg takes at once: as much as a datagram holds.
const LONGEST_INPUT: usize = 65_000;

/// The rate of all audio here.
const OURS: u32 = 16_000;

#[cfg(all(test, not(loom)))]
#[path = "stream_tests.rs"]
mod tests;
