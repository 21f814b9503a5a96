//! What a leg has made goes where it belongs: frames to ledger and mailbox, packets to the ear.

use std::sync::atomic::Ordering::Relaxed;

use translink_core::frame::{Extremes, FRAME_BYTES, FRAME_NANOS, Frame, Nanos};

use crate::clock;
use crate::item::{Item, Outbox};
use crate::slot::Slot;
use crate::socket::Sent;

impl Slot {
    /// Ledger first: a reader that hears of a frame finds it there.
    pub(super) fn publish(&mut self, frame: Frame, out: &mut Outbox) {
        let slot = self.said.place(frame.captured);
        self.shared.said.draw(slot, frame.extremes);
        if frame.echo {
            self.shared.masks.mark(frame.start);
        }
        self.shared.ledger().append(frame.start, &frame.pcm);
        if self.heard_by.is_some() {
            self.handed.push(&frame);
        }
        out.frame(
            &self.shared,
            Item::Frame {
                leg: self.shared.number,
                life: self.life,
                ready: clock::now(),
                frame,
            },
        );
    }

    pub(super) fn transmit(&mut self, payload: &[u8; FRAME_BYTES], due: Nanos) {
        let sent = if let Some(stream) = &mut self.stream {
            let sent = stream.send(payload);
            sent.map(|sent| (if sent { Sent::Now } else { Sent::ToNobody }, FRAME_BYTES))
        } else if self.sockets.has_ear() {
            let datagram = self.leg.wire(payload, due);
            let length = datagram.len();
            let sent = self.sockets.send(datagram, Some(&self.shared));
            let sent = sent.map(|sent| (sent, length));
            if let Some(report) = self.leg.report(due) {
                // Nobody misses one that the kernel does not take.
                let _ = self.sockets.send(report, None);
            }
            sent
        } else {
            return;
        };
        let counters = &self.shared.counters;
        match sent {
            Ok((Sent::ToNobody, _)) => {}
            Ok((sent, length)) => {
                if sent == Sent::Now {
                    counters.datagrams_out.fetch_add(1, Relaxed);
                    counters.bytes_out.fetch_add(length as u64, Relaxed);
                }
                // Deadlines are 20 ms apart or more: each has a slot of its own.
                let slot = due / FRAME_NANOS;
                self.shared.heard.draw(slot, Extremes::of(payload));
                self.shared.tap.sent(slot, payload);
            }
            Err(_) => {
                counters.errors_send.fetch_add(1, Relaxed);
            }
        }
    }
}
