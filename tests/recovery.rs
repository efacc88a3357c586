//! `kill -9`, and a start at once: no place is lost, nobody is cut off, and all hear again what they heard.
#![allow(clippy::print_stdout, reason = "seed and gaps are told to whoever runs it")]

use harness::{Baresip, Engine, Feed, Floor, Number, Place, Settings, Sipp, shown};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const OPERATORS: &[&str] = &[
    "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011", "1012", "1013",
    "1014",
];

/// How many there are of each.
struct Crowd {
    talking: usize,
    held: usize,
    ringing: usize,
    /// Whether all but the first pair keep silent.
    quiet: bool,
}

/// A generator whose sequence is the same in every run (xorshift).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap_or(0)
    }
}

/// An engine that dies and comes back, and everybody around it.
struct Story {
    place: Place,
    settings: Settings,
    engine: Option<Engine>,
    feed: Option<Feed>,
    floor: Floor,
    /// Callers in the order of their tickets, with the ids of their calls.
    order: Vec<(Number, u64)>,
    /// Those who left unserved by their own will.
    gave_up: Vec<Number>,
    next: Number,
}

impl Story {
    async fn begin(crowd: &Crowd, operators: &'static [&'static str]) -> Story {
        let place = Place::new();
        let settings = Settings {
            operators: &operators[..crowd.talking + crowd.ringing],
            queue: "wrap_up = \"0s\"\nring_timeout = \"3m\"\nshort_abandon = \"0s\"",
            engine: "calls_max = 2000",
            ports: "20000-29999",
            address: Some(place.address()),
            ..Settings::default()
        };
        let engine = Engine::start(&place, &settings).await;
        let mut feed = engine.feed().await;
        let lines = crowd.talking + crowd.ringing;
        let hour = feed.snapshot()["at"].as_u64().expect("a time") + 3_600_000 * 8;
        feed.command(json!({ "do": "set_lines", "lines": lines, "until": hour }))
            .await;
        let floor = Floor::open(&place, &engine, settings.operators, crowd.ringing).await;
        let mut story = Story {
            place,
            settings,
            engine: Some(engine),
            feed: Some(feed),
            floor,
            order: Vec::new(),
            gave_up: Vec::new(),
            next: 1,
        };
        for caller in 0..crowd.talking + crowd.ringing + crowd.held {
            story.arrive().await;
            if crowd.quiet && caller == 0 {
                let first_talks = |floor: &Floor| floor.talking().len() == 1;
                story.floor.until("the first pair to talk", first_talks).await;
                story.floor.hush_newcomers();
            }
        }
        let (talking, ringing) = (crowd.talking, crowd.ringing);
        story
            .floor
            .until("the crowd to be as wanted", |floor| {
                floor.talking().len() == talking && floor.ringing() == ringing
            })
            .await;
        story
    }

    fn feed(&mut self) -> &mut Feed {
        self.feed.as_mut().expect("the engine runs")
    }

    /// One more caller, whose place is known when this returns.
    async fn arrive(&mut self) {
        let number = self.next;
        self.next += 1;
        self.floor.call(number).await;
        let caller = shown(number);
        let arrived = self
            .feed()
            .first("the caller to arrive", |delta| {
                delta["event"] == "call_arrived" && delta["caller"] == caller.as_str()
            })
            .await;
        self.order
            .push((number, arrived["call"].as_u64().expect("a call id")));
    }

    /// Kills the engine, lets `meanwhile` happen, and starts it again. Returns how long the start took.
    async fn kill(&mut self, meanwhile: impl AsyncFnOnce(&mut Floor)) -> Duration {
        // The feed goes first: its end is expected.
        self.feed = None;
        self.engine.take().expect("the engine runs").kill().await;
        meanwhile(&mut self.floor).await;
        let began = Instant::now();
        let engine = Engine::start(&self.place, &self.settings).await;
        let took = began.elapsed();
        self.feed = Some(engine.feed().await);
        self.engine = Some(engine);
        took
    }

    /// The callers whom the queue has, oldest first, with where they stand.
    async fn believed(&self) -> Vec<(u64, String)> {
        let feed = self.engine.as_ref().expect("the engine runs").feed().await;
        let calls = feed.snapshot()["calls"].as_array().cloned().unwrap_or_default();
        let mut calls: Vec<Value> = calls;
        calls.sort_by_key(|call| call["ticket"].as_u64());
        calls
            .iter()
            .map(|call| {
                let stage = call["stage"].as_str().unwrap_or_default();
                (call["call"].as_u64().unwrap_or_default(), stage.to_owned())
            })
            .collect()
    }

    /// Waits until queue and people agree on who is there, in the order in which they came, and on who talks.
    async fn agree(&mut self) -> Vec<Number> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            self.floor.sweep();
            let (there, talking) = (self.floor.on_the_line(), self.floor.talking());
            let ids = |of: &[Number]| -> Vec<u64> {
                let calls = self.order.iter().filter(|(number, _)| of.contains(number));
                calls.map(|(_, call)| *call).collect()
            };
            let believed = self.believed().await;
            let calls: Vec<u64> = believed.iter().map(|(call, _)| *call).collect();
            let talks = believed.iter().filter(|(_, stage)| stage == "talking");
            let talks: Vec<u64> = talks.map(|(call, _)| *call).collect();
            if calls == ids(&there) && talks == ids(&talking) {
                return talking;
            }
            assert!(
                Instant::now() < deadline,
                "the queue has {believed:?}\nthe people are {:?}, talking {:?}",
                ids(&there),
                ids(&talking)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everybody is served to the end; judges order and outcomes.
    async fn finish(mut self) {
        // Who waits is served in order: each end of a talk frees an operator for the oldest.
        let deadline = Instant::now() + Duration::from_secs(120);
        while !self.floor.on_the_line().is_empty() {
            self.floor.pick_up();
            for number in self.floor.talking() {
                self.floor.dismiss(number);
            }
            self.floor.sweep();
            assert!(Instant::now() < deadline, "left: {:?}", self.believed().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let engine = self.engine.take().expect("the engine runs");
        let metrics = engine.web().metrics().await;
        assert_eq!(metrics.sum("holdfast_fifo_overtakes_total", &[]), 0.0);
        assert_eq!(metrics.sum("holdfast_lines_in_use", &[]), 0.0);
        let served = self.feed().log().numbers("call_assigned", "/why/ticket");
        assert!(served.is_sorted(), "oldest first: {served:?}");
        let gave_up: Vec<u64> = self
            .order
            .iter()
            .filter(|(number, _)| self.gave_up.contains(number))
            .map(|(_, call)| *call)
            .collect();
        for ended in self.feed().log().of("call_ended") {
            let left = ended["call"].as_u64().is_some_and(|call| gave_up.contains(&call));
            let right = if left { "abandoned" } else { "answered" };
            assert_eq!(ended["outcome"], right, "{ended}");
        }
        engine.stop().await;
    }
}

fn print_gaps(what: &str, gaps: &[Duration], took: Duration) {
    let ms = |index: usize| gaps.get(index).map_or(0, Duration::as_millis);
    println!(
        "{what}: start to ready {} ms; without audio: longest {} ms, median {} ms of {} streams",
        took.as_millis(),
        ms(0),
        ms(gaps.len() / 2),
        gaps.len()
    );
}

/// Kills at random moments amid random happenings.
async fn storm(crowd: Crowd, kills: usize, seed: u64) {
    println!("seed {seed}");
    let mut dice = Seeded(seed | 1);
    let mut story = Story::begin(&crowd, OPERATORS).await;
    let talking = story.agree().await;
    story.floor.hears_all(&talking).await;
    for kill in 1..=kills {
        story.floor.gaps();
        let talking = story.floor.talking();
        let pick = |dice: &mut Seeded, of: &[Number]| of.get(dice.below(of.len())).copied();
        let mut hung_up = None;
        match dice.below(5) {
            0 => hung_up = pick(&mut dice, &talking).inspect(|number| story.floor.leave(*number)),
            1 => hung_up = pick(&mut dice, &talking).inspect(|number| story.floor.dismiss(*number)),
            2 => story.floor.pick_up(),
            3 => story.arrive().await,
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(dice.below(150) as u64)).await;
        // Sometimes a caller who waits gives up while nobody is there.
        let waiting: Vec<Number> = story
            .floor
            .on_the_line()
            .into_iter()
            .filter(|number| !talking.contains(number))
            .collect();
        let leaver = (dice.below(3) == 0).then(|| pick(&mut dice, &waiting)).flatten();
        let took = story
            .kill(async |floor: &mut Floor| {
                if let Some(number) = leaver {
                    floor.leave(number);
                }
            })
            .await;
        story.gave_up.extend(leaver);
        let talking = story.agree().await;
        story.floor.hears_all(&talking).await;
        print_gaps(
            &format!("kill {kill} (hung up {hung_up:?}, left meanwhile {leaver:?})"),
            &story.floor.gaps(),
            took,
        );
        while story.floor.on_the_line().len() < crowd.talking + crowd.ringing + crowd.held {
            story.arrive().await;
        }
    }
    story.finish().await;
}

#[tokio::test]
async fn nobody_is_lost_when_the_engine_is_killed() {
    let crowd = Crowd {
        talking: 3,
        held: 6,
        ringing: 1,
        quiet: false,
    };
    storm(crowd, 2, 7).await;
}

/// What baresip's caller and operator send.
const CALLER_HZ: u32 = 440;
const OPERATOR_HZ: u32 = 1_000;

/// Listens at one end until it hears that tone and nothing else.
async fn hears(end: &Baresip, hz: u32) {
    let stretch = Duration::from_millis(500);
    let mut shares = Vec::new();
    for _ in 0..20 {
        let heard = end.hear(stretch, Duration::from_secs(10)).await;
        let share = heard.share_at(f64::from(hz));
        if heard.duration() >= stretch && share > 0.9 {
            return;
        }
        shares.push(share);
    }
    panic!("no tone of {hz} Hz: {shares:?}");
}

#[tokio::test]
async fn real_phones_talk_on_and_callers_not_answered_yet_are_answered() {
    let place = Place::new();
    let settings = Settings {
        operators: &["1001", "1002"],
        queue: "wrap_up = \"0s\"\nanswer = \"operator\"",
        sip: "digest = [\"md5\"]",
        address: Some(place.address()),
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
    hears(&caller, OPERATOR_HZ).await;
    let mut waiting = Sipp::callers(
        &place,
        "caller_stays",
        engine.sip(),
        ["13800000001", "13800000002"],
    )
    // They answer our question whether they are still there.
    .with(&["-aa"])
    .start(&place);
    feed.until("the callers to wait", |log| log.count("call_admitted") == 3)
        .await;

    drop(feed);
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    assert_eq!(feed.snapshot()["calls"].as_array().map(Vec::len), Some(3));
    hears(&caller, OPERATOR_HZ).await;
    hears(&operator, CALLER_HZ).await;
    let mut phones = Sipp::new(&place, "operator_hangs_up", 2)
        .pausing(100)
        .start(&place);
    phones.register(&place, engine.sip(), &["1002"], 300).await;
    feed.until("the callers to be served", |log| log.count("call_ended") == 2)
        .await;
    waiting.succeeded().await;
    phones.succeeded().await;
    assert_eq!(phones.rung_by(), ["13800000001", "13800000002"], "in their order");
    caller.command("hangup", "").await;
    feed.until("the call to end", |log| log.count("call_ended") == 3)
        .await;
    assert_eq!(feed.log().texts("call_ended", "outcome"), ["answered"; 3]);
    engine.stop().await;
}

/// `make kills`: as many kills as `HOLDFAST_SOAK_KILLS` says, from the seed in `HOLDFAST_SOAK_SEED` if there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make kills"]
async fn soak() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = number("HOLDFAST_SOAK_SEED").unwrap_or(now.map_or(1, |now| now.as_micros() as u64));
    let crowd = Crowd {
        talking: 12,
        held: 30,
        ringing: 2,
        quiet: false,
    };
    storm(crowd, number("HOLDFAST_SOAK_KILLS").unwrap_or(30) as usize, seed).await;
}

/// `make kills`: how long it takes from the start of the program until the first relayed packet, with a thousand calls
/// up. Only one pair sends, so that what is measured is the engine and not a thousand phones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: make kills"]
async fn a_thousand_calls_are_back_soon() {
    const CALLS: usize = 1_000;
    let names: Vec<&'static str> = (0..CALLS)
        .map(|n| &*Box::leak(format!("op{n}").into_boxed_str()))
        .collect();
    let crowd = Crowd {
        talking: CALLS,
        held: 0,
        ringing: 0,
        quiet: true,
    };
    let mut story = Story::begin(&crowd, names.leak()).await;
    let talker = story.order[0].0;
    story.floor.gaps();
    for kill in 1..=3 {
        story.feed = None;
        story.engine.take().expect("the engine runs").kill().await;
        let began = Instant::now();
        let heard = async {
            story.floor.first_sound(talker).await;
            began.elapsed()
        };
        let (engine, heard) = tokio::join!(Engine::start(&story.place, &story.settings), heard);
        let ready = began.elapsed();
        story.engine = Some(engine);
        story.feed = Some(story.engine.as_ref().expect("it runs").feed().await);
        println!(
            "kill {kill}: {CALLS} calls up: first relayed packet {} ms after exec, ready after {} ms",
            heard.as_millis(),
            ready.as_millis()
        );
        assert_eq!(story.believed().await.len(), CALLS);
    }
    story.finish().await;
}
