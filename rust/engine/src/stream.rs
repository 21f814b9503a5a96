//! A connection that carries a leg's audio in messages (`AudioSocket`, WebSocket), in place of its datagrams.
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
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};
use translink_core::frame::{FRAME_BYTES, Nanos};
use translink_core::leg::Input;
use translink_core::websocket::Dialect;

use crate::clock;
use crate::command::Command;
use crate::engine::Engine;
use crate::error::Error;
use crate::item::{Item, Outbox};
use crate::slot::Slot;
use crate::wire::{CHUNK, News, Protocol, Wire};

/// One connection.
pub(crate) struct Stream {
    socket: Socket,
    /// Among those that the leg has had.
    number: u32,
    pub(crate) peer: Option<SocketAddr>,
    wire: Wire,
    ended: bool,
    /// The newest audio, of 16 kHz.
    pcm: Vec<u8>,
    /// The newest message.
    text: String,
    texts: Pace,
    digits: Pace,
    /// What is being sent, from `written` on.
    outgoing: Vec<u8>,
    written: usize,
}

impl Stream {
    /// Takes a copy of the descriptor.
    pub(crate) fn new(
        connection: BorrowedFd<'_>,
        number: u32,
        protocol: Protocol,
    ) -> io::Result<Self> {
        let socket = Socket::from(connection.try_clone_to_owned()?);
        socket.set_nonblocking(true)?;
        // Only TCP has these.
        let _ = socket.set_tcp_nodelay(true);
        let waiting = match protocol {
            Protocol::WebSocket(Dialect::Browser) => WAITING_PAGE,
            _ => WAITING,
        };
        let _ = socket.set_tcp_notsent_lowat(waiting);
        let _ = socket.set_tcp_user_timeout(Some(SILENT));
        // An end that is sent nothing leaves nothing unacknowledged: where it says nothing either, the kernel asks, and
        // the time-out counts from what was last heard.
        let asked = TcpKeepalive::new()
            .with_time(SILENT)
            .with_interval(SILENT / 2);
        let _ = socket.set_tcp_keepalive(&asked);
        let peer = socket.peer_addr()?.as_socket();
        Ok(Self {
            socket,
            number,
            peer,
            wire: Wire::new(protocol)?,
            ended: false,
            pcm: Vec::with_capacity(CHUNK),
            text: String::new(),
            texts: Pace::default(),
            digits: Pace::default(),
            outgoing: Vec::with_capacity(CHUNK),
            written: 0,
        })
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Take what waits, up to `CHUNK` bytes; epoll tells of more.
    fn fill(&mut self) {
        let mut chunk = [0; CHUNK];
        match (&self.socket).read(&mut chunk) {
            Ok(0) => self.ended = true,
            Ok(count) => self.wire.take(&chunk[..count]),
            Err(error) => {
                let again = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
                self.ended |= !again.contains(&error.kind());
            }
        }
    }

    /// What came next, if it is whole.
    fn next(&mut self) -> Option<News> {
        self.pcm.clear();
        let (pcm, text) = (&mut self.pcm, &mut self.text);
        let news = self.wire.next(pcm, text, &mut self.outgoing);
        news.or(self.ended.then_some(News::Ended))
    }

    /// Send one frame, as [`crate::socket::Sockets::send`] does. An error: it was dropped, since the
    /// last one is still on its way, or the other end has no room.
    pub(crate) fn send(&mut self, frame: &[u8; FRAME_BYTES]) -> io::Result<bool> {
        if !self.flush() || self.wire.is_full() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let wanted = self.wire.put(frame, &mut self.outgoing);
        self.flush();
        Ok(wanted)
    }

    /// Send a message. False: it was dropped.
    fn say(&mut self, text: &str) -> bool {
        let room = self.outgoing.len() - self.written + text.len() <= MOST_OUTGOING;
        let said = room && self.wire.say(text, &mut self.outgoing);
        self.flush();
        said
    }

    /// Whether one more message may be handed on.
    fn may_tell(&mut self, now: Nanos) -> bool {
        self.texts.allows(TEXTS_A_SECOND, now) && self.text.len() <= LONGEST_TEXT
    }

    /// Tell the other end that this is the end. A message of which a part was sent cannot be followed
    /// by this one; then closing the connection tells it.
    fn hang_up(&mut self) {
        if self.flush() {
            self.wire.close(&mut self.outgoing);
            self.flush();
        }
    }

    /// True: nothing is left to be sent.
    fn flush(&mut self) -> bool {
        if self.written < self.outgoing.len() {
            // An error shows in reading, too.
            if let Ok(count) = (&self.socket).write(&self.outgoing[self.written..]) {
                self.written += count;
            }
        }
        let done = self.written == self.outgoing.len();
        if done {
            self.outgoing.clear();
            self.written = 0;
        } else {
            if self.written > MOST_OUTGOING {
                self.outgoing.drain(..std::mem::take(&mut self.written));
            }
            // More than messages may be: a flood of pings that nobody takes the answers of.
            self.ended |= self.outgoing.len() - self.written > 2 * MOST_OUTGOING;
        }
        done
    }
}

/// How many have come in a second.
#[derive(Default)]
struct Pace {
    since: Nanos,
    count: u32,
}

impl Pace {
    /// Whether one more is not too many.
    const fn allows(&mut self, most: u32, now: Nanos) -> bool {
        if now >= self.since + 1_000_000_000 {
            self.since = now;
            self.count = 0;
        }
        self.count += 1;
        self.count <= most
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
                None => {
                    stream.flush();
                    return;
                }
                Some(News::Ended) => {
                    // A goodbye is answered.
                    stream.flush();
                    self.end_stream(out);
                }
                Some(News::Digit(digit)) => {
                    let arrival = clock::now();
                    if stream.digits.allows(DIGITS_A_SECOND, arrival) {
                        self.leg.handle(Input::Digit { digit, arrival }, arrival);
                        self.settle(arrival, out);
                    } else {
                        self.shared.counters.drops_events.fetch_add(1, Relaxed);
                    }
                }
                Some(News::Text) => {
                    let at = clock::now();
                    if stream.may_tell(at) {
                        let item = Item::Text {
                            leg: self.shared.number,
                            connection: stream.number,
                            text: stream.text.as_str().into(),
                            at,
                        };
                        out.event(&self.shared, item);
                    } else {
                        self.shared.counters.drops_text.fetch_add(1, Relaxed);
                    }
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

    /// Send a message to the other end of the connection.
    pub(crate) fn say(&mut self, text: &str) {
        let said = self.stream.as_mut().is_some_and(|stream| stream.say(text));
        if !said {
            self.shared.counters.drops_text.fetch_add(1, Relaxed);
        }
    }

    /// End the connection because we want to.
    pub(crate) fn hang_up(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            stream.hang_up();
        }
    }

    fn end_stream(&mut self, out: &mut Outbox) {
        let item = Item::Hangup {
            leg: self.shared.number,
            connection: self.stream.take().map_or(0, |stream| stream.number),
            at: clock::now(),
        };
        out.event(&self.shared, item);
    }
}

impl Engine {
    /// From now on the leg's talker and ear are at the other end of a connection, which is closed with
    /// the leg or by [`Engine::hang_up`]; datagrams are strangers'. What waits for the ear is flushed.
    /// The descriptor is copied: the caller closes theirs. Answers which one of the leg's it is, from 1 on.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`]; [`Error::Io`] for what is no connection.
    pub fn attach(
        &self,
        leg: u32,
        connection: BorrowedFd<'_>,
        protocol: Protocol,
    ) -> Result<u32, Error> {
        let shared = self.living(leg)?;
        let number = shared.connections.fetch_add(1, Relaxed) + 1;
        let stream = Box::new(Stream::new(connection, number, protocol)?);
        self.tell(&shared, Command::Attach { leg, stream })?;
        Ok(number)
    }

    /// Send a message to the other end of the leg's connection. Where there is none that knows
    /// messages, or 64 kB wait, it is dropped and counted (`drops_text`).
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn say(&self, leg: u32, text: &str) -> Result<(), Error> {
        let shared = self.living(leg)?;
        let text = text.into();
        self.tell(&shared, Command::Say { leg, text })
    }

    /// Hang up the leg's connection, if it has one.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn hang_up(&self, leg: u32) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::HangUp { leg })
    }
}

/// The most that the leg takes at once: as much as a datagram holds.
const LONGEST_INPUT: usize = 65_000;

/// Bytes that the kernel may keep unsent, 0.5 s at 16 kHz: what comes after is dropped, not late.
const WAITING: u32 = 16_384;

/// The same of a page, 3 s: it leaves silence out until it is on time again.
const WAITING_PAGE: u32 = 98_304;

/// How long a connection may leave what it was sent unacknowledged: then its other end is gone.
const SILENT: Duration = Duration::from_secs(10);

/// Bytes of messages that may wait for the kernel.
const MOST_OUTGOING: usize = 65_536;

/// Bytes of a message that is handed on, and how many of them a second.
const LONGEST_TEXT: usize = 512;
const TEXTS_A_SECOND: u32 = 10;

/// Keys a second. A dialler presses ten; what stood still with the network comes at once.
const DIGITS_A_SECOND: u32 = 50;

#[cfg(all(test, not(loom)))]
#[path = "stream_tests.rs"]
mod tests;
