//! Which offers of SRTP are taken, under which policy, and what is said to them.

use media::SrtpSuite;
use sip::SrtpPolicy::{self, Off, Optional, Required};
use sip::crypto::Security;
use sip::offer_answer::{self, Direction, Local};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n";
const KEY_80: &str =
    "a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^31\r\n";
const KEY_32: &str = "a=crypto:6 AES_CM_128_HMAC_SHA1_32 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
const KEY_MKI: &str =
    "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4\r\n";

fn local(policy: SrtpPolicy) -> Local {
    Local {
        rtp: "192.0.2.1:30000".parse().expect("an address"),
        session: 7,
        version: 1,
        security: Security::new(policy).expect("randomness"),
        webrtc: None,
        codecs: media::Codecs::new(&[]),
    }
}

/// The `m=` and `a=crypto` lines of a description, the keys left out.
fn told(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with("m=") || line.starts_with("a=crypto"))
        .map(|line| line.split(" inline:").next().unwrap_or_default().to_owned())
        .collect()
}

fn check(policy: SrtpPolicy, lines: &str, expect: Result<&[&str], u16>) {
    let offer = offer_answer::parse(format!("{HEAD}{lines}").as_bytes()).expect("a description");
    let local = local(policy);
    let checked = offer_answer::check(&offer, &local.codecs, local.security.as_ref());
    let answered = offer_answer::answer(&offer, &local);
    assert_eq!(checked.is_ok(), answered.is_ok(), "{policy:?} {lines}");
    match answered {
        Ok((text, agreed)) => {
            let told = told(&text);
            assert_eq!(
                Ok(told.iter().map(String::as_str).collect()),
                expect.map(<[&str]>::to_vec),
                "{policy:?} {lines}"
            );
            assert_eq!(
                agreed.keys.is_some(),
                text.contains("a=crypto"),
                "{policy:?} {lines}"
            );
            if let Some(keys) = agreed.keys {
                assert_ne!(keys.local, keys.remote);
            }
        }
        Err(error) => assert_eq!(
            Err(error.warning()),
            expect.map(<[&str]>::to_vec),
            "{policy:?} {lines}"
        ),
    }
}

#[test]
fn offers_are_answered_as_the_policy_has_it() {
    let savp = format!("m=audio 4000 RTP/SAVP 8\r\n{KEY_80}{KEY_32}");
    let beside = format!("m=audio 4000 RTP/AVP 8\r\n{KEY_32}");
    let plain = "m=audio 4000 RTP/AVP 8\r\n";
    let both = format!("{plain}{savp}");
    let secure: &[&str] = &["m=audio 30000 RTP/SAVP 8", "a=crypto:5 AES_CM_128_HMAC_SHA1_80"];
    let secure_beside: &[&str] = &["m=audio 30000 RTP/AVP 8", "a=crypto:6 AES_CM_128_HMAC_SHA1_32"];
    let clear: &[&str] = &["m=audio 30000 RTP/AVP 8"];
    check(Off, &savp, Err(302));
    check(Optional, &savp, Ok(secure));
    check(Required, &savp, Ok(secure));
    check(Off, &beside, Ok(clear));
    check(Optional, &beside, Ok(secure_beside));
    check(Required, &beside, Ok(secure_beside));
    check(Off, plain, Ok(clear));
    check(Optional, plain, Ok(clear));
    check(Required, plain, Err(302));
    check(
        Off,
        &both,
        Ok(&["m=audio 30000 RTP/AVP 8", "m=audio 0 RTP/SAVP 8"]),
    );
    check(
        Optional,
        &both,
        Ok(&[
            "m=audio 0 RTP/AVP 8",
            "m=audio 30000 RTP/SAVP 8",
            "a=crypto:5 AES_CM_128_HMAC_SHA1_80",
        ]),
    );
    let unusable = format!("m=audio 4000 RTP/SAVP 8\r\n{KEY_MKI}");
    check(Optional, &unusable, Err(302));
    check(
        Optional,
        &format!("{unusable}{plain}"),
        Ok(&["m=audio 0 RTP/SAVP 8", "m=audio 30000 RTP/AVP 8"]),
    );
    check(
        Optional,
        &format!("{unusable}{KEY_32}"),
        Ok(&["m=audio 30000 RTP/SAVP 8", "a=crypto:6 AES_CM_128_HMAC_SHA1_32"]),
    );
    check(Optional, "m=audio 4000 RTP/SAVP 8\r\n", Err(302));
    check(
        Required,
        &format!("m=audio 4000 RTP/SAVP 18\r\n{KEY_80}"),
        Err(305),
    );
}

/// Our offer under a policy, and the same repeated after a peer's answer.
fn offered(policy: SrtpPolicy, answer: &str) -> (String, Result<String, u16>) {
    let local = local(policy);
    let first = media::Codec::Pcma;
    let offer = offer_answer::offer(&local, first, Direction::SendRecv, None);
    let answer = offer_answer::parse(format!("{HEAD}{answer}").as_bytes()).expect("a description");
    let again = offer_answer::accept(&answer, &local, first)
        .map(|agreed| offer_answer::offer(&local, first, Direction::SendRecv, Some(&agreed)))
        .map_err(|error| error.warning());
    (offer, again)
}

#[test]
fn our_offers_name_keys_and_go_on_with_those_agreed() {
    let answer = |proto: &str, crypto: &str| format!("m=audio 4000 {proto} 8\r\n{crypto}");
    let key = |tag: u32, suite: SrtpSuite| {
        KEY_80.replace(
            "crypto:5 AES_CM_128_HMAC_SHA1_80",
            &format!("crypto:{tag} {}", suite.name()),
        )
    };
    let chosen = key(3, SrtpSuite::AesCm128HmacSha1_80);
    let all = [
        "a=crypto:1 AEAD_AES_256_GCM",
        "a=crypto:2 AEAD_AES_128_GCM",
        "a=crypto:3 AES_CM_128_HMAC_SHA1_80",
    ];
    for (policy, proto) in [(Optional, "RTP/AVP"), (Required, "RTP/SAVP")] {
        let (first, again) = offered(policy, &answer(proto, &chosen));
        let again = again.expect("the answer fits");
        let line = format!("m=audio 30000 {proto} 8 0 101");
        assert_eq!(told(&first), [&[line.as_str()], &all[..]].concat());
        assert_eq!(told(&again), [line.as_str(), all[2]]);
        let ours = |text: &str| text.lines().find(|l| l.starts_with(all[2])).map(str::to_owned);
        assert_eq!(ours(&first), ours(&again), "the key stays");
        // Another tag than ours, or a suite under another's.
        assert_eq!(offered(policy, &answer(proto, KEY_80)).1, Err(302));
    }
    let (_, again) = offered(Optional, &answer("RTP/AVP", ""));
    assert_eq!(
        told(&again.expect("it cannot, and need not")),
        ["m=audio 30000 RTP/AVP 8 0 101"]
    );
    assert_eq!(offered(Required, &answer("RTP/AVP", "")).1, Err(302));
    assert_eq!(offered(Required, &answer("RTP/SAVP", "")).1, Err(302));
    let (first, _) = offered(Off, &answer("RTP/AVP", ""));
    assert_eq!(told(&first), ["m=audio 30000 RTP/AVP 8 0 101"]);
}
