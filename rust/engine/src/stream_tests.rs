//! A connection of `AudioSocket` on loopback, the far end a plain socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Instant;

use translink_core::audiosocket::{HANG_UP, Message, first, put_audio};
use translink_core::leg::LegConfig;
use translink_core::websocket::Dialect;

use super::*;
use crate::test_kit::{eventually, ports};
use crate::{Item, LegPorts, Snapshot};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let far = TcpStream::connect(listener.local_addr().expect("bound")).expect("a connection");
    far.set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time");
    (far, listener.accept().expect("a connection").0)
}

fn engine() -> (Engine, u32) {
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&LegPorts {
        config: LegConfig {
            continuous: true,
            ..LegConfig::default()
        },
        ..ports()
    });
    (engine, leg.expect("a leg"))
}

/// What the engine reported until `enough`.
fn reported(engine: &Engine, mut enough: impl FnMut(&[Item]) -> bool) -> Vec<Item> {
    let (mut items, end) = (Vec::new(), Instant::now() + Duration::from_secs(5));
    while !enough(&items) {
        assert!(Instant::now() < end, "reported {}", items.len());
        engine
            .drain(256, |item| items.push(item))
            .expect("an engine");
        std::thread::sleep(Duration::from_millis(1));
    }
    items
}

fn ended(items: &[Item]) -> bool {
    items.iter().any(|item| matches!(item, Item::Hangup { .. }))
}

#[test]
fn audio_of_8_khz_becomes_frames_and_frames_become_audio_of_8_khz() {
    let ((mut far, near), (engine, leg)) = (pair(), engine());
    engine
        .attach(leg, near.as_fd(), Protocol::AudioSocket { rate: 16_000 })
        .expect("attached");
    drop(near);
    let mut message = Vec::new();
    put_audio(8_000, &[0, 4].repeat(160), &mut message);
    for byte in message.repeat(25) {
        far.write_all(&[byte]).expect("a connection");
    }
    far.write_all(&[3, 0, 1, b'5']).expect("a connection");
    let frames = |items: &[Item]| {
        let frame = |item: &&Item| matches!(item, Item::Frame { frame, .. } if frame.rms > 500);
        items.iter().filter(frame).count()
    };
    let items = reported(&engine, |items| frames(items) >= 24);
    let digit = |item: &Item| matches!(item, Item::Digit { digit, .. } if digit.key == '5');
    if !items.iter().any(digit) {
        reported(&engine, |items| items.iter().any(digit));
    }
    // Steady from the first moment on, and at the talker's rate once that is known.
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    let mut rates = Vec::new();
    while rates.last() != Some(&8_000) {
        let count = far.read(&mut chunk).expect("a connection");
        bytes.extend_from_slice(&chunk[..count]);
        while let Some((message, length)) = first(&bytes) {
            let Message::Audio { rate, pcm } = message else {
                panic!("{message:?}");
            };
            assert!(!pcm.is_empty());
            rates.push(rate);
            bytes.drain(..length);
        }
    }
    far.write_all(&HANG_UP).expect("a connection");
    reported(&engine, ended);
    assert_eq!(engine.counters(leg).expect("a leg").errors_send, 0);
}

#[test]
fn an_end_that_says_nothing_and_is_sent_nothing_is_asked_whether_it_is_there() {
    let (_far, near) = pair();
    let stream = Stream::new(near.as_fd(), 1, Protocol::AudioSocket { rate: 8_000 });
    let socket = stream.expect("a connection").socket;
    assert!(socket.keepalive().expect("a socket"));
    assert_eq!(socket.tcp_keepalive_time().expect("of TCP"), SILENT);
}

#[test]
fn a_broken_connection_is_reported_and_the_leg_lives_on() {
    let ((far, near), (engine, leg)) = (pair(), engine());
    let protocol = Protocol::AudioSocket { rate: 8_000 };
    let first = engine.attach(leg, near.as_fd(), protocol);
    drop((far, near));
    let items = reported(&engine, ended);
    let (mut far, near) = pair();
    let second = engine.attach(leg, near.as_fd(), protocol);
    assert_eq!((first.ok(), second.ok()), (Some(1), Some(2)));
    let of_first = |item: &Item| matches!(item, Item::Hangup { connection: 1, .. });
    assert!(items.iter().any(of_first), "the one that broke");
    drop(near);
    engine.hang_up(leg).expect("a leg");
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).expect("closed in good order");
    assert!(bytes.ends_with(&HANG_UP));
}

#[test]
fn who_reads_nothing_loses_frames_and_gets_whole_messages_later() {
    let ((mut far, near), (engine, leg)) = (pair(), engine());
    let small = socket2::SockRef::from(&near);
    small.set_send_buffer_size(2_048).expect("a buffer");
    socket2::SockRef::from(&far)
        .set_recv_buffer_size(2_048)
        .expect("a buffer");
    engine
        .attach(leg, near.as_fd(), Protocol::AudioSocket { rate: 192_000 })
        .expect("attached");
    let end = Instant::now() + Duration::from_secs(10);
    while engine.counters(leg).expect("a leg").errors_send == 0 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    let (mut bytes, mut chunk, mut whole) = (Vec::new(), [0; 4096], 0);
    while whole < 5 {
        let count = far.read(&mut chunk).expect("a connection");
        bytes.extend_from_slice(&chunk[..count]);
        while let Some((message, length)) = first(&bytes) {
            assert!(matches!(message, Message::Audio { rate: 192_000, pcm } if pcm.len() > 7_000));
            bytes.drain(..length);
            whole += 1;
        }
    }
}

/// A client's frame, masked with zeros.
fn masked(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a short one");
    let mut bytes = vec![0x80 | kind, 0xfe];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

#[test]
fn a_page_is_heard_and_informed_and_its_flood_of_messages_is_not() {
    let ((mut far, near), (engine, leg)) = (pair(), engine());
    let page = Protocol::WebSocket(Dialect::Browser);
    engine.attach(leg, near.as_fd(), page).expect("attached");
    drop(near);
    far.write_all(&masked(2, &[0, 4].repeat(3_200)))
        .expect("a connection");
    for _ in 0..30 {
        far.write_all(&masked(1, b"{}")).expect("a connection");
    }
    far.write_all(&masked(1, &[b'a'; 600]))
        .expect("a connection");
    let texts = |items: &[Item]| {
        let text = |item: &&Item| matches!(item, Item::Text { text, .. } if **text == *"{}");
        items.iter().filter(text).count()
    };
    let items = reported(&engine, |items| texts(items) >= 10);
    let loud = |item: &Item| matches!(item, Item::Frame { frame, .. } if frame.rms > 500);
    assert!(items.iter().any(loud));
    let end = Instant::now() + Duration::from_secs(5);
    while engine.counters(leg).expect("a leg").drops_text < 20 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    engine.say(leg, "a caption").expect("a leg");
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    while !bytes.windows(9).any(|window| window == b"a caption") {
        let count = far.read(&mut chunk).expect("a connection");
        bytes.extend_from_slice(&chunk[..count]);
    }
    engine.hang_up(leg).expect("a leg");
    far.read_to_end(&mut bytes).expect("closed in good order");
    assert!(bytes.ends_with(&[0x88, 0]), "with a goodbye");
    engine.say(leg, "nobody hears it").expect("a leg");
}

#[test]
fn a_goodbye_is_answered_before_the_connection_closes() {
    let ((mut far, near), (engine, leg)) = (pair(), engine());
    let page = Protocol::WebSocket(Dialect::Browser);
    engine.attach(leg, near.as_fd(), page).expect("attached");
    drop(near);
    far.write_all(&masked(8, &[])).expect("a connection");
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).expect("closed in good order");
    assert!(bytes.ends_with(&[0x88, 0]));
    reported(&engine, ended);
}

#[test]
fn a_message_that_fills_the_queue_arrives_whole_and_only_the_one_behind_it_is_dropped() {
    let (mut far, near) = pair();
    let small = socket2::SockRef::from(&near);
    small.set_send_buffer_size(2_048).expect("a buffer");
    far.set_read_timeout(Some(Duration::from_millis(20)))
        .expect("a time");
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&ports()).expect("a leg");
    let page = Protocol::WebSocket(Dialect::Browser);
    engine.attach(leg, near.as_fd(), page).expect("attached");
    drop(near);
    for letter in ["a", "b"] {
        let text = letter.repeat(MOST_OUTGOING);
        engine.say(leg, &text).expect("a leg");
    }
    assert!(eventually(|| {
        engine.counters(leg).expect("a leg").drops_text == 1
    }));
    // What the page sends has the rest go on its way: here a pong that nobody asked for.
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    let mut until = |enough: &dyn Fn(&[u8]) -> bool| {
        eventually(|| {
            far.write_all(&masked(10, &[])).expect("a connection");
            if let Ok(count) = far.read(&mut chunk) {
                bytes.extend_from_slice(&chunk[..count]);
            }
            enough(&bytes)
        })
    };
    let whole = "a".repeat(MOST_OUTGOING);
    assert!(until(&|bytes: &[u8]| bytes.ends_with(whole.as_bytes())));
    engine.say(leg, "and more").expect("a leg");
    assert!(until(&|bytes: &[u8]| bytes.ends_with(b"and more")));
    assert!(!bytes.contains(&b'b'));
}

#[test]
fn what_asterisk_has_no_room_for_is_counted() {
    let ((mut far, near), (engine, leg)) = (pair(), engine());
    let asterisk = Protocol::WebSocket(Dialect::Asterisk);
    engine
        .attach(leg, near.as_fd(), asterisk)
        .expect("attached");
    drop(near);
    // Until its format is known there is nothing that it could be sent.
    let mut until = |text: &str, enough: &dyn Fn(&Snapshot) -> bool| {
        far.write_all(&masked(1, text.as_bytes()))
            .expect("a connection");
        assert!(
            eventually(|| enough(&engine.counters(leg).expect("a leg"))),
            "{text}"
        );
    };
    until("MEDIA_START format:slin16", &|seen| seen.datagrams_out > 2);
    until("MEDIA_XOFF", &|seen| seen.errors_send > 2);
    let sent = engine.counters(leg).expect("a leg").datagrams_out;
    until("MEDIA_XON", &|seen| seen.datagrams_out > sent + 2);
}

#[test]
fn audio_that_changes_its_rate_with_every_message_ends_the_connection() {
    let ((mut far, near), (engine, leg)) = (pair(), engine());
    engine
        .attach(leg, near.as_fd(), Protocol::AudioSocket { rate: 8_000 })
        .expect("attached");
    drop(near);
    // No audio at all of 8 kHz, and then of 44.1: filters of 40,000 weights each time.
    let changes = [0x10_u8, 0, 0, 0x15, 0, 0].repeat(682);
    far.write_all(&changes).expect("a connection");
    reported(&engine, ended);
}

#[test]
fn a_flood_of_keys_is_not_handed_on() {
    let ((mut far, near), (engine, leg)) = (pair(), engine());
    engine
        .attach(leg, near.as_fd(), Protocol::AudioSocket { rate: 8_000 })
        .expect("attached");
    drop(near);
    let keys = [3, 0, 1, b'5'].repeat(200);
    far.write_all(&keys).expect("a connection");
    assert!(eventually(|| {
        let seen = engine.counters(leg).expect("a leg");
        seen.digits + seen.drops_events == 200 && seen.drops_events > 0
    }));
}
