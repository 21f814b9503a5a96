//! Twilio's Media Streams: JSON text messages, µ-law at 8 kHz as base64 in them.
//!
//! Source: Twilio's page "Media Streams - WebSocket messages". `connected` and `start` come first, then
//! `media`, `dtmf`, `mark`, `stop`; with `<Connect><Stream>` we send `media`. Twilio keeps whatever it is sent
//! and plays it at its own pace, for ever later after a network that stood still. So silence is not sent:
//! in each pause Twilio plays what it has, and is on time again.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use serde::Deserialize;

use super::voice::Voice;
use super::{Heard, News, sound};
use crate::digit::Digit;
use crate::frame::FRAME_BYTES;

/// What is known of the stream.
#[derive(Default)]
pub(super) struct Twilio {
    /// From `start` on.
    stream: Option<Stream>,
    bytes: Vec<u8>,
    base64: Vec<u8>,
}

struct Stream {
    voice: Voice,
    /// What comes before the base64.
    head: String,
    /// Frames of silence since the last sound.
    silent: u32,
}

/// An event, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The stream begins.
    Start {
        /// As every message of ours names it.
        sid: Cow<'a, str>,
        /// It is µ-law at 8 kHz, which is all there is.
        known: bool,
    },
    /// Base64 of µ-law, of the talker.
    Media(Cow<'a, str>),
    /// A key was pressed.
    Digit(Digit),
    /// The stream is over.
    Stop,
    /// Another one: `connected`, `mark`, the other track.
    Other,
}

/// Read a message. None: it is none.
#[must_use]
pub fn event(message: &str) -> Option<Event<'_>> {
    let received: Received<'_> = serde_json::from_str(message).ok()?;
    let event = match received.event.as_ref() {
        "start" => {
            let start = received.start?;
            let format = start.media_format;
            Event::Start {
                sid: start.stream_sid,
                known: format.is_none_or(|it| it.encoding == "audio/x-mulaw" && it.rate == 8_000),
            }
        }
        "media" => {
            let media = received.media?;
            if media.track.is_none_or(|track| track == "inbound") {
                Event::Media(media.payload)
            } else {
                Event::Other
            }
        }
        "dtmf" => match received.dtmf?.digit.as_bytes() {
            &[byte] => Digit::from_ascii(byte).map_or(Event::Other, Event::Digit),
            _ => Event::Other,
        },
        "stop" => Event::Stop,
        _ => Event::Other,
    };
    Some(event)
}

#[derive(Deserialize)]
struct Received<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    start: Option<Start<'a>>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
    #[serde(borrow)]
    dtmf: Option<Dtmf<'a>>,
}

#[derive(Deserialize)]
struct Start<'a> {
    #[serde(borrow, rename = "streamSid")]
    stream_sid: Cow<'a, str>,
    #[serde(borrow, rename = "mediaFormat")]
    media_format: Option<MediaFormat<'a>>,
}

#[derive(Deserialize)]
struct MediaFormat<'a> {
    #[serde(borrow)]
    encoding: Cow<'a, str>,
    #[serde(rename = "sampleRate")]
    rate: u32,
}

#[derive(Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    track: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Dtmf<'a> {
    #[serde(borrow)]
    digit: Cow<'a, str>,
}

impl Twilio {
    pub(super) fn text(&mut self, message: &str, pcm: &mut Vec<u8>) -> Heard {
        match event(message) {
            Some(Event::Start { sid, known: true }) => {
                self.stream = Stream::new(&sid);
                Heard::Nothing
            }
            Some(Event::Media(payload)) => {
                let Some(stream) = &mut self.stream else {
                    return Heard::Nothing;
                };
                self.bytes.clear();
                let before = pcm.len();
                // What is no base64 is left out, with what would have come after it.
                let _ = STANDARD.decode_vec(payload.as_bytes(), &mut self.bytes);
                stream.voice.decode(&self.bytes, pcm);
                sound(pcm.len() > before)
            }
            Some(Event::Digit(digit)) => Heard::News(News::Digit(digit)),
            Some(Event::Stop | Event::Start { known: false, .. }) => Heard::News(News::Ended),
            Some(Event::Other) | None => Heard::Nothing,
        }
    }

    /// True: `message` has what is to be sent.
    pub(super) fn frame(&mut self, frame: &[u8; FRAME_BYTES], message: &mut BytesMut) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let silent = frame.iter().all(|&byte| byte == 0);
        stream.silent = if silent {
            stream.silent.saturating_add(1)
        } else {
            0
        };
        if stream.silent > SILENCE_SENT {
            return false;
        }
        let frames = stream.voice.encode(frame);
        let bytes = frames.bytes();
        if bytes.is_empty() {
            return false;
        }
        self.base64.resize(bytes.len().div_ceil(3) * 4, 0);
        let Ok(count) = STANDARD.encode_slice(bytes, &mut self.base64) else {
            return false;
        };
        message.extend_from_slice(stream.head.as_bytes());
        message.extend_from_slice(&self.base64[..count]);
        message.extend_from_slice(b"\"}}");
        true
    }
}

impl Stream {
    fn new(sid: &str) -> Option<Self> {
        let sid = serde_json::to_string(sid).ok()?;
        Some(Self {
            voice: Voice::named("ulaw")?,
            head: format!("{{\"event\":\"media\",\"streamSid\":{sid},\"media\":{{\"payload\":\""),
            silent: 0,
        })
    }
}

/// Frames of silence that end a sound: what the filters still hold comes out with them.
const SILENCE_SENT: u32 = 2;
