//! Media over WebSocket: what Asterisk, Twilio and a page say, as it is documented; the far end is
//! `tungstenite`'s client.

use std::io::{self, Read, Write};

use crate::common::phone;
use proptest::prelude::*;

use translink_core::beacon::{Number, encode};
use translink_core::digit::Digit;
use translink_core::frame::FRAME_BYTES;
use translink_core::websocket::{Connection, Dialect, News, asterisk, twilio};
use tungstenite::protocol::{Message, Role, WebSocket};

#[derive(Default)]
struct Pipe {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.incoming.len().min(into.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        into[..count].copy_from_slice(&self.incoming[..count]);
        self.incoming.drain(..count);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both ends of a connection.
struct Line {
    near: Connection,
    far: WebSocket<Pipe>,
    pcm: Vec<u8>,
    texts: Vec<String>,
    digits: String,
    ended: bool,
    out: Vec<u8>,
}

impl Line {
    fn new(dialect: Dialect) -> Self {
        Self {
            near: Connection::new(dialect),
            far: WebSocket::from_raw_socket(Pipe::default(), Role::Client, None),
            pcm: Vec::new(),
            texts: Vec::new(),
            digits: String::new(),
            ended: false,
            out: Vec::new(),
        }
    }

    /// The far end says something, which comes in pieces.
    fn says(&mut self, message: Message) -> &mut Self {
        self.far.send(message).expect("a connection");
        let bytes = std::mem::take(&mut self.far.get_mut().outgoing);
        for piece in bytes.chunks(100) {
            self.near.take(piece);
            self.listen();
        }
        self
    }

    fn listen(&mut self) {
        let mut text = String::new();
        while let Some(news) = self.near.next(&mut self.pcm, &mut text, &mut self.out) {
            match news {
                News::Audio => {}
                News::Digit(digit) => self.digits.push(digit.key),
                News::Text => self.texts.push(text.clone()),
                News::Ended => {
                    self.ended = true;
                    return;
                }
            }
        }
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.says(Message::Text(text.into()))
    }

    fn binary(&mut self, bytes: &[u8]) -> &mut Self {
        self.says(Message::Binary(bytes.to_vec().into()))
    }

    /// What the far end has been sent.
    fn heard(&mut self) -> Vec<Message> {
        self.far.get_mut().incoming.append(&mut self.out);
        let mut messages = Vec::new();
        while let Ok(message) = self.far.read() {
            messages.push(message);
        }
        messages
    }

    fn put(&mut self, pcm: &[u8]) -> usize {
        pcm.chunks_exact(FRAME_BYTES)
            .filter(|frame| {
                let frame: &[u8; FRAME_BYTES] = (*frame).try_into().expect("640 bytes");
                self.near.put(frame, &mut self.out)
            })
            .count()
    }
}

const PLAIN: &str = "MEDIA_START connection_id:a1b2 channel:WebSocket/media/0x5580 channel_id:1756.0 \
    format:FORMAT optimal_frame_size:640 ptime:20";
const START: &str = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ18ad3ab5","start":{
    "streamSid":"MZ18ad3ab5","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],
    "customParameters":{"a":"b"},
    "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;

fn words(numbers: &[u32], quiet: bool) -> Vec<u8> {
    let mut pcm = vec![0; 6_400];
    for &number in numbers {
        let number = Number::new(number).expect("a number");
        for sample in encode(number, 16_000, if quiet { 4_000 } else { 8_000 }) {
            pcm.extend_from_slice(&sample.to_le_bytes());
        }
        pcm.extend_from_slice(&[0; 2_560]);
    }
    pcm.resize(pcm.len().next_multiple_of(FRAME_BYTES) + 12_800, 0);
    pcm
}

#[test]
fn what_asterisk_is_sent_comes_back_word_for_word_in_every_format() {
    let numbers = [1_000, 1_001, 1_002];
    for (format, frame) in [
        ("slin16", 640),
        ("slin", 320),
        ("slin44", 1_764),
        ("slin48", 1_920),
        ("ulaw", 160),
        ("alaw", 160),
        ("g722", 160),
    ] {
        let mut line = Line::new(Dialect::Asterisk);
        assert_eq!(
            line.put(&[1; FRAME_BYTES]),
            0,
            "its format is not known yet"
        );
        line.text(&PLAIN.replace("FORMAT", format));
        assert_eq!(line.texts.len(), 1);
        let said = words(&numbers, true);
        line.put(&said);
        let sent = line.heard();
        assert!(sent.len() > 40);
        for message in sent {
            let Message::Binary(bytes) = message else {
                panic!("{message:?}")
            };
            assert_eq!(
                bytes.len() % frame,
                0,
                "{format}: less than a frame is dropped there"
            );
            line.binary(&bytes);
        }
        assert_eq!(phone::numbers(&line.pcm), numbers, "{format}");
    }
}

#[test]
fn asterisks_events_are_understood_plain_and_as_json() {
    let start = asterisk::Event::Start { format: "slin16" };
    assert_eq!(
        asterisk::event(&PLAIN.replace("FORMAT", "slin16")),
        Some(start)
    );
    let json = r#"{"event":"MEDIA_START","connection_id":"a","channel":"b","channel_id":"c",
        "format":"slin16","optimal_frame_size":640,"ptime":20,"channel_variables":{"A":"b"}}"#;
    assert_eq!(asterisk::event(json), Some(start));
    let digit = asterisk::Event::Digit(Digit::from_ascii(b'5').expect("a key"));
    assert_eq!(
        asterisk::event("DTMF_END digit:5 channel_id:1.2"),
        Some(digit)
    );
    assert_eq!(
        asterisk::event(r#"{"event":"DTMF_END","digit":"5"}"#),
        Some(digit)
    );
    assert_eq!(asterisk::event("MEDIA_XOFF"), Some(asterisk::Event::Full));
    assert_eq!(
        asterisk::event("QUEUE_DRAINED"),
        Some(asterisk::Event::Other)
    );
    assert_eq!(asterisk::event("{\"event\":"), None);
    let mut line = Line::new(Dialect::Asterisk);
    line.text(&PLAIN.replace("FORMAT", "slin16"))
        .text("MEDIA_XOFF");
    assert!(line.near.is_full());
    assert_eq!(line.put(&[1; FRAME_BYTES]), 0);
    line.text("MEDIA_XON").text("DTMF_END digit:#");
    assert!(!line.near.is_full());
    assert_eq!(line.put(&[1; FRAME_BYTES]), 1);
    assert_eq!(line.digits, "#");
}

#[test]
fn a_channel_that_begins_again_and_again_is_ended() {
    let mut line = Line::new(Dialect::Asterisk);
    for format in ["slin44", "slin16", "slin44", "slin16"] {
        line.text(&PLAIN.replace("FORMAT", format));
    }
    assert!(!line.ended);
    line.binary(&[1; 640]);
    assert_eq!(line.pcm.len(), 640);
    line.text(&PLAIN.replace("FORMAT", "slin44"));
    assert!(line.ended);
}

#[test]
fn a_format_that_nobody_understands_is_reported_and_silent() {
    let mut line = Line::new(Dialect::Asterisk);
    line.text(&PLAIN.replace("FORMAT", "opus"))
        .binary(&[1; 160]);
    assert!(line.texts[0].contains("format:opus"));
    assert!(line.pcm.is_empty());
    assert_eq!(line.put(&[1; FRAME_BYTES]), 0);
}

#[test]
fn what_twilio_is_sent_comes_back_word_for_word_and_silence_is_not_sent() {
    let mut line = Line::new(Dialect::Twilio);
    line.text(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#);
    assert_eq!(line.put(&[1; FRAME_BYTES]), 0, "the stream has no name yet");
    line.text(START);
    let said = words(&[1_000, 1_001, 1_002], true);
    let frames = line.put(&said);
    assert!(frames < said.len() / FRAME_BYTES - 10, "silence: {frames}");
    for message in line.heard() {
        let Message::Text(text) = message else {
            panic!("{message:?}")
        };
        assert!(
            text.starts_with(r#"{"event":"media","streamSid":"MZ18ad3ab5","media":{"payload":""#)
        );
        line.text(&text);
    }
    assert_eq!(phone::numbers(&line.pcm), [1_000, 1_001, 1_002]);
}

#[test]
fn twilios_messages_are_understood() {
    let mut line = Line::new(Dialect::Twilio);
    line.text(START);
    let media = |track: &str, payload: &str| {
        format!(
            r#"{{"event":"media","sequenceNumber":"3","streamSid":"MZ18ad3ab5","media":{{"track":"{track}","chunk":"1","timestamp":"5","payload":"{payload}"}}}}"#
        )
    };
    line.text(&media("inbound", "////\\/w=="));
    let heard = line.pcm.len();
    line.text(&media("outbound", "////////"));
    assert_eq!(line.pcm.len(), heard, "the other track is what we said");
    line.text(&media("inbound", "no base64!"));
    line.text(r#"{"event":"dtmf","streamSid":"MZ","dtmf":{"track":"inbound_track","digit":"7"}}"#);
    line.text(r#"{"event":"mark","streamSid":"MZ","mark":{"name":"a"}}"#)
        .text("nonsense");
    assert_eq!(line.digits, "7");
    assert!(!line.ended);
    line.text(r#"{"event":"stop","streamSid":"MZ","stop":{"accountSid":"AC","callSid":"CA"}}"#);
    assert!(line.ended);
    let other = START.replace("audio/x-mulaw", "audio/opus");
    assert!(matches!(
        twilio::event(&other),
        Some(twilio::Event::Start { known: false, .. })
    ));
}

#[test]
fn a_page_sends_sound_and_messages_and_is_sent_both() {
    let mut line = Line::new(Dialect::Browser);
    let said = words(&[1, 2], false);
    for chunk in said.chunks(640) {
        line.binary(chunk);
    }
    assert_eq!(line.pcm, said);
    line.text(r#"{"mute":true}"#)
        .says(Message::Ping(b"a"[..].to_vec().into()));
    assert_eq!(line.texts, [r#"{"mute":true}"#]);
    assert_eq!(line.put(&said), said.len() / FRAME_BYTES);
    assert!(line.near.say("{\"caption\":\"é\"}", &mut line.out));
    let heard = line.heard();
    assert_eq!(heard[0], Message::Pong(b"a"[..].to_vec().into()));
    assert_eq!(
        heard.last(),
        Some(&Message::Text("{\"caption\":\"é\"}".into()))
    );
    line.near.close(&mut line.out);
    assert!(matches!(line.heard()[..], [Message::Close(_)]));
    assert!(!line.near.put(&[0; FRAME_BYTES], &mut line.out));
}

#[test]
fn a_goodbye_is_answered_and_is_the_end() {
    let mut line = Line::new(Dialect::Browser);
    line.says(Message::Close(None));
    assert!(line.ended);
    assert!(matches!(line.heard()[..], [Message::Close(_)]));
}

#[test]
fn what_breaks_the_protocol_is_the_end() {
    let unmasked = [0x82, 2, 0, 0];
    let too_long = [0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
    let reserved = [0xf2, 0x80, 0, 0, 0, 0];
    for bytes in [&unmasked[..], &too_long, &reserved] {
        let mut line = Line::new(Dialect::Browser);
        line.near.take(bytes);
        line.listen();
        assert!(line.ended, "{bytes:x?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn anything_is_read_without_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        dialect in prop::sample::select(&[Dialect::Asterisk, Dialect::Twilio, Dialect::Browser][..]),
    ) {
        let mut line = Line::new(dialect);
        for piece in bytes.chunks(7) {
            line.near.take(piece);
            line.listen();
        }
        line.put(&[1; 2 * FRAME_BYTES]);
    }

    #[test]
    fn any_message_is_read_without_harm(
        texts in prop::collection::vec("\\PC{0,80}", 0..8),
        audio in prop::collection::vec(any::<u8>(), 0..900),
        dialect in prop::sample::select(&[Dialect::Asterisk, Dialect::Twilio, Dialect::Browser][..]),
    ) {
        let mut line = Line::new(dialect);
        line.text(&PLAIN.replace("FORMAT", "slin"));
        line.text(START);
        for text in texts {
            line.text(&text);
            line.binary(&audio);
        }
        prop_assert!(!line.ended);
        line.put(&[1; 2 * FRAME_BYTES]);
    }

    #[test]
    fn sound_comes_whole_however_it_is_cut(
        audio in prop::collection::vec(any::<u8>(), 2..4_000),
        cut in 1_usize..300,
    ) {
        let mut line = Line::new(Dialect::Browser);
        line.far.send(Message::Binary(audio.clone().into())).expect("a connection");
        let bytes = std::mem::take(&mut line.far.get_mut().outgoing);
        for piece in bytes.chunks(cut) {
            line.near.take(piece);
            line.listen();
        }
        prop_assert_eq!(&line.pcm, &audio);
    }
}
