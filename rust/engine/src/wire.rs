//! What the bytes of a connection mean: `AudioSocket`, or one of WebSocket's dialects.

use std::io;

use translink_core::audiosocket::{self, Message};
use translink_core::digit::Digit;
use translink_core::frame::FRAME_BYTES;
use translink_core::resample::Resampler;
use translink_core::websocket::{Connection, Dialect, News as Reported};

/// How the other end of a connection talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Asterisk's, sent at `rate` until audio has come; then at the rate that came.
    AudioSocket {
        /// One of [`audiosocket::RATES`], in Hz.
        rate: u32,
    },
    /// Its handshake is done.
    WebSocket(Dialect),
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Audio of 16 kHz was appended.
    Audio,
    Digit(Digit),
    /// A message was put into `text`.
    Text,
    /// There will be nothing more.
    Ended,
}

/// One connection's state.
pub(crate) enum Wire {
    AudioSocket(Box<AudioSocket>),
    WebSocket(Box<Connection>),
}

impl Wire {
    pub(crate) fn new(protocol: Protocol) -> io::Result<Self> {
        Ok(match protocol {
            Protocol::AudioSocket { rate } => Self::AudioSocket(Box::new(AudioSocket::new(rate)?)),
            Protocol::WebSocket(dialect) => Self::WebSocket(Box::new(Connection::new(dialect))),
        })
    }

    /// Bytes came.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::AudioSocket(wire) => wire.take(bytes),
            Self::WebSocket(wire) => wire.take(bytes),
        }
    }

    /// What they say, until None. `out` gets what is to be sent in answer.
    pub(crate) fn next(
        &mut self,
        pcm: &mut Vec<u8>,
        text: &mut String,
        out: &mut Vec<u8>,
    ) -> Option<News> {
        match self {
            Self::AudioSocket(wire) => wire.next(pcm),
            Self::WebSocket(wire) => wire.next(pcm, text, out).map(|news| match news {
                Reported::Audio => News::Audio,
                Reported::Digit(key) => News::Digit(key),
                Reported::Text => News::Text,
                Reported::Ended => News::Ended,
            }),
        }
    }

    /// Whether the other end has no room for a frame, and has said so.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::AudioSocket(_) => false,
            Self::WebSocket(wire) => wire.is_full(),
        }
    }

    /// Append a frame. False: the other end does not want it.
    pub(crate) fn put(&mut self, frame: &[u8; FRAME_BYTES], out: &mut Vec<u8>) -> bool {
        match self {
            Self::AudioSocket(wire) => wire.put(frame, out),
            Self::WebSocket(wire) => wire.put(frame, out),
        }
    }

    /// Append a message. False: this end knows none.
    pub(crate) fn say(&mut self, text: &str, out: &mut Vec<u8>) -> bool {
        match self {
            Self::AudioSocket(_) => false,
            Self::WebSocket(wire) => wire.say(text, out),
        }
    }

    /// Append a goodbye.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::AudioSocket(_) => out.extend_from_slice(&audiosocket::HANG_UP),
            Self::WebSocket(wire) => wire.close(out),
        }
    }
}

/// Messages of audio, each with its rate.
pub(crate) struct AudioSocket {
    /// Bytes that are no whole message yet, from `read` on.
    incoming: Vec<u8>,
    read: usize,
    ended: bool,
    heard: Rate,
    said: Rate,
    /// How often the rate has changed.
    changes: u32,
    scratch: Vec<u8>,
}

/// A rate, and the converter between it and ours, one way.
struct Rate {
    hertz: u32,
    converter: Resampler,
}

impl AudioSocket {
    fn new(rate: u32) -> io::Result<Self> {
        Ok(Self {
            incoming: Vec::with_capacity(CHUNK),
            read: 0,
            ended: false,
            heard: Rate::new(rate, OURS)?,
            said: Rate::new(OURS, rate)?,
            changes: 0,
            scratch: Vec::with_capacity(CHUNK),
        })
    }

    fn take(&mut self, bytes: &[u8]) {
        self.incoming.drain(..std::mem::take(&mut self.read));
        self.incoming.extend_from_slice(bytes);
    }

    fn next(&mut self, pcm: &mut Vec<u8>) -> Option<News> {
        while let Some((message, length)) = audiosocket::first(&self.incoming[self.read..]) {
            let before = pcm.len();
            let mut news = None;
            match message {
                Message::Audio { rate, pcm: audio } => {
                    // One of the format's nine: none is refused.
                    if rate != self.heard.hertz {
                        self.changes += 1;
                        if self.changes > MOST_CHANGES {
                            self.ended = true;
                            return Some(News::Ended);
                        }
                        self.heard = Rate::new(rate, OURS).ok()?;
                        self.said = Rate::new(OURS, rate).ok()?;
                    }
                    self.heard.converter.push(audio, pcm);
                    news = (pcm.len() > before).then_some(News::Audio);
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

    fn put(&mut self, frame: &[u8; FRAME_BYTES], out: &mut Vec<u8>) -> bool {
        self.scratch.clear();
        self.said.converter.push(frame, &mut self.scratch);
        audiosocket::put_audio(self.said.hertz, &self.scratch, out);
        true
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

/// Bytes: six frames of 16 kHz and more.
pub(crate) const CHUNK: usize = 4096;

/// A channel has one rate, which is known when its first audio has come. Each change makes filters, for milliseconds
/// in which no other call is served: a connection that goes on and on with that is ended.
const MOST_CHANGES: u32 = 4;

/// The rate of all audio here.
const OURS: u32 = 16_000;
