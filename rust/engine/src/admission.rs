//! The sender that is heard at this moment, and the one that takes over.
//!
//! Under [`Policy::First`]: *a newcomer is heard once it has talked in real time while the one who was
//! heard was silent: for [`SAME_HOST`] from another port of the same host, for [`ANOTHER_HOST`] from
//! elsewhere.* What it said meanwhile is not lost ([`Newcomer`]). So a gateway that moves behind its
//! NAT, or starts anew, is heard on, and nobody gets a leg by a few bytes in a pause.
//!
//! Two that send at once are no move: a newcomer that the present sender has interrupted has to be
//! as patient as one from elsewhere, whatever its host.

use std::net::SocketAddr;

use translink_core::frame::Nanos;
use translink_core::line::Transport;

use crate::newcomer::Newcomer;
use crate::source::{Pass, Peer, Policy};

/// Another port of the host that is heard: a gateway behind a NAT, or one that was restarted.
pub const SAME_HOST: Nanos = 60_000_000;

/// Another host. As long as a call that ended may send stragglers; and a stranger who waits for a
/// talker to pause has to talk for so long.
pub const ANOTHER_HOST: Nanos = 1_000_000_000;

/// The longest that one datagram counts as talk after it has come.
const LONGEST_TALK: Nanos = 2_100_000_000;

/// The sender of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The present sender.
    Known,
    /// The first of a call: heard from now on.
    New,
    /// A newcomer, heard from now on with all that was kept of it, instead of this one.
    Moved(SocketAddr),
    /// Somebody who may be heard later: the datagram is kept.
    Kept,
    /// A sender that is not heard.
    Stranger,
}

/// Looks at each datagram's sender.
#[derive(Debug)]
pub(crate) struct Admission {
    policy: Policy,
    /// Tells how long a datagram sounds.
    transport: Transport,
    /// The present sender, or the last one.
    heard: Option<SocketAddr>,
    /// When its talk ends, if no more comes.
    ends: Nanos,
    newcomer: Newcomer,
    /// The one that has shown its pass.
    shown: Option<SocketAddr>,
    /// The one that sent at the same time as the present sender.
    rival: Option<SocketAddr>,
    /// Datagrams that were kept and then dropped, and whose the last were.
    dropped: u64,
    turned_away: Option<SocketAddr>,
}

impl Admission {
    pub(crate) const fn new(policy: Policy, newcomer: Newcomer, transport: Transport) -> Self {
        Self {
            policy,
            transport,
            heard: None,
            ends: 0,
            newcomer,
            shown: None,
            rival: None,
            dropped: 0,
            turned_away: None,
        }
    }

    /// What becomes of a datagram that came from `source` at `at`. (The kernel tells every
    /// datagram's sender; one that it did not tell would be a stranger.)
    pub(crate) fn look(&mut self, source: Option<SocketAddr>, payload: &[u8], at: Nanos) -> Sender {
        let Some(source) = source else {
            return Sender::Stranger;
        };
        let audio = self.transport.time(payload);
        let Some(heard) = self.heard else {
            return self.pin(source, audio, at);
        };
        if heard == source {
            self.go_on(audio, at);
            return Sender::Known;
        }
        match &self.policy {
            Policy::First => self.hear_out(heard, source, (payload, audio), at),
            Policy::Any => {
                self.heard = Some(source);
                Sender::New
            }
            Policy::Listed(listed) if listed.names(&source) => {
                self.heard = Some(source);
                Sender::Moved(heard)
            }
            Policy::Shown(_) if self.shown == Some(source) => {
                self.heard = Some(source);
                Sender::Moved(heard)
            }
            Policy::Listed(_) | Policy::Nobody | Policy::Shown(_) => Sender::Stranger,
        }
    }

    /// Whether a sender that shows the pass at `at` may be heard: not in the place of one that sends.
    pub(crate) fn is_free(&self, source: SocketAddr, at: Nanos) -> bool {
        let silent = at >= self.ends.saturating_add(ANOTHER_HOST);
        self.heard.is_none_or(|heard| heard == source || silent)
    }

    /// It has shown the pass, and is the only one that is heard from now on.
    pub(crate) const fn let_in(&mut self, source: SocketAddr) {
        self.shown = Some(source);
    }

    /// Whether a sender's host is heard, or may be. Its reports (RTCP) may come from the port above that of its sound,
    /// to the port above the leg's, which may be another leg's, and before the call or after it: they make it no
    /// stranger.
    pub(crate) fn may_know(&self, source: Option<SocketAddr>) -> bool {
        let Some(ip) = source.map(|source| source.ip().to_canonical()) else {
            return false;
        };
        let is_there = |known: &SocketAddr| known.ip().to_canonical() == ip;
        self.heard.as_ref().is_some_and(is_there)
            || match &self.policy {
                Policy::First => self.heard.is_none(),
                Policy::Any => true,
                Policy::Nobody => false,
                Policy::Listed(hosts) | Policy::Shown(Pass::Hosts(hosts)) => hosts.have(ip),
                Policy::Shown(Pass::Token(_)) => self.shown.as_ref().is_some_and(is_there),
            }
    }

    /// What a sender must show.
    pub(crate) const fn pass(&self) -> Option<&Pass> {
        match &self.policy {
            Policy::Shown(pass) => Some(pass),
            _ => None,
        }
    }

    /// Whether a datagram only says who sends it.
    pub(crate) fn is_token(&self, payload: &[u8]) -> bool {
        matches!(&self.policy, Policy::Shown(Pass::Token(token)) if token.begins(payload))
    }

    /// The first one of a call.
    fn pin(&mut self, source: SocketAddr, audio: Nanos, at: Nanos) -> Sender {
        let let_in = match &self.policy {
            Policy::First | Policy::Any => true,
            Policy::Listed(listed) => listed.names(&source),
            Policy::Nobody => false,
            Policy::Shown(_) => self.shown == Some(source),
        };
        if !let_in {
            return Sender::Stranger;
        }
        self.heard = Some(source);
        self.ends = at + audio.min(LONGEST_TALK);
        Sender::New
    }

    /// The present sender goes on.
    fn go_on(&mut self, audio: Nanos, at: Nanos) {
        if self.newcomer.source().is_some() {
            if !self.newcomer.interrupted(audio, at) {
                // A few bytes now and then hold no leg.
                return;
            }
            self.rival = self.newcomer.source();
            self.turn_away();
        }
        self.ends = (self.ends.max(at) + audio).min(at + LONGEST_TALK);
    }

    /// Somebody else.
    fn hear_out(
        &mut self,
        heard: SocketAddr,
        source: SocketAddr,
        (payload, audio): (&[u8], Nanos),
        at: Nanos,
    ) -> Sender {
        let talks = self.newcomer.talks(at);
        if self.newcomer.source().is_some_and(|other| other != source) && talks {
            return Sender::Stranger;
        }
        if self.newcomer.source() != Some(source) || !talks {
            self.turn_away();
        }
        if !self.newcomer.keep(source, payload, audio, at) {
            self.turn_away();
            return Sender::Stranger;
        }
        let same_host = source.ip().to_canonical() == heard.ip().to_canonical();
        let needed = if same_host && self.rival != Some(source) {
            SAME_HOST
        } else {
            ANOTHER_HOST
        };
        if self.newcomer.talked(audio, at) < needed || at < self.ends + needed {
            return Sender::Kept;
        }
        self.heard = Some(source);
        self.ends = at;
        self.rival = None;
        Sender::Moved(heard)
    }

    /// What is kept of the one who has taken over. To be given back.
    pub(crate) const fn take_kept(&mut self) -> Newcomer {
        std::mem::replace(&mut self.newcomer, Newcomer::nobody())
    }

    /// The room for what is kept, whose datagrams were heard.
    pub(crate) fn give_back(&mut self, mut kept: Newcomer) {
        kept.forget();
        self.newcomer = kept;
    }

    /// When a newcomer whose datagrams are kept has stopped.
    pub(crate) const fn expires(&self) -> Nanos {
        self.newcomer.expires()
    }

    /// A newcomer who has stopped is none.
    pub(crate) fn expire(&mut self, now: Nanos) {
        if now >= self.newcomer.expires() {
            self.turn_away();
        }
    }

    /// How many datagrams that were kept have turned out to be a stranger's since the last time, and
    /// who that was.
    pub(crate) const fn dropped(&mut self) -> (u64, Option<SocketAddr>) {
        let dropped = std::mem::replace(&mut self.dropped, 0);
        (dropped, if dropped > 0 { self.turned_away } else { None })
    }

    fn turn_away(&mut self) {
        self.turned_away = self.newcomer.source().or(self.turned_away);
        self.dropped += self.newcomer.forget();
    }

    /// The senders that may be heard now; none: anybody, or anybody who comes first.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        match &self.policy {
            Policy::First => self.heard.iter().map(Peer::of).collect(),
            Policy::Any | Policy::Nobody => Vec::new(),
            Policy::Listed(listed) => listed.peers(),
            Policy::Shown(_) => self.shown.iter().map(Peer::of).collect(),
        }
    }

    /// Hear others from now on.
    pub(crate) fn change(&mut self, policy: Policy) {
        self.policy = policy;
        self.shown = None;
        self.forget();
    }

    /// The call ended.
    pub(crate) fn forget(&mut self) {
        self.heard = None;
        self.ends = 0;
        self.rival = None;
        if matches!(self.policy, Policy::Shown(Pass::Hosts(_))) {
            self.shown = None;
        }
        self.turn_away();
    }

    pub(crate) const fn heard(&self) -> Option<SocketAddr> {
        self.heard
    }
}

#[cfg(all(test, not(loom)))]
#[path = "admission_tests.rs"]
mod tests;
