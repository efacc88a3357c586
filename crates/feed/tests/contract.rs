//! `docs/feed.md` and `docs/feed.schema.json` against the real core: an eventful day, watched by a client that knows
//! nothing but those two.

mod common;

use acd::schedule::{Schedule, Window};
use acd::{
    Acd, AcdConfig, AnswerWhen, CallId, CallerNumber, FailCause, GoneCause, Input, LegId, OperatorConfig,
};
use acd::{OperatorId, Output, PauseReason, QueueConfig, QueueId, Strategy, Timestamp, TrunkId};
use common::{Client, START, Schema, config};
use feed::{Hub, Request, Requests, SupervisorMode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Inputs between two looks at a whole snapshot: enough events that the server takes a new one for each look.
const INPUTS_A_LOOK: usize = 600;
const LOOKS: usize = 12;

#[tokio::test]
async fn deltas_lead_from_snapshot_to_snapshot() {
    let schema = Schema::load();
    let world = Arc::new(Mutex::new(World::new()));
    let hub = world.lock().unwrap().hub.clone();
    let mut config = config();
    config.heartbeat = Duration::from_millis(20);
    config.directory.queues.push("complaints".into());
    let feed = feed::start(config, hub, World::requests(&world), prometheus::Registry::new())
        .await
        .unwrap();

    let mut seen = BTreeSet::new();
    let mut client = Client::connect(&feed, "").await;
    schema.accepts("message", &client.any().await);
    let mut mirror = Mirror::from(&client.next().await);
    for look in 0..LOOKS {
        let last = {
            let mut world = world.lock().unwrap();
            if look == 0 {
                world.second_opinion();
            }
            if look == LOOKS - 1 {
                world.tell(Input::Drain);
            }
            world.live(INPUTS_A_LOOK)
        };
        while mirror.seq() < last {
            let message = client.any().await;
            schema.accepts("message", &message);
            if message["type"] == "delta" {
                seen.insert(message["event"].as_str().unwrap().to_owned());
                mirror.apply(&message);
            } else {
                assert_eq!(message["type"], "heartbeat");
                assert_eq!(message["seq"], mirror.seq());
            }
        }
        let mut fresh = Client::connect(&feed, "").await;
        fresh.next().await;
        let snapshot = fresh.next().await;
        schema.accepts("message", &snapshot);
        assert_eq!(snapshot["seq"], last, "look {look} took a snapshot of its own");
        assert_eq!(mirror.lines_in_use(), snapshot["lines_in_use"], "look {look}");
        assert_eq!(mirror, Mirror::from(&snapshot), "look {look}");
    }
    // The day was eventful enough to mean something.
    let expected = [
        "call_admitted",
        "call_arrived",
        "call_assigned",
        "call_back_promised",
        "call_chose",
        "call_connected",
        "call_ended",
        "call_forwarded",
        "call_held",
        "call_leaving",
        "call_returned",
        "call_sent_outside",
        "call_transferred",
        "caller_dialled",
        "capacity_changed",
        "command_refused",
        "draining",
        "media_silent",
        "operator_changed",
        "outside_answered",
        "outside_failed",
        "phone_changed",
        "position_announced",
        "started",
        "third_changed",
        "wait_judged",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn answers_and_commands_follow_the_schema() {
    let schema = Schema::load();
    let engine = common::Engine::new();
    engine.answer_with(|_| Err(acd::Refusal::NotInWrapUp.into()));
    let (feed, _) = common::serve(&engine, config()).await;
    let account = common::operator("1001", "ocean");
    schema.accepts("sign_in", &account);
    let signed_in = common::sign_in(&feed, account).await.json();
    schema.accepts("signed_in", &signed_in);
    let mut client = Client::bearing(&feed, "", signed_in["token"].as_str().unwrap()).await;
    schema.accepts("message", &client.any().await);
    let commands = [
        json!({"id": "1", "do": "renew"}),
        json!({"id": "2", "do": "pause", "reason": "lunch"}),
        json!({"id": "3", "do": "extend_wrap_up", "operator": "1001"}),
        json!({"id": "4", "do": "hang_up"}),
        json!({"id": "5", "do": "hold", "on": true}),
        json!({"id": "6", "do": "transfer", "to": "1002"}),
        json!({"id": "7", "do": "consult", "to": "1002", "operator": "1001"}),
        json!({"id": "8", "do": "conference"}),
        json!({"id": "9", "do": "complete_transfer"}),
        json!({"id": "10", "do": "cancel_consult"}),
        json!({"id": "11", "do": "transfer_outside", "number": "+8613900000001"}),
        json!({"id": "12", "do": "consult_outside", "number": "110"}),
    ];
    for command in commands {
        schema.accepts("command", &command);
        schema.accepts("message", &client.ask(command).await);
        engine.emit(&[
            acd::Event::Draining,
            acd::Event::FifoOvertaken {
                call: CallId(1),
                by: CallId(2),
            },
        ]);
    }
    engine.answer_with(|_| Ok(()));
    let mut supervisor = Client::supervisor(&feed).await;
    let evening = START.as_millis() + 5 * 3_600_000;
    for command in [
        json!({"id": "1", "do": "set_lines", "lines": 6, "until": evening}),
        json!({"id": "2", "do": "follow_schedule"}),
        json!({"id": "3", "do": "record", "on": true, "operator": "1001"}),
        json!({"id": "31", "do": "listen", "operator": "1001", "phone": "9001"}),
        json!({"id": "32", "do": "whisper", "operator": "1001"}),
        json!({"id": "33", "do": "barge", "operator": "1001"}),
        json!({"id": "34", "do": "leave", "operator": "1001"}),
    ] {
        schema.accepts("command", &command);
        let answer = supervisor.ask(command).await;
        schema.accepts("message", &answer);
        assert_eq!(answer["type"], "ok");
    }
    assert_eq!(*engine.recordings.lock().unwrap(), [(acd::OperatorId(0), true)]);
    let asked: Vec<_> = engine
        .supervisions
        .lock()
        .unwrap()
        .iter()
        .map(|order| order.mode)
        .collect();
    let modes = [
        SupervisorMode::Listen,
        SupervisorMode::Whisper,
        SupervisorMode::Barge,
    ];
    assert_eq!(asked, [modes.map(Some).as_slice(), &[None]].concat());
    let quality = records::Quality {
        codec: Some("PCMA".into()),
        round_trip: Some(Duration::from_millis(31)),
        received: Some(records::Path {
            packets: 500,
            lost: 5,
            jitter: Duration::from_micros(2_100),
            mos: 4.21,
        }),
        sent: None,
    };
    engine.hub.tell_quality(acd::LegId::caller(CallId(7)), &quality);
    let mut ordered = Vec::new();
    loop {
        let message = supervisor.any().await;
        schema.accepts("message", &message);
        if message["type"] == "ordered" {
            ordered.push(message["do"].clone());
        }
        if message["type"] == "quality" {
            assert_eq!(
                (&message["call"], &message["received"]["lost"]),
                (&json!(7), &json!(5))
            );
            break;
        }
    }
    assert_eq!(ordered, [json!("leave")], "those before came with the answers");
    engine.hub.tell_recorded(CallId(7), true);
    engine.hub.tell_listener(
        CallId(7),
        Some(feed::Listener {
            phone: "9001".into(),
            mode: SupervisorMode::Whisper,
            ringing: true,
        }),
    );
    let listener = json!({"phone": "9001", "mode": "whisper", "ringing": true});
    for expected in [
        json!({"call": 7, "recorded": true}),
        json!({"call": 7, "recorded": true, "listener": listener}),
    ] {
        let message = supervisor.next().await;
        schema.accepts("message", &message);
        assert_eq!(message, json!({"type": "monitored", "calls": [expected]}));
    }
    let mut client = supervisor;
    let asked = json!({"id": "4", "do": "explain", "call": 7});
    schema.accepts("command", &asked);
    let answer = client.ask(asked).await;
    schema.accepts("message", &answer);
    assert_eq!(answer["type"], "ok", "{answer}");
    let why = &answer["explanation"];
    assert_eq!((&why["call"], &why["heads"]), (&json!(7), &json!([6])));
    assert_eq!(why["waits_for"]["for"], "operator");
    let answer = client.ask(json!({"id": "5", "do": "explain", "call": 8})).await;
    schema.accepts("message", &answer);
    assert_eq!(answer["code"], "not_waiting");
    client.say(json!({"id": "6", "do": "nothing known"})).await;
    schema.accepts("message", &client.ask(json!(null)).await);
    // What the schema is for: it tells wrong from right.
    for wrong in [
        json!({"id": "1", "do": "pause"}),
        json!({"id": "1", "do": "explain"}),
        json!({"id": "", "do": "ready"}),
        json!({"do": "ready"}),
        json!({"id": "1", "do": "record"}),
        json!({"id": "1", "do": "hold"}),
        json!({"id": "1", "do": "transfer"}),
        json!({"id": "1", "do": "consult", "to": 1002}),
        json!({"id": "1", "do": "transfer_outside", "number": "sip:x@y"}),
        json!({"id": "1", "do": "consult_outside"}),
        json!({"id": "1", "do": "listen"}),
        json!({"id": "1", "do": "leave", "phone": "9001"}),
        json!({"id": "1", "do": "save_form"}),
        json!({"id": "1", "do": "history"}),
        json!({"id": "1", "do": "reached", "caller": ""}),
        json!({"id": "1", "do": "set_lines", "lines": 6}),
        json!({"id": "1", "do": "set_lines", "until": evening}),
        json!({"id": "1", "do": "set_lines", "lines": 10_001, "until": evening}),
    ] {
        assert!(!schema.is_valid("command", &wrong), "{wrong}");
    }
    schema.accepts("sign_in", &common::supervisor());
    assert!(!schema.is_valid("sign_in", &json!({"secret": "x"})));
    assert!(!schema.is_valid("sign_in", &json!({"role": "operator", "secret": "x"})));
    let denied = common::sign_in(&feed, common::operator("1001", "Ocean"))
        .await
        .json();
    schema.accepts("denied", &denied);
    assert!(!schema.is_valid(
        "message",
        &json!({"type": "delta", "seq": 1, "at": 2, "event": "call_held"})
    ));
}

/// What a client knows, kept up by the table in `docs/feed.md` and nothing else.
#[derive(Debug, PartialEq)]
struct Mirror {
    state: Value,
}

impl From<&Value> for Mirror {
    fn from(snapshot: &Value) -> Self {
        assert_eq!(snapshot["type"], "snapshot");
        let mut state = snapshot.clone();
        let fields = state.as_object_mut().unwrap();
        // When it was taken is not part of the state; lines in use follow from the calls.
        fields.remove("at");
        fields.remove("lines_in_use");
        Self { state }
    }
}

impl Mirror {
    fn seq(&self) -> u64 {
        self.state["seq"].as_u64().unwrap()
    }

    fn calls(&mut self) -> &mut Vec<Value> {
        self.state["calls"].as_array_mut().unwrap()
    }

    fn lines_in_use(&mut self) -> usize {
        self.calls().iter().filter(|call| call["line"] == true).count()
    }

    fn operator(&mut self, name: &Value) -> &mut Value {
        let operators = self.state["operators"].as_array_mut().unwrap();
        operators
            .iter_mut()
            .find(|operator| operator["operator"] == *name)
            .unwrap()
    }

    fn call(&mut self, delta: &Value) -> &mut serde_json::Map<String, Value> {
        let call = self
            .calls()
            .iter_mut()
            .find(|call| call["call"] == delta["call"])
            .unwrap();
        call.as_object_mut().unwrap()
    }

    fn stage(&mut self, delta: &Value, stage: &str) -> &mut serde_json::Map<String, Value> {
        let call = self.call(delta);
        call.retain(|field, _| {
            !["operator", "connected", "held", "third", "forward"].contains(&field.as_str())
        });
        call.insert("stage".into(), stage.into());
        call
    }

    fn apply(&mut self, delta: &Value) {
        assert_eq!(delta["seq"], self.seq() + 1, "a gap");
        self.state["seq"] = delta["seq"].clone();
        match delta["event"].as_str().unwrap() {
            "call_arrived" | "call_back_promised" => self.arrive(delta),
            "call_admitted" => {
                self.stage(delta, "admitted").insert("line".into(), true.into());
            }
            "call_chose" => {
                let call = self.call(delta);
                call.remove("needs");
                if delta["needs"] != json!([]) {
                    call.insert("needs".into(), delta["needs"].clone());
                }
            }
            "call_assigned" => {
                let rings = self.call(delta)["stage"] == "ringing";
                let others = rings.then(|| self.call(delta)["operator"].clone());
                let first = self.first(others.into_iter().chain([delta["operator"].clone()]));
                self.stage(delta, "ringing").insert("operator".into(), first);
            }
            "call_returned" => self.call_returned(delta),
            "caller_dialled" => {
                self.stage(delta, "calling_back")
                    .insert("operator".into(), delta["operator"].clone());
            }
            "call_forwarded" => {
                let call = self.stage(delta, "forwarded");
                call.insert("forward".into(), delta["forward"].clone());
                call.insert("line".into(), false.into());
            }
            "call_connected" => {
                let call = self.stage(delta, "talking");
                call.insert("operator".into(), delta["operator"].clone());
                call.insert("connected".into(), delta["at"].clone());
                call.insert("held".into(), false.into());
                let operator = self.operator(&delta["operator"]);
                operator["answered"] = (operator["answered"].as_u64().unwrap() + 1).into();
            }
            "call_held" => {
                self.call(delta).insert("held".into(), delta["held"].clone());
            }
            "third_changed" => {
                let call = self.call(delta);
                call.remove("third");
                if !delta["third"].is_null() {
                    call.insert("third".into(), delta["third"].clone());
                }
            }
            "call_transferred" => {
                let call = self.stage(delta, "ringing");
                call.insert("operator".into(), delta["to"].clone());
                call.insert("transferred_by".into(), delta["operator"].clone());
            }
            "call_sent_outside" => {
                let call = self.stage(delta, "ringing");
                call.insert("outside".into(), delta["number"].clone());
                call.insert("transferred_by".into(), delta["operator"].clone());
            }
            "outside_answered" => {
                let call = self.stage(delta, "forwarded");
                call.insert("line".into(), false.into());
            }
            "outside_failed" => {
                self.stage(delta, "admitted").remove("outside");
            }
            "call_leaving" => {
                self.stage(delta, "leaving");
            }
            "call_ended" => self.calls().retain(|call| call["call"] != delta["call"]),
            "operator_changed" => self.operator_changed(delta),
            "phone_changed" => self.operator(&delta["operator"])["phone"] = delta["registered"].clone(),
            "capacity_changed" => {
                for field in ["lines", "next_change", "next_lines"] {
                    self.state[field] = delta[field].clone();
                }
            }
            "draining" => self.state["draining"] = true.into(),
            "started" => self.state["draining"] = false.into(),
            _ => {}
        }
    }

    fn arrive(&mut self, delta: &Value) {
        let mut call = json!({"line": false, "stage": "queued"});
        for field in ["call", "queue", "trunk", "caller", "ticket", "since"] {
            call[field] = delta[field].clone();
        }
        if delta["event"] == "call_back_promised" {
            call["call_back"] = true.into();
        }
        if let Some(needs) = delta.get("needs") {
            call["needs"] = needs.clone();
        }
        let order = |call: &Value| (call["ticket"].as_u64(), call["call"].as_u64());
        let index = self.calls().iter().position(|other| order(other) > order(&call));
        let index = index.unwrap_or(self.calls().len());
        self.calls().insert(index, call);
    }

    /// The first of some operators in the order in which they are listed.
    fn first(&self, names: impl Iterator<Item = Value>) -> Value {
        let operators = self.state["operators"].as_array().unwrap();
        let place = |name: &Value| {
            operators
                .iter()
                .position(|operator| operator["operator"] == *name)
        };
        names.min_by_key(place).unwrap()
    }

    /// The first of those whose phones still ring for the call is shown, if any does.
    fn call_returned(&mut self, delta: &Value) {
        let operators = self.state["operators"].as_array().unwrap();
        let rings = |operator: &&Value| {
            let for_call = operator["state"] == "reserved" && operator["call"] == delta["call"];
            for_call && operator["operator"] != delta["operator"]
        };
        let still: Vec<Value> = operators
            .iter()
            .filter(rings)
            .map(|operator| operator["operator"].clone())
            .collect();
        match still.first() {
            Some(operator) => drop(
                self.stage(delta, "ringing")
                    .insert("operator".into(), operator.clone()),
            ),
            None => drop(self.stage(delta, "admitted")),
        }
    }

    fn operator_changed(&mut self, delta: &Value) {
        let operator = self.operator(&delta["operator"]).as_object_mut().unwrap();
        if operator["state"] == "signed_off" {
            operator.insert("answered".into(), 0.into());
        }
        for field in ["reason", "call", "until"] {
            operator.remove(field);
            if let Some(value) = delta.get(field) {
                operator.insert(field.into(), value.clone());
            }
        }
        operator.insert("state".into(), delta["state"].clone());
        operator.insert("since".into(), delta["at"].clone());
    }
}

/// The real core with people who do anything at any time.
struct World {
    acd: Acd,
    hub: Hub,
    seq: u64,
    now: Timestamp,
    calls: u64,
    /// Legs the core has ever dialled; most are over, which must not matter.
    legs: Vec<LegId>,
    /// Legs it has dialled outside.
    outside: Vec<LegId>,
    dice: u64,
}

impl World {
    fn new() -> Self {
        let acd = Acd::new(core_config()).unwrap();
        let mut world = Self {
            acd,
            hub: Hub::new(common::EPOCH),
            seq: 0,
            now: START,
            calls: 0,
            legs: Vec::new(),
            outside: Vec::new(),
            dice: 7,
        };
        world.tell(Input::Tick);
        world
    }

    fn requests(world: &Arc<Mutex<Self>>) -> Requests {
        let world = world.clone();
        Arc::new(move |request| {
            let world = world.lock().unwrap();
            if let Request::Snapshot(reply) = request {
                let _ = reply.send((world.seq, Arc::new(world.acd.snapshot())));
            }
            true
        })
    }

    /// An operator asks the other about a call, who then asks outside, in the quiet before anything else happens: later nobody is ever free.
    fn second_opinion(&mut self) {
        let (first, second) = (OperatorId(0), OperatorId(1));
        self.calls += 1;
        let call = CallId(self.calls);
        let leg = |leg| LegId { call, leg };
        for input in [
            Input::PhoneRegistered { operator: first },
            Input::CallArrived {
                call,
                queue: QueueId(0),
                trunk: TrunkId(0),
                caller: CallerNumber::withheld(),
                skills: acd::Skills::default(),
            },
            Input::LegAnswered { leg: leg(1) },
            Input::PhoneRegistered { operator: second },
            Input::SignOn { operator: second },
            Input::Ready { operator: second },
            Input::Consult {
                operator: first,
                to: second,
            },
            Input::LegAnswered { leg: leg(2) },
            Input::Conference { operator: first },
            Input::CompleteTransfer { operator: first },
            Input::ConsultOutside {
                operator: second,
                number: CallerNumber::new("13900000001"),
            },
            Input::LegAnswered { leg: leg(3) },
            Input::CompleteTransfer { operator: second },
        ] {
            self.tell(input);
        }
    }

    /// Lets that many things happen, now close together, now far apart. Returns the last event's number.
    fn live(&mut self, inputs: usize) -> u64 {
        for _ in 0..inputs {
            let apart = if self.throw(4) == 0 { 90_000 } else { 2_000 };
            self.now = self.now + Duration::from_millis(self.throw(apart));
            let input = self.anything();
            self.tell(input);
        }
        self.seq
    }

    fn anything(&mut self) -> Input {
        let operator = OperatorId(self.throw(2) as u32);
        let call = CallId(self.calls.saturating_sub(self.throw(12)));
        let back = self.throw(3).min(self.legs.len() as u64) as usize;
        let leg = self
            .legs
            .iter()
            .rev()
            .nth(back)
            .copied()
            .unwrap_or(LegId { call, leg: 1 });
        let held = self.throw(2) == 0;
        let to = OperatorId(self.throw(2) as u32);
        let number = CallerNumber::new("13900000001");
        match self.throw(36) {
            34 | 35 => Input::TransferOutside { operator, number },
            29 => Input::Transfer { operator, to },
            30 => Input::Consult { operator, to },
            31 => Input::ConsultOutside { operator, number },
            32 => Input::Conference { operator },
            33 => match self.throw(4) {
                0 => Input::HangUp { operator },
                1 => Input::CancelConsult { operator },
                2 => Input::CompleteTransfer { operator },
                _ => Input::Hold { operator, on: held },
            },
            26 => Input::Dtmf {
                call,
                digit: ['1', '2'][self.throw(2) as usize],
            },
            27 => match self.throw(40) {
                0 => Input::Drain,
                _ => Input::Started,
            },
            28 => Input::LegAnswered {
                leg: *self.outside.last().unwrap_or(&leg),
            },
            0..7 => {
                self.calls += 1;
                Input::CallArrived {
                    call: CallId(self.calls),
                    queue: QueueId(self.throw(2) as u32),
                    trunk: TrunkId(0),
                    caller: CallerNumber::new(&format!("1380013800{}", self.throw(10))),
                    skills: acd::Skills(self.throw(4) / 3),
                }
            }
            7 => Input::CallerGone {
                call,
                cause: GoneCause::HungUp,
            },
            8 => Input::PromptDone { call },
            9 => Input::LegRinging { leg },
            10..13 => Input::LegAnswered { leg },
            13 => Input::LegFailed {
                leg,
                cause: FailCause::Declined,
            },
            14 => Input::LegGone { leg },
            15 => Input::LegHeld {
                leg: LegId {
                    leg: u32::from(held) * leg.leg,
                    ..leg
                },
                held,
            },
            16 => Input::MediaSilent { leg },
            17 => Input::PhoneUnregistered { operator },
            18 => Input::PhoneRegistered { operator },
            19 => Input::SignOn { operator },
            20 => Input::Ready { operator },
            21 => Input::ExtendWrapUp { operator },
            22 if held => Input::SignOff { operator },
            23 => Input::SetLines {
                lines: self.throw(12) as u32,
                until: self.now + Duration::from_secs(self.throw(600)),
            },
            24 => Input::FollowSchedule,
            _ => Input::Pause {
                operator,
                reason: PauseReason::Chosen(self.throw(3) as u16),
            },
        }
    }

    fn tell(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.acd.handle(self.now, input, &mut outputs);
        let mut events = Vec::new();
        for output in outputs {
            match output {
                Output::Event(event) => events.push(event),
                Output::Dial { leg, .. } => self.legs.push(leg),
                Output::DialOut { leg, .. } => self.outside.push(leg),
                _ => {}
            }
        }
        self.seq += events.len() as u64;
        self.hub.publish(self.seq, self.now, &events);
    }

    fn throw(&mut self, below: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % below.max(1)
    }
}

fn core_config() -> AcdConfig {
    let queue = |name: &str, answer| QueueConfig {
        name: name.into(),
        answer,
        waiting_max: 6,
        wait_max: Duration::from_secs(300),
        short_abandon: Duration::from_secs(5),
        ring_timeout: Duration::from_secs(20),
        place_grace: Duration::from_secs(120),
        announce_every: Duration::from_secs(30),
        wrap_up: Duration::from_secs(60),
        wrap_up_extension: Duration::from_secs(60),
        strategy: Strategy::LongestIdle,
        greeting: true,
        ..QueueConfig::default()
    };
    let operator = |name: &str, auto_ready| OperatorConfig {
        name: name.into(),
        queues: Vec::new(),
        auto_ready,
        no_answer_max: 2,
        ..OperatorConfig::default()
    };
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 4,
            windows: vec![Window {
                days: (1..=5).collect(),
                from_minute: 480,
                to_minute: 1080,
                lines: 12,
            }],
            holidays: Vec::new(),
            workdays: Vec::new(),
        },
        queues: vec![
            QueueConfig {
                strategy: Strategy::RingAll,
                call_back: Some(acd::CallBack::default()),
                choices: vec![acd::Choice {
                    key: '2',
                    skills: acd::Skills(1),
                }],
                ..queue("hotline", AnswerWhen::Arrival)
            },
            QueueConfig {
                on_saturated: acd::Overflow::Forward(0),
                on_timed_out: acd::Overflow::Forward(0),
                ..queue("complaints", AnswerWhen::Operator)
            },
        ],
        operators: vec![operator("1001", true), operator("1002", false)],
        pause_reasons: vec!["lunch".into(), "training".into()],
        calls_max: 20,
        dialable: vec![true],
        forwards: vec!["sip:elsewhere@192.0.2.9".into()],
        transfer: Some(acd::TransferRule {
            trunk: TrunkId(0),
            numbers: vec!["13*".into()],
            ring_timeout: Duration::from_secs(20),
        }),
    }
}
