//! Events in, exposition text out.

use acd::{
    CallId, CallView, CallerNumber, Event, FailCause, LegId, OperatorId, OperatorState, OperatorView, Outcome,
};
use acd::{PauseReason, QueueId, ReturnCause, Snapshot, Stage, Timestamp, TrunkId, Waits, Why};
use expect_test::{Expect, expect};
use prometheus::{Registry, TextEncoder};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use telemetry::{Metrics, Names, TelemetryError};

const QUEUE: QueueId = QueueId(0);
const ANNE: OperatorId = OperatorId(0);
const BERT: OperatorId = OperatorId(1);

/// The metrics, and a clock to turn by hand. Times are seconds from its start.
struct Watch {
    metrics: Metrics,
    registry: Registry,
    now: Arc<AtomicU64>,
}

impl Watch {
    fn new() -> Self {
        let registry = Registry::new();
        let now = Arc::new(AtomicU64::new(0));
        let clock = now.clone();
        let clock = Arc::new(move || at(clock.load(Ordering::Relaxed)));
        let metrics = Metrics::new(&names(), &registry, clock).unwrap();
        Self {
            metrics,
            registry,
            now,
        }
    }

    fn tell(&self, second: u64, events: &[Event]) -> &Self {
        self.now.store(second, Ordering::Relaxed);
        for event in events {
            self.metrics.observe(event, at(second));
        }
        self
    }

    fn text(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap()
    }

    /// The series that are not zero, less the buckets, and less what every engine has.
    fn check(&self, expected: Expect) {
        let text = self.text();
        let told = |line: &&str| {
            !line.starts_with('#')
                && !line.contains("_bucket{")
                && !line.ends_with(" 0")
                && !line.contains("build_info")
        };
        let lines: Vec<&str> = text.lines().filter(told).collect();
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }

    fn value(&self, series: &str) -> f64 {
        let text = self.text();
        let line = text.lines().find(|line| {
            line.strip_prefix(series)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        line.unwrap_or_else(|| panic!("no {series}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }
}

fn names() -> Names {
    Names {
        queues: vec!["hotline".into()],
        trunks: vec!["city".into(), "spare".into()],
        operators: vec!["1001".into(), "1002".into(), "1003".into()],
        pause_reasons: vec!["lunch".into()],
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(1_763_888_400 + second)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn arrived(call: u64, second: u64) -> Event {
    Event::CallArrived {
        call: CallId(call),
        queue: QUEUE,
        trunk: TrunkId(0),
        caller: CallerNumber::new("13800138000"),
        ticket: call,
        since: at(second),
        resumed: false,
        skills: acd::Skills::default(),
    }
}

fn admitted(call: u64) -> Event {
    Event::CallAdmitted {
        call: CallId(call),
        queue: QUEUE,
        waited: secs(1),
    }
}

fn assigned(call: u64, operator: OperatorId) -> Event {
    let why = Why {
        ticket: call,
        age: secs(2),
        idle: secs(30),
        waiting: 1,
        eligible: 1,
        attempt: 1,
        ..Why::default()
    };
    Event::CallAssigned {
        call: CallId(call),
        queue: QUEUE,
        operator,
        leg: leg(call),
        why,
    }
}

fn leg(call: u64) -> LegId {
    LegId {
        call: CallId(call),
        leg: 1,
    }
}

fn returned(call: u64, cause: ReturnCause) -> Event {
    Event::CallReturned {
        call: CallId(call),
        queue: QUEUE,
        operator: ANNE,
        cause,
        rang: secs(20),
    }
}

fn connected(call: u64, waited: u64) -> Event {
    Event::CallConnected {
        call: CallId(call),
        queue: QUEUE,
        operator: ANNE,
        waited: secs(waited),
        rang: secs(4),
    }
}

fn ended(call: u64, outcome: Outcome, waited: u64, talked: u64, held: u64) -> Event {
    Event::CallEnded {
        call: CallId(call),
        queue: QUEUE,
        operator: None,
        outcome,
        waited: secs(waited),
        talked: secs(talked),
        held: secs(held),
        place_kept: false,
    }
}

fn operator(operator: OperatorId, state: OperatorState) -> Event {
    Event::OperatorChanged {
        operator,
        state,
        after: secs(1),
    }
}

#[test]
fn an_answered_call() {
    let watch = Watch::new();
    watch.tell(0, &[arrived(1, 0), admitted(1)]);
    watch.tell(1, &[operator(ANNE, OperatorState::Available)]);
    watch.tell(
        2,
        &[
            assigned(1, ANNE),
            operator(
                ANNE,
                OperatorState::Reserved {
                    leg: leg(1),
                    until: at(22),
                },
            ),
        ],
    );
    watch.check(expect![[r#"
        holdfast_calls{queue="hotline",stage="ringing"} 1
        holdfast_calls_assigned_total{queue="hotline"} 1
        holdfast_calls_offered_total{queue="hotline",trunk="city"} 1
        holdfast_lines_in_use 1
        holdfast_operators{state="reserved"} 1
        holdfast_operators{state="signed_off"} 2
        holdfast_queue_depth{queue="hotline"} 1
        holdfast_queue_oldest_wait_seconds{queue="hotline"} 2
    "#]]);
    watch.tell(
        6,
        &[
            connected(1, 6),
            operator(ANNE, OperatorState::Talking { leg: leg(1) }),
        ],
    );
    let wrap_up = |until| {
        operator(
            ANNE,
            OperatorState::WrapUp {
                call: CallId(1),
                until: at(until),
            },
        )
    };
    watch.tell(66, &[ended(1, Outcome::Answered, 6, 60, 10), wrap_up(96)]);
    // An extension is the same wrap-up.
    watch.tell(90, &[wrap_up(126)]);
    watch.tell(120, &[operator(ANNE, OperatorState::Available)]);
    watch.check(expect![[r#"
        holdfast_calls_assigned_total{queue="hotline"} 1
        holdfast_calls_offered_total{queue="hotline",trunk="city"} 1
        holdfast_calls_total{outcome="answered",queue="hotline"} 1
        holdfast_handle_seconds_sum{phase="hold",queue="hotline"} 10
        holdfast_handle_seconds_count{phase="hold",queue="hotline"} 1
        holdfast_handle_seconds_sum{phase="ring",queue="hotline"} 4
        holdfast_handle_seconds_count{phase="ring",queue="hotline"} 1
        holdfast_handle_seconds_sum{phase="talk",queue="hotline"} 50
        holdfast_handle_seconds_count{phase="talk",queue="hotline"} 1
        holdfast_handle_seconds_sum{phase="wrapup",queue="hotline"} 54
        holdfast_handle_seconds_count{phase="wrapup",queue="hotline"} 1
        holdfast_operators{state="available"} 1
        holdfast_operators{state="signed_off"} 2
        holdfast_wait_seconds_sum{outcome="answered",queue="hotline"} 6
        holdfast_wait_seconds_count{outcome="answered",queue="hotline"} 1
    "#]]);
}

#[test]
fn a_transferred_call_is_answered_once_and_its_talk_counts_once() {
    let watch = Watch::new();
    watch.tell(0, &[arrived(1, 0), admitted(1), assigned(1, ANNE)]);
    watch.tell(6, &[connected(1, 6)]);
    let transferred = Event::CallTransferred {
        call: CallId(1),
        queue: QUEUE,
        operator: ANNE,
        to: BERT,
    };
    watch.tell(60, &[transferred]);
    assert_eq!(
        watch.value("holdfast_calls{queue=\"hotline\",stage=\"ringing\"}"),
        1.0
    );
    watch.tell(64, &[connected(1, 6)]);
    watch.tell(90, &[ended(1, Outcome::Answered, 6, 80, 20)]);
    watch.check(expect![[r#"
        holdfast_calls_assigned_total{queue="hotline"} 1
        holdfast_calls_offered_total{queue="hotline",trunk="city"} 1
        holdfast_calls_total{outcome="answered",queue="hotline"} 1
        holdfast_calls_transferred_total{queue="hotline"} 1
        holdfast_handle_seconds_sum{phase="hold",queue="hotline"} 20
        holdfast_handle_seconds_count{phase="hold",queue="hotline"} 1
        holdfast_handle_seconds_sum{phase="ring",queue="hotline"} 8
        holdfast_handle_seconds_count{phase="ring",queue="hotline"} 2
        holdfast_handle_seconds_sum{phase="talk",queue="hotline"} 60
        holdfast_handle_seconds_count{phase="talk",queue="hotline"} 1
        holdfast_operators{state="signed_off"} 3
        holdfast_wait_seconds_sum{outcome="answered",queue="hotline"} 6
        holdfast_wait_seconds_count{outcome="answered",queue="hotline"} 1
    "#]]);
}

#[test]
fn a_call_given_to_a_number_outside_waits_and_then_holds_no_line() {
    let watch = Watch::new();
    watch.tell(0, &[arrived(1, 0), admitted(1), assigned(1, ANNE)]);
    watch.tell(6, &[connected(1, 6)]);
    let (call, queue, number) = (CallId(1), QUEUE, CallerNumber::new("13900000001"));
    let leg = LegId { call, leg: 2 };
    let sent = Event::CallSentOutside {
        call,
        queue,
        operator: ANNE,
        number,
        leg,
    };
    let stands = |stage: &str| watch.value(&format!("holdfast_calls{{queue=\"hotline\",stage=\"{stage}\"}}"));
    watch.tell(60, std::slice::from_ref(&sent));
    assert_eq!(
        (stands("ringing"), watch.value("holdfast_lines_in_use")),
        (1.0, 1.0)
    );
    let failed = Event::OutsideFailed {
        call,
        queue,
        cause: ReturnCause::NoAnswer,
        rang: Duration::from_secs(20),
    };
    watch.tell(80, &[failed]);
    assert_eq!(stands("admitted"), 1.0);
    let answered = Event::OutsideAnswered {
        call,
        queue,
        number,
        leg,
    };
    watch.tell(90, &[sent, answered]);
    assert_eq!(
        (stands("forwarded"), watch.value("holdfast_lines_in_use")),
        (1.0, 0.0)
    );
    assert_eq!(
        watch.value("holdfast_calls_transferred_total{queue=\"hotline\"}"),
        2.0
    );
}

#[test]
fn a_call_nobody_takes() {
    let watch = Watch::new();
    watch.tell(0, &[arrived(1, 0), admitted(1), arrived(2, 0)]);
    watch.tell(5, &[assigned(1, ANNE)]);
    watch.tell(25, &[returned(1, ReturnCause::NoAnswer), assigned(1, BERT)]);
    watch.tell(27, &[returned(1, ReturnCause::Failed(FailCause::Declined))]);
    let leaving = Event::CallLeaving {
        call: CallId(1),
        queue: QUEUE,
        outcome: Outcome::TimedOut,
    };
    watch.tell(1800, &[leaving]);
    watch.check(expect![[r#"
        holdfast_calls{queue="hotline",stage="leaving"} 1
        holdfast_calls{queue="hotline",stage="queued"} 1
        holdfast_calls_assigned_total{queue="hotline"} 2
        holdfast_calls_offered_total{queue="hotline",trunk="city"} 2
        holdfast_calls_returned_total{cause="declined",queue="hotline"} 1
        holdfast_calls_returned_total{cause="no_answer",queue="hotline"} 1
        holdfast_handle_seconds_sum{phase="ring",queue="hotline"} 40
        holdfast_handle_seconds_count{phase="ring",queue="hotline"} 2
        holdfast_lines_in_use 1
        holdfast_operator_no_answer_total{queue="hotline"} 1
        holdfast_operators{state="signed_off"} 3
        holdfast_queue_depth{queue="hotline"} 1
        holdfast_queue_oldest_wait_seconds{queue="hotline"} 1800
    "#]]);
    watch.tell(
        1810,
        &[
            ended(1, Outcome::TimedOut, 1800, 0, 0),
            ended(2, Outcome::Abandoned, 1810, 0, 0),
        ],
    );
    assert_eq!(watch.value("holdfast_lines_in_use"), 0.0);
    assert_eq!(watch.value("holdfast_queue_depth{queue=\"hotline\"}"), 0.0);
    assert_eq!(
        watch.value("holdfast_queue_oldest_wait_seconds{queue=\"hotline\"}"),
        0.0
    );
    let bucket = |le: &str| {
        watch.value(&format!(
            "holdfast_wait_seconds_bucket{{outcome=\"timed_out\",queue=\"hotline\",le=\"{le}\"}}"
        ))
    };
    assert_eq!((bucket("1200"), bucket("1800")), (0.0, 1.0));
}

#[test]
fn the_fifteen_second_bucket_is_exact() {
    let watch = Watch::new();
    let connect = |call, waited: Duration| {
        let leg_of = Event::CallConnected {
            call: CallId(call),
            queue: QUEUE,
            operator: ANNE,
            waited,
            rang: secs(1),
        };
        watch.tell(0, &[arrived(call, 0), leg_of]);
    };
    connect(1, secs(15));
    connect(2, Duration::from_micros(15_000_001));
    let bucket = "holdfast_wait_seconds_bucket{outcome=\"answered\",queue=\"hotline\",le=\"15\"}";
    assert_eq!(watch.value(bucket), 1.0);
}

#[test]
fn announcements_are_held_against_what_came() {
    let watch = Watch::new();
    let judged = |announced: Option<u64>, head_of_line: Option<u64>, waited| Event::WaitJudged {
        call: CallId(1),
        queue: QUEUE,
        announced: announced.map(secs),
        waits: Waits {
            head_of_line: head_of_line.map(secs),
            ..Waits::default()
        },
        waited: secs(waited),
    };
    watch.tell(
        100,
        &[
            judged(Some(60), Some(90), 100),
            judged(Some(90), None, 70),
            judged(None, None, 5),
        ],
    );
    watch.check(expect![[r#"
        holdfast_estimate_error_seconds_sum{predictor="announced"} 60
        holdfast_estimate_error_seconds_count{predictor="announced"} 2
        holdfast_estimate_error_seconds_sum{predictor="head_of_line"} 10
        holdfast_estimate_error_seconds_count{predictor="head_of_line"} 1
        holdfast_operators{state="signed_off"} 3
    "#]]);
}

#[test]
fn every_state_is_there_and_the_states_sum_to_all() {
    let watch = Watch::new();
    let paused = OperatorState::Paused {
        reason: PauseReason::Chosen(0),
    };
    let changes = [
        paused,
        OperatorState::Available,
        paused,
        paused,
        OperatorState::SignedOff,
        OperatorState::Available,
    ];
    for state in changes {
        watch.tell(1, &[operator(BERT, state)]);
        let counts =
            OperatorState::NAMES.map(|name| watch.value(&format!("holdfast_operators{{state=\"{name}\"}}")));
        assert_eq!(counts.iter().sum::<f64>(), 3.0, "{counts:?}");
        assert!(counts.iter().all(|count| *count >= 0.0), "{counts:?}");
        assert!(watch.value(&format!("holdfast_operators{{state=\"{}\"}}", state.name())) >= 1.0);
    }
}

#[test]
fn what_hangs_past_its_deadline_is_stuck() {
    let stuck = "holdfast_stuck_calls";
    let watch = Watch::new();
    watch.tell(
        0,
        &[
            arrived(1, 0),
            operator(
                ANNE,
                OperatorState::Reserved {
                    leg: leg(1),
                    until: at(20),
                },
            ),
        ],
    );
    let leaving = Event::CallLeaving {
        call: CallId(1),
        queue: QUEUE,
        outcome: Outcome::Closed,
    };
    for (second, expected) in [(20, 0.0), (25, 0.0), (26, 1.0)] {
        assert_eq!(watch.tell(second, &[]).value(stuck), expected, "at {second}");
    }
    watch.tell(30, &[operator(ANNE, OperatorState::Available), leaving]);
    assert_eq!(watch.value(stuck), 0.0);
    assert_eq!(watch.tell(151, &[]).value(stuck), 1.0, "an endless farewell");
    assert_eq!(
        watch
            .tell(152, &[ended(1, Outcome::Closed, 30, 0, 0)])
            .value(stuck),
        0.0
    );
}

#[test]
fn a_recovery_sets_the_gauges_and_leaves_the_counters() {
    let watch = Watch::new();
    watch.tell(
        0,
        &[
            arrived(1, 0),
            admitted(1),
            operator(ANNE, OperatorState::Available),
        ],
    );
    let view = |call, admitted, stage| CallView {
        call: CallId(call),
        queue: QUEUE,
        trunk: TrunkId(0),
        caller: CallerNumber::withheld(),
        ticket: call,
        since: at(call),
        skills: acd::Skills::default(),
        admitted,
        transferred_by: None,
        stage,
    };
    let standing = |operator, state| OperatorView {
        operator,
        state,
        since: at(0),
        phone: true,
        answered: 0,
    };
    let talking = Stage::Talking {
        operator: ANNE,
        connected: at(8),
        held: false,
        third: None,
    };
    watch.metrics.restore(&Snapshot {
        at: at(10),
        lines: 4,
        lines_in_use: 1,
        next_change: None,
        next_lines: None,
        draining: false,
        calls: vec![view(5, Some(at(6)), talking), view(7, None, Stage::Queued)],
        operators: vec![
            standing(ANNE, OperatorState::Talking { leg: leg(5) }),
            standing(BERT, OperatorState::SignedOff),
            standing(OperatorId(2), OperatorState::SignedOff),
        ],
    });
    watch.tell(20, &[]).check(expect![[r#"
        holdfast_calls{queue="hotline",stage="queued"} 1
        holdfast_calls{queue="hotline",stage="talking"} 1
        holdfast_calls_offered_total{queue="hotline",trunk="city"} 1
        holdfast_lines_capacity 4
        holdfast_lines_in_use 1
        holdfast_operators{state="signed_off"} 2
        holdfast_operators{state="talking"} 1
        holdfast_queue_depth{queue="hotline"} 1
        holdfast_queue_oldest_wait_seconds{queue="hotline"} 13
    "#]]);
    watch.tell(30, &[ended(5, Outcome::Answered, 3, 22, 0), admitted(7)]);
    assert_eq!(watch.value("holdfast_lines_in_use"), 1.0);
    assert_eq!(
        watch.value("holdfast_handle_seconds_sum{phase=\"talk\",queue=\"hotline\"}"),
        22.0
    );
}

#[test]
fn lines_overtakes_draining() {
    let watch = Watch::new();
    let lines = |lines| Event::CapacityChanged {
        lines,
        before: 0,
        next_change: None,
        next_lines: None,
    };
    let overtaken = Event::FifoOvertaken {
        call: CallId(1),
        by: CallId(2),
    };
    watch.tell(1, &[lines(12), lines(4), overtaken, Event::Draining]);
    watch.check(expect![[r#"
        holdfast_draining 1
        holdfast_fifo_overtakes_total 1
        holdfast_lines_capacity 4
        holdfast_operators{state="signed_off"} 3
    "#]]);
}

#[test]
fn what_the_configuration_does_not_know_is_left_out() {
    let watch = Watch::new();
    let before = watch.text();
    let stranger = Event::CallArrived {
        call: CallId(1),
        queue: QueueId(9),
        trunk: TrunkId(9),
        caller: CallerNumber::withheld(),
        ticket: 1,
        since: at(0),
        resumed: false,
        skills: acd::Skills::default(),
    };
    watch.tell(
        0,
        &[
            stranger,
            ended(7, Outcome::Failed, 0, 0, 0),
            operator(OperatorId(9), OperatorState::Available),
        ],
    );
    let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(series(&watch.text()), series(&before), "no new series");
}

#[test]
fn no_number_and_no_call_is_a_label() {
    let watch = Watch::new();
    watch.tell(
        0,
        &[arrived(424_242, 0), admitted(424_242), assigned(424_242, ANNE)],
    );
    let text = watch.text();
    assert!(
        !text.contains("13800138000") && !text.contains("424242"),
        "{text}"
    );
}

#[test]
fn a_registry_takes_them_once() {
    let watch = Watch::new();
    let again = Metrics::new(&names(), &watch.registry, Arc::new(Timestamp::default));
    assert!(matches!(again.err(), Some(TelemetryError::Metrics(_))));
}

/// Prometheus' own judge of names and units, where it is installed.
#[test]
fn promtool_finds_nothing_to_say() {
    let watch = Watch::new();
    watch.tell(
        0,
        &[arrived(1, 0), admitted(1), ended(1, Outcome::Abandoned, 3, 0, 0)],
    );
    let judge = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut judge) = judge else { return };
    let mut stdin = judge.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, watch.text().as_bytes()).unwrap();
    drop(stdin);
    let verdict = judge.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&verdict.stderr), "");
    assert!(verdict.status.success());
}

/// The alerts' own tests, where Prometheus is installed.
#[test]
fn the_alerts_fire_when_they_should() {
    let rules = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/prometheus/rules.test.yml"
    );
    let judge = Command::new("promtool").args(["test", "rules", rules]).output();
    let Ok(verdict) = judge else { return };
    assert!(
        verdict.status.success(),
        "{}",
        String::from_utf8_lossy(&verdict.stderr)
    );
}
