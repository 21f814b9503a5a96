//! The media thread: wait for sockets, clock and commands, and serve them.

use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use translink_core::frame::Nanos;

use crate::batch::Batch;
use crate::clock;
use crate::command::{Command, Commands};
use crate::item::Outbox;
use crate::slot::Slot;

/// Leg numbers are `u32`, so these cannot be one.
const COMMANDS: u64 = u64::MAX;
const CLOCK: u64 = u64::MAX - 1;

/// Sockets served between two looks at the commands.
const EVENTS: usize = 64;

/// Everything the thread owns. No lock but the ledgers', no allocation while datagrams flow.
pub(crate) struct Media {
    epoll: Epoll,
    timer: TimerFd,
    /// What the timer is set to.
    armed: Nanos,
    commands: Arc<Commands>,
    outbox: Outbox,
    /// In the order of their numbers, which only rise.
    slots: Vec<Slot>,
}

impl Media {
    pub(crate) fn new(commands: Arc<Commands>, outbox: Outbox) -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
        )?;
        epoll.add(
            &commands.bell().0,
            EpollEvent::new(EpollFlags::EPOLLIN, COMMANDS),
        )?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, CLOCK))?;
        Ok(Self {
            epoll,
            timer,
            armed: Nanos::MAX,
            commands,
            outbox,
            slots: Vec::with_capacity(64),
        })
    }

    /// Wake the drainer, whatever waits: there is something to notice.
    pub(crate) fn ring(&mut self) {
        self.outbox.ring();
    }

    /// Until told to stop.
    pub(crate) fn run(&mut self) -> nix::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let mut batch = Batch::new();
        loop {
            self.arm()?;
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error),
            };
            for event in &events[..ready] {
                match event.data() {
                    COMMANDS => {
                        self.obey(&mut batch);
                        if self.commands.stopped() {
                            return Ok(());
                        }
                    }
                    CLOCK => self.timer_fired(),
                    number => self.datagrams(number, &mut batch),
                }
                self.wake_due();
            }
        }
    }

    /// Set the timer to the earliest deadline, an absolute time: being late once delays nothing after it.
    fn arm(&mut self) -> nix::Result<()> {
        let earliest = self.slots.iter().map(|slot| slot.deadline).min();
        let earliest = earliest.unwrap_or(Nanos::MAX);
        if earliest == self.armed {
            return Ok(());
        }
        self.armed = earliest;
        if earliest == Nanos::MAX {
            return self.timer.unset();
        }
        // Zero would disarm. Beyond i64 is beyond any uptime.
        let at = TimeSpec::nanoseconds(i64::try_from(earliest.max(1)).unwrap_or(i64::MAX));
        self.timer.set(
            Expiration::OneShot(at),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME,
        )
    }

    fn timer_fired(&mut self) {
        // Non-blocking; also when it was set anew in between and is not readable any more.
        let _ = self.timer.wait();
        self.armed = Nanos::MAX;
    }

    /// Ear clocks come before the next socket: one talker's flood may not make another's ear wait.
    fn wake_due(&mut self) {
        let now = clock::now();
        let mut index = 0;
        while index < self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.deadline <= now
                && !slot.guarded(&mut self.outbox, |slot, out| slot.wake(now, out))
            {
                self.remove(index);
            } else {
                index += 1;
            }
        }
    }

    fn datagrams(&mut self, number: u64, batch: &mut Batch) {
        // A leg removed earlier in this round may still have an event.
        let Some(index) = self.find(number) else {
            return;
        };
        let alive = self.slots[index].guarded(&mut self.outbox, |slot, out| {
            // One batch: when more waits, epoll says so again after the others had their turn.
            slot.receive(batch, out);
        });
        if !alive {
            self.remove(index);
        }
    }

    fn obey(&mut self, batch: &mut Batch) {
        self.commands.settle();
        while let Some(command) = self.commands.take() {
            match command {
                Command::Add(slot) => self.add(*slot),
                Command::Remove { leg, done } => {
                    if let Some(index) = self.find(leg.into()) {
                        self.remove(index);
                    }
                    // Whoever asked may have stopped waiting.
                    let _ = done.try_send(());
                }
                Command::Play {
                    leg,
                    utterance,
                    pcm,
                    last,
                } => self.with(leg, |slot, out| slot.play(utterance, &pcm, last, out)),
                Command::Flush { leg } => self.with(leg, Slot::flush),
                Command::Reset { leg, life } => {
                    self.with(leg, |slot, out| slot.reset(life, batch, out));
                }
                #[cfg(test)]
                Command::Panic { leg } => self.with(leg, |_, _| panic!("asked for by a test")),
            }
        }
    }

    fn with(&mut self, leg: u32, act: impl FnOnce(&mut Slot, &mut Outbox)) {
        let Some(index) = self.find(leg.into()) else {
            return;
        };
        if !self.slots[index].guarded(&mut self.outbox, act) {
            self.remove(index);
        }
    }

    fn add(&mut self, mut slot: Slot) {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, slot.shared.number.into());
        let watched = self.epoll.add(slot.sockets.receiving(), event).is_ok();
        // Asks the leg for its first deadline. A leg that cannot be watched is as good as dead.
        if slot.guarded(&mut self.outbox, |slot, out| {
            assert!(watched, "the kernel refuses to watch another socket");
            slot.wake(clock::now(), out);
        }) {
            // Two threads may add at once; commands of the higher number may come first.
            let at = self
                .slots
                .partition_point(|other| other.shared.number < slot.shared.number);
            self.slots.insert(at, slot);
        }
    }

    fn remove(&mut self, index: usize) {
        let slot = self.slots.remove(index);
        // Closing the socket would do; a failure changes nothing.
        let _ = self.epoll.delete(slot.sockets.receiving());
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.slots
            .binary_search_by_key(&number, |slot| slot.shared.number.into())
            .ok()
    }
}
