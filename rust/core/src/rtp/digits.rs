//! Keys of the telephone: named events of RFC 4733, each reported once.
//!
//! An event is sent every 20 to 50 ms while the key is down, always with the time stamp of its beginning,
//! and three times at its end, with the end bit. It is reported at its end; where all three of those were lost, when
//! the next one begins or sound goes on.

use crate::digit::Digit;
use crate::frame::Nanos;
use crate::rtp::packet::EVENT_BYTES;

/// The event that is under way or was reported last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Digits {
    event: Option<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    began: u32,
    key: char,
    units: u32,
    reported: bool,
}

impl Digits {
    /// An event's packet.
    pub fn hear(&mut self, timestamp: u32, payload: &[u8]) -> Option<Digit> {
        let [code, flags, high, low] = *payload.get(..EVENT_BYTES)? else {
            return None;
        };
        let known = self.event.filter(|event| event.began == timestamp);
        let before = match known {
            Some(_) => None,
            None => self.end(),
        };
        let Some(key) = key(code) else {
            // A fax's tone, say. It ends a key all the same.
            return before;
        };
        let units = u32::from(u16::from_be_bytes([high, low]));
        let event = self.event.insert(Event {
            began: timestamp,
            key,
            units: known.map_or(units, |event| event.units.max(units)),
            reported: known.is_some_and(|event| event.reported),
        });
        // One key at a time: the end of this one comes again, or sound tells of it.
        let ended = flags & 0x80 != 0 && !event.reported && before.is_none();
        event.reported |= ended;
        before.or(ended.then(|| event.digit()))
    }

    /// Sound goes on at `timestamp`: an event before it has ended.
    pub fn sound(&mut self, timestamp: u32) -> Option<Digit> {
        let event = self.event.filter(|event| !event.reported)?;
        let since = timestamp.wrapping_sub(event.began.wrapping_add(event.units));
        (MARGIN..1 << 31).contains(&since).then(|| self.end())?
    }

    /// The stream ended.
    pub fn end(&mut self) -> Option<Digit> {
        let event = self.event.as_mut().filter(|event| !event.reported)?;
        event.reported = true;
        Some(event.digit())
    }
}

impl Event {
    const fn digit(&self) -> Digit {
        Digit {
            key: self.key,
            // Events are sent with a clock of 8 kHz unless agreed otherwise.
            duration: self.units as Nanos * 125_000,
        }
    }
}

/// RFC 4733, table 3, and the hook flash.
const fn key(code: u8) -> Option<char> {
    Some(match code {
        0..=9 => (b'0' + code) as char,
        10 => '*',
        11 => '#',
        12..=15 => (b'A' + code - 12) as char,
        16 => '!',
        _ => return None,
    })
}

/// Sound that is so much later than the last word of an event ends it: 100 ms at 8 kHz.
const MARGIN: u32 = 800;
