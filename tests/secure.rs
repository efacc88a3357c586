//! Real softphones that speak SRTP: a tone sent by each is measured at the other end, whichever of them encrypts.

use harness::{Baresip, Engine, Place, Settings, Softphone};
use std::time::Duration;

const CALLER_HZ: u32 = 440;
const OPERATOR_HZ: u32 = 1_000;

/// How much sound is judged at a time, how long it may take to come, and how often it is listened to.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(10);
const TRIES: u32 = 10;

/// The share of the power from which a stretch counts as that tone alone.
const PURE: f64 = 0.9;

async fn hears_tone(end: &Baresip, hz: u32) -> bool {
    for _ in 0..TRIES {
        let heard = end.hear(STRETCH, WITHIN).await;
        if heard.duration() >= STRETCH && heard.share_at(f64::from(hz)) > PURE {
            return true;
        }
    }
    false
}

/// One call between two softphones. Tells how many legs came to speak SRTP.
async fn call(settings: Settings, callers: Option<&str>, operators: Option<&str>) -> f64 {
    let place = Place::new();
    let settings = Settings {
        operators: &["1001"],
        sip: "digest = [\"md5\"]",
        ..settings
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let phone = Softphone {
        encryption: operators,
        ..Softphone::new("1001", OPERATOR_HZ, true)
    };
    let operator = Baresip::with(&place, engine.sip(), phone).await;
    feed.until("the operator to be available", |log| {
        log.operator("1001") == "available"
    })
    .await;
    let phone = Softphone {
        encryption: callers,
        ..Softphone::new("visitor", CALLER_HZ, false)
    };
    let mut caller = Baresip::with(&place, engine.sip(), phone).await;
    caller.dial("hotline").await;
    feed.until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    assert!(
        hears_tone(&caller, OPERATOR_HZ).await,
        "the caller hears the operator"
    );
    assert!(
        hears_tone(&operator, CALLER_HZ).await,
        "the operator hears the caller"
    );
    // Asked while they talk: a baresip that ends a call sends its RTCP BYE in the clear, as its keys are gone by then. On a
    // busy machine that comes before the SIP BYE has been dealt with, and is rightly refused.
    let metrics = engine.web().metrics().await;
    assert_eq!(
        metrics.sum("holdfast_rtp_dropped_total", &["reason=\"not_authentic\""]),
        0.0
    );
    let secured = metrics.sum("holdfast_rtp_srtp_legs_total", &[]);
    caller.command("hangup", "").await;
    feed.until("the call to end", |log| {
        log.texts("call_ended", "outcome") == ["answered"]
    })
    .await;
    engine.stop().await;
    secured
}

#[tokio::test]
async fn a_caller_in_the_clear_talks_to_an_operator_who_encrypts() {
    let settings = Settings {
        operator: "srtp = \"required\"",
        ..Settings::default()
    };
    assert_eq!(call(settings, None, Some("srtp-mand")).await, 1.0);
}

#[tokio::test]
async fn a_caller_who_encrypts_talks_to_an_operator_in_the_clear() {
    assert_eq!(call(Settings::default(), Some("srtp-mand"), None).await, 1.0);
}

#[tokio::test]
async fn keys_beside_rtp_avp_are_taken_by_who_can() {
    let settings = Settings {
        operator: "srtp = \"optional\"",
        ..Settings::default()
    };
    assert_eq!(call(settings.clone(), Some("srtp"), Some("srtp")).await, 2.0);
    assert_eq!(call(settings, None, None).await, 0.0);
}
