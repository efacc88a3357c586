//! A browser is the phone: SIP over WebSocket and WebRTC to the real engine, bridged to a softphone's plain RTP. What
//! each side sends is measured at the other.

use harness::{Chromium, Engine, Feed, Place, SECRET, Settings, soon};
use phone::{Call, CallState, Phone, PhoneConfig};
use std::path::PathBuf;
use std::time::Duration;

/// What the caller and the browser's microphone send.
const CALLER_HZ: u32 = 440;
const BROWSER_HZ: u32 = 1_000;

/// How much sound is judged at a time, and how long it may take to come.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(10);

/// How often the same is listened to until it is as expected.
const TRIES: u32 = 20;

/// The share of the power from which a stretch counts as that tone alone.
const PURE: f64 = 0.9;

/// A second of the tone that the browser's microphone hears.
fn microphone(place: &Place) -> PathBuf {
    let path = place.dir().join("microphone.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).expect("the folder can be written");
    for i in 0..48_000 {
        let phase = f64::from(i) * f64::from(BROWSER_HZ) / 48_000.0 * std::f64::consts::TAU;
        file.write_sample((phase.sin() * 8_000.0) as i16)
            .expect("the folder can be written");
    }
    file.finalize().expect("the folder can be written");
    path
}

/// A browser with a phone in the engine's own page.
async fn browser(place: &Place, engine: &Engine, name: &str) -> Chromium {
    let url = format!("http://{}/about.json", engine.web().0);
    let mut browser = Chromium::open(place, name, &url, &microphone(place)).await;
    browser.run(include_str!("browser/phone.js")).await;
    browser
}

/// An operator who has signed in, whose browser is the phone.
async fn operators(place: &Place, engine: &Engine, feed: &mut Feed) -> Chromium {
    let mut browser = browser(place, engine, "operator").await;
    browser.run(&format!("signIn('1001', '{SECRET}')")).await;
    browser.run("start('1001', true)").await;
    feed.until("the operator to be available", |log| {
        log.operator("1001") == "available"
    })
    .await;
    browser
}

async fn caller_hears(caller: &Call, hz: u32) {
    let mut shares = Vec::new();
    for _ in 0..TRIES {
        let heard = caller.hear(STRETCH, WITHIN).await;
        shares.push(heard.share_at(f64::from(hz)));
        if shares.last().is_some_and(|share| *share > PURE) {
            return;
        }
    }
    panic!("no tone of {hz} Hz at the caller: {shares:?}");
}

async fn browser_hears(browser: &mut Chromium, hz: u32) {
    let script = format!(
        "(() => {{ const {{ hertz, share }} = heard(); return Math.abs(hertz - {hz}) < 12 && share > {PURE}; }})()"
    );
    browser.until("the tone in the page", &script).await;
}

fn settings() -> Settings {
    Settings {
        operators: &["1001"],
        ..Settings::default()
    }
}

/// A caller's phone, and its call that the browser has picked up.
async fn connected(engine: &Engine, feed: &mut Feed, browser: &mut Chromium) -> (Phone, Call) {
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut call = caller.call("hotline", None).await.unwrap();
    call.tone(CALLER_HZ);
    browser
        .until("the browser to ring", "phone.state === 'rings'")
        .await;
    browser.run("answer()").await;
    feed.until("the two to be connected", |log| log.count("call_connected") >= 1)
        .await;
    assert_eq!(
        soon("the caller to be answered", call.settled()).await,
        CallState::Talking
    );
    (caller, call)
}

#[tokio::test]
async fn a_caller_and_a_browser_hear_each_other() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let mut feed = engine.feed().await;
    let mut browser = operators(&place, &engine, &mut feed).await;
    let (_phone, mut call) = connected(&engine, &mut feed, &mut browser).await;
    browser_hears(&mut browser, CALLER_HZ).await;
    caller_hears(&call, BROWSER_HZ).await;
    let metrics = engine.web().metrics().await;
    assert_eq!(metrics.sum("holdfast_rtp_webrtc_legs", &[]), 1.0);
    assert_eq!(metrics.sum("holdfast_sip_websockets", &[]), 1.0);

    // The browser puts the caller on hold, and takes the call back.
    browser.run("hold(true)").await;
    feed.until("the call to be on hold", |log| log.count("call_held") == 1)
        .await;
    browser.run("hold(false)").await;
    feed.until("the call to go on", |log| log.count("call_held") == 2)
        .await;
    caller_hears(&call, BROWSER_HZ).await;
    browser_hears(&mut browser, CALLER_HZ).await;

    // The browser hangs up.
    browser.run("hangUp()").await;
    assert_eq!(
        soon("the caller to be told", call.over()).await,
        CallState::HungUp { by_peer: true }
    );
    feed.until("the call to end", |log| {
        log.texts("call_ended", "outcome") == ["answered"]
    })
    .await;

    // The page is closed: nobody rings it any more.
    drop(browser);
    feed.until("the operator to be unavailable", |log| {
        log.operator("1001") != "available"
    })
    .await;
    engine.stop().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_ends_the_browsers_call() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let mut feed = engine.feed().await;
    let mut browser = operators(&place, &engine, &mut feed).await;
    let (_phone, mut call) = connected(&engine, &mut feed, &mut browser).await;
    browser_hears(&mut browser, CALLER_HZ).await;
    call.hang_up().await;
    browser
        .until("the browser's call to end", "phone.state === 'ready'")
        .await;
    engine.stop().await;
}

#[tokio::test]
async fn a_browsers_call_outlives_the_engine() {
    let place = Place::new();
    let settings = Settings {
        address: Some(place.address()),
        ..settings()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut browser = operators(&place, &engine, &mut feed).await;
    let (_phone, mut call) = connected(&engine, &mut feed, &mut browser).await;
    browser_hears(&mut browser, CALLER_HZ).await;
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    // Before the page is back: the sound goes on by itself.
    caller_hears(&call, BROWSER_HZ).await;
    browser_hears(&mut browser, CALLER_HZ).await;
    browser
        .until("the page to notice", "phone.socket.readyState === 3")
        .await;
    browser.run("start('1001', true)").await;
    call.hang_up().await;
    browser
        .until("the browser's call to end", "phone.state === 'ready'")
        .await;
    engine.stop().await;
}

#[tokio::test]
async fn a_browser_is_the_caller_where_that_is_allowed() {
    let place = Place::new();
    let settings = Settings {
        trunk: "browsers = true",
        ..settings()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let operator = PhoneConfig {
        secret: Some(SECRET.to_owned()),
        ..PhoneConfig::new("1001", engine.sip())
    };
    let operator = Phone::start(operator).await.unwrap();
    operator.register(Duration::from_secs(300)).await.unwrap();
    let mut browser = browser(&place, &engine, "caller").await;
    browser.run("start('visitor', false)").await;
    browser.run("void dial('hotline')").await;
    let incoming = soon("the operator's phone to ring", operator.rung())
        .await
        .unwrap();
    let mut called = incoming.answer().unwrap();
    called.tone(CALLER_HZ);
    feed.until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    browser_hears(&mut browser, CALLER_HZ).await;
    caller_hears(&called, BROWSER_HZ).await;
    called.hang_up().await;
    browser
        .until("the browser's call to end", "phone.state === 'ready'")
        .await;
    engine.stop().await;
}
