//! The media thread: wait for sockets, clock and commands, and serve them.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::TrySendError;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use translink_core::frame::Nanos;
use translink_core::leg::Input;

use crate::batch::{self, Batch};
use crate::clock;
use crate::command::{Command, Commands};
use crate::item::Outbox;
use crate::legs::Legs;
use crate::port_slot::PortSlot;
use crate::slot::Slot;
use crate::stream::Stream;
use crate::wakeups::WakeUps;

mod ports;

/// Leg numbers are `u32`, so these cannot be one.
const COMMANDS: u64 = u64::MAX;
const CLOCK: u64 = u64::MAX - 1;

/// Set in the event of a leg's connection, and of a shared port.
const STREAM: u64 = 1 << 32;
const PORT: u64 = 1 << 33;

/// The timer fired: whatever is due next, it is to be set.
const FIRED: Nanos = 0;

/// Sockets served between two looks at the commands.
const EVENTS: usize = 64;

/// Commands obeyed between two looks at the sockets: a caller that sends them without end holds up no
/// talker.
const COMMANDS_AT_ONCE: usize = 64;

/// Everything the thread owns. No lock that others hold for more than a short copy (of a ledger, a tap, the senders, a
/// port's claims), no allocation while datagrams flow.
pub(crate) struct Media {
    epoll: Epoll,
    timer: TimerFd,
    /// What the timer is set to.
    armed: Nanos,
    commands: Arc<Commands>,
    outbox: Outbox,
    legs: Legs<Slot>,
    /// Shared by legs: one, mostly.
    ports: Vec<PortSlot>,
    wakeups: WakeUps,
    /// More waited than one round serves: no time to sleep.
    more: bool,
    /// For the batch, until the thread runs.
    room: Box<[u8]>,
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
            legs: Legs::new(),
            ports: Vec::new(),
            wakeups: WakeUps::default(),
            more: false,
            room: batch::room(),
        })
    }

    /// Wake the drainer, whatever waits: there is something to notice.
    pub(crate) fn ring(&mut self) {
        self.outbox.ring();
    }

    /// Until asked to stop.
    pub(crate) fn run(&mut self) -> nix::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let mut batch = Batch::new(std::mem::take(&mut self.room));
        loop {
            self.send_off();
            self.outbox.signal();
            if !self.more {
                self.gather();
            }
            self.arm()?;
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error),
            };
            if !std::mem::replace(&mut self.more, ready == EVENTS) {
                self.wakeups.woken(clock::now());
            }
            for event in &events[..ready] {
                match event.data() {
                    COMMANDS => {
                        self.obey(&mut batch);
                        if self.commands.stopped() {
                            return Ok(());
                        }
                    }
                    // Setting it anew makes it unready; nothing needs to be read.
                    CLOCK => self.armed = FIRED,
                    number if number & PORT != 0 => self.port_turn(leg(number), &mut batch),
                    number if number & STREAM != 0 => self.with(leg(number), Slot::read_stream),
                    number => self.datagrams(leg(number), &mut batch),
                }
                self.wake_due();
            }
        }
    }

    /// When woken too often: let datagrams gather, while deadlines and commands are served.
    fn gather(&mut self) {
        loop {
            let (now, until) = (clock::now(), self.wakeups.until());
            if until <= now {
                return;
            }
            let earliest = self.earliest();
            if now < earliest && self.commanded(until.min(earliest) - now) {
                return;
            }
            self.wake_due();
            self.outbox.signal();
        }
    }

    /// Sleep for `time`, or until there are commands: true.
    fn commanded(&self, time: Nanos) -> bool {
        let mut bell = [PollFd::new(
            self.commands.bell().0.as_fd(),
            PollFlags::POLLIN,
        )];
        let time = TimeSpec::nanoseconds(i64::try_from(time).unwrap_or(i64::MAX));
        // Interrupted or out of memory: the caller looks at the clock again.
        ppoll(&mut bell, Some(time), None).is_ok_and(|ready| ready > 0)
    }

    /// Set the timer to the earliest deadline, an absolute time: being late once delays nothing
    /// after it.
    fn arm(&mut self) -> nix::Result<()> {
        let earliest = self.earliest();
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

    /// Ear clocks come before the next socket or command: one talker's flood may not make another's
    /// ear wait.
    fn wake_due(&mut self) {
        let now = clock::now();
        if now < self.earliest() {
            return;
        }
        self.look_again(now);
        let mut from = 0;
        while let Some(place) = self.legs.due(from, now) {
            let alive = self.serve(place, |slot, out| slot.wake(now, out));
            from = place + usize::from(alive);
        }
        self.legs.look_through();
        self.send_off();
    }

    fn datagrams(&mut self, leg: u32, batch: &mut Batch) {
        // A leg removed earlier in this round may still have an event. When more waits in its socket,
        // epoll says so again after the others had their turn.
        let mut more = false;
        self.with(leg, |slot, out| more = slot.turn(batch, out));
        self.more |= more;
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
            Command::Share(port) => self.share(*port),
            Command::Add(slot) => self.add(*slot),
            Command::Remove { leg, done } => {
                if let Some(place) = self.legs.find(leg) {
                    self.remove(place);
                }
                // The caller may have stopped waiting.
                let _ = done.try_send(());
            }
            Command::GiveUp { leg, given } => {
                let slot = self.legs.find(leg).map(|place| self.take_out(place));
                if let Some(Err(back)) = slot.map(|slot| given.try_send(Box::new(slot))) {
                    // Nobody waits any more.
                    let (TrySendError::Full(slot) | TrySendError::Disconnected(slot)) = back;
                    self.add(*slot);
                }
            }
            Command::Answer { done } => {
                let _ = done.try_send(());
            }
            Command::Play {
                leg,
                utterance,
                pcm,
                last,
            } => self.with(leg, |slot, out| slot.play(utterance, &pcm, last, out)),
            Command::Flush { leg } => self.with(leg, Slot::flush),
            Command::Source { leg, policy } => {
                self.with(leg, |slot, _| slot.set_source(policy));
                self.route(leg);
            }
            Command::PlayTo { leg, ear } => self.with(leg, |slot, _| slot.play_to(ear)),
            Command::Volume { leg, gain } => {
                self.with(leg, |slot, out| slot.set(Input::Volume(gain), out));
            }
            Command::Mute { leg, muted } => {
                self.with(leg, |slot, out| slot.set(Input::Mute(muted), out));
            }
            Command::Tempo { leg, curve } => {
                self.with(leg, |slot, out| slot.set(Input::Tempo(curve), out));
            }
            Command::Hear { leg, other } => self.pair(leg, other),
            Command::Original { leg, original } => {
                self.with(leg, |slot, out| slot.set(Input::Original(original), out));
            }
            Command::EchoGuard { leg, on } => {
                self.with(leg, |slot, out| slot.set(Input::EchoGuard(on), out));
            }
            Command::Reset { leg, life } => {
                self.empty_port_of(leg, batch);
                self.with(leg, |slot, out| slot.reset(life, batch, out));
                self.wait_again(leg);
            }
            Command::Detach { leg, life } => {
                self.with(leg, |slot, _| slot.detach(life));
                self.wait_again(leg);
            }
            Command::Attach { leg, stream } => self.attach(leg, stream),
            Command::Say { leg, text } => self.with(leg, |slot, _| slot.say(&text)),
            Command::HangUp { leg } => self.with(leg, |slot, _| slot.hang_up()),
            #[cfg(test)]
            Command::Panic { leg } => self.with(leg, |_, _| panic!("asked for by a test")),
            #[cfg(test)]
            Command::Die => panic!("asked for by a test"),
        }
    }

    fn with(&mut self, leg: u32, act: impl FnOnce(&mut Slot, &mut Outbox)) {
        if let Some(place) = self.legs.find(leg) {
            self.serve(place, act);
        }
    }

    /// Do something with a leg. False: that was its end, and others have moved up to its place.
    fn serve(&mut self, place: usize, act: impl FnOnce(&mut Slot, &mut Outbox)) -> bool {
        let slot = self.legs.at(place);
        let alive = slot.guarded(&mut self.outbox, act);
        if alive {
            let deadline = slot.deadline;
            let hands_on = !slot.handed.is_empty();
            self.legs.set_deadline(place, deadline);
            if hands_on {
                self.hand_on(place);
            }
        } else {
            self.remove(place);
        }
        alive
    }

    /// Bring a talker's frames to the ear that hears them.
    fn hand_on(&mut self, place: usize) {
        let ear = self.legs.at(place).heard_by;
        while let Some((frame, missed)) = self.legs.at(place).handed.pop() {
            let Some(at) = ear.and_then(|ear| self.legs.find(ear)) else {
                continue;
            };
            let slot = self.legs.at(at);
            let alive = slot.guarded(&mut self.outbox, |slot, out| {
                slot.other(&frame, missed, out);
            });
            let deadline = slot.deadline;
            if !alive {
                self.remove(at);
                return;
            }
            self.legs.set_deadline(at, deadline);
        }
    }

    /// From now on an ear may hear another leg's talker, and nobody else hears them.
    fn pair(&mut self, leg: u32, other: Option<u32>) {
        self.part(leg);
        let other = other.filter(|&other| other != leg && self.legs.find(other).is_some());
        if let (Some(place), Some(other)) = (self.legs.find(leg), other) {
            self.legs.at(place).hears = Some(other);
            if let Some(talker) = self.legs.find(other) {
                if let Some(former) = self.legs.at(talker).heard_by {
                    self.part(former);
                }
                self.legs.at(talker).heard_by = Some(leg);
            }
            self.with(leg, |slot, out| slot.set(Input::Paired(true), out));
        }
    }

    /// From now on an ear hears nobody.
    fn part(&mut self, leg: u32) {
        let Some(place) = self.legs.find(leg) else {
            return;
        };
        let heard = self.legs.at(place).hears.take();
        if let Some(talker) = heard.and_then(|other| self.legs.find(other)) {
            self.legs.at(talker).heard_by = None;
        }
        if heard.is_some() {
            self.with(leg, |slot, out| slot.set(Input::Paired(false), out));
        }
    }

    fn add(&mut self, slot: Slot) {
        let number = slot.shared.number;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number.into());
        let own = slot.sockets.port().is_none();
        if own && self.epoll.add(slot.sockets.receiving(), event).is_err() {
            // Out of memory, or of watches: a leg that cannot be watched is as good as dead.
            slot.die(&mut self.outbox);
            return;
        }
        if let Some(stream) = &slot.stream {
            // Of a leg that was another thread's until now.
            let event = EpollEvent::new(EpollFlags::EPOLLIN, STREAM | u64::from(number));
            let _ = self.epoll.add(stream.descriptor(), event);
        }
        let place = self.legs.insert(number, slot);
        self.route(number);
        // Asks the leg for its first deadline.
        self.serve(place, |slot, out| slot.wake(clock::now(), out));
    }

    /// A connection carries a leg's audio from now on; closing it ends the watch.
    fn attach(&mut self, leg: u32, stream: Box<Stream>) {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, STREAM | u64::from(leg));
        let watched = self.epoll.add(stream.descriptor(), event).is_ok();
        self.with(leg, |slot, out| slot.attach(stream, watched, out));
    }

    /// For another thread, alone as it was when it came.
    fn take_out(&mut self, place: usize) -> Slot {
        let number = self.legs.at(place).shared.number;
        self.part(number);
        let mut slot = self.remove(place);
        slot.heard_by = None;
        if let Some(stream) = &slot.stream {
            let _ = self.epoll.delete(stream.descriptor());
        }
        slot
    }

    fn remove(&mut self, place: usize) -> Slot {
        self.unroute(place);
        let slot = self.legs.remove(place);
        if let Some(talker) = slot.hears.and_then(|other| self.legs.find(other)) {
            self.legs.at(talker).heard_by = None;
        }
        if let Some(ear) = slot.heard_by {
            self.part(ear);
        }
        if slot.sockets.port().is_none() {
            // Closing the socket would do; a failure changes nothing.
            let _ = self.epoll.delete(slot.sockets.receiving());
        }
        slot
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is a u32")]
const fn leg(event: u64) -> u32 {
    event as u32
}
