//! What wakes a thread that waits in `epoll` or `select`.

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::mailbox::Wake;

/// An eventfd as a [`Wake`].
#[derive(Debug)]
pub(crate) struct Bell(pub(crate) EventFd);

impl Bell {
    pub(crate) fn new() -> nix::Result<Self> {
        EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map(Self)
    }
}

impl Wake for Bell {
    fn wake(&self) {
        // Cannot block or fail usefully: the counter would have to reach 2^64 - 2 first.
        let _ = self.0.write(1);
    }

    fn settle(&self) {
        // EAGAIN: nobody had rung.
        let _ = self.0.read();
    }
}
