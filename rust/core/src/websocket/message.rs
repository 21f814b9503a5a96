//! One whole binary message of a client (RFC 6455, 5.2 and 5.3), header and masked payload in one piece.

use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

/// Bytes of a message with a payload of `length` bytes.
#[must_use]
pub fn size(length: usize) -> usize {
    header([0; 4]).len(length as u64) + length
}

/// Write it to `out`, which has [`size`] bytes. `mask` must be a new one each time, which nobody can foresee.
///
/// # Panics
/// `out` has another length.
pub fn write(payload: &[u8], mask: [u8; 4], out: &mut [u8]) {
    assert_eq!(out.len(), size(payload.len()), "room for one message");
    let (mut head, body) = out.split_at_mut(out.len() - payload.len());
    header(mask)
        .format(payload.len() as u64, &mut head)
        .expect("a slice takes what fits");
    // Long enough for the compiler to mask sixteen bytes at once.
    let repeated: [u8; 64] = std::array::from_fn(|n| mask[n % 4]);
    for (places, bytes) in body.chunks_mut(64).zip(payload.chunks(64)) {
        for ((place, byte), key) in places.iter_mut().zip(bytes).zip(repeated) {
            *place = byte ^ key;
        }
    }
}

/// Of the only frame of a binary message.
fn header(mask: [u8; 4]) -> FrameHeader {
    FrameHeader {
        opcode: OpCode::Data(Data::Binary),
        mask: Some(mask),
        ..FrameHeader::default()
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
