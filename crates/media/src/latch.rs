//! Which source is believed to be a leg's peer (symmetric RTP, RFC 4961; RFC 7362 tells its risks).
//!
//! Peers behind address translation send from elsewhere than their SDP says. The first source that fits is
//! taken, and only once: after that nobody can put audio into a call by sending to its port. A packet from
//! the address in the SDP is believed at once; another source must show [`PACKETS_NEEDED`] packets of one
//! SSRC in a row before anything of it is heard.
//!
//! A peer may move without saying so: a translator gives it another port, a phone changes networks. So when a source that
//! should send has been quiet for [`DOUBTED_AFTER`], another one may take its place, if it sends from the same host or
//! goes on with the same SSRC, which nobody can guess who does not hear the stream. As long as the peer is heard, nobody
//! takes its place, and the peer itself may come back at any time.

use crate::packet::Header;
use std::net::SocketAddr;
use std::time::Duration;

/// Packets in a row that a source other than the signalled one must show. 80 ms of audio.
const PACKETS_NEEDED: u8 = 4;

/// Packets in a row that the source before a new agreement must show: 1 s. It may go on sending for a while
/// after the peer has moved, or not have moved at all, behind a translator that hides the change.
const PACKETS_NEEDED_OF_FORMER: u8 = 50;

/// A source that should send and has been quiet for this long may have moved. Longer than any pause between comfort
/// noise packets, shorter than callers' patience.
pub(crate) const DOUBTED_AFTER: Duration = Duration::from_secs(3);

/// Sources watched side by side until one is taken.
const CANDIDATES_MAX: usize = 4;

/// Which source is the peer.
#[derive(Debug)]
pub(crate) struct Latch {
    signalled: SocketAddr,
    /// The source that was taken under the agreement before.
    former: Option<SocketAddr>,
    state: State,
}

#[derive(Debug)]
enum State {
    Open {
        candidates: [Option<Candidate>; CANDIDATES_MAX],
    },
    Taken(SocketAddr),
    /// Taken, and quiet since.
    Doubted {
        peer: SocketAddr,
        ssrc: u32,
        candidates: [Option<Candidate>; CANDIDATES_MAX],
    },
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    packets: u8,
}

/// What a source is to a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The peer, perhaps from now on.
    Peer,
    /// Not the peer, or not yet.
    Stranger,
}

impl Latch {
    /// Waits for a first packet, most likely from `signalled`.
    pub(crate) fn new(signalled: SocketAddr) -> Self {
        Self {
            signalled,
            former: None,
            state: State::Open {
                candidates: [None; CANDIDATES_MAX],
            },
        }
    }

    /// A new agreement. An address other than before opens the latch again.
    pub(crate) fn signal(&mut self, signalled: SocketAddr) -> bool {
        let changed = signalled != self.signalled;
        if changed {
            *self = Self {
                former: self.taken(),
                ..Self::new(signalled)
            };
        }
        changed
    }

    /// The peer, whose stream has `ssrc`, has been quiet: another source may show that it is the peer. True if a source
    /// had been taken.
    pub(crate) fn doubt(&mut self, ssrc: u32) -> bool {
        let State::Taken(peer) = self.state else {
            return false;
        };
        let candidates = [None; CANDIDATES_MAX];
        self.state = State::Doubted {
            peer,
            ssrc,
            candidates,
        };
        true
    }

    /// The source that was taken, though it may be doubted.
    pub(crate) fn taken(&self) -> Option<SocketAddr> {
        match self.state {
            State::Taken(peer) | State::Doubted { peer, .. } => Some(peer),
            State::Open { .. } => None,
        }
    }

    /// Whether the source that was taken is the only one that is believed.
    pub(crate) fn is_sure(&self) -> bool {
        matches!(self.state, State::Taken(_))
    }

    /// Where to send: the source that was taken, until then where the SDP says.
    pub(crate) fn destination(&self) -> SocketAddr {
        self.taken().unwrap_or(self.signalled)
    }

    /// Judges a packet whose payload type was agreed.
    pub(crate) fn judge(&mut self, from: SocketAddr, header: &Header) -> Verdict {
        let candidates = match &mut self.state {
            State::Taken(peer) => {
                return if *peer == from {
                    Verdict::Peer
                } else {
                    Verdict::Stranger
                };
            }
            State::Doubted {
                peer,
                ssrc,
                candidates,
            } => {
                if *peer == from {
                    self.state = State::Taken(from);
                    return Verdict::Peer;
                }
                if from != self.signalled && peer.ip() != from.ip() && *ssrc != header.ssrc {
                    return Verdict::Stranger;
                }
                candidates
            }
            State::Open { candidates } => candidates,
        };
        if from == self.signalled {
            self.state = State::Taken(from);
            return Verdict::Peer;
        }
        // Its own place, a free one, or that of the least proven: so a spray of sources keeps nobody out.
        let place =
            |c: &&mut Option<Candidate>| c.map_or(1, |c| if c.from == from { 0 } else { 1 + c.packets });
        let Some(slot) = candidates.iter_mut().min_by_key(place) else {
            return Verdict::Stranger;
        };
        let candidate = slot.insert(Candidate::after(*slot, from, header));
        let needed = if self.former == Some(from) {
            PACKETS_NEEDED_OF_FORMER
        } else {
            PACKETS_NEEDED
        };
        if candidate.packets < needed {
            return Verdict::Stranger;
        }
        self.state = State::Taken(from);
        Verdict::Peer
    }
}

impl Candidate {
    /// One packet more in the row, or the first of a new row.
    fn after(before: Option<Candidate>, from: SocketAddr, header: &Header) -> Candidate {
        let packets = match before {
            Some(c)
                if (c.from, c.ssrc, c.sequence.wrapping_add(1)) == (from, header.ssrc, header.sequence) =>
            {
                c.packets + 1
            }
            _ => 1,
        };
        Candidate {
            from,
            ssrc: header.ssrc,
            sequence: header.sequence,
            packets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Peer, Stranger};

    /// Judges packets written as (source port, SSRC, sequence); port 1 is the signalled one.
    fn check(packets: &[(u16, u32, u16)], expect: &[Verdict]) {
        let mut latch = Latch::new(source(1));
        let verdicts: Vec<Verdict> = packets
            .iter()
            .map(|&(port, ssrc, sequence)| {
                let header = Header {
                    payload_type: 8,
                    marker: false,
                    sequence,
                    timestamp: 0,
                    ssrc,
                };
                latch.judge(source(port), &header)
            })
            .collect();
        assert_eq!(verdicts, expect, "{packets:?}");
    }

    fn source(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn the_signalled_source_is_believed_at_once_and_for_good() {
        check(&[(1, 7, 50), (2, 7, 51), (1, 8, 9)], &[Peer, Stranger, Peer]);
    }

    #[test]
    fn another_source_must_show_a_row_of_packets() {
        check(
            &[(2, 7, 65_534), (2, 7, 65_535), (2, 7, 0), (2, 7, 1)],
            &[Stranger, Stranger, Stranger, Peer],
        );
        check(
            &[(2, 7, 1), (2, 7, 2), (2, 7, 4), (2, 7, 5), (2, 7, 6)],
            &[Stranger; 5],
        );
        check(
            &[(2, 7, 1), (2, 7, 2), (2, 8, 3), (2, 8, 4), (2, 8, 5)],
            &[Stranger; 5],
        );
    }

    #[test]
    fn a_stranger_neither_wins_a_race_nor_spoils_one() {
        check(
            &[
                (2, 7, 1),
                (3, 9, 1),
                (2, 7, 2),
                (3, 9, 8),
                (2, 7, 3),
                (3, 9, 20),
                (2, 7, 4),
                (3, 9, 21),
            ],
            &[
                Stranger, Stranger, Stranger, Stranger, Stranger, Stranger, Peer, Stranger,
            ],
        );
        check(
            &[(2, 7, 1), (2, 7, 2), (2, 7, 3), (1, 5, 5), (2, 7, 4)],
            &[Stranger, Stranger, Stranger, Peer, Stranger],
        );
    }

    #[test]
    fn many_strangers_keep_neither_the_signalled_source_out_nor_one_behind_translation() {
        let spray: Vec<(u16, u32, u16)> = (10..200).map(|port| (port, 7, 1)).collect();
        let strangers = vec![Stranger; spray.len()];
        check(
            &[&spray[..], &[(1, 5, 5)]].concat(),
            &[&strangers[..], &[Peer]].concat(),
        );
        let row = [(2, 5, 5), (2, 5, 6), (2, 5, 7), (2, 5, 8)];
        check(
            &[&spray[..], &row].concat(),
            &[&strangers[..], &[Stranger, Stranger, Stranger, Peer]].concat(),
        );
        let among = [
            row[0], row[1], spray[0], spray[1], spray[2], spray[3], spray[4], row[2], spray[5], row[3],
        ];
        let mut expect = [Stranger; 10];
        expect[9] = Peer;
        check(&among, &expect);
    }

    #[test]
    fn only_a_changed_address_opens_the_latch_again() {
        let header = Header {
            payload_type: 8,
            marker: false,
            sequence: 1,
            timestamp: 0,
            ssrc: 1,
        };
        let mut latch = Latch::new(source(1));
        assert_eq!(latch.destination(), source(1));
        latch.judge(source(1), &header);
        assert!(!latch.signal(source(1)));
        assert_eq!(latch.taken(), Some(source(1)));
        assert!(latch.signal(source(2)));
        assert_eq!((latch.taken(), latch.destination()), (None, source(2)));
    }

    #[test]
    fn a_quiet_source_gives_way_only_to_what_may_be_the_same_phone() {
        let header = |ssrc, sequence| Header {
            payload_type: 8,
            marker: false,
            sequence,
            timestamp: 0,
            ssrc,
        };
        let doubted = || {
            let mut latch = Latch::new(source(1));
            assert!(!latch.doubt(7), "nothing was taken");
            latch.judge(source(1), &header(7, 1));
            assert!(latch.is_sure() && latch.doubt(7) && !latch.is_sure());
            assert_eq!((latch.taken(), latch.destination()), (Some(source(1)), source(1)));
            latch
        };
        let elsewhere: SocketAddr = ([127, 0, 0, 2], 1).into();
        for (from, ssrc, taken) in [(source(2), 8, true), (elsewhere, 7, true), (elsewhere, 8, false)] {
            let mut latch = doubted();
            let verdicts = [50, 51, 52, 53].map(|sequence| latch.judge(from, &header(ssrc, sequence)));
            let last = if taken { Peer } else { Stranger };
            assert_eq!(verdicts, [Stranger, Stranger, Stranger, last], "{from} {ssrc}");
            assert_eq!(latch.taken(), Some(if taken { from } else { source(1) }));
        }
        let mut latch = doubted();
        latch.judge(source(2), &header(7, 9));
        assert_eq!(
            latch.judge(source(1), &header(99, 9)),
            Peer,
            "the peer itself comes back at once"
        );
        assert_eq!(latch.judge(source(2), &header(7, 10)), Stranger);
    }

    #[test]
    fn the_former_source_must_show_far_more() {
        let mut latch = Latch::new(source(1));
        let mut header = Header {
            payload_type: 8,
            marker: false,
            sequence: 1,
            timestamp: 0,
            ssrc: 1,
        };
        latch.judge(source(1), &header);
        latch.signal(source(2));
        for sequence in 1..PACKETS_NEEDED_OF_FORMER {
            header.sequence = sequence.into();
            assert_eq!(latch.judge(source(1), &header), Stranger);
        }
        header.sequence += 1;
        assert_eq!(latch.judge(source(1), &header), Peer);
    }
}
