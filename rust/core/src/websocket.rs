//! Audio over a WebSocket (RFC 6455): one connection, its handshake done. Sans-IO.
//!
//! Bytes in, [`News`] out; frames in, bytes out. `tungstenite` reads and writes WebSocket's own
//! frames, here from and to memory; what is in them is a [`Dialect`], a small file each:
//!
//! | dialect | audio | text |
//! |---|---|---|
//! | [`asterisk`] (`chan_websocket`) | binary, in the format that `MEDIA_START` names | events and commands |
//! | [`twilio`] (Media Streams) | base64 of µ-law in JSON | everything |
//! | browser | binary, s16le at 16 kHz | JSON, handed on both ways |
//!
//! What may be full, and then: a message of more than [`LONGEST_MESSAGE`] bytes ends the connection. The caller
//! writes out what `out` has before it hands in the next frame, and drops frames while it cannot.

use std::io::{self, Read, Write};

use bytes::{Bytes, BytesMut};
use tungstenite::protocol::{Message, Role, WebSocket, WebSocketConfig};
use tungstenite::{Error, Utf8Bytes};

use crate::digit::Digit;
use crate::frame::FRAME_BYTES;
use asterisk::Asterisk;
use twilio::Twilio;

pub mod asterisk;
pub mod message;
pub mod twilio;
mod voice;

/// Bytes of one message. Asterisk's are some hundreds, a browser's 640.
pub const LONGEST_MESSAGE: usize = 65_536;

/// What is in the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Asterisk's `chan_websocket`.
    Asterisk,
    /// Twilio's Media Streams.
    Twilio,
    /// A page: binary s16le at 16 kHz, and JSON.
    Browser,
}

impl Dialect {
    /// By its name in lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "asterisk" => Some(Self::Asterisk),
            "twilio" => Some(Self::Twilio),
            "browser" => Some(Self::Browser),
            _ => None,
        }
    }
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Audio: appended to `pcm`, s16le at 16 kHz.
    Audio,
    /// A key was pressed.
    Digit(Digit),
    /// A message for the user of the connection: put into `text`.
    Text,
    /// There will be nothing more.
    Ended,
}

/// One connection.
pub struct Connection {
    frames: WebSocket<Memory>,
    dialect: State,
    ended: bool,
    /// What is sent next, without a copy of its own for each message.
    scratch: BytesMut,
}

enum State {
    Asterisk(Box<Asterisk>),
    Twilio(Box<Twilio>),
    Browser,
}

/// What a dialect makes of a message.
enum Heard {
    Nothing,
    News(News),
}

impl Connection {
    /// The server's end.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(4 * LONGEST_MESSAGE)
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE));
        let dialect = match dialect {
            Dialect::Asterisk => State::Asterisk(Box::default()),
            Dialect::Twilio => State::Twilio(Box::default()),
            Dialect::Browser => State::Browser,
        };
        Self {
            frames: WebSocket::from_raw_socket(Memory::default(), Role::Server, Some(config)),
            dialect,
            ended: false,
            scratch: BytesMut::with_capacity(READ_BUFFER),
        }
    }

    /// Bytes came.
    pub fn take(&mut self, bytes: &[u8]) {
        let memory = self.frames.get_mut();
        memory.incoming.drain(..std::mem::take(&mut memory.read));
        memory.incoming.extend_from_slice(bytes);
    }

    /// What they say, until None. `out` gets what is to be sent in answer to a ping or a goodbye.
    pub fn next(
        &mut self,
        pcm: &mut Vec<u8>,
        text: &mut String,
        out: &mut Vec<u8>,
    ) -> Option<News> {
        while !self.ended {
            let message = self.frames.read();
            self.collect(out);
            let heard = match message {
                Ok(Message::Binary(bytes)) => match &mut self.dialect {
                    State::Asterisk(asterisk) => asterisk.binary(&bytes, pcm),
                    State::Browser => {
                        pcm.extend_from_slice(&bytes);
                        sound(!bytes.is_empty())
                    }
                    State::Twilio(_) => Heard::Nothing,
                },
                Ok(Message::Text(said)) => match &mut self.dialect {
                    State::Asterisk(asterisk) => asterisk.text(&said, text),
                    State::Twilio(twilio) => twilio.text(&said, pcm),
                    State::Browser => {
                        text.clear();
                        text.push_str(&said);
                        Heard::News(News::Text)
                    }
                },
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Heard::Nothing,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // Closed in good order, or against the protocol: either is the end.
                Ok(Message::Close(_)) | Err(_) => {
                    let _ = self.frames.flush();
                    self.collect(out);
                    Heard::News(News::Ended)
                }
            };
            if let Heard::News(news) = heard {
                self.ended = news == News::Ended;
                return Some(news);
            }
        }
        Some(News::Ended)
    }

    /// Whether the other end has said that there is no room at it for now: what would be put is lost.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match &self.dialect {
            State::Asterisk(asterisk) => asterisk.is_full(),
            State::Twilio(_) | State::Browser => false,
        }
    }

    /// Append 20 ms for the ear. False: the other end cannot take any now (it has not said how, or
    /// wants none, or [is full](Self::is_full)), or does not need any.
    pub fn put(&mut self, frame: &[u8; FRAME_BYTES], out: &mut Vec<u8>) -> bool {
        let wanted = match &mut self.dialect {
            State::Browser => {
                self.scratch.extend_from_slice(frame);
                true
            }
            State::Asterisk(asterisk) => asterisk.frame(frame, &mut self.scratch),
            State::Twilio(twilio) => twilio.frame(frame, &mut self.scratch),
        };
        if !wanted {
            return false;
        }
        let bytes = self.scratch.split().freeze();
        let message = if matches!(self.dialect, State::Twilio(_)) {
            shown(bytes)
        } else {
            Some(Message::Binary(bytes))
        };
        message.is_some_and(|message| self.send(message, out))
    }

    /// Append a message for the other end. False: it knows none.
    pub fn say(&mut self, text: &str, out: &mut Vec<u8>) -> bool {
        matches!(self.dialect, State::Browser) && self.send(Message::Text(text.into()), out)
    }

    /// Append a goodbye.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        let _ = self.frames.close(None);
        self.collect(out);
        self.ended = true;
    }

    fn send(&mut self, message: Message, out: &mut Vec<u8>) -> bool {
        // Memory takes everything, so an error is the end of the connection, which reading tells, too.
        let sent = self.frames.send(message).is_ok();
        self.collect(out);
        sent
    }

    fn collect(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.frames.get_mut().outgoing);
    }
}

fn sound(any: bool) -> Heard {
    if any {
        Heard::News(News::Audio)
    } else {
        Heard::Nothing
    }
}

fn shown(bytes: Bytes) -> Option<Message> {
    Utf8Bytes::try_from(bytes).ok().map(Message::Text)
}

/// The connection as `tungstenite` sees it.
#[derive(Default)]
struct Memory {
    /// From `read` on.
    incoming: Vec<u8>,
    read: usize,
    outgoing: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let waiting = &self.incoming[self.read..];
        if waiting.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = waiting.len().min(into.len());
        into[..count].copy_from_slice(&waiting[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes: six frames of 16 kHz and more.
const READ_BUFFER: usize = 4_096;
