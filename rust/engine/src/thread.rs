//! How the media thread is set up: its name, its signals, its place in the scheduler.
#![expect(
    unsafe_code,
    reason = "setpriority(2) has no safe wrapper in nix or std"
)]

use std::io;
use std::thread::{Builder, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

/// Raised priority of the media thread, where the process may.
const NICE: libc::c_int = -10;

/// Start `body` on a thread named `translink-media` that receives no signals.
///
/// Signals are blocked before the thread exists: Python's handlers must run where Python expects them, and
/// no system call of the media thread is interrupted.
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

/// Ask for punctuality; each of these may be denied, and then it goes without.
fn settle_in() {
    // Timers may otherwise be up to 50 µs late to be handled together with others.
    let _ = nix::sys::prctl::set_timerslack(1);
    // SAFETY: no pointers; 0 means the calling thread (Linux keeps priorities per thread). Needs
    // CAP_SYS_NICE or RLIMIT_NICE, and fails without effect otherwise.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}
