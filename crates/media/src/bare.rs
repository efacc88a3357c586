//! The work of one packet without sockets or threads: for benches, fuzzing and the peers of tests, not for use.

use crate::g711::{TRANSCODER, Transcoder};
use crate::metrics::Counts;
use crate::moment::Moment;
use crate::player::Player;
use crate::session::{OWN_PACKET_MAX, REPORT_MAX, Seed, Session};
use crate::srtp::Srtp;
use crate::webrtc::identity::Identity;
use crate::{Fingerprint, Library, MasterKey, MediaError, Playlist, Remote, SrtpKeys, SrtpSuite};
use std::net::SocketAddr;
use std::time::Duration;

/// Two legs' sessions, one heard by the other.
pub struct BarePath {
    from: Session,
    to: Session,
    player: Player,
    transcoder: &'static Transcoder,
    counts: Counts,
    now: Moment,
    tick: u64,
    key: Option<char>,
}

impl BarePath {
    /// What `from` sends is turned into what `to` hears.
    pub fn new(from: Remote, to: Remote, playlist: Playlist) -> Self {
        let now = Moment::default();
        let session = |remote| {
            let mut session = Session::new(Seed([1, 2]), now);
            session.set_remote(remote, now);
            session
        };
        Self {
            from: session(from),
            to: session(to),
            player: Player::new(playlist),
            transcoder: &TRANSCODER,
            counts: Counts::default(),
            now,
            tick: 0,
            key: None,
        }
    }

    /// Relays a packet that comes 20 ms after the one before. `None` when it goes no further.
    pub fn relay<'a>(&mut self, packet: &'a mut [u8], source: SocketAddr) -> Option<&'a [u8]> {
        self.now = self.now + Duration::from_millis(20);
        self.from.allow_more();
        self.key = None;
        let inbound = self
            .from
            .take_in(packet, source, self.now, &mut self.counts)
            .ok()?;
        self.key = inbound.key;
        self.to.pass_on(&inbound, packet, self.transcoder, self.now).ok()
    }

    /// The key whose press began with the last packet relayed.
    pub fn key(&self) -> Option<char> {
        self.key
    }

    /// From here on only a sample of what `from` sends is taken in, or again all of it.
    pub fn sample(&mut self, sample: bool) {
        self.from.sample(sample);
    }

    /// Our report to `from`, a second later.
    pub fn report(&mut self) -> Vec<u8> {
        self.now = self.now + Duration::from_secs(1);
        let mut packet = [0; REPORT_MAX];
        let reported = self.from.report("holdfast", false, self.now, &mut packet);
        packet[..reported.map_or(0, |reported| reported.length)].to_vec()
    }

    /// Takes in an RTCP packet. Tells whether it was believed.
    pub fn rtcp(&mut self, packet: &[u8], source: SocketAddr) -> bool {
        self.from.allow_more();
        self.from.take_in_rtcp(packet, source, self.now).is_ok()
    }

    /// Makes the next packet of the playlist. Gives its length.
    pub fn play(&mut self, library: &Library) -> usize {
        self.now = self.now + Duration::from_millis(20);
        self.tick += 20;
        let mut packet = [0; OWN_PACKET_MAX];
        self.to
            .play(&mut self.player, self.tick, library, self.now, &mut packet)
            .length
    }
}

/// The two ends of an SRTP session that share a key, one sealing what the other opens.
pub struct BareSrtp(Srtp);

impl BareSrtp {
    /// Ends that speak a suite, under a key that is all one octet.
    pub fn new(suite: SrtpSuite, key: u8) -> Option<Self> {
        let master = MasterKey::new(suite, &vec![key; suite.master_len()])?;
        Some(Self(Srtp::new(SrtpKeys {
            suite,
            local: master,
            remote: master,
            resumed: false,
        })))
    }

    /// An end that shares these keys with a leg, its own the local one.
    pub fn with(keys: SrtpKeys) -> Self {
        Self(Srtp::new(keys))
    }

    /// Seals an RTP or RTCP packet.
    pub fn seal(&mut self, is_rtcp: bool, packet: &[u8]) -> Option<Vec<u8>> {
        let sender = &mut self.0.sender;
        let sealed = if is_rtcp {
            sender.rtcp(packet)
        } else {
            sender.rtp(packet)
        };
        sealed.map(<[u8]>::to_vec)
    }

    /// Opens one. `None` when it is refused.
    pub fn open(&mut self, is_rtcp: bool, packet: &[u8]) -> Option<Vec<u8>> {
        let mut packet = packet.to_vec();
        let receiver = &mut self.0.receiver;
        let length = if is_rtcp {
            receiver.rtcp(&mut packet)
        } else {
            receiver.rtp(&mut packet)
        };
        packet.truncate(length.ok()?);
        Some(packet)
    }
}

/// A certificate, its key (both DER), and its fingerprint.
///
/// # Errors
/// When the system gives no random numbers.
pub fn certificate() -> Result<(Vec<u8>, Vec<u8>, Fingerprint), MediaError> {
    let identity = Identity::generate()?;
    let fingerprint = identity.fingerprint;
    let dimpl::DtlsCertificate {
        certificate,
        private_key,
    } = identity.certificate;
    Ok((certificate, private_key, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AfterPrompts, Codec};

    /// A small generator, so that a failure can be repeated.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn mutate(&mut self, packet: &mut Vec<u8>) {
            for _ in 0..self.next() % 6 {
                let at = self.next() as usize % packet.len();
                packet[at] = self.next() as u8;
            }
            if self.next().is_multiple_of(4) {
                packet.truncate(packet.len() - self.next() as usize % packet.len());
            }
        }
    }

    fn path() -> (BarePath, SocketAddr) {
        let source: SocketAddr = ([127, 0, 0, 1], 4_000).into();
        let codec = |codec| Remote {
            rtp: source,
            rtcp: source,
            codec,
            opus_pt: None,
            dtmf_pt: Some(101),
            dtmf_rate: 8_000,
            send: true,
            receive: true,
            ptime_ms: 20,
        };
        let nothing = Playlist {
            prompts: vec![],
            then: AfterPrompts::Nothing,
        };
        (
            BarePath::new(codec(Codec::Pcma), codec(Codec::Pcmu), nothing),
            source,
        )
    }

    #[test]
    fn mutated_packets_never_break_out_of_their_form() {
        let (mut path, source) = path();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut passed = 0;
        for n in 0..200_000u32 {
            let mut packet = vec![0x80, [8, 0, 101, 13][n as usize % 4]];
            packet.extend((n as u16).to_be_bytes());
            packet.extend((n * 160).to_be_bytes());
            packet.extend([0, 0, 0, 1]);
            packet.extend([0xd5; 40]);
            random.mutate(&mut packet);
            if let Some(sent) = path.relay(&mut packet, source) {
                passed += 1;
                assert!(
                    sent.len() >= 12 && sent[0] == 0x80 && matches!(sent[1] & 0x7f, 0 | 101),
                    "{sent:02x?}"
                );
            }
        }
        assert!(passed > 10_000, "most of what is little changed passes: {passed}");
    }

    #[test]
    fn mutated_reports_are_believed_or_not_and_that_is_all() {
        // A sender report with two blocks, a name, a farewell with a reason.
        let valid = [
            &[0x82, 200, 0, 18, 0, 0, 0, 1][..],
            &[0; 20],
            &[0; 48],
            &[0x81, 202, 0, 3, 0, 0, 0, 1, 1, 4, b'h', b'o', b'l', b'd', 0, 0],
            &[0x81, 203, 0, 2, 0, 0, 0, 1, 3, b'b', b'y', b'e'],
        ]
        .concat();
        let (mut path, source) = path();
        assert!(path.rtcp(&valid, source));
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let mut believed = 0;
        for _ in 0..200_000 {
            let mut packet = valid.clone();
            random.mutate(&mut packet);
            believed += usize::from(path.rtcp(&packet, source));
        }
        assert!((10_000..190_000).contains(&believed), "{believed}");
    }
}
