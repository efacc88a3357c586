//! What the fuzz target of session descriptions does with its input, and what must hold whatever it is. The tests run
//! the kept inputs through the same function, without a fuzzer.

use media::{Fingerprint, IceCredentials};
use sip::offer_answer::{self, Direction, Local};
use sip::webrtc::Webrtc;
use sip::{Security, SrtpPolicy};

/// A body that a peer offers or answers, to legs that take SRTP never, at will and always, and to a browser's.
pub(crate) fn sdp(data: &[u8]) {
    let Ok(theirs) = offer_answer::parse(data) else {
        return;
    };
    let webrtc = Webrtc {
        ice: IceCredentials::random().expect("the system has random numbers"),
        fingerprint: Fingerprint([7; 32]),
    };
    let browsers = Local {
        rtp: ([192, 0, 2, 1], 30_000).into(),
        session: 1,
        version: 1,
        codecs: media::Codecs::default(),
        security: None,
        webrtc: Some(webrtc),
    };
    let answered = |local: &Local| {
        let _ = offer_answer::accept(&theirs, local, media::Codec::Pcma);
        let Ok((answer, agreed)) = offer_answer::answer(&theirs, local) else {
            return;
        };
        let again = offer_answer::offer(local, media::Codec::Pcma, Direction::SendRecv, Some(&agreed));
        offer_answer::parse(again.as_bytes()).expect("what we offer can be read");
        let ours = offer_answer::parse(answer.as_bytes()).expect("what we answer can be read");
        assert_eq!(
            ours.medias.len(),
            theirs.medias.len(),
            "each line is answered (RFC 3264 section 6): {answer}"
        );
    };
    answered(&browsers);
    for policy in [SrtpPolicy::Off, SrtpPolicy::Optional, SrtpPolicy::Required] {
        let security = Security::new(policy).expect("the system has random numbers");
        let local = Local {
            security,
            webrtc: None,
            ..browsers
        };
        let _ = offer_answer::check(&theirs, &media::Codecs::default(), security.as_ref());
        answered(&local);
    }
}
