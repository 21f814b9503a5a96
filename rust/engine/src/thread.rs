//! How the media thread is set up: its name, its signals, its place in the scheduler.
#![expect(
    unsafe_code,
    reason = "sched_setscheduler(2) and setpriority(2) have no safe wrapper in nix or std"
)]

use std::io;
use std::thread::{Builder, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

/// Priority of the media thread where real time is denied.
const NICE: libc::c_int = -10;

/// Start `body` on a thread named `translink-media` that receives no signals.
///
/// Signals are blocked before the thread exists: Python's handlers must run where Python expects
/// them, and no system call of the media thread is interrupted.
pub(crate) fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let mut before = SigSet::empty();
    pthread_sigmask(
        SigmaskHow::SIG_BLOCK,
        Some(&SigSet::all()),
        Some(&mut before),
    )?;
    let handle = Builder::new().name("translink-media".into()).spawn(|| {
        settle_in();
        body();
    });
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    handle
}

/// Ask for punctuality; whatever is denied, it goes without. (musl knows no `sched_setscheduler`: there it is
/// the niceness alone.)
///
/// Measured on 2 cores with a load of 6 to 10 (`benches/rows/bench_playout.py`, 10 s): p99 of a datagram's
/// deviation from its deadline 0.07-0.4 ms in real time, 2-19 ms at a niceness of -10. The priority
/// is the lowest of the real-time ones; the thread sleeps when there is nothing to do, and the
/// kernel's real-time throttling bounds a flooded one.
fn settle_in() {
    // Timers may otherwise be up to 50 µs late to be handled together with others.
    let _ = nix::sys::prctl::set_timerslack(1);
    // SAFETY: a plain C struct of integers, more of them in musl, for which all zeros is valid.
    let mut lowest: libc::sched_param = unsafe { std::mem::zeroed() };
    lowest.sched_priority = 1;
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: 0 means the calling thread; the parameters outlive the call, which changes nothing
    // when it fails (it needs CAP_SYS_NICE or RLIMIT_RTPRIO).
    let denied = unsafe { libc::sched_setscheduler(0, policy, &raw const lowest) } != 0;
    if denied {
        // SAFETY: no pointers; 0 means the calling thread (Linux keeps priorities per thread).
        // Needs CAP_SYS_NICE or RLIMIT_NICE, and changes nothing when it fails.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    }
}
