//! Many datagrams in one system call, each with its kernel receive time and drop counter.
//!
//! Why not nix's `recvmmsg` (0.31): it does not restore `msg_controllen` between calls. The kernel
//! sets it to what it used, so the first drop counter (which only comes after a drop) would no
//! longer fit, and would be cut off together with the timestamp. Why not quinn-udp: it does not
//! tell the drop counter.
//!
//! `unsafe` are the system call and the zeros that it is given to fill; control messages are parsed as bytes.
#![expect(
    unsafe_code,
    reason = "recvmmsg with control messages has no safe wrapper that fits"
)]

use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::slice::Chunks;

use translink_core::frame::Nanos;

/// Datagrams in one call. 32 × 20 ms is more than a second of one talker; at 20,000 datagrams/s one
/// call in 1.6 ms.
pub(crate) const BATCH: usize = 32;

/// The largest UDP payload (65,507) fits, so nothing is ever truncated. Pages that no datagram
/// reaches are never touched.
const SLOT_BYTES: usize = 65_536;

/// From the beginning of one to that of the next: 64 KiB apart, all would lie in the same few sets of
/// every cache and push each other out.
const STRIDE: usize = SLOT_BYTES + 17 * 64;

/// Room for a timestamp, a drop counter and a size (32 + 24 + 24 bytes with their headers), and more.
const CONTROL_WORDS: usize = 14;

/// The longest address of ours, `sockaddr_in6`.
const SOURCE_WORDS: usize = size_of::<libc::sockaddr_in6>() / size_of::<u32>();
const SOURCE_BYTES: libc::socklen_t = 28;
const _: () = assert!(SOURCE_WORDS * size_of::<u32>() == SOURCE_BYTES as usize);

/// One received datagram, or several of one sender that the kernel has joined.
#[derive(Debug)]
pub(crate) struct Datagram<'a> {
    pub(crate) payload: &'a [u8],
    /// Bytes of each but the last, where there are several (`UDP_GRO`).
    segment: Option<usize>,
    /// Kernel receive time on the real-time clock.
    pub(crate) stamp: Option<Nanos>,
    /// Datagrams this socket has dropped since it was made, modulo 2^32; absent while 0.
    pub(crate) dropped: Option<u32>,
    /// Its sender.
    pub(crate) source: Option<SocketAddr>,
}

impl<'a> Datagram<'a> {
    /// Each by itself; an empty datagram has none.
    pub(crate) fn pieces(&self) -> Chunks<'a, u8> {
        self.payload
            .chunks(self.segment.unwrap_or(self.payload.len()).max(1))
    }
}

/// Preallocated room for one batch.
pub(crate) struct Batch {
    payloads: Box<[u8]>,
    controls: Box<[[u64; CONTROL_WORDS]]>,
    vectors: Box<[libc::iovec]>,
    sources: Box<[[u32; SOURCE_WORDS]]>,
    headers: Box<[libc::mmsghdr]>,
}

/// Memory for the datagrams of a batch, 2 MiB. Made before the media thread starts: a thread that
/// starts late must not find it gone, which would end the process with all its calls.
pub(crate) fn room() -> Box<[u8]> {
    vec![0; BATCH * STRIDE].into_boxed_slice()
}

impl Batch {
    /// `room`: see [`room`].
    pub(crate) fn new(room: Box<[u8]>) -> Self {
        debug_assert_eq!(room.len(), BATCH * STRIDE);
        // SAFETY: both are plain C structs of integers and pointers, for which all zeros is valid.
        let (vector, header): (libc::iovec, libc::mmsghdr) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            payloads: room,
            controls: vec![[0; CONTROL_WORDS]; BATCH].into_boxed_slice(),
            vectors: vec![vector; BATCH].into_boxed_slice(),
            sources: vec![[0; SOURCE_WORDS]; BATCH].into_boxed_slice(),
            headers: vec![header; BATCH].into_boxed_slice(),
        }
    }

    /// Take what waits in the socket, up to `limit` datagrams (1 to [`BATCH`]), without blocking.
    ///
    /// The kernel looks for one more than it finds, unless it found as many as asked for: 0.2 of
    /// 2.7 µs for a single datagram. So ask for one where one is expected.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, limit: usize) -> io::Result<usize> {
        let limit = limit.clamp(1, BATCH);
        let slots = self.payloads.chunks_exact_mut(STRIDE);
        let parts = self.controls.iter_mut().zip(&mut self.vectors);
        let parts = parts.zip(&mut self.sources);
        for ((header, slot), ((control, vector), source)) in
            self.headers[..limit].iter_mut().zip(slots).zip(parts)
        {
            vector.iov_base = slot.as_mut_ptr().cast();
            vector.iov_len = SLOT_BYTES;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
            header.msg_hdr.msg_name = source.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = SOURCE_BYTES;
            header.msg_hdr.msg_flags = 0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "BATCH at most")]
        let count = limit as libc::c_uint;
        // SAFETY: the first `limit` headers were just pointed at buffers that `self` owns
        // exclusively and that live through the call, with their true lengths; the kernel is
        // asked for no more; no timeout.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _, // unsigned in musl
                std::ptr::null_mut(),
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    /// The `index`th datagram of the last [`Batch::receive`].
    pub(crate) fn datagram(&self, index: usize) -> Datagram<'_> {
        let header = &self.headers[index];
        let from = index * STRIDE;
        let mut datagram = Datagram {
            payload: &self.payloads[from..from + (header.msg_len as usize).min(SLOT_BYTES)],
            segment: None,
            stamp: None,
            dropped: None,
            source: read_source(&self.sources[index]),
        };
        let used: usize = header.msg_hdr.msg_controllen as _; // 32 bits in musl
        read_control(
            &self.controls[index][..(used / size_of::<u64>()).min(CONTROL_WORDS)],
            &mut datagram,
        );
        datagram
    }
}

/// `sockaddr_in` or `sockaddr_in6` (netinet/in.h): family in memory order, port and address in
/// network order, the scope of a link-local address in memory order.
fn read_source(words: &[u32; SOURCE_WORDS]) -> Option<SocketAddr> {
    let bytes: [[u8; 4]; SOURCE_WORDS] = words.map(u32::to_ne_bytes);
    let port = u16::from_be_bytes([bytes[0][2], bytes[0][3]]);
    match libc::c_int::from(u16::from_ne_bytes([bytes[0][0], bytes[0][1]])) {
        libc::AF_INET => Some(SocketAddr::new(Ipv4Addr::from(bytes[1]).into(), port)),
        libc::AF_INET6 => {
            let mut address = [0; 16];
            address.copy_from_slice(bytes[2..6].as_flattened());
            let flow = u32::from_be(words[1]);
            Some(SocketAddrV6::new(address.into(), port, flow, words[6]).into())
        }
        _ => None,
    }
}

/// Walk the control messages: `cmsghdr` (length, level, type) and data, each aligned to a word.
fn read_control(mut words: &[u64], datagram: &mut Datagram<'_>) {
    const HEADER_WORDS: usize = size_of::<libc::cmsghdr>() / size_of::<u64>();
    while words.len() > HEADER_WORDS {
        let length = usize::try_from(words[0]).unwrap_or(usize::MAX);
        let [level, kind] = halves(words[1]);
        let data = &words[HEADER_WORDS..];
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) && data.len() >= 2 {
            datagram.stamp = Some(data[0].wrapping_mul(1_000_000_000).wrapping_add(data[1]));
        } else if (level, kind) == (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) {
            datagram.dropped = Some(u32::from_ne_bytes(halves(data[0])[0].to_ne_bytes()));
        } else if (level, kind) == (libc::SOL_UDP, libc::UDP_GRO) {
            datagram.segment = usize::try_from(halves(data[0])[0]).ok();
        }
        let step = length.div_ceil(size_of::<u64>()).max(HEADER_WORDS);
        words = words.get(step..).unwrap_or_default();
    }
}

/// The two `int`s that share a word, in memory order.
fn halves(word: u64) -> [libc::c_int; 2] {
    let bytes = word.to_ne_bytes();
    [0, 4].map(|at| {
        libc::c_int::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    })
}

#[cfg(not(target_pointer_width = "64"))]
compile_error!("`read_control` knows the layout of 64-bit Linux only");
