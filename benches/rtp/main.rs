//! The work of the media plane on one packet, without the system calls around it.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use media::bare::BarePath;
use media::{AfterPrompts, Codec, Language, Library, Playlist, Remote};
use std::hint::black_box;
use std::net::SocketAddr;
use std::path::Path;

fn source() -> SocketAddr {
    ([127, 0, 0, 1], 4_000).into()
}

fn path(from: Codec, to: Codec) -> BarePath {
    let remote = |codec| Remote {
        rtp: source(),
        rtcp: source(),
        codec,
        opus_pt: None,
        dtmf_pt: Some(101),
        dtmf_rate: 8_000,
        send: true,
        receive: true,
        ptime_ms: 20,
    };
    let music = Playlist {
        prompts: vec![],
        then: AfterPrompts::HoldMusic,
    };
    BarePath::new(remote(from), remote(to), music)
}

/// Packets of a stream that counts up, as they come from a phone.
fn stream(payload_type: u8) -> impl FnMut() -> [u8; 172] {
    let mut sequence = 0u16;
    move || {
        sequence = sequence.wrapping_add(1);
        let mut packet = [0xd5; 172];
        packet[..2].copy_from_slice(&[0x80, payload_type]);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&[0, 0, 0, 1]);
        packet
    }
}

fn relay(c: &mut Criterion) {
    let mut group = c.benchmark_group("rtp");
    group.throughput(Throughput::Elements(1));
    for (name, to) in [("relay", Codec::Pcma), ("relay_transcoded", Codec::Pcmu)] {
        let (mut path, mut next) = (path(Codec::Pcma, to), stream(8));
        group.bench_function(name, |b| {
            b.iter_batched(
                &mut next,
                |mut packet| path.relay(black_box(&mut packet), source()).map(<[u8]>::len),
                BatchSize::SmallInput,
            );
        });
        assert!(
            path.relay(&mut next(), source()).is_some(),
            "packets are relayed, not dropped"
        );
    }
    group.finish();
}

fn music(c: &mut Criterion) {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let (library, _) = Library::load(&config, &Language::ALL).expect("the project's audio is there");
    let mut path = path(Codec::Pcma, Codec::Pcma);
    let mut group = c.benchmark_group("rtp");
    group.throughput(Throughput::Elements(1));
    group.bench_function("music", |b| b.iter(|| path.play(black_box(&library))));
    group.finish();
}

criterion_group!(benches, relay, music);
criterion_main!(benches);
