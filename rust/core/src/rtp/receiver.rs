//! A talker's RTP becomes the leg's PCM: in order, in time, without what is no sound.
//!
//! Time stamps say how much time lies between two packets. Where packets are missing it is concealed
//! ([`crate::rtp::conceal`]), up to [`LONGEST_GAP`]; where none is missing, the talker sent nothing because they
//! were silent, and there is silence, up to [`crate::tail::TAIL_PATIENCE_RTP`]: beyond that the leg's own silence has
//! taken its place ([`crate::tail`]), which is never put in twice.
//!
//! A stream is replaced by another one (SSRC) at once; of the one before, stragglers are dropped for
//! [`STRAGGLERS`].

use std::collections::TryReserveError;

use crate::digit::Digit;
use crate::frame::Nanos;
use crate::g722::Decoder;
use crate::jitter::Jitter;
use crate::rate::Converter;
use crate::rtp::conceal::Concealer;
use crate::rtp::control::{Block, Tally};
use crate::rtp::digits::Digits;
use crate::rtp::format::{Format, Formats};
use crate::rtp::order::{Kept, Order, Place};
use crate::rtp::packet::{Kind, Packet, is_rtcp};
use crate::stats::RtpStats;
use crate::tail::TAIL_PATIENCE_RTP;

/// Where the PCM goes, and what else is reported.
pub trait Sink {
    /// 16 kHz s16le of a packet that arrived then.
    fn sound(&mut self, pcm: &[u8], arrival: Nanos);
    /// The talker says that they are silent.
    fn silent(&mut self, arrival: Nanos);
    /// A key.
    fn digit(&mut self, digit: Digit, arrival: Nanos);
}

/// One stream after the other.
#[derive(Debug)]
pub struct Receiver {
    formats: Formats,
    /// What the newest sound was in.
    heard: Option<Format>,
    ssrc: Option<u32>,
    /// The stream before, and until when its packets are stragglers.
    before: Option<(u32, Nanos)>,
    order: Order,
    /// The newest packet but doubles and late ones was astray.
    astray: bool,
    /// The time stamp of the next sample.
    next: Option<u32>,
    /// Samples at 16 kHz of the leg's own silence since the newest sound.
    filled: u64,
    jitter: Jitter,
    newest: Option<(u32, Nanos)>,
    digits: Digits,
    g722: Decoder,
    concealer: Concealer,
    up: Converter,
    /// Nothing is inside of it.
    rested: bool,
    /// Decoded; with what was before it; at 16 kHz.
    decoded: Vec<u8>,
    joined: Vec<u8>,
    wide: Vec<u8>,
    tally: Tally,
    stats: RtpStats,
}

impl Receiver {
    /// Allocates all it will ever need.
    ///
    /// # Errors
    /// There is not so much memory.
    ///
    /// # Panics
    /// Never: 8 and 16 kHz can be converted.
    pub fn new(formats: Formats) -> Result<Self, TryReserveError> {
        let reserved = |bytes| {
            let mut vec = Vec::new();
            Vec::try_reserve_exact(&mut vec, bytes).map(|()| vec)
        };
        #[expect(clippy::expect_used, reason = "the rates are constants")]
        let up = Converter::up(MOST_SAMPLES).expect("8 to 16 kHz");
        Ok(Self {
            formats,
            heard: None,
            ssrc: None,
            before: None,
            order: Order::new()?,
            astray: false,
            next: None,
            filled: 0,
            jitter: Jitter::default(),
            newest: None,
            digits: Digits::default(),
            g722: Decoder::new(),
            concealer: Concealer::new(),
            up,
            rested: true,
            decoded: reserved(2 * MOST_SAMPLES)?,
            joined: reserved(4 * MOST_SAMPLES)?,
            wide: reserved(8 * MOST_SAMPLES)?,
            tally: Tally::default(),
            stats: RtpStats::default(),
        })
    }

    /// A datagram came.
    pub fn receive(&mut self, datagram: &[u8], arrival: Nanos, sink: &mut impl Sink) {
        if is_rtcp(datagram) {
            self.stats.rtcp += 1;
            self.tally.control(datagram, arrival);
            return;
        }
        let Some(packet) = Packet::parse(datagram) else {
            self.stats.refused += 1;
            return;
        };
        if !self.is_ours(packet.ssrc, arrival, sink) {
            self.stats.late += 1;
            return;
        }
        let place = self.order.place(packet.sequence, datagram, arrival);
        // One that is astray counts when the next one shows that the stream is there.
        if !matches!(place, Place::Double | Place::Astray | Place::Jump) {
            self.tally.hear(packet.sequence);
        }
        if self.astray
            && matches!(
                place,
                Place::Next | Place::Kept | Place::Large | Place::Astray
            )
        {
            self.drop_astray();
        }
        match place {
            Place::Next => {
                self.stats.reordered += u64::from(self.order.waits());
                self.take(&packet, 0, arrival, sink);
                self.pass_on(arrival, sink);
            }
            Place::Kept => self.pass_on(arrival, sink),
            Place::Double => self.stats.duplicates += 1,
            Place::Late => self.stats.late += 1,
            Place::Back => {
                self.stats.late += 1;
                self.pass_on(Nanos::MAX, sink);
                self.order.forget();
            }
            Place::Astray => self.astray = true,
            Place::Jump => {
                self.pass_on(Nanos::MAX, sink);
                let before = packet.sequence.wrapping_sub(1);
                let missing = self.order.missing_before(before);
                if missing < MOST_MISSING {
                    self.stats.lost += u64::from(missing);
                } else {
                    self.tally.restart();
                }
                self.tally.hear(before);
                self.tally.hear(packet.sequence);
                if let Some(kept) = self.order.jump(packet.sequence) {
                    self.astray = false;
                    self.take_kept(kept, 1, sink);
                }
                self.drop_astray();
                self.take(&packet, 0, arrival, sink);
            }
            Place::Large => {
                while let Some(kept) = self.order.pop_before(packet.sequence) {
                    self.take_late(kept, sink);
                }
                let missing = self.order.skip_to(packet.sequence);
                self.stats.lost += u64::from(missing);
                self.take(&packet, missing, arrival, sink);
                self.pass_on(arrival, sink);
            }
        }
        self.stats.wait_ns = self.order.wait();
    }

    /// The time that [`Receiver::deadline`] gave has come: go on without what is missing.
    pub fn wake(&mut self, now: Nanos, sink: &mut impl Sink) {
        self.pass_on(now, sink);
    }

    /// When to go on without what is missing.
    #[must_use]
    pub fn deadline(&self) -> Nanos {
        self.order.deadline()
    }

    /// Whether packets wait behind a gap.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.order.waits()
    }

    /// The leg has put in so many samples of silence of its own.
    pub const fn filled(&mut self, samples: u64) {
        self.filled += samples;
    }

    /// What of the newest sound is still inside, because nothing follows for a while: s16le at 16 kHz.
    pub fn rest(&mut self) -> &[u8] {
        self.wide.clear();
        if !std::mem::replace(&mut self.rested, true) {
            self.up.rest(&mut self.wide);
            self.filled += self.wide.len() as u64 / 2;
        }
        &self.wide
    }

    /// What the ear is to be sent.
    #[must_use]
    pub fn says(&self) -> Format {
        let heard = self.heard.unwrap_or(self.formats.hears);
        self.formats.says.unwrap_or(heard.answer())
    }

    /// What the peer is to learn of its stream at `now`: its number, and how it arrives, and its jitter in units of
    /// its time stamps. None: it speaks no RTCP.
    pub fn report(&mut self, now: Nanos) -> Option<Option<(u32, Block, u32)>> {
        if !self.tally.is_wanted(now) {
            return None;
        }
        let clock = self.heard.unwrap_or(self.formats.hears).clock();
        let jitter = self.jitter.nanos() * u64::from(clock) / 1_000_000_000;
        let jitter = u32::try_from(jitter).unwrap_or(u32::MAX);
        let ssrc = self.ssrc;
        let block = ssrc.and_then(|ssrc| Some((ssrc, self.tally.block(now)?, jitter)));
        Some(block)
    }

    /// What was counted.
    #[must_use]
    pub const fn stats(&self) -> &RtpStats {
        &self.stats
    }

    /// Whether any packet of this call was heard.
    #[must_use]
    pub const fn has_stream(&self) -> bool {
        self.ssrc.is_some()
    }

    /// How unevenly the packets of the present stream arrive (RFC 3550, 6.4.1).
    #[must_use]
    pub const fn jitter(&self) -> Nanos {
        self.jitter.nanos()
    }

    /// The call ended, or the next packet is somebody else's. How many bytes waited behind a gap.
    pub fn forget(&mut self) -> usize {
        let held = self.order.held();
        self.begin(None);
        self.order.begin_anew();
        self.up.restart();
        self.rested = true;
        self.before = None;
        self.tally = Tally::default();
        self.heard = None;
        self.filled = 0;
        held
    }

    /// Whether a packet is of the stream that is heard; a new stream is heard from now on.
    fn is_ours(&mut self, ssrc: u32, arrival: Nanos, sink: &mut impl Sink) -> bool {
        if self.ssrc == Some(ssrc) {
            return true;
        }
        if self
            .before
            .is_some_and(|(before, until)| before == ssrc && arrival < until)
        {
            return false;
        }
        if let Some(old) = self.ssrc {
            self.pass_on(Nanos::MAX, sink);
            self.stats.streams += 1;
            self.before = Some((old, arrival + STRAGGLERS));
        }
        self.begin(Some(ssrc));
        true
    }

    /// One that was astray is not heard: the stream did not go on there, or it was too large to be kept.
    fn drop_astray(&mut self) {
        self.stats.late += u64::from(std::mem::take(&mut self.astray));
    }

    fn begin(&mut self, ssrc: Option<u32>) {
        self.drop_astray();
        self.ssrc = ssrc;
        self.tally.restart();
        self.order.forget();
        self.next = None;
        self.newest = None;
        self.jitter.reset();
        self.digits = Digits::default();
        self.g722 = Decoder::new();
        self.concealer = Concealer::new();
    }

    /// All that is in order at `now`.
    fn pass_on(&mut self, now: Nanos, sink: &mut impl Sink) {
        while let Some(kept) = self.order.pop(now) {
            self.take_late(kept, sink);
        }
    }

    /// One that was kept, and what is missing before it is given up.
    fn take_late(&mut self, kept: Kept, sink: &mut impl Sink) {
        self.stats.lost += u64::from(kept.missing);
        self.take_kept(kept, kept.missing, sink);
    }

    fn take_kept(&mut self, kept: Kept, missing: u16, sink: &mut impl Sink) {
        // Out of the way while it is read: `take` does not touch the order.
        let order = std::mem::replace(&mut self.order, Order::nothing());
        if let Some(packet) = Packet::parse(order.datagram(kept)) {
            self.take(&packet, missing, kept.arrival, sink);
        }
        self.order = order;
    }

    /// A packet whose turn it is, after so many that are missing.
    fn take(&mut self, packet: &Packet<'_>, missing: u16, arrival: Nanos, sink: &mut impl Sink) {
        match packet.kind(self.formats.hears) {
            Kind::Audio(format) => {
                if let Some(digit) = self.digits.sound(packet.timestamp) {
                    sink.digit(digit, arrival);
                }
                self.sound(format, packet, missing, arrival, sink);
            }
            Kind::Noise => sink.silent(arrival),
            Kind::Event => {
                if let Some(digit) = self.digits.hear(packet.timestamp, packet.payload) {
                    sink.digit(digit, arrival);
                }
            }
            Kind::Unknown => self.stats.refused += 1,
        }
    }

    fn sound(
        &mut self,
        format: Format,
        packet: &Packet<'_>,
        missing: u16,
        arrival: Nanos,
        sink: &mut impl Sink,
    ) {
        let units = format.units(packet.payload.len());
        if units == 0 || units as usize > MOST_SAMPLES / 2 {
            self.stats.refused += 1;
            return;
        }
        if self.heard != Some(format) {
            // Time stamps of another clock say nothing.
            if self
                .heard
                .is_some_and(|heard| heard.clock() != format.clock())
            {
                self.next = None;
            }
            self.heard = Some(format);
            self.g722 = Decoder::new();
        }
        self.measure(format, packet.timestamp, arrival);
        self.decoded.clear();
        format.decode(packet.payload, &mut self.g722, &mut self.decoded);
        let gap = self.gap(format, packet, missing, units);
        self.next = Some(packet.timestamp.wrapping_add(units));
        self.filled = 0;
        self.join(gap, missing > 0);
        self.concealer.hear(&self.decoded, format.is_wide());
        if format.is_wide() {
            sink.sound(&self.joined, arrival);
        } else {
            self.rested = false;
            self.wide.clear();
            self.up.push(&self.joined, &mut self.wide);
            sink.sound(&self.wide, arrival);
        }
    }

    /// Samples, at the format's own rate, that are to be put in before a packet.
    fn gap(&mut self, format: Format, packet: &Packet<'_>, missing: u16, units: u32) -> usize {
        let Some(next) = self.next else {
            return 0;
        };
        let ahead = packet.timestamp.wrapping_sub(next);
        let time = format.time(ahead);
        let most = if missing > 0 {
            LONGEST_GAP
        } else {
            TAIL_PATIENCE_RTP
        };
        let time = if ahead < 1 << 31 && time <= most {
            time
        } else if missing > 0 {
            // The time stamp jumped, too: as much as the packets would have been.
            format.time(units.saturating_mul(missing.into())).min(most)
        } else {
            0
        };
        let filled = self.filled * 62_500;
        let rate = if format.is_wide() { 16 } else { 8 };
        let count = time.saturating_sub(filled) * rate / 1_000_000;
        if missing > 0 {
            self.stats.concealed_ns += count * 1_000_000 / rate;
        }
        usize::try_from(count).unwrap_or(0)
    }

    /// What goes into a gap, and what comes after it.
    fn join(&mut self, gap: usize, lost: bool) {
        self.joined.clear();
        if lost {
            let next = match *self.decoded {
                [low, high, ..] => i16::from_le_bytes([low, high]),
                _ => 0,
            };
            self.concealer.fill(gap, next, &mut self.joined);
        } else {
            self.joined.resize(2 * gap, 0);
        }
        if gap > 0 && !lost {
            self.concealer = Concealer::new();
        }
        self.joined.extend_from_slice(&self.decoded);
    }

    /// RFC 3550, 6.4.1: how much later than the packet before it came than it should have.
    fn measure(&mut self, format: Format, timestamp: u32, arrival: Nanos) {
        if let Some((before, at)) = self.newest.replace((timestamp, arrival)) {
            let ahead = timestamp.wrapping_sub(before);
            let passed = arrival.saturating_sub(at);
            let off = if ahead < 1 << 31 {
                passed.abs_diff(format.time(ahead))
            } else {
                passed + format.time(ahead.wrapping_neg())
            };
            self.jitter.deviated(off);
        }
    }
}

/// A packet sounds no longer than this, and a gap is not either: 1 s at 16 kHz.
const MOST_SAMPLES: usize = 16_000;

/// What is concealed at once.
pub const LONGEST_GAP: Nanos = 1_000_000_000;

/// A stream that is so many packets ahead, a minute of 20 ms, was begun anew; fewer were lost (RFC 3550, A.1).
const MOST_MISSING: u16 = 3_000;

/// Packets of the stream before the present one are late for so long.
pub const STRAGGLERS: Nanos = 500_000_000;
