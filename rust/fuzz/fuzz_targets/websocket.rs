#![no_main]
//! Whatever comes over a WebSocket, in any dialect: nothing panics, nothing stands still, what is kept is bounded.

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use translink_core::websocket::{Connection, Dialect, News, asterisk, twilio};

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    /// Bytes of the connection as they are.
    Bytes(&'a [u8]),
    /// A whole frame, unmasked with a mask of zeros.
    Text(&'a str),
    Binary(&'a [u8]),
    Put([u8; 4]),
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(60_000)];
    let length = u16::try_from(payload.len()).unwrap_or(0);
    let mut bytes = vec![0x80 | kind, 0xfe];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

fuzz_target!(|given: (u8, Vec<Piece<'_>>)| {
    let dialects = [Dialect::Asterisk, Dialect::Twilio, Dialect::Browser];
    let mut connection = Connection::new(dialects[usize::from(given.0) % 3]);
    let (mut pcm, mut text, mut out) = (Vec::new(), String::new(), Vec::new());
    for piece in given.1 {
        match piece {
            Piece::Bytes(bytes) => connection.take(bytes),
            Piece::Text(said) => {
                let _ = (asterisk::event(said), twilio::event(said));
                connection.take(&frame(1, said.as_bytes()));
            }
            Piece::Binary(bytes) => connection.take(&frame(2, bytes)),
            Piece::Put(few) => {
                let mut whole = [0; 640];
                whole[..4].copy_from_slice(&few);
                connection.put(&whole, &mut out);
                connection.say("{}", &mut out);
            }
        }
        while let Some(news) = connection.next(&mut pcm, &mut text, &mut out) {
            pcm.clear();
            if news == News::Ended {
                return;
            }
        }
        out.clear();
    }
});
