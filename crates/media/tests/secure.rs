//! A leg that is to speak SRTP takes in nothing in the clear and sends nothing in the clear.

mod common;

use common::*;
use media::{Codec, MasterKey, SrtpKeys, SrtpSuite};

fn keys(suite: SrtpSuite) -> SrtpKeys {
    let key = || MasterKey::random(suite).expect("the system has randomness");
    SrtpKeys {
        suite,
        local: key(),
        remote: key(),
        resumed: false,
    }
}

#[test]
fn nothing_passes_in_the_clear() {
    for suite in SrtpSuite::ALL {
        let plane = Plane::start();
        let mut caller_phone = plane.phone(caller(), Codec::Pcma, None);
        let mut operator_phone = plane.silent_phone(operator(), Codec::Pcma, None);
        operator_phone
            .port
            .set_secure_remote(operator_phone.remote, keys(suite));
        plane.media.bridge(caller(), operator());
        operator_phone.send(&frame(1));
        plane.dropped("not_authentic", 1);
        caller_phone.send(&frame(2));
        let sealed = operator_phone.receive();
        assert!(sealed.payload.len() > FRAME, "a tag follows");
        assert_ne!(sealed.payload[..FRAME], frame(2)[..], "{suite:?}");
        assert!(caller_phone.drain().is_empty(), "nobody without the key is heard");
        let line = format!("holdfast_rtp_srtp_legs_total{{suite=\"{}\"}}", suite.name());
        plane.await_metric(&line, 1.0);
        // Back in the clear by a new agreement.
        operator_phone.agree();
        operator_phone.send(&frame(3));
        assert_eq!(caller_phone.receive().payload, frame(3));
    }
}
