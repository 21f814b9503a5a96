//! The engine as its callers see it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use translink_core::volume::Gain;

use crate::admission::Admission;
use crate::command::Command;
use crate::counters::Snapshot;
use crate::envelope::Lane;
use crate::error::Error;
use crate::item::Item;
use crate::port::PortSocket;
use crate::ports::LegPorts;
use crate::reserve;
use crate::shared::SharedLeg;
use crate::slot::Slot;
use crate::source::Policy;
use crate::workers::Workers;

/// How long [`Engine::remove_leg`] waits for the sockets to be closed.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);

/// The media thread, or threads, and what they share. Every method may be called from any thread.
pub struct Engine {
    process: u32,
    pub(crate) workers: Workers,
    legs: RwLock<BTreeMap<u32, Arc<SharedLeg>>>,
    pub(crate) ports: RwLock<BTreeMap<u32, Arc<PortSocket>>>,
    pub(crate) next: AtomicU32,
    descriptor: RawFd,
}

impl Engine {
    /// Start the thread. `mailbox` items may wait to be drained (an item is about 700 bytes).
    ///
    /// # Errors
    /// [`Error::Io`] when the process is out of descriptors or threads.
    pub fn start(mailbox: usize) -> Result<Self, Error> {
        Self::with_threads(mailbox, 1)
    }

    /// The same with several threads, each with a mailbox of its own. A leg is on one of them (`moving`).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn with_threads(mailbox: usize, threads: usize) -> Result<Self, Error> {
        let workers = Workers::start(threads, mailbox)?;
        let descriptor = workers.descriptor();
        Ok(Self {
            process: std::process::id(),
            workers,
            legs: RwLock::default(),
            ports: RwLock::default(),
            next: AtomicU32::new(1),
            descriptor,
        })
    }

    /// Bind a leg's sockets and hand it to the media thread; its number. Numbers rise and never
    /// come back.
    ///
    /// # Errors
    /// [`Error::Address`] when a socket cannot be bound; [`Error::Memory`]; [`Error::Busy`]. On a shared
    /// port: [`Error::NoPort`]; [`Error::Unnamed`] and [`Error::Claimed`] for a source that does not tell the
    /// leg from others.
    pub fn add_leg(&self, ports: &LegPorts) -> Result<u32, Error> {
        self.check()?;
        let sockets = self.sockets(ports)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (leg, ledger, newcomer) =
            reserve::make(ports).map_err(|_| Error::Memory("another leg"))?;
        let capacity = ports.config.playout_capacity;
        let mut shared = SharedLeg::new(number, sockets.local, capacity, ledger);
        shared.port = sockets.port().map(|port| Arc::clone(&port.shared));
        let own = shared.port.is_none();
        let worker = if own { self.lightest() } else { 0 };
        shared.worker.store(worker, Ordering::Relaxed);
        let shared = Arc::new(shared);
        shared
            .counters
            .rcvbuf
            .store(sockets.granted, Ordering::Relaxed);
        let admission = Admission::new(ports.source.clone(), newcomer, ports.config.transport);
        let slot = Slot::new(Arc::clone(&shared), sockets, admission, leg);
        shared.claim(ports.source.clone(), |_| {
            self.tell(&shared, Command::Add(Box::new(slot)))
        })?;
        self.wait_for_routes(&shared);
        let mut legs = self.legs.write().unwrap_or_else(PoisonError::into_inner);
        legs.insert(number, shared);
        Ok(number)
    }

    /// Where a leg really listens.
    ///
    /// # Errors
    /// [`Error::NoLeg`].
    pub fn local_address(&self, leg: u32) -> Result<SocketAddr, Error> {
        Ok(self.leg(leg)?.local)
    }

    /// Close a leg's sockets. When this returns, its address is free.
    ///
    /// # Errors
    /// [`Error::NoLeg`]; [`Error::Busy`] when the media thread is stuck.
    pub fn remove_leg(&self, leg: u32) -> Result<(), Error> {
        self.check()?;
        let removed = {
            let mut legs = self.legs.write().unwrap_or_else(PoisonError::into_inner);
            legs.remove(&leg)
        };
        let shared = removed.ok_or(Error::NoLeg(leg))?;
        let (done, closed) = sync_channel(1);
        if let Err(error) = self.tell(&shared, Command::Remove { leg, done }) {
            let mut legs = self.legs.write().unwrap_or_else(PoisonError::into_inner);
            legs.insert(leg, shared);
            return Err(error);
        }
        closed
            .recv_timeout(CLOSING_PATIENCE)
            .map_err(|_| Error::Busy)?;
        shared.release_claims();
        Ok(())
    }

    /// End of a call. Frames whose `life` is less than the answer belong to it or to one before.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn reset_leg(&self, leg: u32) -> Result<u32, Error> {
        let shared = self.living(leg)?;
        let life = shared.life.fetch_add(1, Ordering::Relaxed) + 1;
        self.tell(&shared, Command::Reset { leg, life })?;
        Ok(life)
    }

    /// End of a call whose ear still has something to hear. Frames whose `life` is less than the answer
    /// belong to it, as in [`Engine::reset_leg`]; but the ledger, what waits for the ear and what waits
    /// in the socket stay, and the byte stream goes on without a seam: the next call can begin from
    /// any sample that the ledger has. The sender that was heard is let go, so the next call may come from
    /// elsewhere at once; an ear that was learned stays where it is until then, and what still waits
    /// for it is flushed when the next call's talker is another one.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn detach_leg(&self, leg: u32) -> Result<u32, Error> {
        let shared = self.living(leg)?;
        let life = shared.life.fetch_add(1, Ordering::Relaxed) + 1;
        self.tell(&shared, Command::Detach { leg, life })?;
        Ok(life)
    }

    /// Forget the audio before a sample: a call that was detached is over.
    ///
    /// # Errors
    /// [`Error::NoLeg`].
    pub fn forget(&self, leg: u32, before: u64) -> Result<(), Error> {
        self.leg(leg)?.ledger().forget_before(before);
        Ok(())
    }

    /// Queue speech; the bytes accepted. Fewer than given: the ear's queue is full, and `last` was
    /// not taken either. The caller keeps the rest.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Memory`], [`Error::Busy`].
    pub fn play(&self, leg: u32, utterance: u64, pcm: &[u8], last: bool) -> Result<usize, Error> {
        let shared = self.living(leg)?;
        let accepted = shared.reserve(pcm.len());
        let last = last && accepted == pcm.len();
        if accepted == 0 && !last {
            return Ok(0);
        }
        reserve::boxed(&pcm[..accepted])
            .map_err(|_| Error::Memory("a piece of speech"))
            .and_then(|pcm| {
                self.tell(
                    &shared,
                    Command::Play {
                        leg,
                        utterance,
                        pcm,
                        last,
                    },
                )
            })
            .inspect_err(|_| shared.release(accepted as u64))?;
        Ok(accepted)
    }

    /// Drop what waits for the ear.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn flush(&self, leg: u32) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::Flush { leg })
    }

    /// Audio from sample `start` to `end` as far as the ledger has it: first sample, s16le.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Memory`].
    pub fn history(&self, leg: u32, start: u64, end: u64) -> Result<(u64, Vec<u8>), Error> {
        let read = self.leg(leg)?.history(start, end);
        read.map_err(|_| Error::Memory("audio of the ledger"))
    }

    /// The same, with silence where it was the echo of what the ear was sent.
    ///
    /// # Errors
    /// [`Error::NoLeg`]; [`Error::Memory`].
    pub fn history_without_echo(
        &self,
        leg: u32,
        start: u64,
        end: u64,
    ) -> Result<(u64, Vec<u8>), Error> {
        let read = self.leg(leg)?.history_without_echo(start, end);
        read.map_err(|_| Error::Memory("audio of the ledger"))
    }

    /// Which senders to hear from now on. The one that was heard until now has to be let in anew, and an ear that
    /// was learned from the datagrams to be learned anew.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`]; on a shared port [`Error::Unnamed`] and
    /// [`Error::Claimed`]. Nothing has changed then.
    pub fn set_source(&self, leg: u32, policy: Policy) -> Result<(), Error> {
        let shared = self.living(leg)?;
        shared.claim(policy, |policy| {
            self.tell(&shared, Command::Source { leg, policy })
        })?;
        self.wait_for_routes(&shared);
        Ok(())
    }

    /// Where the ear is from now on, whichever sender is heard: what a PBX tells only when the leg's own address has
    /// been given to it. Sent from the receiving socket. None: nowhere.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn set_play_to(&self, leg: u32, ear: Option<SocketAddr>) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::PlayTo { leg, ear })
    }

    /// How loud the ear hears; stays when a call ends.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn set_volume(&self, leg: u32, gain: Gain) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::Volume { leg, gain })
    }

    /// Whether what the talker says is heard as silence; stays when a call ends.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn set_muted(&self, leg: u32, muted: bool) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::Mute { leg, muted })
    }

    /// Whose datagrams are heard in this call.
    ///
    /// # Errors
    /// [`Error::NoLeg`].
    pub fn source(&self, leg: u32) -> Result<Option<SocketAddr>, Error> {
        Ok(self.leg(leg)?.senders.heard())
    }

    /// The sender that was turned away last, in this call or before.
    ///
    /// # Errors
    /// [`Error::NoLeg`].
    pub fn stranger(&self, leg: u32) -> Result<Option<SocketAddr>, Error> {
        Ok(self.leg(leg)?.senders.stranger())
    }

    /// The outline of the last 20 s of a lane from slot `from` on: the first slot's number, and
    /// lowest and highest sample of each 20 ms (`i8`). Slot `n` is the 20 ms of the monotonic clock
    /// from `n` × 20 ms on.
    ///
    /// # Errors
    /// [`Error::NoLeg`].
    pub fn envelope(&self, leg: u32, lane: Lane, from: u64) -> Result<(u64, Vec<u8>), Error> {
        let shared = self.leg(leg)?;
        Ok(match lane {
            Lane::Said => shared.said.read(from),
            Lane::Heard => shared.heard.read(from),
        })
    }

    /// Keep what the ear is sent, for [`Engine::heard`], or no more.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Memory`].
    pub fn tap(&self, leg: u32, on: bool) -> Result<(), Error> {
        let turned = self.leg(leg)?.tap.turn(on);
        turned.map_err(|_| Error::Memory("a tap"))
    }

    /// What the ear was sent from sample `start` to `end` of the monotonic clock (16 to the
    /// millisecond), as far as the tap has it (5 s): first sample, s16le.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Memory`].
    pub fn heard(&self, leg: u32, start: u64, end: u64) -> Result<(u64, Vec<u8>), Error> {
        let read = self.leg(leg)?.tapped(start, end);
        read.map_err(|_| Error::Memory("what an ear heard"))
    }

    /// Counters of a leg.
    ///
    /// # Errors
    /// [`Error::NoLeg`].
    pub fn counters(&self, leg: u32) -> Result<Snapshot, Error> {
        Ok(self.leg(leg)?.counters.snapshot())
    }

    /// An eventfd, readable while [`Engine::drain`] has something. It stays open until the engine
    /// is dropped.
    #[must_use]
    pub const fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// Hand up to `limit` items to `take`, oldest first; how many. One drainer at a time: a second
    /// one that comes meanwhile gets nothing.
    ///
    /// # Errors
    /// [`Error::Died`] once the media thread died and nothing is left; [`Error::Forked`].
    pub fn drain(&self, limit: usize, take: impl FnMut(Item)) -> Result<usize, Error> {
        self.check_process()?;
        self.workers.drain(limit, take)
    }

    /// Stop the thread and close the sockets. Idempotent.
    pub fn close(&self) {
        if self.check_process().is_err() {
            return;
        }
        self.workers.close();
        let mut ports = self.ports.write().unwrap_or_else(PoisonError::into_inner);
        ports.clear();
    }

    pub(crate) fn leg(&self, leg: u32) -> Result<Arc<SharedLeg>, Error> {
        self.check_process()?;
        let legs = self.legs.read().unwrap_or_else(PoisonError::into_inner);
        legs.get(&leg).cloned().ok_or(Error::NoLeg(leg))
    }

    pub(crate) fn living(&self, leg: u32) -> Result<Arc<SharedLeg>, Error> {
        let shared = self.leg(leg)?;
        match shared.counters.dead.load(Ordering::Relaxed) {
            0 => Ok(shared),
            _ => Err(Error::Dead(leg)),
        }
    }

    /// Ask a leg's thread for something.
    pub(crate) fn tell(&self, leg: &Arc<SharedLeg>, command: Command) -> Result<(), Error> {
        self.ask(leg.worker.load(Ordering::Relaxed), command)
    }

    pub(crate) fn ask(&self, worker: usize, command: Command) -> Result<(), Error> {
        self.check()?;
        self.workers.send(worker, command).map_err(|_| Error::Busy)
    }

    pub(crate) fn every_leg(&self) -> Vec<Arc<SharedLeg>> {
        let legs = self.legs.read().unwrap_or_else(PoisonError::into_inner);
        legs.values().cloned().collect()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_process()?;
        self.workers.check()
    }

    pub(crate) fn check_process(&self) -> Result<(), Error> {
        if std::process::id() == self.process {
            Ok(())
        } else {
            Err(Error::Forked(self.process))
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
#[path = "engine_tests.rs"]
mod tests;
