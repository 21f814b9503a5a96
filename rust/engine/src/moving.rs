//! Which media thread a leg is on.
//!
//! At its opening: the one with the fewest legs; on a shared port the first, whose all of them are. The two legs of a
//! call are brought together when one is to hear the other (`Engine::hear`), since frames go from one to the other
//! without a lock. That happens when they are opened, before anything flows; it may happen later, and then no
//! datagram is lost and none comes twice, but what is asked of the leg by another thread of the caller's in that
//! moment may be.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::command::Command;
use crate::engine::Engine;
use crate::error::Error;
use crate::shared::SharedLeg;

/// How long a thread may take to give up a leg.
const PATIENCE: Duration = Duration::from_secs(1);

impl Engine {
    /// Where the next leg goes that has a port of its own.
    pub(crate) fn lightest(&self) -> usize {
        let threads = self.workers.count();
        if threads == 1 {
            return 0;
        }
        let mut loads = vec![0_usize; threads];
        for leg in self.every_leg() {
            loads[leg.worker.load(Relaxed)] += 1;
        }
        (0..threads).min_by_key(|&at| loads[at]).unwrap_or_default()
    }

    /// Bring two legs to one thread, if they are not. The one that moves forgets which leg it hears, and which hears it.
    pub(crate) fn bring_together(
        &self,
        leg: &Arc<SharedLeg>,
        other: &Arc<SharedLeg>,
    ) -> Result<(), Error> {
        let [here, there] = [leg, other].map(|leg| leg.worker.load(Relaxed));
        if here == there {
            Ok(())
        } else if leg.port.is_none() {
            self.move_leg(leg, there)
        } else {
            self.move_leg(other, here)
        }
    }

    fn move_leg(&self, leg: &Arc<SharedLeg>, to: usize) -> Result<(), Error> {
        let from = leg.worker.load(Relaxed);
        let (given, slot) = sync_channel(1);
        let number = leg.number;
        self.tell(leg, Command::GiveUp { leg: number, given })?;
        let slot = slot.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => Error::Busy,
            RecvTimeoutError::Disconnected => Error::Dead(number),
        })?;
        self.workers.read_ahead(from);
        leg.worker.store(to, Relaxed);
        if let Err(back) = self.workers.send(to, Command::Add(slot)) {
            leg.worker.store(from, Relaxed);
            if self.workers.send(from, back).is_err() {
                leg.counters.dead.store(1, Relaxed);
            }
            return Err(Error::Busy);
        }
        Ok(())
    }
}
