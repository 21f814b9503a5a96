//! Peers as they are written.

use super::*;

#[test]
fn peers_are_read_as_they_are_written() {
    for text in [
        "192.0.2.7",
        "192.0.2.7:4000",
        "2001:db8::7",
        "[2001:db8::7]:4000",
    ] {
        let peer: Peer = text.parse().expect(text);
        assert_eq!(peer.to_string(), text);
    }
    for text in [
        "",
        "gateway",
        "192.0.2",
        "192.0.2.7:",
        "192.0.2.7:70000",
        "192.0.2.0/24",
    ] {
        assert!(text.parse::<Peer>().is_err(), "{text}");
    }
}

#[test]
fn a_list_names_one_to_eight() {
    let peer: Peer = "192.0.2.7".parse().expect("a peer");
    assert_eq!(Listed::new(vec![]), None);
    assert!(Listed::new(vec![peer; MAX_PEERS]).is_some());
    assert_eq!(Listed::new(vec![peer; MAX_PEERS + 1]), None);
}
