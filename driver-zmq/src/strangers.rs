//! What a packet that is not ours may be, guessed from how it begins.

use crate::route::Route;

/// The beginning of a packet, kept for a guess.
pub(crate) struct Sample {
    route: Route,
    head: [u8; 8],
    bytes: usize,
}

impl Sample {
    pub(crate) fn of(route: &Route, packet: &[u8]) -> Self {
        let mut head = [0; 8];
        let length = packet.len().min(head.len());
        head[..length].copy_from_slice(&packet[..length]);
        Self {
            route: route.clone(),
            head,
            bytes: packet.len(),
        }
    }

    pub(crate) fn probable_cause(&self) -> &'static str {
        const HTTP: [&[u8]; 6] = [b"GET ", b"POST", b"HTTP", b"HEAD", b"PUT ", b"OPTI"];
        if HTTP.iter().any(|word| self.head.starts_with(word))
            || self.route.frames().any(|frame| contains(frame, b"HTTP/"))
        {
            "an HTTP client: this port speaks 0MQ"
        } else if self.head.starts_with(&[0x16, 3]) {
            "a TLS client without 0MQ: this port speaks Steadfast over 0MQ"
        } else if self.route.frames().any(<[u8]>::is_empty) {
            "a REQ or a plain 0MQ socket: use steadfast_zmq::Client at the other side"
        } else if self.bytes > 0 && (2..=0xf).contains(&(self.head[0] >> 4)) && self.head[0] & 0xf < 5 {
            "a peer of another Steadfast release, or a plain 0MQ socket"
        } else {
            "a plain 0MQ socket: use steadfast_zmq::Client at the other side"
        }
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
