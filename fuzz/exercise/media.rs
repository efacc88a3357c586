//! What the fuzz targets of the media plane do with their input, and what must hold whatever it is. The tests run the kept inputs through
//! the same functions, without a fuzzer.

use media::bare::{BarePath, BareSrtp};
use media::{AfterPrompts, Codec, Playlist, Remote, SrtpSuite};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Longest packet that one octet of an input can announce.
const PACKET_MAX: usize = 255;

/// Four sources: the one that SDP named, two other ports and another host.
const SOURCES: [([u8; 4], u16); 4] = [
    ([127, 0, 0, 1], 4_000),
    ([127, 0, 0, 1], 4_002),
    ([127, 0, 0, 1], 4_004),
    ([127, 0, 0, 2], 4_000),
];

fn source(n: u8) -> SocketAddr {
    SOURCES[usize::from(n) % SOURCES.len()].into()
}

fn path() -> BarePath {
    let remote = |codec, dtmf_pt| Remote {
        rtp: source(0),
        rtcp: source(1),
        codec,
        opus_pt: None,
        dtmf_pt: Some(dtmf_pt),
        dtmf_rate: 8_000,
        send: true,
        receive: true,
        ptime_ms: 20,
    };
    let nothing = Playlist {
        prompts: vec![],
        then: AfterPrompts::Nothing,
    };
    BarePath::new(remote(Codec::Pcma, 101), remote(Codec::Pcmu, 96), nothing)
}

/// An input cut into packets: an octet that tells source and kind, an octet of length, and so many octets.
fn packets(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[how, length], rest) = data.split_first_chunk()?;
        let (packet, rest) = rest.split_at(usize::from(length).min(rest.len()));
        data = rest;
        Some((how, packet))
    })
}

/// Packets of several sources to the RTP port of one leg, whose peer another leg hears.
pub(crate) fn rtp(data: &[u8]) {
    let mut path = path();
    let mut ssrc = None;
    for (how, packet) in packets(data) {
        let mut buffer = [0; PACKET_MAX];
        let buffer = &mut buffer[..packet.len()];
        buffer.copy_from_slice(packet);
        if how & 0x80 != 0 {
            path.sample(how & 0x40 != 0);
        }
        let Some(sent) = path.relay(buffer, source(how)) else {
            continue;
        };
        assert!(
            sent.len() >= 12 && sent.len() <= packet.len(),
            "{sent:02x?} of {packet:02x?}"
        );
        assert_eq!(sent[0], 0x80, "no padding, no extension, no sources");
        assert!(
            matches!(sent[1] & 0x7f, 0 | 96),
            "what the other leg agreed to: {sent:02x?}"
        );
        let of_stream = sent[8..12].to_vec();
        assert_eq!(ssrc.get_or_insert(of_stream.clone()), &of_stream, "one stream");
    }
}

/// Packets to the RTP and RTCP port of a leg; our own reports in between.
pub(crate) fn rtcp(data: &[u8]) {
    let mut path = path();
    for (how, packet) in packets(data) {
        match how >> 6 {
            0 => {
                let mut packet = packet.to_vec();
                path.relay(&mut packet, source(how));
            }
            1 => {
                let report = path.report();
                assert!(
                    report.len() >= 8 && report.len().is_multiple_of(4),
                    "{report:02x?}"
                );
                assert!(
                    report[0] >> 6 == 2 && matches!(report[1], 200 | 201),
                    "{report:02x?}"
                );
            }
            _ => {
                path.rtcp(packet, source(how));
            }
        }
    }
}

/// Key presses of one peer: code, flags, duration, and how far sequence and timestamp move.
pub(crate) fn dtmf(data: &[u8]) {
    let mut path = path();
    let (mut sequence, mut timestamp) = (0u16, 0u32);
    let mut timestamps = BTreeSet::new();
    let mut keys = 0;
    for event in data.as_chunks::<6>().0 {
        let &[code, flags, high, low, numbers, samples] = event;
        sequence = sequence.wrapping_add(u16::from(numbers % 4));
        timestamp = timestamp.wrapping_add(u32::from(samples) * 80);
        let mut packet = vec![0x80, 101];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend([0, 0, 0, 9, code, flags, high, low]);
        timestamps.insert(timestamp);
        if let Some(sent) = path.relay(&mut packet, source(0)) {
            assert_eq!(sent[12..], event[..4], "a key passes as it is");
        }
        if let Some(key) = path.key() {
            assert!(key.is_ascii_digit() || "*#ABCD".contains(key), "{key:?}");
            keys += 1;
        }
    }
    assert!(
        keys <= timestamps.len(),
        "{keys} presses of {} moments",
        timestamps.len()
    );
}

/// SRTP and SRTCP: the first octet tells the suite, the others are packets. Some are put to the receiver as they are, some
/// are sealed first, and arrive whole, changed on the way, or twice.
pub(crate) fn srtp(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else {
        return;
    };
    let suite = SrtpSuite::ALL[usize::from(first) % SrtpSuite::ALL.len()];
    let mut ends = BareSrtp::new(suite, first).expect("a key of the suite's length");
    for (how, packet) in packets(data) {
        let is_rtcp = how & 0x20 != 0;
        if how >> 6 == 0 {
            assert_eq!(ends.open(is_rtcp, packet), None, "nobody without the key gets in");
            continue;
        }
        let mut packet = packet.to_vec();
        // A sender has one stream.
        if let Some(ssrc) = packet.get_mut(8..12).filter(|_| !is_rtcp) {
            ssrc.copy_from_slice(b"ssrc");
        }
        let Some(sealed) = ends.seal(is_rtcp, &packet) else {
            continue;
        };
        if how >> 6 == 2 {
            let mut changed = sealed.clone();
            let at = usize::from(how & 0x1f) * 7 % changed.len();
            changed[at] ^= 1 << (how & 7);
            assert_eq!(
                ends.open(is_rtcp, &changed),
                None,
                "changed at {at}: {sealed:02x?}"
            );
        }
        assert_eq!(
            ends.open(is_rtcp, &sealed),
            Some(packet),
            "as it was, and nothing before it did harm"
        );
        assert_eq!(ends.open(is_rtcp, &sealed), None, "a packet is taken once");
    }
}
