//! One whole binary message of a client (RFC 6455, 5.2 and 5.3), header and masked payload in one piece.

/// Bytes of a message with a payload of `length` bytes.
#[must_use]
pub const fn size(length: usize) -> usize {
    let extended = match length {
        0..=125 => 0,
        126..=0xFFFF => 2,
        _ => 8,
    };
    2 + extended + 4 + length
}

/// Write it to `out`, which has [`size`] bytes. `mask` must be a new one each time, which nobody can foresee.
///
/// # Panics
/// `out` has another length.
pub fn write(payload: &[u8], mask: [u8; 4], out: &mut [u8]) {
    assert_eq!(out.len(), size(payload.len()), "room for one message");
    let (header, body) = out.split_at_mut(out.len() - payload.len());
    let (head, key) = header.split_at_mut(header.len() - 4);
    key.copy_from_slice(&mask);
    let length = (payload.len() as u64).to_be_bytes();
    head[0] = 0x82; // the only frame of a binary message
    head[1] = 0x80
        | match head.len() {
            2 => length[7],
            4 => 126,
            _ => 127,
        };
    let extended = head.len() - 2;
    head[2..].copy_from_slice(&length[8 - extended..]);
    let word = u32::from_ne_bytes(mask);
    let mut places = body.chunks_exact_mut(4);
    let mut words = payload.chunks_exact(4);
    for (place, four) in (&mut places).zip(&mut words) {
        let four = u32::from_ne_bytes([four[0], four[1], four[2], four[3]]);
        place.copy_from_slice(&(four ^ word).to_ne_bytes());
    }
    let rest = places.into_remainder().iter_mut();
    for ((place, byte), key) in rest.zip(words.remainder()).zip(mask) {
        *place = byte ^ key;
    }
}

#[cfg(test)]
mod tests {
    use tungstenite::protocol::{Message, Role, WebSocket};

    use super::*;
    use crate::websocket::Memory;

    fn message(payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; size(payload.len())];
        write(payload, [0x37, 0xFA, 0x21, 0x3D], &mut out);
        out
    }

    #[test]
    fn the_example_of_the_rfc() {
        let text = message(b"Hello");
        assert_eq!(text[0], 0x82);
        assert_eq!(
            text[1..],
            [0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        );
    }

    #[test]
    fn a_server_reads_any_length() {
        for length in [
            0, 1, 3, 4, 125, 126, 127, 640, 7_680, 65_535, 65_536, 65_539,
        ] {
            let payload: Vec<u8> = (0..=250).cycle().take(length).collect();
            let memory = Memory::default();
            let mut server = WebSocket::from_raw_socket(memory, Role::Server, None);
            server.get_mut().incoming.extend(message(&payload));
            assert_eq!(
                server.read().expect("a message"),
                Message::binary(payload),
                "{length}"
            );
        }
    }
}
