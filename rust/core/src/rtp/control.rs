//! RTCP (RFC 3550, section 6): what a peer may know of how its packets arrive.
//!
//! A sender report with one block, and the name that the RFC wants (SDES, CNAME), every 5 s. Only to peers that send
//! RTCP to the port of RTP (RFC 5761): those have a use for it. The port above is often another leg's.

use crate::frame::Nanos;

/// What was heard of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// The first sequence number and the highest, with the rounds it has made.
    first: Option<u32>,
    highest: u32,
    received: u32,
    /// As of the last report.
    expected_before: u32,
    received_before: u32,
    /// The middle of the newest report's NTP time, and when it came.
    report: Option<(u32, Nanos)>,
    /// When RTCP came last.
    heard: Option<Nanos>,
}

/// A report block (section 6.4.1), less the stream's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// In 256ths, since the last report.
    pub fraction_lost: u8,
    /// In all; 23 bits.
    pub lost: u32,
    /// With the rounds it has made.
    pub highest: u32,
    /// The middle of the peer's newest report's time; 0: there was none.
    pub report: u32,
    /// How long ago that was, in 65,536ths of a second.
    pub since: u32,
}

impl Tally {
    /// A packet that had not come before.
    pub fn hear(&mut self, sequence: u16) {
        if self.first.is_none() {
            self.first = Some(sequence.into());
            self.highest = sequence.into();
        }
        let [.., high, low] = self.highest.to_be_bytes();
        let ahead = sequence.wrapping_sub(u16::from_be_bytes([high, low]));
        if ahead < 1 << 15 {
            self.highest = self.highest.wrapping_add(ahead.into());
        }
        self.received = self.received.wrapping_add(1);
    }

    /// Another stream begins, of the same peer.
    pub fn restart(&mut self) {
        *self = Self {
            report: self.report,
            heard: self.heard,
            ..Self::default()
        };
    }

    /// A datagram of RTCP came.
    pub fn control(&mut self, datagram: &[u8], arrival: Nanos) {
        self.heard = Some(arrival);
        if let [_, SENDER_REPORT, _, _, _, _, _, _, _, _, a, b, c, d, ..] = *datagram {
            self.report = Some((u32::from_be_bytes([a, b, c, d]), arrival));
        }
    }

    /// Whether the peer speaks RTCP.
    #[must_use]
    pub fn is_wanted(&self, now: Nanos) -> bool {
        self.heard.is_some_and(|heard| now < heard + PATIENCE)
    }

    /// What is reported at `now`; none: nothing was heard yet.
    pub fn block(&mut self, now: Nanos) -> Option<Block> {
        let expected = self.highest.wrapping_sub(self.first?).wrapping_add(1);
        let due = expected.wrapping_sub(self.expected_before);
        let came = self.received.wrapping_sub(self.received_before);
        self.expected_before = expected;
        self.received_before = self.received;
        let fraction = u64::from(due.saturating_sub(came)) * 256 / u64::from(due.max(1));
        let (report, since) = self.report.map_or((0, 0), |(report, at)| {
            (report, now.saturating_sub(at) * 65_536 / 1_000_000_000)
        });
        Some(Block {
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: expected.saturating_sub(self.received).min(0x7F_FFFF),
            highest: self.highest,
            report,
            since: u32::try_from(since).unwrap_or(u32::MAX),
        })
    }
}

/// Our side of a report.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Our stream.
    pub ssrc: u32,
    /// Its time stamp now.
    pub timestamp: u32,
    /// Packets and bytes of sound in all.
    pub packets: u64,
    /// See `packets`.
    pub octets: u64,
}

/// Append a report to `out`. `jitter` in units of the peer's time stamps. Times are given as time since the machine's
/// start, as the RFC allows to those who know no other.
pub fn write(sent: &Sent, theirs: Option<(u32, Block, u32)>, now: Nanos, out: &mut Vec<u8>) {
    let blocks = u8::from(theirs.is_some());
    out.extend([0x80 | blocks, SENDER_REPORT, 0, 6 + 6 * blocks]);
    out.extend(sent.ssrc.to_be_bytes());
    out.extend(low(now / 1_000_000_000).to_be_bytes());
    out.extend(low(((now % 1_000_000_000) << 32) / 1_000_000_000).to_be_bytes());
    out.extend(sent.timestamp.to_be_bytes());
    out.extend(low(sent.packets).to_be_bytes());
    out.extend(low(sent.octets).to_be_bytes());
    if let Some((ssrc, block, jitter)) = theirs {
        out.extend(ssrc.to_be_bytes());
        let [_, lost @ ..] = block.lost.to_be_bytes();
        out.push(block.fraction_lost);
        out.extend(lost);
        for word in [block.highest, jitter, block.report, block.since] {
            out.extend(word.to_be_bytes());
        }
    }
    // One chunk: our stream's number, its name, and zeros up to the next word.
    out.extend([0x81, DESCRIPTION, 0, 4]);
    out.extend(sent.ssrc.to_be_bytes());
    out.extend([CNAME, 9]);
    out.extend(b"translink\0");
}

#[expect(clippy::cast_possible_truncation, reason = "these fields wrap")]
const fn low(value: u64) -> u32 {
    value as u32
}

/// How often a report is sent.
pub const EVERY: Nanos = 5_000_000_000;

/// A peer that was silent for so long does not speak RTCP any more.
const PATIENCE: Nanos = 60_000_000_000;

const SENDER_REPORT: u8 = 200;
const DESCRIPTION: u8 = 202;
const CNAME: u8 = 1;
