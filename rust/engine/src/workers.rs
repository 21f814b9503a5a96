//! The media threads: their commands, their mailboxes, and how they end.
//!
//! A leg is one thread's from its opening on, so that nothing is shared between two of them while datagrams flow:
//! each has its own `epoll`, clock, mailbox and batch. One descriptor says that any mailbox has something: with one
//! thread its own, with several an `epoll` of all.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::bell::Bell;
use crate::command::{Command, Commands};
use crate::error::Error;
use crate::item::{Inbox, Item, Outbox};
use crate::mailbox::Wake;
use crate::run::Media;
use crate::thread;

pub(crate) struct Workers {
    each: Box<[Worker]>,
    state: Arc<AtomicU8>,
    /// None: there is one.
    several: Option<Several>,
}

struct Worker {
    commands: Arc<Commands>,
    inbox: Mutex<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What more than one need.
struct Several {
    any: Epoll,
    /// What the mailbox of a thread held when it gave up a leg: to be read before what the leg's next thread says.
    earlier: Mutex<VecDeque<Item>>,
    bell: Bell,
    /// Whose mailbox is looked into first: each in its turn.
    turn: AtomicUsize,
}

const RUNNING: u8 = 0;
const CLOSED: u8 = 1;
const DIED: u8 = 2;

impl Workers {
    /// Start so many threads, with a mailbox of so many items each.
    pub(crate) fn start(threads: usize, mailbox: usize) -> io::Result<Self> {
        let state = Arc::new(AtomicU8::new(RUNNING));
        let mut workers = Self {
            each: Box::default(),
            state: Arc::clone(&state),
            several: None,
        };
        let mut started = Vec::with_capacity(threads);
        for _ in 0..threads.max(1) {
            let worker = Worker::start(mailbox, &state);
            match worker {
                Ok(worker) => started.push(worker),
                Err(error) => {
                    workers.each = started.into_boxed_slice();
                    workers.close();
                    return Err(error);
                }
            }
        }
        workers.each = started.into_boxed_slice();
        if threads > 1 {
            workers.several = Some(Several::of(&workers.each)?);
        }
        Ok(workers)
    }

    pub(crate) const fn count(&self) -> usize {
        self.each.len()
    }

    /// Readable while [`Workers::drain`] has something.
    pub(crate) fn descriptor(&self) -> RawFd {
        match &self.several {
            Some(several) => several.any.0.as_raw_fd(),
            None => self.each[0].inbox().target().0.as_raw_fd(),
        }
    }

    /// Whether they run.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.state.load(Ordering::Acquire) {
            RUNNING => Ok(()),
            CLOSED => Err(Error::Closed),
            _ => Err(Error::Died),
        }
    }

    /// Ask a thread for something. Its queue is full: the command comes back.
    pub(crate) fn send(&self, worker: usize, command: Command) -> Result<(), Command> {
        self.each[worker].commands.send(command)
    }

    /// Hand up to `limit` items to `take`, of each thread oldest first.
    pub(crate) fn drain(&self, limit: usize, mut take: impl FnMut(Item)) -> Result<usize, Error> {
        let mut taken = 0;
        let mut first = 0;
        if let Some(several) = &self.several {
            taken = several.drain(limit, &mut take);
            first = several.turn.fetch_add(1, Ordering::Relaxed);
        }
        for n in 0..self.each.len() {
            if n > 0 && taken == limit {
                break;
            }
            let worker = &self.each[first.wrapping_add(n) % self.each.len()];
            let mut inbox = match worker.inbox.try_lock() {
                Ok(inbox) => inbox,
                Err(TryLockError::Poisoned(inbox)) => inbox.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            taken += inbox.drain(limit - taken, &mut take);
        }
        if taken == 0 && self.state.load(Ordering::Acquire) == DIED {
            return Err(Error::Died);
        }
        Ok(taken)
    }

    /// A thread has given up a leg: what it has said of it comes before what another one will say.
    pub(crate) fn read_ahead(&self, worker: usize) {
        if let Some(several) = &self.several {
            let mut earlier = several.earlier();
            let mut inbox = self.each[worker].inbox();
            inbox.drain(usize::MAX, |item| earlier.push_back(item));
            // With nothing there, nobody would take it back: the loop would look again and again, on a whole core.
            if !earlier.is_empty() {
                several.bell.wake();
            }
        }
    }

    /// Stop the threads. Idempotent.
    pub(crate) fn close(&self) {
        let _ = self
            .state
            .compare_exchange(RUNNING, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        for worker in &self.each {
            worker.commands.stop();
        }
        for worker in &self.each {
            worker.join();
        }
    }
}

impl Worker {
    fn start(mailbox: usize, state: &Arc<AtomicU8>) -> io::Result<Self> {
        let commands = Arc::new(Commands::new()?);
        let (outbox, inbox) = Outbox::new(mailbox)?;
        let media = Media::new(Arc::clone(&commands), outbox)?;
        let state = Arc::clone(state);
        let thread = thread::spawn(move || outermost(media, &state))?;
        Ok(Self {
            commands,
            inbox: Mutex::new(inbox),
            thread: Mutex::new(Some(thread)),
        })
    }

    fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // Its panics are caught inside.
            let _ = thread.join();
        }
        while let Some(command) = self.commands.take() {
            drop(command);
        }
    }
}

impl Several {
    fn of(workers: &[Worker]) -> io::Result<Self> {
        let any = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let bell = Bell::new()?;
        let event = || EpollEvent::new(EpollFlags::EPOLLIN, 0);
        any.add(&bell.0, event())?;
        for worker in workers {
            any.add(&worker.inbox().target().0, event())?;
        }
        Ok(Self {
            any,
            earlier: Mutex::default(),
            bell,
            turn: AtomicUsize::new(0),
        })
    }

    fn drain(&self, limit: usize, mut take: impl FnMut(Item)) -> usize {
        let Ok(mut earlier) = self.earlier.try_lock() else {
            return 0;
        };
        if earlier.is_empty() {
            return 0;
        }
        self.bell.settle();
        let count = limit.min(earlier.len());
        earlier.drain(..count).for_each(&mut take);
        if !earlier.is_empty() {
            self.bell.wake();
        }
        count
    }

    fn earlier(&self) -> std::sync::MutexGuard<'_, VecDeque<Item>> {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's outermost frame: whatever goes wrong in here is reported by the next call, and by a
/// wake.
fn outermost(mut media: Media, state: &AtomicU8) {
    let ended = catch_unwind(AssertUnwindSafe(|| media.run()));
    if !matches!(ended, Ok(Ok(()))) {
        state.store(DIED, Ordering::Release);
        media.ring();
    }
}

#[cfg(all(test, not(loom)))]
#[path = "workers_tests.rs"]
mod tests;
