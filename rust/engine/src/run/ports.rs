//! Shared ports: one receive for all of their legs, one send for all of their ears.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use nix::sys::epoll::{EpollEvent, EpollFlags};
use translink_core::frame::Nanos;

use crate::batch::{BATCH, Batch, Datagram};
use crate::clock::Conversion;
use crate::port_slot::{PortSlot, Whose};
use crate::run::{Media, PORT};
use crate::slot::MOST_BATCHES;
use crate::source::Pass;

/// Batches of a port in a row: 128 datagrams, 3 ms of 400 legs × 100/s. Ears are served between any two.
const BATCHES_A_TURN: usize = 4;

impl Media {
    /// Take a port. One that cannot be watched (no memory) hears nobody.
    pub(super) fn share(&mut self, port: PortSlot) {
        let event = EpollEvent::new(
            EpollFlags::EPOLLIN,
            PORT | u64::from(port.port.shared.number),
        );
        if self.epoll.add(port.port.descriptor(), event).is_ok() {
            self.ports.push(port);
        }
    }

    /// It has datagrams.
    pub(super) fn port_turn(&mut self, number: u32, batch: &mut Batch) {
        let Some(index) = self.index(number) else {
            return;
        };
        let mut full = true;
        for _ in 0..BATCHES_A_TURN {
            full = self.receive(index, batch);
            if !full {
                break;
            }
            self.wake_due();
        }
        self.more |= full;
    }

    /// Hand a batch to those it is for. True: there was as much as it holds.
    fn receive(&mut self, index: usize, batch: &mut Batch) -> bool {
        let count = self.ports[index].receive(batch);
        if count == 0 {
            return false;
        }
        let conversion = Conversion::read();
        let mut datagrams = 0;
        for at in 0..count {
            let datagram = batch.datagram(at);
            datagrams += datagram.pieces().len() as u64;
            let leg = match self.ports[index].whose(&datagram, &conversion) {
                Whose::Legs(leg) => leg,
                Whose::Newcomers(leg, source) => {
                    if !self.admit(index, leg, source, &datagram, &conversion) {
                        self.ports[index].turn_away(&datagram);
                        continue;
                    }
                    leg
                }
                Whose::Nobodys => continue,
            };
            self.with(leg, |slot, out| slot.hear(&datagram, &conversion, out));
        }
        self.ports[index].done(datagrams, conversion.now);
        count == BATCH
    }

    /// A sender has shown a leg's pass. False: the leg is another one's, or the sender another leg's.
    fn admit(
        &mut self,
        index: usize,
        leg: u32,
        source: SocketAddr,
        datagram: &Datagram<'_>,
        conversion: &Conversion,
    ) -> bool {
        let Some(place) = self.legs.find(leg) else {
            return false;
        };
        let slot = self.legs.at(place);
        let arrival = conversion.monotonic(datagram.stamp, slot.leg.stats().last_datagram);
        let port = &self.ports[index].port.shared;
        if !slot.is_free(source, arrival) || !port.claims().learn(leg, &source) {
            return false;
        }
        port.counters.learned.fetch_add(1, Relaxed);
        slot.admit(source);
        self.route(leg);
        true
    }

    /// The call has ended: a leg that hears the first of some hosts waits for the next one.
    pub(super) fn wait_again(&mut self, leg: u32) {
        let place = self.legs.find(leg);
        let slot = place.map(|place| self.legs.at(place));
        if let Some(Pass::Hosts(_)) = slot.as_ref().and_then(|slot| slot.pass()) {
            if let Some(port) = slot.and_then(|slot| slot.shared.port.as_ref()) {
                port.claims().unlearn(leg);
            }
            self.route(leg);
        }
    }

    /// What waits came during the call that ends, for this leg; the others' is heard in passing.
    pub(super) fn empty_port_of(&mut self, leg: u32, batch: &mut Batch) {
        let place = self.legs.find(leg);
        let number =
            place.and_then(|place| Some(self.legs.at(place).sockets.port()?.shared.number));
        if let Some(index) = number.and_then(|number| self.index(number)) {
            // Bounded: a flood may not hold up the other legs.
            for _ in 0..MOST_BATCHES {
                if !self.receive(index, batch) {
                    break;
                }
            }
        }
    }

    /// Whom a leg hears now goes into its port's table.
    pub(super) fn route(&mut self, leg: u32) {
        if let Some(place) = self.legs.find(leg) {
            let slot = self.legs.at(place);
            let (peers, pass) = (slot.peers(), slot.pass().cloned());
            if let Some(port) = self.port_of(place) {
                port.route(leg, &peers, pass.as_ref());
            }
        }
    }

    /// It hears nobody any more.
    pub(super) fn unroute(&mut self, place: usize) {
        let leg = self.legs.at(place).shared.number;
        if let Some(port) = self.port_of(place) {
            port.route(leg, &[], None);
        }
    }

    /// The tick is over: what ears are owed leaves.
    pub(super) fn send_off(&self) {
        for port in &self.ports {
            port.port.send();
        }
    }

    /// When a leg or a port wants to be woken.
    pub(super) fn earliest(&self) -> Nanos {
        let ports = self.ports.iter().map(PortSlot::until).min();
        self.legs.earliest().min(ports.unwrap_or(Nanos::MAX))
    }

    /// Strangers that the kernel has kept out for long enough.
    pub(super) fn look_again(&mut self, now: Nanos) {
        for port in self.ports.iter_mut().filter(|port| port.until() <= now) {
            port.let_in();
        }
    }

    fn port_of(&mut self, place: usize) -> Option<&mut PortSlot> {
        let number = self.legs.at(place).sockets.port()?.shared.number;
        let index = self.index(number)?;
        Some(&mut self.ports[index])
    }

    fn index(&self, number: u32) -> Option<usize> {
        self.ports
            .iter()
            .position(|port| port.port.shared.number == number)
    }
}
