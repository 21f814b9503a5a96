//! One leg by itself, without the thread that serves it.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use translink_core::line::Transport;
use translink_core::rtp::format::Formats;

use super::*;
use crate::item::Inbox;
use crate::test_kit::{eventually, ports};
use crate::wire::Protocol;
use crate::{batch, reserve};

/// Bytes of ten frames.
const TEN_FRAMES: usize = 6_400;

struct Kit {
    slot: Slot,
    out: Outbox,
    inbox: Inbox,
}

impl Kit {
    fn new(transport: Transport) -> Self {
        let mut ports = ports();
        ports.config.transport = transport;
        let sockets = Sockets::open(ports.listen, None, false, 1 << 16).expect("a socket");
        let (leg, ledger, newcomer) = reserve::make(&ports).expect("memory");
        let capacity = ports.config.playout_capacity;
        let shared = Arc::new(SharedLeg::new(1, sockets.local, capacity, ledger));
        let admission = Admission::new(ports.source, newcomer, transport);
        let (out, inbox) = Outbox::new(1_024).expect("a mailbox");
        Self {
            slot: Slot::new(shared, sockets, admission, leg),
            out,
            inbox,
        }
    }

    /// Ten frames for the ear, of which five more are due when this returns.
    fn speak(&mut self) {
        assert_eq!(self.slot.shared.reserve(TEN_FRAMES), TEN_FRAMES);
        self.slot.play(1, &[1; TEN_FRAMES], true, &mut self.out);
        std::thread::sleep(Duration::from_millis(100));
    }

    /// The far end of a connection that the leg has from now on.
    fn connect(&mut self) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("bound");
        let far = TcpStream::connect(address).expect("a connection");
        let near = listener.accept().expect("a connection").0;
        let stream = Stream::new(near.as_fd(), 1, Protocol::AudioSocket { rate: 8_000 });
        let stream = Box::new(stream.expect("a connection"));
        self.slot.attach(stream, true, &mut self.out);
        far
    }

    /// How often it was reported that RTP comes.
    fn reported(&mut self) -> usize {
        let mut reported = 0;
        self.inbox.drain(1_000, |item| {
            reported += usize::from(matches!(item, Item::Rtp { .. }));
        });
        reported
    }

    /// Those were sent, and their room is free.
    fn gave_back(&self) {
        let waits = self.slot.leg.stats().playout_queued;
        assert!(waits < 9 * 640, "{waits}");
        let reserved = self.slot.shared.counters.snapshot().playout_queued;
        assert_eq!(reserved, waits);
    }
}

/// 20 ms of µ-law.
fn packet(sequence: u8) -> [u8; 172] {
    let mut packet = [0; 172];
    packet[0] = 0x80;
    packet[3] = sequence;
    packet
}

#[test]
fn what_an_ear_is_sent_while_a_datagram_is_heard_gives_its_room_back() {
    let mut kit = Kit::new(Transport::default());
    kit.speak();
    let talker = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = kit.slot.sockets.local;
    talker.send_to(&[0; 640], address).expect("sent");
    let mut batch = Batch::new(batch::room());
    kit.slot.turn(&mut batch, &mut kit.out);
    assert_eq!(kit.slot.leg.stats().datagrams_in, 1);
    kit.gave_back();
}

#[test]
fn what_an_ear_is_sent_while_a_connection_is_read_gives_its_room_back() {
    let mut kit = Kit::new(Transport::default());
    let mut far = kit.connect();
    kit.speak();
    far.write_all(&[3, 0, 1, b'5']).expect("a connection");
    assert!(eventually(|| {
        kit.slot.read_stream(&mut kit.out);
        kit.slot.leg.stats().digits == 1
    }));
    kit.gave_back();
}

#[test]
fn a_flood_at_a_leg_that_has_a_connection_is_kept_out_by_the_kernel() {
    let mut kit = Kit::new(Transport::default());
    let _far = kit.connect();
    let talker = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = kit.slot.sockets.local;
    let mut batch = Batch::new(batch::room());
    assert!(eventually(|| {
        for _ in 0..10 {
            for _ in 0..BATCH {
                talker.send_to(&[0; 640], address).expect("sent");
            }
            while kit.slot.receive(BATCH, &mut batch, &mut kit.out) {}
        }
        kit.slot.filter.until() < Nanos::MAX
    }));
    assert_eq!(kit.slot.leg.stats().datagrams_in, 0);
}

#[test]
fn rtp_that_comes_and_goes_is_reported_once_a_second() {
    let mut kit = Kit::new(Transport::Auto(Formats::default()));
    let talker = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = kit.slot.sockets.local;
    let mut batch = Batch::new(batch::room());
    let mut hear = |datagram: &[u8]| {
        talker.send_to(datagram, address).expect("sent");
        kit.slot.turn(&mut batch, &mut kit.out);
    };
    // Enough of it to be found again each time.
    for sequence in 0..40 {
        hear(&packet(sequence));
        if sequence % 4 == 3 {
            hear(&[0; 640]);
        }
    }
    let reported = kit.reported();
    assert!((1..5).contains(&reported), "{reported}");
}

#[test]
fn rtp_that_is_found_again_too_soon_is_reported_when_its_time_has_come() {
    let mut kit = Kit::new(Transport::default());
    let talker = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = kit.slot.sockets.local;
    let mut batch = Batch::new(batch::room());
    let mut hear = |datagram: &[u8]| {
        talker.send_to(datagram, address).expect("sent");
        kit.slot.turn(&mut batch, &mut kit.out);
    };
    for sequence in 0..10 {
        hear(&packet(sequence));
    }
    // Neither RTP nor short: what follows is PCM until it is found again.
    hear(&[0; 200]);
    for sequence in 10..80 {
        hear(&packet(sequence));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(kit.reported(), 2);
}
