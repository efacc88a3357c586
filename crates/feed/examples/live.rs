//! The page and the feed around the real core, with invented callers and operators: `cargo run -p feed --example
//! live`, then open the printed address. Operators 1001 to 1006 sign in with the secret `holdfast`; 1001 is yours
//! alone, the others work by themselves. `-- wait SECONDS` lets that much of the queue's time pass first.

use acd::schedule::{Schedule, Window};
use acd::{Acd, AcdConfig, AnswerWhen, CallId, CallerNumber, Event, GoneCause, Input, LegId, OperatorConfig};
use acd::{OperatorId, Output, QueueConfig, QueueId, Strategy, Timestamp, TrunkId};
use feed::{
    About, Account, Directory, FeedConfig, Hub, Limits, Memory, Refusal, Request, Secret, Thresholds,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime};

const OPERATORS: u32 = 6;
const YOURS: OperatorId = OperatorId(0);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, requests) = mpsc::sync_channel(1024);
    let world = Arc::new(Mutex::new(World::new()?));
    let clock = world.clone();
    let hub = world.lock().map_err(|_| "poisoned")?.hub.clone();
    let config = FeedConfig {
        listen: "127.0.0.1:8090".parse()?,
        tls: None,
        directory: Directory {
            queues: vec!["hotline".into()],
            trunks: vec!["city".into()],
            operators: (0..OPERATORS)
                .map(|index| Account {
                    name: name(index),
                    secret: Secret::plain("holdfast"),
                })
                .collect(),
            pause_reasons: vec!["meal".into(), "training".into()],
            skills: vec![],
            forwards: vec![],
            supervisors: vec![],
            phones: vec![],
            ..Directory::default()
        },
        clock: Arc::new(move || {
            clock
                .lock()
                .map_or_else(|_| Timestamp::default(), |world| world.now())
        }),
        clock_rate: 1.0,
        heartbeat: Duration::from_secs(5),
        open_wallboard: true,
        session_lifetime: Duration::from_secs(1800),
        memory: Memory::default(),
        records: None,
        thresholds: Thresholds::default(),
        mounts: Vec::new(),
        origins: Vec::new(),
        about: About {
            name: "12345".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            time_zone: "Asia/Shanghai".into(),
            dial: vec!["sip:hotline@127.0.0.1".into(), "sip:12345@127.0.0.1".into()],
            register: vec!["sip:127.0.0.1:5060 (UDP, TCP)".into()],
        },
        limits: Limits::default(),
    };
    std::thread::spawn(move || run(&world, &requests));
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let requests = Arc::new(move |request| sender.try_send(request).is_ok());
        let feed = feed::start(config, hub, requests, prometheus::Registry::new()).await?;
        #[expect(clippy::print_stdout, reason = "an example speaks to whoever started it")]
        {
            println!("open http://{}/", feed.local_addr());
        }
        std::future::pending::<()>().await;
        Ok(())
    })
}

fn name(index: u32) -> String {
    (1001 + index).to_string()
}

fn run(world: &Mutex<World>, requests: &mpsc::Receiver<Request>) {
    let mut ahead: u64 = std::env::args()
        .nth(2)
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(90);
    loop {
        let request = if ahead > 0 {
            None
        } else {
            requests.recv_timeout(Duration::from_millis(20)).ok()
        };
        let Ok(mut world) = world.lock() else { return };
        if ahead > 0 {
            ahead -= 1;
            world.skipped += Duration::from_secs(1);
        }
        world.catch_up();
        match request {
            Some(Request::Snapshot(reply)) => {
                let _ = reply.send((world.seq, Arc::new(world.acd.snapshot())));
            }
            Some(Request::Command { input, reply }) => {
                let refused = world.tell(input).into_iter().find_map(|event| match event {
                    Event::Refused { refusal, .. } => Some(refusal.into()),
                    _ => None,
                });
                let _ = reply.send(refused.map_or(Ok(()), Err));
            }
            Some(Request::Explain { call, reply }) => {
                let _ = reply.send(world.acd.explain(call));
            }
            Some(Request::Record { reply, .. }) => {
                let _ = reply.send(Err(Refusal::NotOnDemand));
            }
            Some(Request::Supervise { reply, .. }) => {
                let _ = reply.send(Err(Refusal::UnknownPhone));
            }
            None => world.hub.set_ready(true),
        }
    }
}

/// The core, and the invented people around it.
struct World {
    acd: Acd,
    hub: Hub,
    seq: u64,
    started: Instant,
    start: Timestamp,
    skipped: Duration,
    calls: u64,
    /// What people will do, by when and in which order it was decided.
    plans: BTreeMap<(Timestamp, u64), Input>,
    planned: u64,
    dice: u64,
}

impl World {
    fn new() -> Result<Self, acd::ConfigError> {
        let micros = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
        let epoch = u64::try_from(micros).unwrap_or_default();
        let mut world = Self {
            acd: Acd::new(config())?,
            hub: Hub::new(epoch),
            seq: 0,
            started: Instant::now(),
            start: Timestamp::from_micros(epoch),
            skipped: Duration::ZERO,
            calls: 0,
            plans: BTreeMap::new(),
            planned: 0,
            dice: epoch | 1,
        };
        for index in 0..OPERATORS {
            world.plan(
                0.0,
                Input::PhoneRegistered {
                    operator: OperatorId(index),
                },
            );
        }
        let pause = acd::PauseReason::Chosen(0);
        world.plan(
            30.0,
            Input::Pause {
                operator: OperatorId(5),
                reason: pause,
            },
        );
        world.arrive(0.1);
        Ok(world)
    }

    fn now(&self) -> Timestamp {
        self.start + self.skipped + self.started.elapsed()
    }

    fn catch_up(&mut self) {
        let now = self.now();
        while let Some(plan) = self.plans.first_entry()
            && plan.key().0 <= now
        {
            let input = plan.remove();
            if let Input::CallArrived { .. } = input {
                let next = 1.0 + self.throw(14.0);
                self.arrive(next);
            }
            self.tell(input);
        }
        if self.acd.next_deadline().is_some_and(|at| at <= self.now()) {
            self.tell(Input::Tick);
        }
    }

    /// Tells the core, the feed, and whoever has to do something about it.
    fn tell(&mut self, input: Input) -> Vec<Event> {
        let mut outputs = Vec::new();
        self.acd.handle(self.now(), input, &mut outputs);
        let mut events = Vec::new();
        for output in outputs {
            match output {
                Output::Event(event) => events.push(event),
                output => self.react(&output),
            }
        }
        self.seq += events.len() as u64;
        self.hub.publish(self.seq, self.now(), &events);
        events
    }

    fn react(&mut self, output: &Output) {
        match *output {
            Output::Dial { leg, operator, .. } => {
                self.plan(0.1, Input::LegRinging { leg });
                if operator != YOURS && self.throw(1.0) < 0.9 {
                    let after = 2.0 + self.throw(7.0);
                    self.plan(after, Input::LegAnswered { leg });
                }
            }
            Output::Bridge {
                operator_leg: LegId { call, .. },
            } => {
                let after = 15.0 + self.throw(70.0);
                self.plan(
                    after,
                    Input::CallerGone {
                        call,
                        cause: GoneCause::HungUp,
                    },
                );
            }
            Output::Play {
                call,
                audio: acd::Audio::Greeting,
            } => self.plan(4.0, Input::PromptDone { call }),
            _ => {}
        }
    }

    fn arrive(&mut self, after: f64) {
        self.calls += 1;
        let number = format!("13{:09}", (self.throw(1.0) * 1e9) as u64);
        self.plan(
            after,
            Input::CallArrived {
                call: CallId(self.calls),
                queue: QueueId(0),
                trunk: TrunkId(0),
                caller: CallerNumber::new(&number),
                skills: acd::Skills::default(),
            },
        );
    }

    fn plan(&mut self, after: f64, input: Input) {
        self.planned += 1;
        self.plans
            .insert((self.now() + Duration::from_secs_f64(after), self.planned), input);
    }

    /// Somewhere between 0 and `below` (xorshift; nothing hangs on its quality).
    fn throw(&mut self, below: f64) -> f64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) as f64 / (1u64 << 53) as f64 * below
    }
}

fn config() -> AcdConfig {
    let day = Window {
        days: (1..=7).collect(),
        from_minute: 0,
        to_minute: 1440,
        lines: 9,
    };
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 4,
            windows: vec![day],
            holidays: Vec::new(),
            workdays: Vec::new(),
        },
        queues: vec![QueueConfig {
            name: "hotline".into(),
            answer: AnswerWhen::Arrival,
            waiting_max: 50,
            wait_max: Duration::from_secs(1800),
            short_abandon: Duration::from_secs(5),
            ring_timeout: Duration::from_secs(20),
            place_grace: Duration::from_secs(120),
            announce_every: Duration::from_secs(30),
            wrap_up: Duration::from_secs(20),
            wrap_up_extension: Duration::from_secs(30),
            strategy: Strategy::LongestIdle,
            greeting: true,
            ..QueueConfig::default()
        }],
        operators: (0..OPERATORS)
            .map(|index| OperatorConfig {
                name: name(index),
                queues: Vec::new(),
                auto_ready: OperatorId(index) != YOURS,
                no_answer_max: 0,
                ..OperatorConfig::default()
            })
            .collect(),
        pause_reasons: vec!["meal".into(), "training".into()],
        calls_max: 100,
        dialable: Vec::new(),
        forwards: Vec::new(),
        transfer: None,
    }
}
