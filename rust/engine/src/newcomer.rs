//! Another sender's datagrams, kept while the present one may have gone.
//!
//! They are kept so that nothing of a gateway that moves is lost: when it takes over, what it said
//! until then is heard first. Memory is reserved when the leg is made; what does not fit is a flood,
//! and no talker.

use std::collections::TryReserveError;
use std::net::SocketAddr;

use translink_core::frame::Nanos;
use translink_core::tail::TAIL_PATIENCE as STALL;

/// Bytes kept: 1 s, and the largest datagrams that gateways send before and after it.
const MAX_KEPT: usize = 3 * 32_000;

/// Datagrams kept. In 1 s: 50 of 20 ms, 100 of 10 ms.
const MAX_DATAGRAMS: usize = 512;

/// Gateways send up to half a second at once; one datagram proves no more.
const LONGEST_COUNTED: Nanos = 500_000_000;

/// One sender and what it has sent.
#[derive(Debug)]
pub(crate) struct Newcomer {
    source: Option<SocketAddr>,
    began: Nanos,
    latest: Nanos,
    /// Audio that the present sender has sent since.
    others: Nanos,
    /// Audio that is kept.
    audio: Nanos,
    bytes: Vec<u8>,
    /// Where each datagram ends, and when it arrived.
    ends: Vec<(usize, Nanos)>,
}

impl Newcomer {
    /// Nobody, and no room for anybody.
    pub(crate) const fn nobody() -> Self {
        Self {
            source: None,
            began: 0,
            latest: 0,
            others: 0,
            audio: 0,
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Nobody yet. Allocates all it will ever need.
    pub(crate) fn new() -> Result<Self, TryReserveError> {
        let mut newcomer = Self::nobody();
        newcomer.bytes.try_reserve_exact(MAX_KEPT)?;
        newcomer.ends.try_reserve_exact(MAX_DATAGRAMS)?;
        Ok(newcomer)
    }

    /// A datagram of `source` with so much audio. False: there is no room for it.
    pub(crate) fn keep(
        &mut self,
        source: SocketAddr,
        payload: &[u8],
        audio: Nanos,
        at: Nanos,
    ) -> bool {
        if self.source.is_none() {
            self.source = Some(source);
            self.began = at;
        }
        let room = self.bytes.len() + payload.len() <= MAX_KEPT && self.ends.len() < MAX_DATAGRAMS;
        if room {
            self.latest = at;
            self.audio += audio;
            self.bytes.extend_from_slice(payload);
            self.ends.push((self.bytes.len(), at));
        }
        room
    }

    /// The present sender sent so much audio. True: that counts as talking, too.
    pub(crate) fn interrupted(&mut self, audio: Nanos, at: Nanos) -> bool {
        self.others += audio;
        4 * self.others >= at.saturating_sub(self.began)
    }

    /// Whether it talks in real time, and goes on.
    pub(crate) fn talks(&self, at: Nanos) -> bool {
        2 * self.audio >= at.saturating_sub(self.began) && at < self.latest + STALL
    }

    /// For how long it has talked, with so much in the newest datagram: what came faster than
    /// real time counts as long as it took.
    pub(crate) fn talked(&self, newest: Nanos, at: Nanos) -> Nanos {
        let newest = newest.min(LONGEST_COUNTED);
        self.audio.min(at.saturating_sub(self.began) + newest)
    }

    pub(crate) const fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// When it has stopped, if nothing more comes.
    pub(crate) const fn expires(&self) -> Nanos {
        match self.source {
            Some(_) => self.latest + STALL,
            None => Nanos::MAX,
        }
    }

    /// What was kept, oldest first.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (&[u8], Nanos)> {
        let begins = std::iter::once(0).chain(self.ends.iter().map(|&(end, _)| end));
        let pieces = begins.zip(&self.ends);
        pieces.map(|(begin, &(end, at))| (&self.bytes[begin..end], at))
    }

    /// Nobody any more; how many datagrams were kept.
    pub(crate) fn forget(&mut self) -> u64 {
        self.source = None;
        self.others = 0;
        self.audio = 0;
        self.bytes.clear();
        let kept = self.ends.len() as u64;
        self.ends.clear();
        kept
    }
}
