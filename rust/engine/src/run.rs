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

/// Commands obeyed between two looks at the sockets: whoever sends them without end holds up no
/// talker.
const COMMANDS_AT_ONCE: usize = 64;

/// Everything the thread owns. No lock but the ledgers', no allocation while datagrams flow.
pub(crate) struct Media {
    epoll: Epoll,
    timer: TimerFd,
    /// What the timer is set to.
    armed: Nanos,
    /// No leg wants to be woken before this. It may be too early, never too late: a datagram mostly
    /// moves its leg's deadline on, which is not worth looking through all legs, nor a system call.
    earliest: Nanos,
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
            earliest: Nanos::MAX,
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

    /// Set the timer to the earliest deadline, an absolute time: being late once delays nothing
    /// after it.
    fn arm(&mut self) -> nix::Result<()> {
        if self.earliest == self.armed {
            return Ok(());
        }
        self.armed = self.earliest;
        if self.earliest == Nanos::MAX {
            return self.timer.unset();
        }
        // Zero would disarm. Beyond i64 is beyond any uptime.
        let at = TimeSpec::nanoseconds(i64::try_from(self.earliest.max(1)).unwrap_or(i64::MAX));
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

    /// Ear clocks come before the next socket or command: one talker's flood may not make another's
    /// ear wait.
    fn wake_due(&mut self) {
        let now = clock::now();
        if now < self.earliest {
            return;
        }
        let mut index = 0;
        while index < self.slots.len() {
            let due = self.slots[index].deadline <= now;
            if !due || self.serve(index, |slot, out| slot.wake(now, out)) {
                index += 1;
            }
        }
        let deadlines = self.slots.iter().map(|slot| slot.deadline);
        self.earliest = deadlines.min().unwrap_or(Nanos::MAX);
    }

    fn datagrams(&mut self, number: u64, batch: &mut Batch) {
        // A leg removed earlier in this round may still have an event.
        if let Some(index) = self.find(number) {
            // One batch: when more waits, epoll says so again after the others had their turn.
            self.serve(index, |slot, out| {
                slot.receive(batch, out);
            });
        }
    }

    fn obey(&mut self, batch: &mut Batch) {
        self.commands.settle();
        for _ in 0..COMMANDS_AT_ONCE {
            let Some(command) = self.commands.take() else {
                return;
            };
            self.obey_one(command, batch);
            self.wake_due();
        }
        self.commands.again();
    }

    fn obey_one(&mut self, command: Command, batch: &mut Batch) {
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

    fn with(&mut self, leg: u32, act: impl FnOnce(&mut Slot, &mut Outbox)) {
        if let Some(index) = self.find(leg.into()) {
            self.serve(index, act);
        }
    }

    /// Do something with a leg. False: that was its end, and others have moved up to its place.
    fn serve(&mut self, index: usize, act: impl FnOnce(&mut Slot, &mut Outbox)) -> bool {
        let alive = self.slots[index].guarded(&mut self.outbox, act);
        if alive {
            self.earliest = self.earliest.min(self.slots[index].deadline);
        } else {
            self.remove(index);
        }
        alive
    }

    fn add(&mut self, slot: Slot) {
        let number = slot.shared.number;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number.into());
        if self.epoll.add(slot.sockets.receiving(), event).is_err() {
            // Out of memory, or of watches: a leg that cannot be watched is as good as dead.
            slot.die(&mut self.outbox);
            return;
        }
        // Two threads may add at once; commands of the higher number may come first.
        let index = self
            .slots
            .partition_point(|other| other.shared.number < number);
        self.slots.insert(index, slot);
        // Asks the leg for its first deadline.
        self.serve(index, |slot, out| slot.wake(clock::now(), out));
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
