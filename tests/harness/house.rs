//! A house whose engine may be killed and started again, with a phone outside that it can dial.

use crate::{Engine, Feed, Place, SECRET, Settings, soon};
use phone::{Call, CallState, Incoming, Phone, PhoneConfig, Transport};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// How much sound is judged at a time, and how long it may take to come.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(10);

/// How often the same is listened to until it is as expected: two turns of a ringback tone.
const TRIES: u32 = 20;

/// The share of the power from which a stretch counts as that tone alone.
const PURE: f64 = 0.9;

/// What the hotline shows of itself to those whom it dials.
const SHOWN: &str = "12345";

/// Listens until there is that tone and nothing else.
///
/// # Panics
/// When it does not come.
pub async fn hears_tone(end: &Call, hz: u32) {
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

/// Waits until `phone` rings.
///
/// # Panics
/// When it does not.
pub async fn rung(phone: &Phone, what: &str) -> Incoming {
    soon(what, phone.rung()).await.expect("the phone is there")
}

/// Waits until the engine has hung up.
///
/// # Panics
/// When the call ends in another way, or goes on.
pub async fn hung_up(call: &mut Call, what: &str) {
    let end = CallState::HungUp { by_peer: true };
    assert_eq!(soon(what, call.over()).await, end, "{what}");
}

/// An engine, a supervisor who watches it, and a phone outside that its trunk leads to.
pub struct House {
    /// The watcher.
    pub feed: Feed,
    /// The phone outside.
    pub outside: Phone,
    engine: Engine,
    sip: SocketAddr,
    place: Place,
    settings: Settings,
}

impl House {
    /// Starts all of them.
    pub async fn open(settings: Settings) -> House {
        let place = Place::new();
        let ip = place.address();
        let sip = SocketAddr::new(ip, 5060);
        let outside = Phone::start(PhoneConfig::new("outside", sip))
            .await
            .expect("a phone");
        let settings = Settings {
            address: Some(ip),
            trunk: "dial = \"sip:OUTSIDE\"\nfrom_user = \"12345\"",
            outside: Some(outside.address()),
            ..settings
        };
        let engine = Engine::start(&place, &settings).await;
        let feed = engine.feed().await;
        House {
            feed,
            outside,
            engine,
            sip,
            place,
            settings,
        }
    }

    /// A house with operator 1001 that offers call-backs by the key 1.
    pub async fn calling_back() -> House {
        Self::open(Settings {
            operators: &["1001"],
            queue: "wrap_up = \"0s\"\n[queues.call_back]\nkey = \"1\"\nring_timeout = \"20s\"",
            ..Settings::default()
        })
        .await
    }

    /// Ends the engine as `kill -9` does, once all that it did so far is in the journal, and starts it again: an INVITE
    /// whose note is not would be sent anew. What the watcher saw before is forgotten.
    pub async fn killed(self) -> House {
        self.killed_and(|_| {}).await
    }

    /// The same; `meanwhile` finds the folder that the engine has its files in.
    pub async fn killed_and(self, meanwhile: impl FnOnce(&Path)) -> House {
        let House {
            mut feed,
            outside,
            engine,
            sip,
            place,
            settings,
        } = self;
        // Changes nothing here, and is answered when it and all before it are written.
        feed.command(json!({"do": "follow_schedule"})).await;
        engine.kill().await;
        meanwhile(place.dir());
        let engine = Engine::start(&place, &settings).await;
        let feed = engine.feed().await;
        House {
            feed,
            outside,
            engine,
            sip,
            place,
            settings,
        }
    }

    /// Where all this is, for more peers.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Stops the engine in good order.
    pub async fn close(self) {
        self.engine.stop().await;
    }

    /// An operator's phone, registered.
    pub async fn operator(&self, name: &str) -> Phone {
        let config = PhoneConfig {
            secret: Some(SECRET.to_owned()),
            ..PhoneConfig::new(name, self.sip)
        };
        let phone = Phone::start(config).await.expect("a phone");
        phone
            .register(Duration::from_secs(300))
            .await
            .expect("it may register");
        phone
    }

    /// A caller on hold.
    pub async fn caller(&self, number: &str) -> (Phone, Call) {
        self.caller_with(PhoneConfig::new(number, self.sip)).await
    }

    /// A caller on hold who speaks SIP over TCP.
    pub async fn caller_by_tcp(&self, number: &str) -> (Phone, Call) {
        let config = PhoneConfig {
            transport: Transport::Tcp,
            ..PhoneConfig::new(number, self.sip)
        };
        self.caller_with(config).await
    }

    async fn caller_with(&self, config: PhoneConfig) -> (Phone, Call) {
        let phone = Phone::start(config).await.expect("a phone");
        let mut call = phone.call("hotline", None).await.expect("it may call");
        let state = soon("the caller to be answered", call.settled()).await;
        assert_eq!(state, CallState::Talking);
        (phone, call)
    }

    /// A caller waits, asks to be called back, hears the last word and is hung up on.
    pub async fn promised(&mut self, number: &str) {
        let (_phone, mut call) = self.caller(number).await;
        self.feed
            .until("the caller to wait", |log| log.count("call_admitted") == 1)
            .await;
        soon("the key to be taken", call.press('1'))
            .await
            .expect("it is taken");
        self.feed
            .until("the promise", |log| log.count("call_back_promised") == 1)
            .await;
        let words = call.hear(STRETCH, WITHIN).await;
        assert!(words.level() > 50.0, "the caller hears it: {}", words.level());
        hung_up(&mut call, "the last word to end").await;
        self.ended(&["callback"]).await;
    }

    /// An operator comes and picks up; then the phone outside rings.
    pub async fn reached(&mut self, number: &str) -> (Phone, Call, Incoming) {
        let operator = self.operator("1001").await;
        let incoming = rung(&operator, "the operator's phone to ring").await;
        assert_eq!(incoming.caller(), number, "the operator sees who will be called");
        let called = incoming.answer().expect("it still rings");
        let incoming = rung(&self.outside, "the caller's phone to ring").await;
        assert_eq!(incoming.caller(), SHOWN, "the caller sees the hotline");
        incoming.ringing();
        (operator, called, incoming)
    }

    /// Waits until as many calls have ended as there are `outcomes`, and checks that they are these.
    pub async fn ended(&mut self, outcomes: &[&str]) {
        self.feed
            .until(&format!("calls to end as {outcomes:?}"), |log| {
                log.count("call_ended") >= outcomes.len()
            })
            .await;
        assert_eq!(self.feed.log().texts("call_ended", "outcome"), outcomes);
    }
}
