//! Many datagrams for many ears, in one system call.
//!
//! A shared port's ears are due together (`translink_core::playout::GRID`), so what one wake makes leaves by
//! one `sendmmsg`. Not by segmentation (`UDP_SEGMENT`), which cuts a buffer into datagrams for *one* address:
//! every ear has an address of its own, and is owed one datagram a tick.
#![expect(
    unsafe_code,
    reason = "sendmmsg without an allocation a call has no safe wrapper"
)]

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use socket2::SockAddr;

use crate::shared::SharedLeg;

/// Datagrams that wait for the end of the tick; the next one sends them off.
const MOST: usize = 64;

/// Bytes of the longest: 20 ms of 16 kHz in RTP are 652.
pub(crate) const LONGEST: usize = 1_024;

/// What is to be sent by the end of this tick.
pub(crate) struct Outgoing {
    bytes: Box<[u8]>,
    parcels: Vec<Parcel>,
}

struct Parcel {
    ear: SockAddr,
    length: usize,
    /// The leg that counts it; None: nobody misses it.
    leg: Option<Arc<SharedLeg>>,
}

impl Outgoing {
    /// Allocates all it will ever need.
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; MOST * LONGEST].into_boxed_slice(),
            parcels: Vec::with_capacity(MOST),
        }
    }

    /// Whether there is no room for one more.
    pub(crate) fn is_full(&self) -> bool {
        self.parcels.len() == MOST
    }

    /// Keep a datagram of [`LONGEST`] bytes at most. There must be room.
    pub(crate) fn push(&mut self, datagram: &[u8], ear: &SockAddr, leg: Option<Arc<SharedLeg>>) {
        let from = self.parcels.len() * LONGEST;
        self.bytes[from..from + datagram.len()].copy_from_slice(datagram);
        self.parcels.push(Parcel {
            ear: ear.clone(),
            length: datagram.len(),
            leg,
        });
    }

    /// Send all of them, and count at each leg what became of its own. One that the kernel refuses keeps
    /// none of the others.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>) {
        let count = self.parcels.len();
        if count == 0 {
            return;
        }
        // SAFETY: plain C structs of integers and pointers, for which all zeros is valid.
        let (mut vectors, mut headers): ([libc::iovec; MOST], [libc::mmsghdr; MOST]) =
            unsafe { (zeroed(), zeroed()) };
        let slots = self.bytes.chunks_exact_mut(LONGEST);
        let parts = headers.iter_mut().zip(&mut vectors).zip(slots);
        for (((header, vector), bytes), parcel) in parts.zip(&self.parcels) {
            vector.iov_base = bytes.as_mut_ptr().cast();
            vector.iov_len = parcel.length;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = parcel.ear.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = parcel.ear.len();
        }
        let mut done = 0;
        while done < count {
            #[expect(clippy::cast_possible_truncation, reason = "MOST at most")]
            let left = (count - done) as libc::c_uint;
            // SAFETY: the headers from `done` to `count` point at `vectors` on this stack, at bytes and
            // addresses that `self` owns, with their true lengths; all live through the call, which reads
            // them only.
            let sent = unsafe {
                let from = headers.as_mut_ptr().add(done);
                libc::sendmmsg(socket.as_raw_fd(), from, left, libc::MSG_DONTWAIT as _)
            };
            if let Ok(sent @ 1..) = usize::try_from(sent) {
                self.parcels[done..done + sent]
                    .iter()
                    .for_each(Parcel::left);
                done += sent;
            } else if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                self.parcels[done].refused();
                done += 1;
            }
        }
        self.parcels.clear();
    }
}

impl Parcel {
    fn left(&self) {
        if let Some(leg) = &self.leg {
            leg.counters.datagrams_out.fetch_add(1, Relaxed);
            leg.counters
                .bytes_out
                .fetch_add(self.length as u64, Relaxed);
        }
    }

    fn refused(&self) {
        if let Some(leg) = &self.leg {
            leg.counters.errors_send.fetch_add(1, Relaxed);
        }
    }
}
