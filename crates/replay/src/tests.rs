//! Journals written by a core, walked through again.

mod outside;

use crate::{Auditor, Decisions, Found, Reason, Teller, Walk, Watch};
use acd::schedule::Schedule;
use acd::{
    Acd, AcdConfig, Asked, CallId, CallerNumber, Event, GoneCause, Input, LegId, OperatorConfig, OperatorId,
    Output, QueueConfig, QueueId, ReturnCause, Role, Skills, Third, Timestamp, TrunkId, Why,
};
use expect_test::expect;
use journal::{Begins, Head, Journal, Options};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A directory of this test's own, gone when the test is over.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "replay-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A Monday at nine in Shanghai.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_795_395_600 + seconds)
}

fn queue(name: &str) -> QueueConfig {
    QueueConfig {
        name: name.into(),
        greeting: false,
        wrap_up: Duration::ZERO,
        ..QueueConfig::default()
    }
}

/// One operator who speaks no English, two queues, two lines.
fn config() -> AcdConfig {
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 2,
            windows: vec![],
            holidays: vec![],
            workdays: vec![],
        },
        queues: vec![
            queue("hotline"),
            QueueConfig {
                skills: Skills(1),
                ..queue("english")
            },
        ],
        operators: vec![OperatorConfig {
            name: "1001".into(),
            auto_ready: true,
            ..OperatorConfig::default()
        }],
        pause_reasons: vec![],
        calls_max: 100,
        dialable: vec![],
        forwards: vec![],
        transfer: None,
    }
}

fn arrival(call: u64, queue: u32) -> Input {
    Input::CallArrived {
        call: CallId(call),
        queue: QueueId(queue),
        trunk: TrunkId(0),
        caller: CallerNumber::new("02112345678"),
        skills: Skills::default(),
    }
}

fn leg(call: u64) -> LegId {
    LegId {
        call: CallId(call),
        leg: 1,
    }
}

/// A morning on which call 1 in English waits in vain while call 3 is served before it, and call 3 after a wait.
fn morning() -> Vec<(u64, Input)> {
    let operator = OperatorId(0);
    vec![
        (0, Input::Tick),
        (1, Input::PhoneRegistered { operator }),
        (2, arrival(1, 1)),
        (3, arrival(2, 0)),
        (10, Input::LegAnswered { leg: leg(2) }),
        (20, arrival(3, 0)),
        (100, Input::LegGone { leg: leg(2) }),
        (104, Input::LegAnswered { leg: leg(3) }),
        (
            160,
            Input::CallerGone {
                call: CallId(3),
                cause: GoneCause::HungUp,
            },
        ),
    ]
}

/// Lets a core handle the inputs and journals it all as an engine does; a checkpoint is taken after each listed input.
/// The hash of the batch `lie_at` is recorded wrong.
fn write(dir: &Dir, inputs: &[(u64, Input)], checkpoints: &[usize], lie_at: Option<usize>) {
    let recovered = Journal::recover(&dir.0).unwrap();
    let (mut journal, _) = recovered
        .begin(&config(), Options::default(), at(0), Begins::Empty)
        .unwrap();
    let (mut core, mut decisions) = (Acd::new(config()).unwrap(), Decisions::default());
    for (n, (seconds, input)) in inputs.iter().enumerate() {
        let mut outputs = Vec::new();
        journal.append(at(*seconds), input).unwrap();
        core.handle(at(*seconds), *input, &mut outputs);
        decisions.take(&outputs);
        let lie = u64::from(lie_at == Some(n));
        journal.decided(at(*seconds), decisions.hash() ^ lie).unwrap();
        journal.note(at(*seconds), "leg/1/0", Some(&[n as u8])).unwrap();
        journal.commit(at(*seconds)).unwrap();
        if checkpoints.contains(&n) {
            assert!(journal.checkpoint(at(*seconds), core.state()));
            while journal.checkpointed(at(*seconds)).is_none() {
                std::thread::yield_now();
            }
        }
    }
    journal.close().unwrap();
}

fn walk(dir: &Dir, watch: &mut dyn Watch) -> crate::Findings {
    Walk::new(&dir.0, None).unwrap().go(watch, &mut |_| {}).unwrap()
}

#[test]
fn what_was_recorded_comes_out_again() {
    let dir = Dir::new();
    write(&dir, &morning(), &[3, 6], None);
    let found = walk(&dir, &mut ());
    assert!(found.agree(), "{found:?}");
    assert_eq!((found.runs, found.inputs, found.calls), (1, 9, 3));
    assert_eq!((found.batches_compared, found.checkpoints_compared), (9, 2));
}

#[test]
fn a_decision_that_differs_is_found_where_it_was_made() {
    let dir = Dir::new();
    write(&dir, &morning(), &[], Some(5));
    let found = walk(&dir, &mut ());
    // The batch itself, and the one after it, which goes on from the wrong hash and not from it.
    assert_eq!(found.differences, 2);
    assert_eq!(
        (found.named[0].what, found.named[0].at_us),
        ("decisions", at(20).as_micros())
    );
}

/// Lets the first segment say that it was written in `version`.
fn pretend_version(dir: &Dir, version: u32) {
    let (_, path) = journal::segments(&dir.0).unwrap().remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    let json = 20..20 + u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), &bytes[json]);
    bytes[16..20].copy_from_slice(&sum.to_le_bytes());
    fs::write(&path, bytes).unwrap();
}

#[test]
fn decisions_that_an_older_version_hashed_are_counted_and_not_compared() {
    let dir = Dir::new();
    write(&dir, &morning(), &[], Some(5));
    pretend_version(&dir, 2);
    let found = walk(&dir, &mut ());
    assert_eq!(
        (found.differences, found.batches_compared, found.batches_older),
        (0, 0, 9)
    );
}

#[test]
fn a_state_that_differs_is_found() {
    let dir = Dir::new();
    write(&dir, &morning(), &[], None);
    // A checkpoint of another state, whole in itself.
    let other = Dir::new();
    let mut inputs = morning();
    inputs[3].1 = Input::Tick;
    write(&other, &inputs, &[3], None);
    let (_, path) = journal::checkpoints(&other.0).unwrap().remove(0);
    fs::copy(&path, dir.0.join(path.file_name().unwrap())).unwrap();
    let found = walk(&dir, &mut ());
    assert_eq!((found.differences, found.named[0].what), (1, "state"));
}

#[test]
fn where_the_beginning_is_gone_a_checkpoint_stands_in() {
    let dir = Dir::new();
    write(&dir, &morning(), &[3], None);
    // As if the first segment had been removed: a second one holds what comes after the checkpoint.
    let recovered = Journal::recover(&dir.0).unwrap();
    let (mut journal, _) = recovered
        .begin(&config(), Options::default(), at(200), Begins::Continuing)
        .unwrap();
    journal.append(at(200), &arrival(4, 0)).unwrap();
    journal.commit(at(200)).unwrap();
    drop(journal);
    let (_, first) = journal::segments(&dir.0).unwrap().remove(0);
    fs::remove_file(first).unwrap();
    let found = walk(&dir, &mut ());
    assert_eq!(found.gaps.len(), 1, "{found:?}");
    assert!(found.gaps[0].why.contains("are gone"), "{:?}", found.gaps);
}

#[test]
fn a_walk_may_begin_at_the_last_checkpoint_before_a_moment() {
    /// Counts what it is told.
    #[derive(Default)]
    struct Seen {
        began_with: Vec<usize>,
        inputs: Vec<Timestamp>,
    }
    impl Watch for Seen {
        fn begins(&mut self, state: &acd::Snapshot) {
            self.began_with.push(state.calls.len());
        }
        fn handled(&mut self, at: Timestamp, _: &Input, _: &[Output]) {
            self.inputs.push(at);
        }
    }
    let dir = Dir::new();
    write(&dir, &morning(), &[3, 6], None);
    let from = |moment| {
        let mut seen = Seen::default();
        let walk = Walk::new(&dir.0, None).unwrap().since(moment);
        let found = walk.go(&mut seen, &mut |_| {}).unwrap();
        assert!(found.agree(), "{found:?}");
        (seen.began_with, seen.inputs.first().copied(), seen.inputs.len())
    };
    assert_eq!(
        from(at(2)),
        (vec![], Some(at(0)), 9),
        "no checkpoint is that old: all of it"
    );
    assert_eq!(
        from(at(50)),
        (vec![2], Some(at(10)), 5),
        "the first, after two calls had come"
    );
    assert_eq!(
        from(at(500)),
        (vec![2], Some(at(104)), 2),
        "the second, when two were there again"
    );
}

#[test]
fn a_callers_story_is_told_in_plain_words() {
    let dir = Dir::new();
    write(&dir, &morning(), &[], None);
    let mut teller = Teller::new(CallId(3));
    walk(&dir, &mut teller);
    let story = teller.story();
    let lines: Vec<String> = story
        .lines
        .iter()
        .map(|line| format!("{}  {}", &line.at[11..], line.what))
        .collect();
    expect![[r#"
        09:00:20.000  021******78 calls hotline and has a new place: ticket 3; 2 of 2 lines in use, 1 call waiting before it, 0 of 1 operators at work free
        09:00:20.000  is answered
        09:01:40.000  told: number 1
        09:01:40.000  given a line after 1 min 20 s; 2 of 2 lines in use, 1 call waiting before it, 1 of 1 operators at work free
        09:01:40.000  rings 1001, idle for 0.0 s; 1 operator free and eligible, 1 call waiting; call 1 stands before it, and 1001 may not take it
        09:01:44.000  talks with 1001
        09:02:40.000  the caller hangs up
        09:02:40.000  is over: answered after 56.0 s of talk
        talked with 1001; waited 1 min 24 s because: no line was free for 1 min 20 s, 1 phone rang for 4.0 s
    "#]].assert_eq(&format!("{}\n{}\n", lines.join("\n"), story.summary));
}

fn audit(dir: &Dir) -> (Vec<Found>, crate::Verdict) {
    let mut found = Vec::new();
    let mut tell = |each| found.push(each);
    let mut auditor = Auditor::new(None, None, &mut tell);
    walk(dir, &mut auditor);
    let verdict = auditor.verdict();
    (found, verdict)
}

#[test]
fn who_was_passed_is_named_with_the_reason() {
    let dir = Dir::new();
    write(&dir, &morning(), &[], None);
    let (found, verdict) = audit(&dir);
    assert_eq!((verdict.violations, verdict.passed), (0, 1));
    let [Found::Passed(passed)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((passed.call, passed.queue.as_str()), (CallId(1), "english"));
    assert_eq!(passed.reasons[&Reason::Skills], (2, vec![CallId(2), CallId(3)]));
}

fn head() -> Head {
    Head {
        segment: 1,
        epoch: 1,
        first_index: 0,
        run_index: 0,
        continues: false,
        next_call: 1,
        created: at(0),
        config: config(),
    }
}

/// Events as a core would never send them.
fn unjust(events: Vec<Event>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut tell = |each| found.push(each);
    let mut auditor = Auditor::new(None, None, &mut tell);
    auditor.run(&head());
    let capacity = Event::CapacityChanged {
        lines: 2,
        before: 0,
        next_change: None,
        next_lines: None,
    };
    for (n, event) in (0..).zip(std::iter::once(capacity).chain(events)) {
        auditor.handled(at(n), &Input::Tick, &[Output::Event(event)]);
    }
    auditor.verdict();
    found
}

fn arrived(call: u64, ticket: u64) -> Event {
    Event::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::withheld(),
        ticket,
        since: at(0),
        resumed: false,
        skills: Skills::default(),
    }
}

fn admitted(call: u64) -> Event {
    Event::CallAdmitted {
        call: CallId(call),
        queue: QueueId(0),
        waited: Duration::ZERO,
    }
}

fn assigned(call: u64) -> Event {
    Event::CallAssigned {
        call: CallId(call),
        queue: QueueId(0),
        operator: OperatorId(0),
        leg: leg(call),
        why: Why::default(),
    }
}

fn connected(call: u64) -> Event {
    Event::CallConnected {
        call: CallId(call),
        queue: QueueId(0),
        operator: OperatorId(0),
        waited: Duration::ZERO,
        rang: Duration::ZERO,
    }
}

fn transferred(call: u64) -> Event {
    Event::CallTransferred {
        call: CallId(call),
        queue: QueueId(0),
        operator: OperatorId(0),
        to: OperatorId(1),
    }
}

fn returned(call: u64) -> Event {
    Event::CallReturned {
        call: CallId(call),
        queue: QueueId(0),
        operator: OperatorId(1),
        cause: ReturnCause::NoAnswer,
        rang: Duration::from_secs(20),
    }
}

fn sent_outside(call: u64) -> Event {
    Event::CallSentOutside {
        call: CallId(call),
        queue: QueueId(0),
        operator: OperatorId(0),
        number: CallerNumber::new("13900000001"),
        leg: leg(call),
    }
}

fn failed_outside(call: u64) -> Event {
    Event::OutsideFailed {
        call: CallId(call),
        queue: QueueId(0),
        cause: ReturnCause::Failed(acd::FailCause::Busy),
        rang: Duration::from_secs(3),
    }
}

fn answered_outside(call: u64) -> Event {
    Event::OutsideAnswered {
        call: CallId(call),
        queue: QueueId(0),
        number: CallerNumber::new("13900000001"),
        leg: leg(call),
    }
}

#[test]
fn a_call_that_was_given_outside_tells_of_it() {
    let mut teller = Teller::new(CallId(1));
    teller.run(&head());
    let events = [
        arrived(1, 1),
        admitted(1),
        connected(1),
        sent_outside(1),
        failed_outside(1),
        connected(1),
        sent_outside(1),
        answered_outside(1),
    ];
    for (n, event) in (0..).zip(events) {
        teller.handled(at(n), &Input::Tick, &[Output::Event(event)]);
    }
    let story = teller.story();
    let told: Vec<&str> = story
        .lines
        .iter()
        .skip(2)
        .map(|line| line.what.as_str())
        .collect();
    expect![[r#"
        talks with 1001
        is given by 1001 to 139******01 outside
        outside was busy after 3.0 s: the call stands where it stood
        talks with 1001
        is given by 1001 to 139******01 outside
        talks with 139******01 outside, and holds no line any more
        talked with 1001, then 1001, then 139******01 outside; waited 2.0 s because: no line was free for 1.0 s, no operator who takes such calls was free for 1.0 s
    "#]].assert_eq(&format!("{}\n{}\n", told.join("\n"), story.summary));
}

#[test]
fn a_call_that_was_handed_over_tells_of_it() {
    let call = CallId(1);
    let asked = |role| Event::ThirdChanged {
        call,
        third: Some(Third {
            who: Asked::Operator(OperatorId(0)),
            role,
        }),
    };
    let mut teller = Teller::new(call);
    teller.run(&head());
    let events = [
        arrived(1, 1),
        admitted(1),
        connected(1),
        asked(Role::Consulted),
        asked(Role::Joined),
        Event::ThirdChanged { call, third: None },
        Event::ThirdChanged {
            call,
            third: Some(Third {
                who: Asked::Outside {
                    number: CallerNumber::new("13900000001"),
                    leg: LegId { call, leg: 3 },
                },
                role: Role::Consulted,
            }),
        },
        Event::ThirdChanged { call, third: None },
        asked(Role::Ringing),
        transferred(1),
        returned(1),
        connected(1),
    ];
    for (n, event) in (0..).zip(events) {
        teller.handled(at(n), &Input::Tick, &[Output::Event(event)]);
    }
    let story = teller.story();
    let told: Vec<&str> = story
        .lines
        .iter()
        .skip(2)
        .map(|line| line.what.as_str())
        .collect();
    expect![[r#"
        talks with 1001
        1001 is asked about it
        1001 joins in
        is between the two of them again
        139******01 outside is asked about it
        is between the two of them again
        1001 is rung about it
        is given by 1001 to ?
        ? did not answer after 20.0 s: the call stands where it stood
        talks with 1001
        talked with 1001, then 1001; waited 2.0 s because: no line was free for 1.0 s, no operator who takes such calls was free for 1.0 s
    "#]].assert_eq(&format!("{}\n{}\n", told.join("\n"), story.summary));
}

#[test]
fn an_order_that_was_broken_is_refuted() {
    let table = [
        (
            vec![
                arrived(1, 1),
                arrived(2, 2),
                admitted(1),
                admitted(2),
                assigned(1),
            ],
            None,
        ),
        (
            vec![arrived(1, 1), arrived(2, 2), admitted(2)],
            Some("given a line though call 1"),
        ),
        (
            vec![
                arrived(1, 1),
                arrived(2, 2),
                admitted(1),
                admitted(2),
                assigned(2),
            ],
            Some("given 1001 though call 1"),
        ),
        (
            [
                &[
                    arrived(1, 1),
                    admitted(1),
                    assigned(1),
                    connected(1),
                    transferred(1),
                ][..],
                &[arrived(2, 2), admitted(2), assigned(2)],
            ]
            .concat(),
            None,
        ),
        (
            [
                &[
                    arrived(1, 1),
                    admitted(1),
                    assigned(1),
                    connected(1),
                    transferred(1),
                ][..],
                &[arrived(2, 2), admitted(2), returned(1), assigned(2)],
            ]
            .concat(),
            Some("given 1001 though call 1"),
        ),
        (vec![arrived(1, 1), arrived(2, 1)], Some("drawn twice")),
        (
            vec![Event::FifoOvertaken {
                call: CallId(1),
                by: CallId(2),
            }],
            Some("the engine itself"),
        ),
    ];
    for (events, says) in table {
        let found = unjust(events.clone());
        match (says, found.as_slice()) {
            (None, []) => {}
            (Some(says), [Found::Violation(violation)]) => {
                assert!(violation.what.contains(says), "{violation:?}");
            }
            _ => panic!("{events:?}: {found:?}"),
        }
    }
}
