//! The little SDP a G.711 phone needs: one audio stream, offered or answered (RFC 8866, RFC 3264).

use crate::{Codec, PhoneError};
use std::net::{IpAddr, SocketAddr};

/// The payload type offered for telephone-events (RFC 4733), the one most phones use.
pub(crate) const EVENT_PAYLOAD_TYPE: u8 = 101;

/// Which way the audio goes, as seen by who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    const ALL: [Direction; 4] = [
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ];

    const fn attribute(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The direction to answer with, when we would do anything that was offered.
    pub(crate) const fn answered(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            both => both,
        }
    }

    const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }
}

/// What the other side said about its audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Where it wants its packets.
    pub(crate) rtp: SocketAddr,
    /// The first G.711 law of its list.
    pub(crate) codec: Codec,
    /// Which way it wants the audio to go, from its side.
    pub(crate) direction: Direction,
}

impl Remote {
    /// Whether it wants to hear us.
    pub(crate) const fn listens(&self) -> bool {
        matches!(self.direction, Direction::SendRecv | Direction::RecvOnly)
    }

    /// Whether it put us on hold: it stopped listening.
    pub(crate) const fn holds(&self) -> bool {
        !self.listens()
    }

    /// Reads the first audio stream of a session description.
    pub(crate) fn parse(body: &[u8]) -> Result<Remote, PhoneError> {
        let text = std::str::from_utf8(body).map_err(|_| PhoneError::Sdp("it is not UTF-8"))?;
        let mut address = None;
        let mut audio = None;
        let mut direction = Direction::SendRecv;
        for line in text.lines() {
            match line.split_once('=') {
                Some(("c", connection)) => address = connection.split(' ').nth(2).or(address),
                Some(("m", _)) if audio.is_some() => break,
                Some(("m", media)) => audio = media.strip_prefix("audio "),
                Some(("a", attribute)) => {
                    let named = Direction::ALL.into_iter().find(|d| d.attribute() == attribute);
                    direction = named.unwrap_or(direction);
                }
                _ => {}
            }
        }
        let audio = audio.ok_or(PhoneError::Sdp("it has no audio stream"))?;
        let address: IpAddr = address
            .and_then(|text| text.parse().ok())
            .ok_or(PhoneError::Sdp("its c= line has no IP address"))?;
        let mut fields = audio.split(' ');
        let port = fields.next().and_then(|text| text.parse().ok());
        let port = port.ok_or(PhoneError::Sdp("its m= line has no port"))?;
        let codec = fields
            .skip(1)
            .filter_map(|text| text.parse().ok())
            .find_map(Codec::from_payload_type)
            .ok_or(PhoneError::Sdp("it has neither PCMA nor PCMU"))?;
        Ok(Remote {
            rtp: SocketAddr::new(address, port),
            codec,
            direction,
        })
    }
}

/// Writes our side of the session: an offer of, or an answer with, one law.
pub(crate) fn describe(local: SocketAddr, codec: Codec, direction: Direction, version: u32) -> Vec<u8> {
    let family = if local.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port) = (local.ip(), local.port());
    let payload_type = codec.payload_type();
    format!(
        "v=0\r\n\
         o=phone {port} {version} IN {family} {ip}\r\n\
         s=-\r\n\
         c=IN {family} {ip}\r\n\
         t=0 0\r\n\
         m=audio {port} RTP/AVP {payload_type} {EVENT_PAYLOAD_TYPE}\r\n\
         a=rtpmap:{payload_type} {}/8000\r\n\
         a=rtpmap:{EVENT_PAYLOAD_TYPE} telephone-event/8000\r\n\
         a=fmtp:{EVENT_PAYLOAD_TYPE} 0-15\r\n\
         a=ptime:20\r\n\
         a={}\r\n",
        codec.name(),
        direction.attribute(),
    )
    .into_bytes()
}

/// Whether, after an offer and answer, our side sends audio.
pub(crate) const fn we_send(ours: Direction, remote: &Remote) -> bool {
    ours.sends() && remote.listens()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for local in ["127.0.0.1:4000", "[::1]:4002"] {
            let local = local.parse().unwrap();
            for codec in [Codec::Pcma, Codec::Pcmu] {
                for direction in Direction::ALL {
                    let remote = Remote::parse(&describe(local, codec, direction, 1)).unwrap();
                    assert_eq!(
                        remote,
                        Remote {
                            rtp: local,
                            codec,
                            direction
                        }
                    );
                }
            }
        }
    }

    #[test]
    fn a_stream_may_have_its_own_address() {
        let sdp = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 9 RTP/AVP 96 8\r\nc=IN IP4 10.0.0.2\r\nm=video 7 RTP/AVP 0\r\n";
        let remote = Remote::parse(sdp).unwrap();
        assert_eq!(remote.rtp, "10.0.0.2:9".parse().unwrap());
        assert_eq!(remote.codec, Codec::Pcma);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (sdp, word) in [
            (&b"v=0\r\nc=IN IP4 10.0.0.1\r\n"[..], "no audio"),
            (b"v=0\r\nm=audio 9 RTP/AVP 8\r\n", "c= line"),
            (b"c=IN IP4 1.2.3.4\r\nm=audio x RTP/AVP 8\r\n", "port"),
            (b"c=IN IP4 1.2.3.4\r\nm=audio 9 RTP/AVP 18\r\n", "PCMA"),
            (b"\xff", "UTF-8"),
        ] {
            let said = Remote::parse(sdp).unwrap_err().to_string();
            assert!(said.contains(word), "{said}");
        }
    }
}
