//! The RFCs' test vectors, and what contexts do over a call's life.

use super::cipher::{Cipher, Context, For};
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16).map(|d| d as u8))
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const MASTER: &str = "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6";

/// Both directions under one key, so that what is sent can be received.
fn srtp(suite: SrtpSuite) -> Srtp {
    Srtp::new(keys(suite, 7))
}

fn keys(suite: SrtpSuite, first: u8) -> SrtpKeys {
    let octets: Vec<u8> = (0..suite.master_len() as u8)
        .map(|n| n.wrapping_mul(31) ^ first)
        .collect();
    let key = MasterKey::new(suite, &octets).expect("the suite's length");
    SrtpKeys {
        suite,
        local: key,
        remote: key,
        resumed: false,
    }
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..160).map(|n| n as u8 ^ sequence as u8));
    packet
}

/// RFC 3711 appendix B.2: the key stream of counter mode.
#[test]
fn rfc_3711_b_2() {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&hex("2B7E151628AED2A6ABF7158809CF4F3C"));
    let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().expect("14 octets");
    let cipher = Cipher::of_session(SrtpSuite::AesCm128HmacSha1_80, For::Rtp, &key, &[0; 20], salt);
    let mut stream = vec![0; 0xff02 * 16];
    let context = Context {
        ssrc: 0,
        index: 0,
        word: [0; 4],
        is_rtcp: false,
    };
    cipher.seal(&mut stream, 0, &context).expect("a tag");
    for (block, expect) in [
        (0, "E03EAD0935C95E80E166B16DD92B4EB4"),
        (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
        (2, "41E95B3BB0A2E8DD477901E4FCA894C0"),
        (0xfeff, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
        (0xff00, "362B7C3C6773516318A077D7FC5073AE"),
        (0xff01, "6A2CC3787889374FBEB4C81B17BA6C44"),
    ] {
        assert_eq!(stream[block * 16..][..16], hex(expect), "block {block:x}");
    }
}

/// RFC 3711 appendix B.3: the session keys of a master key. They show in what is made with them.
#[test]
fn rfc_3711_b_3() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let master = MasterKey::new(suite, &hex(MASTER)).expect("the suite's length");
    let mut key = [0; 32];
    key[..16].copy_from_slice(&hex("C61E7A93744F39EE10734AFE3FF7A087"));
    let salt = hex("30CBBC08863D8C85D49DB34A9AE1").try_into().expect("14 octets");
    let authentication = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
    let authentication = authentication.as_slice().try_into().expect("20 octets");
    let context = Context {
        ssrc: 0xcafe_babe,
        index: 0x1234_5678_9abc,
        word: [1, 2, 3, 4],
        is_rtcp: false,
    };
    let sealed = |cipher: Cipher| {
        let mut body = [9; 60];
        let tag = cipher.seal(&mut body, 12, &context).expect("a tag");
        (body, tag)
    };
    assert_eq!(
        sealed(Cipher::derive(suite, &master, For::Rtp)),
        sealed(Cipher::of_session(suite, For::Rtp, &key, authentication, salt))
    );
}

/// A whole packet, and a whole report, as libsrtp's own test has them.
#[test]
fn counter_mode_makes_what_libsrtp_makes() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let key = MasterKey::new(suite, &hex(MASTER)).expect("the suite's length");
    let mut srtp = Srtp::new(SrtpKeys {
        suite,
        local: key,
        remote: key,
        resumed: false,
    });
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    let expect = hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    assert_eq!(srtp.sender.rtp(&plain), Some(&expect[..]));
    let report = hex("81c8000bcafebabe abababababababababababababababab");
    let expect = hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    assert_eq!(srtp.sender.rtcp(&report), Some(&expect[..]));
}

const RFC_7714_RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
    69736120 696e2070 61727465 73207472 6573";

fn rfc_7714_cipher(suite: SrtpSuite, kind: For) -> Cipher {
    let key = std::array::from_fn(|n| n as u8);
    let mut salt = [0; 14];
    salt[..12].copy_from_slice(b"Quid pro quo");
    Cipher::of_session(suite, kind, &key, &[0; 20], salt)
}

/// RFC 7714 §16.1.1 and §16.2.1.
#[test]
fn rfc_7714_16_rtp() {
    for (suite, expect) in [
        (
            SrtpSuite::AeadAes128Gcm,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
             51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            SrtpSuite::AeadAes256Gcm,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
             76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let cipher = rfc_7714_cipher(suite, For::Rtp);
        let mut packet = hex(RFC_7714_RTP);
        let context = Context {
            ssrc: 0x5501_a0b2,
            index: 0xf17b,
            word: [0; 4],
            is_rtcp: false,
        };
        let tag = cipher.seal(&mut packet, 12, &context).expect("a tag");
        assert_eq!([&packet[..], &tag].concat(), hex(expect), "{suite:?}");
        assert!(cipher.open(&mut packet, 12, &tag, &context));
        assert_eq!(packet, hex(RFC_7714_RTP));
    }
}

/// RFC 7714 §17.1: a report under the same key.
#[test]
fn rfc_7714_17_rtcp() {
    let cipher = rfc_7714_cipher(SrtpSuite::AeadAes128Gcm, For::Rtcp);
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
        deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let expect = hex(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
        c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade",
    );
    let mut packet = plain.clone();
    let context = Context {
        ssrc: 0x4d61_7273,
        index: 0x5d4,
        word: hex("800005d4").try_into().expect("4 octets"),
        is_rtcp: true,
    };
    let tag = cipher.seal(&mut packet, 8, &context).expect("a tag");
    assert_eq!([&packet[..], &tag].concat(), expect);
    assert!(cipher.open(&mut packet, 8, &tag, &context));
    assert_eq!(packet, plain);
}

#[test]
fn what_is_protected_comes_back_and_only_once() {
    for suite in SrtpSuite::ALL {
        let mut srtp = srtp(suite);
        for sequence in [5, 6, 8, 7] {
            let plain = packet(1, sequence);
            let sealed = srtp.sender.rtp(&plain).expect("a fresh index").to_vec();
            assert_eq!(sealed.len(), plain.len() + suite.rtp_tag_len());
            assert_ne!(sealed[12..172], plain[12..172], "{suite:?}");
            let mut arrived = sealed.clone();
            let length = srtp.receiver.rtp(&mut arrived).expect("it is authentic");
            assert_eq!(arrived[..length], plain);
            assert_eq!(srtp.receiver.rtp(&mut sealed.clone()), Err(Refused::Replayed));
        }
        let report = [&[0x80, 201, 0, 1, 0, 0, 0, 1][..], &[0x81, 202, 0, 1, 0, 0, 0, 1]].concat();
        let sealed = srtp.sender.rtcp(&report).expect("room for a report").to_vec();
        let mut arrived = sealed.clone();
        let length = srtp.receiver.rtcp(&mut arrived).expect("it is authentic");
        assert_eq!(arrived[..length], report);
        assert_eq!(srtp.receiver.rtcp(&mut sealed.clone()), Err(Refused::Replayed));
    }
}

#[test]
fn no_index_is_sent_twice() {
    let mut srtp = srtp(SrtpSuite::AeadAes128Gcm);
    assert!(srtp.sender.rtp(&packet(1, 500)).is_some());
    assert!(srtp.sender.rtp(&packet(1, 499)).is_some());
    for sequence in [500, 499, 372] {
        assert!(srtp.sender.rtp(&packet(1, sequence)).is_none(), "{sequence}");
    }
    srtp.rekey(keys(SrtpSuite::AeadAes128Gcm, 7));
    assert!(
        srtp.sender.rtp(&packet(1, 500)).is_none(),
        "an agreement repeated keeps the context"
    );
}

#[test]
fn a_stream_goes_on_through_rollovers_with_losses() {
    for suite in SrtpSuite::ALL {
        let mut srtp = srtp(suite);
        let mut sequence = 60_000u16;
        for n in 0..3 * 65_536 / 997 {
            let sealed = srtp.sender.rtp(&packet(1, sequence)).expect("fresh").to_vec();
            if n % 7 != 3 {
                let mut arrived = sealed;
                assert!(srtp.receiver.rtp(&mut arrived).is_ok(), "{suite:?} {n}");
            }
            sequence = sequence.wrapping_add(997);
        }
    }
}

#[test]
fn any_change_is_noticed_and_changes_nothing() {
    for suite in SrtpSuite::ALL {
        let mut srtp = srtp(suite);
        let sealed = srtp.sender.rtp(&packet(1, 9)).expect("fresh").to_vec();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(
                    srtp.receiver.rtp(&mut changed).is_err(),
                    "{suite:?} octet {at} bit {bit}"
                );
            }
        }
        for length in 0..sealed.len() {
            assert!(
                srtp.receiver.rtp(&mut sealed[..length].to_vec()).is_err(),
                "{suite:?} {length}"
            );
        }
        assert!(
            srtp.receiver.rtp(&mut sealed.clone()).is_ok(),
            "{suite:?}: still the first"
        );
    }
}

#[test]
fn a_new_source_begins_at_zero_and_the_old_cannot_be_played_again() {
    let mut srtp = srtp(SrtpSuite::AesCm128HmacSha1_80);
    let before = srtp.sender.rtp(&packet(1, 100)).expect("fresh").to_vec();
    assert!(srtp.receiver.rtp(&mut before.clone()).is_ok());
    let after = srtp.sender.rtp(&packet(2, 7)).expect("fresh").to_vec();
    assert!(srtp.receiver.rtp(&mut after.clone()).is_ok());
    assert_eq!(srtp.receiver.rtp(&mut before.clone()), Err(Refused::Replayed));
    assert_eq!(srtp.receiver.rtp(&mut after.clone()), Err(Refused::Replayed));
}

#[test]
fn a_new_key_is_taken_up_whether_the_peer_goes_on_counting_or_not() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    for goes_on in [false, true] {
        let mut ours = srtp(suite);
        let mut peers = Srtp::new(keys(suite, 7));
        for n in 0..30u16 {
            let sealed = peers
                .sender
                .rtp(&packet(1, n.wrapping_mul(5_000)))
                .expect("fresh")
                .to_vec();
            assert!(ours.receiver.rtp(&mut sealed.clone()).is_ok(), "{n}");
        }
        let mut renewed = Srtp::new(keys(suite, 9));
        if goes_on {
            for n in 0..30u16 {
                renewed.sender.rtp(&packet(1, n.wrapping_mul(5_000)));
            }
        }
        let next = 30u16.wrapping_mul(5_000);
        let sealed = renewed.sender.rtp(&packet(1, next)).expect("fresh").to_vec();
        assert!(ours.receiver.rtp(&mut sealed.clone()).is_err());
        ours.rekey(keys(suite, 9));
        assert!(
            ours.receiver.rtp(&mut sealed.clone()).is_ok(),
            "goes on: {goes_on}"
        );
        let old = peers.sender.rtp(&packet(1, next)).expect("fresh").to_vec();
        assert!(ours.receiver.rtp(&mut old.clone()).is_err());
    }
}

#[test]
fn a_resumed_leg_finds_out_how_often_its_peer_came_round() {
    for suite in SrtpSuite::ALL {
        let mut peer = srtp(suite);
        let mut sequence = 0u16;
        for _ in 0..40 {
            peer.sender.rtp(&packet(1, sequence));
            sequence = sequence.wrapping_add(30_000);
        }
        let sealed = peer.sender.rtp(&packet(1, sequence)).expect("fresh").to_vec();
        assert!(
            Srtp::new(keys(suite, 7))
                .receiver
                .rtp(&mut sealed.clone())
                .is_err()
        );
        let mut resumed = Srtp::new(keys(suite, 7).resumed());
        assert!(resumed.receiver.rtp(&mut sealed.clone()).is_ok(), "{suite:?}");
        let next = peer
            .sender
            .rtp(&packet(1, sequence.wrapping_add(1)))
            .expect("fresh")
            .to_vec();
        assert!(resumed.receiver.rtp(&mut next.clone()).is_ok(), "{suite:?}");
    }
}

#[test]
fn reports_in_the_clear_are_not_taken() {
    let mut srtp = srtp(SrtpSuite::AesCm128HmacSha1_80);
    let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
    let mut sealed = srtp.sender.rtcp(&report).expect("room").to_vec();
    sealed[8] &= 0x7f;
    assert_eq!(srtp.receiver.rtcp(&mut sealed), Err(Refused::NotAuthentic));
}

#[test]
fn no_octets_break_the_receiver() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for suite in SrtpSuite::ALL {
        let mut srtp = srtp(suite);
        for _ in 0..20_000 {
            let mut octets: Vec<u8> = (0..random() % 90).map(|_| random() as u8).collect();
            if let Some(first) = octets.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            assert!(srtp.receiver.rtp(&mut octets).is_err());
            assert!(srtp.receiver.rtcp(&mut octets).is_err());
        }
    }
}

#[test]
fn keys_do_not_show() {
    let shown = format!("{:?}", keys(SrtpSuite::AeadAes128Gcm, 7));
    assert!(shown.contains("MasterKey(..)") && !shown.contains('7'), "{shown}");
}
