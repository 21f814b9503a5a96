//! What the media thread and the callers both know of one leg.

use std::collections::TryReserveError;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use translink_core::frame::FRAME_SAMPLES;
use translink_core::ledger::Ledger;

use crate::counters::Counters;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::masks::Masks;
use crate::port::SharedPort;
use crate::source::{Policy, Senders};
use crate::tap::Tap;

/// Audio copied in one hold of the ledger's lock: 100 ms. The media thread waits for one such copy
/// at most, some hundred nanoseconds; or, rarely, for a reader that lost its processor in the
/// middle of one (a lock that lends priority, as pthreads has, is not in std).
const COPIED_AT_ONCE: u64 = 5 * FRAME_SAMPLES;

/// One leg, seen from outside.
#[derive(Debug)]
pub(crate) struct SharedLeg {
    pub(crate) number: u32,
    pub(crate) local: SocketAddr,
    pub(crate) counters: Counters,
    /// How many calls ended here.
    pub(crate) life: AtomicU32,
    /// How many connections have carried its audio.
    pub(crate) connections: AtomicU32,
    /// Bytes that may wait for the ear.
    capacity: u64,
    ledger: Mutex<Ledger>,
    pub(crate) masks: Masks,
    /// Outlines of what the talker said and of what the ear was sent.
    pub(crate) said: Envelope,
    pub(crate) heard: Envelope,
    pub(crate) senders: Senders,
    pub(crate) tap: Tap,
    /// The port it shares with others, if it has none of its own.
    pub(crate) port: Option<Arc<SharedPort>>,
    /// The media thread that it is on.
    pub(crate) worker: AtomicUsize,
}

impl SharedLeg {
    pub(crate) fn new(number: u32, local: SocketAddr, capacity: usize, ledger: Ledger) -> Self {
        Self {
            number,
            local,
            counters: Counters::default(),
            life: AtomicU32::new(0),
            connections: AtomicU32::new(0),
            capacity: capacity as u64,
            masks: Masks::new(usize::try_from(ledger.capacity()).unwrap_or_default()),
            ledger: Mutex::new(ledger),
            said: Envelope::new(),
            heard: Envelope::new(),
            senders: Senders::default(),
            tap: Tap::new(),
            port: None,
            worker: AtomicUsize::new(0),
        }
    }

    /// Reserve room for speech; the number of bytes granted, `wanted` at most. What is not granted
    /// is not lost, the caller has it and may offer it again: only the times are counted.
    pub(crate) fn reserve(&self, wanted: usize) -> usize {
        let queued = &self.counters.playout_queued;
        let mut granted = 0;
        let _ = queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |queued| {
            granted = self.capacity.saturating_sub(queued).min(wanted as u64);
            Some(queued + granted)
        });
        if granted < wanted as u64 {
            self.counters.playout_full.fetch_add(1, Ordering::Relaxed);
        }
        usize::try_from(granted).unwrap_or(wanted)
    }

    /// Give room back: the bytes left the ear's queue, whichever way.
    pub(crate) fn release(&self, bytes: u64) {
        self.counters
            .playout_queued
            .fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Tell the media thread whose datagrams to hear. On a shared port these senders are this leg's from then on,
    /// if the media thread could be reached.
    pub(crate) fn claim(
        &self,
        policy: Policy,
        tell: impl FnOnce(Policy) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match &self.port {
            Some(port) => port.claim(self.number, policy, tell),
            None if matches!(policy, Policy::Shown(_)) => Err(Error::NotShared),
            None => tell(policy),
        }
    }

    /// On a shared port: its senders may be another leg's.
    pub(crate) fn release_claims(&self) {
        if let Some(port) = &self.port {
            port.claims().release(self.number);
        }
    }

    /// A poisoned ledger is still a ledger: its methods leave it whole at every step.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Samples `start..end` of what the talker said, as far as they are held.
    pub(crate) fn history(&self, start: u64, end: u64) -> Result<(u64, Vec<u8>), TryReserveError> {
        stretch(|| self.ledger(), start, end)
    }

    /// The same, with silence where it was echo.
    pub(crate) fn history_without_echo(
        &self,
        start: u64,
        end: u64,
    ) -> Result<(u64, Vec<u8>), TryReserveError> {
        let (first, mut audio) = self.history(start, end)?;
        self.masks.apply(first, &mut audio);
        Ok((first, audio))
    }

    /// Samples `start..end` of what the ear was sent, as far as the tap holds them.
    pub(crate) fn tapped(&self, start: u64, end: u64) -> Result<(u64, Vec<u8>), TryReserveError> {
        stretch(|| self.tap.ledger(), start, end)
    }
}

/// Samples `start..end` as far as they are held, in one unbroken stretch.
fn stretch<'a>(
    ledger: impl Fn() -> MutexGuard<'a, Ledger>,
    start: u64,
    end: u64,
) -> Result<(u64, Vec<u8>), TryReserveError> {
    let held = ledger().held();
    let mut next = start.max(held.start);
    let end = end.min(held.end);
    if next >= end {
        return Ok(ledger().read(start, end));
    }
    let mut first = next;
    let (mut audio, mut slice) = (Vec::new(), Vec::new());
    audio.try_reserve_exact(usize::try_from((end - next) * 2).unwrap_or_default())?;
    slice.try_reserve_exact(usize::try_from(COPIED_AT_ONCE * 2).unwrap_or_default())?;
    while next < end {
        let from = ledger().read_into(next, end.min(next + COPIED_AT_ONCE), &mut slice);
        if slice.is_empty() {
            break;
        }
        if from != next {
            // The media thread overtook us at the old end, or a call ended: what was read does
            // not join on.
            audio.clear();
            first = from;
        }
        audio.extend_from_slice(&slice);
        next = from + slice.len() as u64 / 2;
    }
    Ok((first, audio))
}
