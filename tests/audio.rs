//! Two people talk: a tone sent by each is measured at the other end, since hold music alone would prove nothing.

use harness::{Baresip, Engine, Place, SECRET, Settings, audio_dir, soon};
use phone::{Call, CallState, Codec, Heard, Phone, PhoneConfig, Transport};
use std::time::Duration;

/// What the caller and the operator send.
const CALLER_HZ: u32 = 440;
const OPERATOR_HZ: u32 = 1_000;

/// How much sound is judged at a time, and how long it may take to come.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(10);

/// How often the same is listened to until it is as expected. Sound on its way counts against the first.
const TRIES: u32 = 10;

/// The longest pause when a caller hears somebody else.
const SPLICE_MAX: Duration = Duration::from_millis(40);

/// The share of the power from which a stretch counts as that tone alone.
const PURE: f64 = 0.9;

fn is_tone(heard: &Heard, hz: u32) -> bool {
    heard.duration() >= STRETCH && heard.share_at(f64::from(hz)) > PURE
}

/// Listens at one end until it hears that tone.
macro_rules! hears_tone {
    ($end:expr, $hz:expr) => {{
        let mut shares = Vec::new();
        for _ in 0..TRIES {
            let heard = $end.hear(STRETCH, WITHIN).await;
            shares.push(heard.share_at(f64::from($hz)));
            if is_tone(&heard, $hz) {
                break;
            }
        }
        assert!(
            shares.last().is_some_and(|share| *share > PURE),
            "no tone of {} Hz: {shares:?}",
            $hz
        );
    }};
}

#[tokio::test]
async fn two_softphones_hear_each_other_and_nobody_else() {
    let place = Place::new();
    // This old baresip gives up on any challenge it does not know, even beside one that it does.
    let settings = Settings {
        operators: &["1001"],
        sip: "digest = [\"md5\"]",
        ..Settings::default()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let operator = Baresip::start(&place, "1001", OPERATOR_HZ, engine.sip(), true).await;
    feed.until("the operator to be available", |log| {
        log.operator("1001") == "available"
    })
    .await;
    let mut caller = Baresip::start(&place, "visitor", CALLER_HZ, engine.sip(), false).await;
    caller.dial("hotline").await;
    feed.until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;

    hears_tone!(caller, OPERATOR_HZ);
    hears_tone!(operator, CALLER_HZ);

    caller.command("hold", "").await;
    feed.until("the call to be on hold", |log| {
        log.texts("call_held", "held").len() == 1
    })
    .await;
    for _ in 0..TRIES {
        if !is_tone(&operator.hear(STRETCH, STRETCH * 2).await, CALLER_HZ) {
            break;
        }
    }
    assert!(
        !is_tone(&operator.hear(STRETCH, STRETCH * 2).await, CALLER_HZ),
        "on hold the operator hears no caller"
    );
    caller.command("resume", "").await;
    feed.until("the call to go on", |log| log.count("call_held") == 2)
        .await;
    // This baresip decodes nothing any more after a hold of its own, with any peer: only the other end can tell.
    hears_tone!(operator, CALLER_HZ);

    caller.command("hangup", "").await;
    feed.until("the call to end", |log| {
        log.texts("call_ended", "outcome") == ["answered"]
    })
    .await;
    let metrics = engine.web().metrics().await;
    assert_eq!(
        metrics.sum("holdfast_calls_total", &["outcome=\"answered\""]),
        1.0
    );
    engine.stop().await;
}

/// A caller and an operator of ours, connected through the engine.
async fn pair(engine: &Engine, caller: PhoneConfig, operator: PhoneConfig) -> (Phone, Phone, Call, Call) {
    let operator = Phone::start(operator).await.unwrap();
    operator.register(Duration::from_secs(300)).await.unwrap();
    let caller = Phone::start(caller).await.unwrap();
    let mut calling = caller.call("12345", Some("13800000001")).await.unwrap();
    let incoming = soon("the operator's phone to ring", operator.rung())
        .await
        .unwrap();
    assert_eq!(incoming.caller(), "13800000001", "the operator sees who calls");
    incoming.ringing();
    let called = incoming.answer().unwrap();
    calling.tone(CALLER_HZ);
    called.tone(OPERATOR_HZ);
    assert_eq!(
        soon("the caller to be answered", calling.settled()).await,
        CallState::Talking
    );
    let connected = engine.web();
    soon("the call to be connected", async {
        while connected
            .metrics()
            .await
            .sum("holdfast_operators", &["state=\"talking\""])
            != 1.0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    (caller, operator, calling, called)
}

fn phones(engine: &Engine) -> (PhoneConfig, PhoneConfig) {
    let caller = PhoneConfig::new("13800000001", engine.sip());
    let operator = PhoneConfig {
        secret: Some(SECRET.to_owned()),
        ..PhoneConfig::new("1001", engine.sip())
    };
    (caller, operator)
}

async fn engine_with_one_operator(place: &Place, address: Option<std::net::IpAddr>) -> Engine {
    Engine::start(
        place,
        &Settings {
            operators: &["1001"],
            address,
            ..Settings::default()
        },
    )
    .await
}

/// Connects two phones, listens at both ends, and lets the operator hang up.
async fn hear_each_other(engine: &Engine, caller: PhoneConfig, operator: PhoneConfig) {
    let (caller, operator, mut calling, mut called) = pair(engine, caller, operator).await;
    hears_tone!(calling, OPERATOR_HZ);
    hears_tone!(called, CALLER_HZ);
    called.hang_up().await;
    assert_eq!(
        soon("the caller's leg to end", calling.over()).await,
        CallState::HungUp { by_peer: true }
    );
    assert_eq!((caller.dialogs(), operator.dialogs()), (0, 0));
}

#[tokio::test]
async fn a_law_and_mu_law_meet() {
    let place = Place::new();
    let engine = engine_with_one_operator(&place, None).await;
    let (caller, operator) = phones(&engine);
    hear_each_other(
        &engine,
        caller,
        PhoneConfig {
            codec: Codec::Pcmu,
            ..operator
        },
    )
    .await;
    engine.stop().await;
}

#[tokio::test]
async fn phones_over_tcp_are_served_alike() {
    let place = Place::new();
    let engine = engine_with_one_operator(&place, None).await;
    let (caller, operator) = phones(&engine);
    let tcp = |phone| PhoneConfig {
        transport: Transport::Tcp,
        ..phone
    };
    hear_each_other(&engine, tcp(caller), tcp(operator)).await;
    engine.stop().await;
}

#[tokio::test]
async fn phones_over_ipv6_are_served_alike() {
    let place = Place::new();
    let engine = engine_with_one_operator(&place, Some(std::net::Ipv6Addr::LOCALHOST.into())).await;
    let (caller, operator) = phones(&engine);
    hear_each_other(&engine, caller, operator).await;
    engine.stop().await;
}

#[tokio::test]
async fn hold_music_becomes_the_operator_in_one_unbroken_stream() {
    let place = Place::new();
    let engine = engine_with_one_operator(&place, None).await;
    let (caller, operator) = phones(&engine);
    let caller = Phone::start(caller).await.unwrap();
    let mut calling = caller.call("hotline", None).await.unwrap();
    assert_eq!(
        soon("the caller to be answered", calling.settled()).await,
        CallState::Talking
    );
    let music = calling.hear(STRETCH, WITHIN).await;
    assert!(
        music.level() > 50.0,
        "the caller hears something: {}",
        music.level()
    );
    assert_eq!((music.lost, music.source_changes), (0, 0));

    let operator = Phone::start(operator).await.unwrap();
    operator.register(Duration::from_secs(300)).await.unwrap();
    let called = soon("the phone to ring", operator.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    called.tone(OPERATOR_HZ);
    // Long enough to hear music, the change, and the operator's tone.
    let heard = calling.hear(STRETCH * 4, WITHIN).await;
    assert_eq!(
        (heard.lost, heard.source_changes),
        (0, 0),
        "one stream for the whole call"
    );
    longest_pause(&heard);
    hears_tone!(calling, OPERATOR_HZ);

    // A machine that is busy elsewhere may hold us up at a change, and then the timestamps tell: so there are several.
    let mut pauses = Vec::new();
    for n in 0..TRIES {
        let held = n % 2 == 0;
        let (heard, done) = tokio::join!(calling.hear(STRETCH, WITHIN), called.hold(held));
        done.unwrap();
        pauses.push(longest_pause(&heard));
        if held {
            hears_music(&calling).await;
        } else {
            hears_tone!(calling, OPERATOR_HZ);
        }
    }
    for way in [0, 1] {
        let best = pauses.iter().skip(way).step_by(2).min();
        assert!(
            best.is_some_and(|pause| *pause <= SPLICE_MAX),
            "the pauses at the changes: {pauses:?}"
        );
    }
    engine.stop().await;
}

/// Hold music, which has little of the operator's tone.
async fn hears_music(call: &Call) {
    for _ in 0..TRIES {
        let heard = call.hear(STRETCH, WITHIN).await;
        if heard.level() > 50.0 && heard.share_at(f64::from(OPERATOR_HZ)) < 0.5 {
            return;
        }
    }
    panic!("no music");
}

/// Checks that packets are one stream: no number is missing and no sample is said twice; where time is missing, the marker
/// tells of it. Gives the longest pause that there was or that the timestamps tell of.
fn longest_pause(heard: &Heard) -> Duration {
    let mut longest = Duration::ZERO;
    for pair in heard.arrived().windows(2) {
        let [before, packet] = pair else { continue };
        assert_eq!(
            packet.sequence,
            before.sequence.wrapping_add(1),
            "{packet:?} after {before:?}"
        );
        let missing = packet
            .timestamp
            .wrapping_sub(before.timestamp)
            .wrapping_sub(before.samples);
        assert!(
            missing == 0 || (missing < 80_000 && packet.marker),
            "{missing} samples before {packet:?} after {before:?}"
        );
        let missing = Duration::from_micros(u64::from(missing) * 125);
        longest = longest.max(missing).max(packet.after);
    }
    longest
}

#[tokio::test]
async fn the_greeting_is_cut_short_by_the_operator() {
    let place = Place::new();
    let engine = engine_with_one_operator(&place, None).await;
    let (caller, operator) = phones(&engine);
    let operator = Phone::start(operator).await.unwrap();
    operator.register(Duration::from_secs(300)).await.unwrap();
    let caller = Phone::start(caller).await.unwrap();
    let calling = caller.call("hotline", None).await.unwrap();
    let called = soon("the phone to ring", operator.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    called.tone(OPERATOR_HZ);
    // The words of the greeting in one language, of which there are two, are longer than all that was heard until the tone.
    let greeting = hound::WavReader::open(audio_dir().join("prompts/zh/greeting.wav")).unwrap();
    let mut heard = 0;
    loop {
        let stretch = calling.hear(STRETCH, WITHIN).await;
        if is_tone(&stretch, OPERATOR_HZ) {
            break;
        }
        heard += stretch.samples().len();
        assert!(
            heard < greeting.duration() as usize,
            "the greeting went on for {heard} samples"
        );
    }
    engine.stop().await;
}

#[tokio::test]
async fn hold_and_resume_by_either_side() {
    let place = Place::new();
    let engine = engine_with_one_operator(&place, None).await;
    let (caller, operator) = phones(&engine);
    let (_caller, _operator, calling, called) = pair(&engine, caller, operator).await;
    for holder in [&calling, &called] {
        holder.hold(true).await.unwrap();
        // What was on its way when the hold began may still arrive; after that nothing is sent to who listens not.
        holder.hear(STRETCH, STRETCH).await;
        assert_eq!(holder.hear(STRETCH, STRETCH).await.packets, 0);
        holder.hold(false).await.unwrap();
        hears_tone!(calling, OPERATOR_HZ);
        hears_tone!(called, CALLER_HZ);
    }
    engine.stop().await;
}
