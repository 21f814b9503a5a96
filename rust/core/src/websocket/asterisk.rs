//! Asterisk's `chan_websocket`: binary audio without a header, and text both ways.
//!
//! Source: `chan_websocket.c` (20.16, 21.11, 22.6, 23.0 and later) and its page in Asterisk's documentation.
//! Text is plain, `MEDIA_START connection_id:… format:slin16 ptime:20`, or from 22.8 on JSON, as the PBX is
//! set. Bytes that do not fill a frame of `optimal_frame_size` are dropped there: whole frames are sent.
//! Asterisk plays what it is sent at its own pace and keeps up to 20 s; it is sent 20 ms every 20 ms, so
//! none of it waits, and no `FLUSH_MEDIA` is needed to interrupt.

use bytes::BytesMut;
use serde::Deserialize;

use super::voice::Voice;
use super::{Heard, News, sound};
use crate::digit::Digit;
use crate::frame::FRAME_BYTES;

/// What is known of the channel.
#[derive(Default)]
pub(super) struct Asterisk {
    voice: Option<Voice>,
    /// Its queue is full (`MEDIA_XOFF`).
    full: bool,
    /// How often it began.
    starts: u32,
}

/// An event, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The first one. `format` is Asterisk's name for it.
    Start {
        /// As in `slin16`.
        format: &'a str,
    },
    /// A key was pressed, and is let go.
    Digit(Digit),
    /// The channel's queue is full.
    Full,
    /// There is room again.
    Room,
    /// Another one.
    Other,
}

/// Read a text message, plain or JSON. None: it is neither.
#[must_use]
pub fn event(message: &str) -> Option<Event<'_>> {
    let message = message.trim();
    if message.starts_with('{') {
        let received: Received<'_> = serde_json::from_str(message).ok()?;
        return Some(known(received.event, received.format, received.digit));
    }
    let mut words = message.split_ascii_whitespace();
    let name = words.next()?;
    let (mut format, mut digit) = (None, None);
    for word in words {
        match word.split_once(':') {
            Some(("format", value)) => format = Some(value),
            Some(("digit", value)) => digit = Some(value),
            _ => {}
        }
    }
    Some(known(name, format, digit))
}

#[derive(Deserialize)]
struct Received<'a> {
    event: &'a str,
    format: Option<&'a str>,
    digit: Option<&'a str>,
}

fn known<'a>(name: &str, format: Option<&'a str>, digit: Option<&'a str>) -> Event<'a> {
    match (name, format, digit.map(str::as_bytes)) {
        ("MEDIA_START", Some(format), _) => Event::Start { format },
        ("DTMF_END", _, Some(&[byte])) => {
            Digit::from_ascii(byte).map_or(Event::Other, Event::Digit)
        }
        ("MEDIA_XOFF", ..) => Event::Full,
        ("MEDIA_XON", ..) => Event::Room,
        _ => Event::Other,
    }
}

impl Asterisk {
    /// `said` gets what is worth telling: how the channel begins.
    pub(super) fn text(&mut self, message: &str, said: &mut String) -> Heard {
        match event(message) {
            Some(Event::Start { format }) => {
                self.starts += 1;
                if self.starts > MOST_STARTS {
                    return Heard::News(News::Ended);
                }
                self.voice = Voice::named(format);
                said.clear();
                said.push_str(message);
                Heard::News(News::Text)
            }
            Some(Event::Digit(digit)) => Heard::News(News::Digit(digit)),
            Some(Event::Full) => {
                self.full = true;
                Heard::Nothing
            }
            Some(Event::Room) => {
                self.full = false;
                Heard::Nothing
            }
            Some(Event::Other) | None => Heard::Nothing,
        }
    }

    pub(super) fn binary(&mut self, bytes: &[u8], pcm: &mut Vec<u8>) -> Heard {
        let before = pcm.len();
        if let Some(voice) = &mut self.voice {
            voice.decode(bytes, pcm);
        }
        sound(pcm.len() > before)
    }

    /// What it is sent now would not be played.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// True: `message` has what is to be sent.
    pub(super) fn frame(&mut self, frame: &[u8; FRAME_BYTES], message: &mut BytesMut) -> bool {
        let Some(voice) = self.voice.as_mut().filter(|_| !self.full) else {
            return false;
        };
        message.extend_from_slice(voice.encode(frame).bytes());
        !message.is_empty()
    }
}

/// A channel begins once. Each beginning makes filters, for milliseconds in which no other call is served: one that
/// begins again and again is ended.
const MOST_STARTS: u32 = 4;
