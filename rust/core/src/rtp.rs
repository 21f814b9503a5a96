//! RTP (RFC 3550) on a leg: packets in, the talker's PCM out; the ear's PCM in, packets out.
//!
//! *In* ([`receiver`]): [`packet`] reads, [`order`] puts the packets into the order of their sequence
//! numbers, [`format`] decodes, [`conceal`] fills what was lost, and time stamps say how much that is. So
//! the leg's samples follow the *talker's* clock: there is no playout clock that could drift against it,
//! and packets that come in order wait for nothing. Only behind a gap there is a wait, 80 to 200 ms; while nothing
//! at all comes, up to 600 ms after the newest.
//!
//! *Out* ([`sender`]): a packet for every 20 ms that the ear is sent. Payload types are static ones only:
//! Asterisk's `ExternalMedia` drops dynamic ones without a word.
//!
//! Comfort noise (RFC 3389) means that the talker is silent; telephone events (RFC 4733) are reported, and
//! never heard.

pub mod conceal;
pub mod control;
pub mod digits;
pub mod format;
pub mod order;
pub mod packet;
pub mod receiver;
pub mod sender;
pub mod watch;
