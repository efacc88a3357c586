//! The loop between a journal and edges that only write down what happens to them.

use crate::clock::{Clock, ClockConfig};
use crate::edges::{Edges, Log};
use crate::engine::{Ended, Engine, EngineConfig, Entrance, entrance};
use acd::schedule::Schedule;
use acd::{
    AcdConfig, AnswerWhen, CallId, CallerNumber, Event, GoneCause, Input, LegId, OperatorConfig, OperatorId,
    Output, QueueConfig, QueueId, Snapshot, Strategy, Timestamp, TrunkId,
};
use feed::{Refusal, Request};
use journal::{Checkpointed, Committed, JournalError, Room};
use prometheus::Registry;
use sip::{Accepted, SipEvent};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// A Monday morning.
pub(crate) const NINE: Timestamp = Timestamp::from_secs(1_795_395_600);
/// Long enough for any machine; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that reached journal and edges, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happened {
    Appended(Timestamp, Input),
    Committed,
    Carried(Output),
    Closed,
}

/// What the fakes share with the test.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) happened: Mutex<Vec<Happened>>,
    changed: Condvar,
    /// The journal fails while this is set.
    full: AtomicBool,
    /// The edges hold the loop up, having carried this call's arrival, until there is none here.
    held: Mutex<Option<CallId>>,
    released: Condvar,
    pub(crate) legs: Mutex<Vec<LegId>>,
    /// Carrying anything out panics while this is set.
    broken: AtomicBool,
}

impl World {
    fn note(&self, happened: Happened) {
        self.happened.lock().unwrap().push(happened);
        self.changed.notify_all();
    }

    /// Waits until `seen` finds what it looks for.
    fn until<T>(&self, mut seen: impl FnMut(&[Happened]) -> Option<T>) -> T {
        let mut happened = self.happened.lock().unwrap();
        loop {
            if let Some(found) = seen(&happened) {
                return found;
            }
            let (next, waited) = self.changed.wait_timeout(happened, PATIENCE).unwrap();
            assert!(!waited.timed_out(), "did not happen; what did: {next:#?}");
            happened = next;
        }
    }

    pub(crate) fn until_carried(&self, wanted: impl Fn(&Output) -> bool) {
        self.until(|happened| {
            happened
                .iter()
                .any(|h| matches!(h, Happened::Carried(output) if wanted(output)))
                .then_some(())
        });
    }

    fn release(&self) {
        *self.held.lock().unwrap() = None;
        self.released.notify_all();
    }
}

pub(crate) struct FakeLog(pub(crate) Arc<World>);

impl Log for FakeLog {
    fn append(&mut self, at: Timestamp, input: &Input) -> Result<u64, JournalError> {
        self.0.note(Happened::Appended(at, *input));
        Ok(0)
    }
    fn note(&mut self, _: Timestamp, _: &str, _: Option<&[u8]>) -> Result<(), JournalError> {
        Ok(())
    }
    fn decided(&mut self, _: Timestamp, _: u64) -> Result<(), JournalError> {
        Ok(())
    }
    fn checkpoint(&mut self, _: Timestamp, _: Vec<u8>) -> bool {
        false
    }
    fn checkpoint_due(&self, _: Timestamp) -> bool {
        false
    }
    fn checkpointed(&mut self, _: Timestamp) -> Option<Result<Checkpointed, JournalError>> {
        None
    }
    fn room(&self) -> Room {
        Room::default()
    }
    fn commit(&mut self, _: Timestamp) -> Result<Committed, JournalError> {
        if self.0.full.load(Ordering::SeqCst) {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(JournalError::Io {
                what: "write",
                path: "journal".into(),
                source,
            });
        }
        self.0.note(Happened::Committed);
        Ok(Committed::default())
    }
    fn missing(&self) -> u64 {
        0
    }
    fn close(self: Box<Self>) -> Result<(), JournalError> {
        self.0.note(Happened::Closed);
        Ok(())
    }
}

pub(crate) struct FakeEdges(pub(crate) Arc<World>);

impl Edges for FakeEdges {
    fn carry(&mut self, _: Timestamp, _: u64, outputs: &mut Vec<Output>) {
        assert!(
            !self.0.broken.load(Ordering::SeqCst),
            "the edges are broken, as the test asked"
        );
        let held = self.0.held.lock().unwrap();
        let holds = held.is_some_and(|call| outputs.iter().any(arrived(call.0)));
        for output in outputs.drain(..) {
            self.0.note(Happened::Carried(output));
        }
        if holds {
            drop(self.0.released.wait_while(held, |held| held.is_some()).unwrap());
        }
    }
    fn record(&mut self, _: CallId, _: QueueId, _: bool) -> Result<(), Refusal> {
        Err(Refusal::NotOnDemand)
    }
    fn supervise(&mut self, _: CallId, _: feed::Supervise) -> Result<(), Refusal> {
        Err(Refusal::UnknownPhone)
    }
    fn supervisor(&mut self, _: crate::SupervisorNews) {}
    fn resume(&mut self, _: &Snapshot) {}
    fn phones(&self) -> Vec<(OperatorId, bool)> {
        Vec::new()
    }
    fn legs(&self) -> Vec<LegId> {
        self.0.legs.lock().unwrap().clone()
    }
}

pub(crate) fn core() -> AcdConfig {
    let seconds = Duration::from_secs;
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 1,
            windows: vec![],
            holidays: vec![],
            workdays: vec![],
        },
        queues: vec![QueueConfig {
            name: "hotline".into(),
            answer: AnswerWhen::Arrival,
            waiting_max: 100,
            wait_max: seconds(600),
            short_abandon: seconds(5),
            ring_timeout: seconds(20),
            place_grace: seconds(0),
            announce_every: seconds(0),
            wrap_up: seconds(10),
            wrap_up_extension: seconds(10),
            strategy: Strategy::LongestIdle,
            greeting: false,
            ..QueueConfig::default()
        }],
        operators: vec![OperatorConfig {
            name: "1001".into(),
            queues: vec![],
            auto_ready: true,
            no_answer_max: 2,
            ..OperatorConfig::default()
        }],
        pause_reasons: vec![],
        calls_max: 100,
        dialable: Vec::new(),
        forwards: Vec::new(),
        transfer: None,
    }
}

struct Running {
    world: Arc<World>,
    entrance: Entrance,
    engine: Engine,
    registry: Registry,
}

fn start(config: EngineConfig, rate: f64) -> Running {
    let world = Arc::new(World::default());
    let registry = Registry::new();
    let doors = entrance(&config, &registry).unwrap();
    let entrance = doors.0.clone();
    let clock = Clock::start(ClockConfig {
        start: Some(NINE),
        rate,
    });
    let (log, edges) = (
        Box::new(FakeLog(world.clone())),
        Box::new(FakeEdges(world.clone())),
    );
    let engine = Engine::start(config, core(), clock, doors, log, edges).unwrap();
    Running {
        world,
        entrance,
        engine,
        registry,
    }
}

impl Running {
    fn sip(&self, event: SipEvent) -> Accepted {
        self.entrance.sip_events()(event)
    }

    fn arrive(&self, call: u64) -> Accepted {
        let (queue, trunk) = (QueueId(0), TrunkId(0));
        self.sip(SipEvent::CallArrived {
            call: CallId(call),
            queue,
            trunk,
            caller: CallerNumber::withheld(),
            skills: acd::Skills::default(),
        })
    }

    fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families
            .iter()
            .find(|f| f.name() == name)
            .unwrap_or_else(|| panic!("no metric {name}"));
        family
            .get_metric()
            .iter()
            .map(|m| m.get_counter().get_value() + m.get_gauge().get_value())
            .sum()
    }

    fn stop(self) -> Vec<Happened> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(matches!(runtime.block_on(self.engine.stop()), Ended::Stopped));
        self.world.happened.lock().unwrap().clone()
    }
}

fn arrived(call: u64) -> impl Fn(&Output) -> bool {
    move |output| matches!(output, Output::Event(Event::CallArrived { call: c, .. }) if c.0 == call)
}

#[test]
fn nothing_is_carried_out_before_its_input_is_committed() {
    let running = start(EngineConfig::default(), 1.0);
    running.sip(SipEvent::PhoneRegistered {
        operator: OperatorId(0),
    });
    for call in 1..=20 {
        assert_eq!(running.arrive(call), Accepted::Yes);
    }
    running.world.until_carried(arrived(20));
    let happened = running.stop();
    let mut uncommitted = 0;
    let mut carried = 0;
    for step in &happened {
        match step {
            Happened::Appended(..) => uncommitted += 1,
            Happened::Committed => uncommitted = 0,
            Happened::Carried(output) => {
                assert_eq!(uncommitted, 0, "{output:?} was carried out before the commit");
                carried += 1;
            }
            Happened::Closed => {}
        }
    }
    assert!(carried > 20);
    assert_eq!(happened.last(), Some(&Happened::Closed));
}

#[test]
fn inputs_are_handled_in_order_and_time_never_goes_back() {
    let running = start(EngineConfig::default(), 1.0);
    for call in 1..=200 {
        running.arrive(call);
    }
    running.world.until_carried(|o| {
        matches!(
            o,
            Output::Refuse {
                call: CallId(200),
                ..
            }
        ) || arrived(200)(o)
    });
    let mut last = NINE;
    let mut calls = Vec::new();
    for step in running.stop() {
        let Happened::Appended(at, input) = step else {
            continue;
        };
        assert!(at >= last);
        last = at;
        if let Input::CallArrived { call, .. } = input {
            calls.push(call.0);
        }
    }
    assert_eq!(calls, (1..=200).collect::<Vec<_>>());
}

#[test]
fn ticks_come_when_the_core_asks_for_them() {
    // Twenty seconds of ringing pass in a fifth of a second.
    let running = start(EngineConfig::default(), 100.0);
    running.sip(SipEvent::PhoneRegistered {
        operator: OperatorId(0),
    });
    running.arrive(1);
    let leg = running.world.until(|happened| {
        happened.iter().find_map(|h| match h {
            Happened::Carried(Output::Dial { leg, .. }) => Some(*leg),
            _ => None,
        })
    });
    running
        .world
        .until_carried(|o| matches!(o, Output::HangUp { leg: l, .. } if *l == leg));
    let happened = running.stop();
    let dialled = happened
        .iter()
        .position(|h| matches!(h, Happened::Carried(Output::Dial { .. })))
        .unwrap();
    let at = |range: &[Happened], wanted: fn(&Input) -> bool| {
        range.iter().rev().find_map(|h| match h {
            Happened::Appended(at, input) if wanted(input) => Some(*at),
            _ => None,
        })
    };
    let began = at(&happened[..dialled], |i| matches!(i, Input::CallArrived { .. })).unwrap();
    let given_up = happened
        .iter()
        .position(|h| matches!(h, Happened::Carried(Output::HangUp { .. })))
        .unwrap();
    let tick = at(&happened[dialled..given_up], |i| *i == Input::Tick).unwrap();
    assert!(
        tick.since(began) >= Duration::from_secs(20),
        "rang for {:?}",
        tick.since(began)
    );
}

#[test]
fn an_engine_that_cannot_keep_up_refuses_new_calls_and_requests_and_forgets_nothing() {
    let config = EngineConfig {
        inbox_max: 16,
        ..EngineConfig::default()
    };
    let running = start(config, 1.0);
    running.arrive(1);
    running.world.until_carried(arrived(1));
    *running.world.held.lock().unwrap() = Some(CallId(2));
    running.arrive(2);
    running.world.until_carried(arrived(2));
    let answers: Vec<Accepted> = (3..=30).map(|call| running.arrive(call)).collect();
    assert_eq!(answers.iter().filter(|a| **a == Accepted::Yes).count(), 16);
    assert!(
        answers[16..].iter().all(|a| *a == Accepted::No),
        "room only for the first"
    );
    let (reply, answer) = oneshot::channel();
    assert!(!running.entrance.requests()(Request::Snapshot(reply)));
    assert!(answer.blocking_recv().is_err());
    // A caller who goes is told to the core however full the line is.
    assert_eq!(
        running.sip(SipEvent::CallerGone {
            call: CallId(1),
            cause: GoneCause::HungUp
        }),
        Accepted::Yes
    );
    assert_eq!(running.metric("holdfast_engine_refused_total"), 13.0);
    running.world.release();
    running
        .world
        .until_carried(|o| matches!(o, Output::Event(Event::CallEnded { call: CallId(1), .. })));
    assert_eq!(running.arrive(31), Accepted::Yes);
    running.stop();
}

#[test]
fn a_snapshot_tells_exactly_what_its_number_says() {
    let running = start(EngineConfig::default(), 1.0);
    for call in 1..=5 {
        running.arrive(call);
    }
    let (reply, answer) = oneshot::channel();
    assert!(running.entrance.requests()(Request::Snapshot(reply)));
    let (seq, snapshot) = answer.blocking_recv().unwrap();
    running.arrive(6);
    running.world.until_carried(arrived(6));
    let happened = running.stop();
    let events = happened.iter().filter_map(|h| match h {
        Happened::Carried(Output::Event(event)) => Some(event),
        _ => None,
    });
    let told = events
        .take(seq as usize)
        .filter(|e| matches!(e, Event::CallArrived { .. }))
        .count();
    assert_eq!((told, snapshot.calls.len()), (5, 5));
}

#[test]
fn commands_are_answered_with_what_the_core_says() {
    let running = start(EngineConfig::default(), 1.0);
    let ask = |input| {
        let (reply, answer) = oneshot::channel();
        assert!(running.entrance.requests()(Request::Command { input, reply }));
        answer.blocking_recv().unwrap()
    };
    let operator = OperatorId(0);
    assert_eq!(
        ask(Input::Ready { operator }),
        Err(acd::Refusal::SignedOff.into())
    );
    assert_eq!(ask(Input::SignOn { operator }), Ok(()));
    assert_eq!(
        ask(Input::SignOn {
            operator: OperatorId(7)
        }),
        Err(acd::Refusal::UnknownOperator.into())
    );
    running.stop();
}

#[test]
fn an_order_of_lines_is_journaled_then_in_force_then_taken_back() {
    let running = start(EngineConfig::default(), 1.0);
    let order = |input| {
        let (reply, answer) = oneshot::channel();
        assert!(running.entrance.requests()(Request::Command { input, reply }));
        assert_eq!(answer.blocking_recv().unwrap(), Ok(()));
        let (reply, answer) = oneshot::channel();
        assert!(running.entrance.requests()(Request::Snapshot(reply)));
        let (_, snapshot) = answer.blocking_recv().unwrap();
        (snapshot.lines, snapshot.next_change, snapshot.next_lines)
    };
    let until = NINE + Duration::from_secs(13 * 3600);
    let open = Input::SetLines { lines: 6, until };
    assert_eq!(order(open), (6, Some(until), Some(1)));
    assert_eq!(order(Input::FollowSchedule), (1, None, None));
    let happened = running.stop();
    for (input, expected) in [(open, (1, 6)), (Input::FollowSchedule, (6, 1))] {
        let in_order = happened.windows(3).any(|three| match three {
            [
                Happened::Appended(_, told),
                Happened::Committed,
                Happened::Carried(Output::Event(Event::CapacityChanged { lines, before, .. })),
            ] => (*told, (*before, *lines)) == (input, expected),
            _ => false,
        });
        assert!(in_order, "{input:?} in {happened:#?}");
    }
}

#[test]
fn a_full_disk_is_reported_and_stops_no_call() {
    let running = start(EngineConfig::default(), 1.0);
    running.world.full.store(true, Ordering::SeqCst);
    assert_eq!(running.arrive(1), Accepted::Yes);
    running.world.until_carried(arrived(1));
    assert_eq!(running.metric("holdfast_journal_failing"), 1.0);
    running.world.full.store(false, Ordering::SeqCst);
    running.arrive(2);
    running.world.until_carried(arrived(2));
    assert_eq!(running.metric("holdfast_journal_failing"), 0.0);
    running.stop();
}

#[test]
fn draining_takes_no_new_calls_and_waits_for_the_last() {
    let running = start(EngineConfig::default(), 1.0);
    running.arrive(1);
    running.world.until_carried(arrived(1));
    running.engine.drain();
    running.arrive(2);
    running
        .world
        .until_carried(|o| matches!(o, Output::Refuse { call: CallId(2), .. }));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(running.engine.calls(), 1);
    running.engine.hang_up_all();
    runtime.block_on(running.engine.idle());
    assert_eq!(running.engine.calls(), 0);
    running
        .world
        .until_carried(|o| matches!(o, Output::HangUp { leg, .. } if *leg == LegId::caller(CallId(1))));
    running.stop();
}

#[test]
fn a_caller_whose_leg_vanished_does_not_hold_a_line_for_ever() {
    let config = EngineConfig {
        reconcile_every: Duration::from_millis(1),
        ..EngineConfig::default()
    };
    let running = start(config, 1.0);
    running.arrive(1);
    // Signalling knows nothing of call 1, and has a leg that the core knows nothing of.
    let stray = LegId {
        call: CallId(9),
        leg: 3,
    };
    running.world.legs.lock().unwrap().push(stray);
    running
        .world
        .until_carried(|o| matches!(o, Output::Event(Event::CallEnded { call: CallId(1), .. })));
    running
        .world
        .until_carried(|o| matches!(o, Output::HangUp { leg, .. } if *leg == stray));
    assert!(running.metric("holdfast_engine_stuck_legs_repaired_total") >= 2.0);
    running.stop();
}

#[test]
fn a_loop_that_breaks_says_so_and_takes_no_more_calls() {
    let mut running = start(EngineConfig::default(), 1.0);
    running.arrive(1);
    running.world.until_carried(arrived(1));
    running.world.broken.store(true, Ordering::SeqCst);
    running.arrive(2);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(matches!(
        runtime.block_on(running.engine.ended()),
        Ended::Panicked
    ));
    assert_eq!(running.arrive(3), Accepted::No);
}
