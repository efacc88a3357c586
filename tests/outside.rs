//! Phones outside: callers who are called back in their turn, and calls that go on to another place. And a queue that
//! rings all its operators' phones at once.

use harness::{Engine, Feed, Place, SECRET, Settings, soon};
use phone::{Call, CallState, Incoming, Phone, PhoneConfig};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What each end sends.
const CALLER_HZ: u32 = 700;
const OTHER_HZ: u32 = 1_000;
/// The tone that is heard while another phone rings (GF 002).
const RINGBACK_HZ: u32 = 450;

/// How much sound is judged at a time, and how long it may take to come.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(10);

/// How often the same is listened to until it is as expected: two turns of a ringback tone.
const TRIES: u32 = 20;

/// The share of the power from which a stretch counts as that tone alone.
const PURE: f64 = 0.9;

const NUMBER: &str = "13800000001";

async fn hears_tone(end: &Call, hz: u32) {
    let mut shares = Vec::new();
    for _ in 0..TRIES {
        let heard = end.hear(STRETCH, WITHIN).await;
        shares.push(heard.share_at(f64::from(hz)));
        if heard.duration() >= STRETCH && shares.last().is_some_and(|share| *share > PURE) {
            return;
        }
    }
    panic!("no tone of {hz} Hz: {shares:?}");
}

async fn rung(phone: &Phone, what: &str) -> Incoming {
    soon(what, phone.rung()).await.unwrap()
}

async fn hung_up(call: &mut Call, what: &str) {
    let end = CallState::HungUp { by_peer: true };
    assert_eq!(soon(what, call.over()).await, end, "{what}");
}

/// A house with a phone outside.
struct House {
    engine: Engine,
    feed: Feed,
    sip: SocketAddr,
    outside: Phone,
    _place: Place,
}

impl House {
    async fn open(settings: Settings) -> House {
        let place = Place::new();
        let ip: IpAddr = place.address();
        let sip = SocketAddr::new(ip, 5060);
        let outside = Phone::start(PhoneConfig::new("outside", sip)).await.unwrap();
        let settings = Settings {
            address: Some(ip),
            trunk: "dial = \"sip:OUTSIDE\"\nfrom_user = \"12345\"",
            outside: Some(outside.address()),
            ..settings
        };
        let engine = Engine::start(&place, &settings).await;
        let feed = engine.feed().await;
        House {
            engine,
            feed,
            sip,
            outside,
            _place: place,
        }
    }

    async fn operator(&self, name: &str) -> Phone {
        let config = PhoneConfig {
            secret: Some(SECRET.to_owned()),
            ..PhoneConfig::new(name, self.sip)
        };
        let phone = Phone::start(config).await.unwrap();
        phone.register(Duration::from_secs(300)).await.unwrap();
        phone
    }

    /// A caller on hold.
    async fn caller(&self, number: &str) -> (Phone, Call) {
        let phone = Phone::start(PhoneConfig::new(number, self.sip)).await.unwrap();
        let mut call = phone.call("hotline", None).await.unwrap();
        let state = soon("the caller to be answered", call.settled()).await;
        assert_eq!(state, CallState::Talking);
        (phone, call)
    }

    /// A caller waits, asks to be called back, hears the last word and is hung up on.
    async fn promised(&mut self) {
        let (_phone, mut call) = self.caller(NUMBER).await;
        self.feed
            .until("the caller to wait", |log| log.count("call_admitted") == 1)
            .await;
        soon("the key to be taken", call.press('1')).await.unwrap();
        self.feed
            .until("the promise", |log| log.count("call_back_promised") == 1)
            .await;
        let words = call.hear(STRETCH, WITHIN).await;
        assert!(words.level() > 50.0, "the caller hears it: {}", words.level());
        hung_up(&mut call, "the last word to end").await;
        self.ended(&["callback"]).await;
    }

    /// An operator comes and picks up; then the phone outside rings.
    async fn reached(&mut self) -> (Phone, Call, Incoming) {
        let operator = self.operator("1001").await;
        let incoming = rung(&operator, "the operator's phone to ring").await;
        assert_eq!(incoming.caller(), NUMBER, "the operator sees who will be called");
        let called = incoming.answer().unwrap();
        let incoming = rung(&self.outside, "the caller's phone to ring").await;
        assert_eq!(incoming.caller(), "12345", "the caller sees the hotline");
        incoming.ringing();
        (operator, called, incoming)
    }

    async fn ended(&mut self, outcomes: &[&str]) {
        self.feed
            .until(&format!("calls to end as {outcomes:?}"), |log| {
                log.count("call_ended") >= outcomes.len()
            })
            .await;
        assert_eq!(self.feed.log().texts("call_ended", "outcome"), outcomes);
    }
}

fn calling_back() -> Settings {
    Settings {
        operators: &["1001"],
        queue: "wrap_up = \"0s\"\n[queues.call_back]\nkey = \"1\"\nring_timeout = \"20s\"",
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_caller_who_asked_for_it_is_called_back_once_and_both_hear_each_other() {
    let mut house = House::open(calling_back()).await;
    house.promised().await;
    let (operator, mut called, incoming) = house.reached().await;
    hears_tone(&called, RINGBACK_HZ).await;
    let mut answered = incoming.answer().unwrap();
    called.tone(OTHER_HZ);
    answered.tone(CALLER_HZ);
    house
        .feed
        .until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    hears_tone(&answered, OTHER_HZ).await;
    hears_tone(&called, CALLER_HZ).await;
    called.hang_up().await;
    hung_up(&mut answered, "the caller's leg to end").await;
    house.ended(&["callback", "answered"]).await;
    let log = house.feed.log();
    assert_eq!(log.count("caller_dialled"), 1);
    assert_eq!(log.count("fifo_overtaken"), 0);
    assert_eq!((house.outside.dialogs(), operator.dialogs()), (0, 0));
    house.engine.stop().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_after_a_call_back_ends_the_operators_leg() {
    let mut house = House::open(calling_back()).await;
    house.promised().await;
    let (_operator, mut called, incoming) = house.reached().await;
    let mut answered = incoming.answer().unwrap();
    house
        .feed
        .until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    answered.hang_up().await;
    hung_up(&mut called, "the operator's leg to end").await;
    house.ended(&["callback", "answered"]).await;
    house.engine.stop().await;
}

#[tokio::test]
async fn a_caller_who_is_not_reached_is_not_dialled_again() {
    let mut house = House::open(calling_back()).await;
    house.promised().await;
    let (_operator, mut called, incoming) = house.reached().await;
    incoming.decline(486);
    hung_up(&mut called, "the operator's leg to end").await;
    house.ended(&["callback", "failed"]).await;
    house
        .feed
        .until("the operator to be free", |log| {
            log.operator("1001") == "available"
        })
        .await;
    assert_eq!(house.feed.log().count("caller_dialled"), 1);
    house.engine.stop().await;
}

#[tokio::test]
async fn an_operator_who_gives_up_while_it_rings_ends_the_callers_ringing() {
    let mut house = House::open(calling_back()).await;
    house.promised().await;
    let (_operator, mut called, mut incoming) = house.reached().await;
    called.hang_up().await;
    soon("the caller's phone to fall silent", incoming.gone()).await;
    house.ended(&["callback", "failed"]).await;
    house.engine.stop().await;
}

#[tokio::test]
async fn a_caller_who_calls_again_has_the_place_back_and_is_not_called() {
    let mut house = House::open(calling_back()).await;
    house.promised().await;
    let (_phone, mut again) = house.caller(NUMBER).await;
    house
        .feed
        .until("the second call to arrive", |log| log.count("call_arrived") == 2)
        .await;
    let tickets = house.feed.log().numbers("call_arrived", "/ticket");
    assert_eq!(tickets[0], tickets[1], "the place is the same");
    let operator = house.operator("1001").await;
    let called = rung(&operator, "the operator's phone to ring")
        .await
        .answer()
        .unwrap();
    called.tone(OTHER_HZ);
    hears_tone(&again, OTHER_HZ).await;
    again.hang_up().await;
    house.ended(&["callback", "abandoned", "answered"]).await;
    assert_eq!(house.feed.log().count("caller_dialled"), 0);
    house.engine.stop().await;
}

#[tokio::test]
async fn a_caller_who_finds_it_full_is_put_through_to_another_place() {
    let mut house = House::open(Settings {
        queue: "waiting_max = 1\non_saturated = \"sip:desk@OUTSIDE\"",
        ..Settings::default()
    })
    .await;
    let (_first_phone, mut first) = house.caller(NUMBER).await;
    let (_second_phone, mut second) = house.caller("13800000002").await;
    let incoming = rung(&house.outside, "the other place's phone to ring").await;
    assert_eq!(incoming.caller(), "13800000002");
    incoming.ringing();
    let mut desk = incoming.answer().unwrap();
    desk.tone(OTHER_HZ);
    second.tone(CALLER_HZ);
    hears_tone(&second, OTHER_HZ).await;
    hears_tone(&desk, CALLER_HZ).await;
    desk.hang_up().await;
    hung_up(&mut second, "the caller's leg to end").await;
    house.ended(&["saturated"]).await;
    assert_eq!(house.feed.log().count("call_forwarded"), 1);
    first.hang_up().await;
    house.ended(&["saturated", "short_abandoned"]).await;
    house.engine.stop().await;
}

#[tokio::test]
async fn all_phones_ring_and_the_first_to_pick_up_has_the_call() {
    let mut house = House::open(Settings {
        operators: &["1001", "1002"],
        queue: "wrap_up = \"0s\"\nstrategy = \"ring_all\"",
        ..Settings::default()
    })
    .await;
    let (first, second) = (house.operator("1001").await, house.operator("1002").await);
    house
        .feed
        .until("both to be available", |log| {
            ["1001", "1002"]
                .iter()
                .all(|name| log.operator(name) == "available")
        })
        .await;
    let (_phone, mut caller) = house.caller(NUMBER).await;
    let mut rings = rung(&first, "the first phone to ring").await;
    let picked_up = rung(&second, "the second phone to ring").await;
    rings.ringing();
    let called = picked_up.answer().unwrap();
    soon("the other phone to fall silent", rings.gone()).await;
    called.tone(OTHER_HZ);
    hears_tone(&caller, OTHER_HZ).await;
    house
        .feed
        .until("the other to be free", |log| {
            log.operator("1001") == "available" && log.operator("1002") == "talking"
        })
        .await;
    caller.hang_up().await;
    house.ended(&["answered"]).await;
    house.engine.stop().await;
}
