//! As much of WebSocket (RFC 6455 §5.2) as it takes to read what the feed sends to a thousand consoles on one thread.

/// A ping's answer: a masked frame without payload.
pub(crate) const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];

/// What a frame is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A delta of the feed, with its number.
    Delta(u64),
    /// The whole state.
    Snapshot,
    /// The server asks whether we are there.
    Ping,
    /// The server hangs up.
    Close,
    /// Anything else.
    Other,
}

/// The first frame in `bytes` and its length; none if more bytes must come first.
pub(crate) fn first(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (opcode, short) = (*bytes.first()? & 0x0f, *bytes.get(1)? & 0x7f);
    let (head, length) = match short {
        126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into()),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    let end = head + usize::try_from(length).ok()?;
    let payload = bytes.get(head..end)?;
    let frame = match opcode {
        0x1 => text(payload),
        0x8 => Frame::Close,
        0x9 => Frame::Ping,
        _ => Frame::Other,
    };
    Some((frame, end))
}

fn text(payload: &[u8]) -> Frame {
    if let Some(rest) = payload.strip_prefix(br#"{"type":"delta","seq":"#) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        return Frame::Delta(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
    }
    if payload.starts_with(br#"{"type":"snapshot""#) {
        return Frame::Snapshot;
    }
    Frame::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let delta = br#"{"type":"delta","seq":417,"at":1}"#;
        let mut bytes = vec![0x81, delta.len() as u8];
        bytes.extend(delta);
        assert_eq!(first(&bytes), Some((Frame::Delta(417), bytes.len())));
        assert_eq!(first(&bytes[..9]), None, "the rest is on its way");
        assert_eq!(first(&[0x89, 0]), Some((Frame::Ping, 2)));
        let long = [&[0x81, 126, 0, 200][..], &[b' '; 200]].concat();
        assert_eq!(first(&long), Some((Frame::Other, 204)));
    }
}
