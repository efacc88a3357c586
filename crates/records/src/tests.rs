//! The records as the engine and the consoles have them: events in, answers out, over restarts and faults.

use crate::curve::Curve;
use crate::rows::{CallRow, Form, Row};
use crate::store::{Store, Write};
use crate::{Filling, Ledger, Names, Person, Records, RecordsConfig, Refused};
use acd::{
    CallId, CallerNumber, Event, LegId, OperatorId, OperatorState, Outcome, QueueId, Skills, Timestamp,
    TrunkId,
};
use expect_test::expect;
use jiff::tz::TimeZoneDatabase;
use prometheus::Registry;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const ANNE: OperatorId = OperatorId(0);
const BERT: OperatorId = OperatorId(1);
const LATER: Duration = Duration::from_secs(60);

/// A Monday at ten in Shanghai.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_795_399_200 + seconds)
}

fn names() -> Names {
    Names {
        queues: vec!["hotline".into()],
        trunks: vec!["city".into()],
        operators: vec!["anne".into(), "bert".into()],
    }
}

fn arrived(call: u64, caller: &str, since: Timestamp) -> Event {
    Event::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::new(caller),
        ticket: call,
        since,
        resumed: false,
        skills: Skills::default(),
    }
}

fn connected(call: u64, operator: OperatorId, waited: u64) -> [Event; 2] {
    let (call, leg) = (CallId(call), 1);
    [
        Event::CallConnected {
            call,
            queue: QueueId(0),
            operator,
            waited: Duration::from_secs(waited),
            rang: Duration::from_secs(1),
        },
        Event::OperatorChanged {
            operator,
            state: OperatorState::Talking {
                leg: LegId { call, leg },
            },
            after: Duration::from_secs(1),
        },
    ]
}

fn ended(call: u64, operator: Option<OperatorId>, outcome: Outcome, waited: u64, talked: u64) -> Event {
    Event::CallEnded {
        call: CallId(call),
        queue: QueueId(0),
        operator,
        outcome,
        waited: Duration::from_secs(waited),
        talked: Duration::from_secs(talked),
        held: Duration::ZERO,
        place_kept: false,
    }
}

fn wraps_up(call: u64, operator: OperatorId, talked: u64) -> Event {
    Event::OperatorChanged {
        operator,
        state: OperatorState::WrapUp {
            call: CallId(call),
            until: at(1_000),
        },
        after: Duration::from_secs(talked),
    }
}

fn available(operator: OperatorId, after: u64) -> Event {
    Event::OperatorChanged {
        operator,
        state: OperatorState::Available,
        after: Duration::from_secs(after),
    }
}

/// Call 1 talks with Anne for a minute, who wraps up; call 2 gives up after 20 s, and calls again as call 3.
fn morning() -> Vec<(u64, Event)> {
    let mut events = vec![(0, arrived(1, "13800000001", at(0)))];
    events.extend(connected(1, ANNE, 5).map(|event| (5, event)));
    events.push((10, arrived(2, "13900000002", at(10))));
    events.push((30, ended(2, None, Outcome::Abandoned, 20, 0)));
    events.push((65, ended(1, Some(ANNE), Outcome::Answered, 5, 60)));
    events.push((65, wraps_up(1, ANNE, 60)));
    events.push((70, arrived(3, "13900000002", at(70))));
    events.push((85, available(ANNE, 20)));
    events
}

/// A folder that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("holdfast-records-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("records.db")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Records with a clock that stands still until it is set.
struct Desk {
    records: Records,
    clock: Arc<AtomicU64>,
    seq: AtomicU64,
}

impl Desk {
    fn open(dir: &Dir) -> Self {
        Self::of_journal(dir, 7, Duration::from_secs(90 * 86_400))
    }

    fn of_journal(dir: &Dir, journal: u32, retention: Duration) -> Self {
        let clock = Arc::new(AtomicU64::new(at(100).as_micros()));
        let config = RecordsConfig {
            path: dir.file(),
            retention,
            call_back_within: Duration::from_secs(3 * 86_400),
            answer_within: Duration::from_secs(15),
            time_zone: "Asia/Shanghai".into(),
            journal,
            names: names(),
            clock: {
                let clock = clock.clone();
                Arc::new(move || Timestamp::from_micros(clock.load(Ordering::Relaxed)))
            },
        };
        let records = Records::start(config, &Registry::new()).unwrap();
        Self {
            records,
            clock,
            seq: AtomicU64::new(0),
        }
    }

    /// As above, with nothing to be filled in.
    async fn ready(dir: &Dir) -> Self {
        let desk = Self::open(dir);
        let filling = desk.records.filling();
        fill(filling, Vec::new()).await;
        desk
    }

    fn tell(&self, events: &[(u64, Event)]) {
        for (seconds, event) in events {
            let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
            self.clock.fetch_max(at(*seconds).as_micros(), Ordering::Relaxed);
            self.records.take(seq, at(*seconds), std::slice::from_ref(event));
        }
    }

    async fn missed(&self, wanted: impl Fn(&[Person]) -> bool) -> Vec<Person> {
        let mut missed = self.records.missed();
        let list = missed.wait_for(|list| wanted(&list.people)).await.unwrap();
        list.people.clone()
    }
}

async fn fill(filling: Filling, rows: Vec<Row>) {
    let put = move || {
        filling.from();
        assert!(filling.put(&rows));
        filling.done();
    };
    tokio::task::spawn_blocking(put).await.unwrap();
}

fn form(text: &str) -> Form {
    Form {
        outcome: Some("resolved".into()),
        categories: vec!["noise".into(), "at night".into()],
        text: text.into(),
    }
}

fn rows_of(events: &[(u64, Event)]) -> Vec<Row> {
    let mut ledger = Ledger::new(names());
    let mut rows = Vec::new();
    for (seconds, event) in events {
        ledger.take(at(*seconds), event, &mut rows);
    }
    rows
}

/// What is in the file, one line for each call and each talk.
fn contents(dir: &Dir) -> String {
    let file = rusqlite::Connection::open(dir.file()).unwrap();
    let mut query = file
        .prepare(
            "SELECT 'call ' || call || ' ' || IFNULL(caller, '-') || ' ' || IFNULL(operator, '-') || ' ' \
                    || IFNULL(outcome, '-') || ' waited ' || IFNULL(waited, '-') || ' talked ' || IFNULL(talked, '-') \
             FROM calls UNION ALL \
             SELECT 'talk ' || call || ' ' || operator || ' talked ' || IFNULL(talked, '-') || ' wrap-up ' \
                    || IFNULL(wrap_up, '-') FROM talks ORDER BY 1",
        )
        .unwrap();
    let lines = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
    lines.map(|line| line.unwrap() + "\n").collect()
}

#[tokio::test]
async fn a_day_is_written_down_once_however_often_it_is_told() {
    let dir = Dir::new();
    let told = expect![[r#"
        call 1 13800000001 anne answered waited 5000 talked 60000
        call 2 13900000002 - abandoned waited 20000 talked -
        call 3 13900000002 - - waited - talked -
        talk 1 anne talked 60000 wrap-up 20000
    "#]];
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning());
    desk.records.stop().await;
    told.assert_eq(&contents(&dir));
    let mode = std::fs::metadata(dir.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "callers' numbers are nobody else's business");

    // As after a crash: the next start hears it from the journal, the beginning again and the end for the first time.
    let desk = Desk::open(&dir);
    fill(desk.records.filling(), rows_of(&morning())).await;
    desk.records.stop().await;
    told.assert_eq(&contents(&dir));
}

#[tokio::test]
async fn what_nothing_is_missing_before_is_known_at_the_next_start() {
    let dir = Dir::new();
    let desk = Desk::open(&dir);
    let from = |desk: &Desk| {
        let filling = desk.records.filling();
        tokio::task::spawn_blocking(move || filling.from().unwrap())
    };
    assert_eq!(from(&desk).await.unwrap(), None, "nothing was ever written");
    desk.tell(&morning());
    desk.records.stop().await;

    let desk = Desk::open(&dir);
    assert_eq!(
        from(&desk).await.unwrap(),
        None,
        "the runs before were not filled in"
    );
    fill(desk.records.filling(), Vec::new()).await;
    desk.tell(&[(200, available(BERT, 1))]);
    desk.records.stop().await;

    let desk = Desk::open(&dir);
    assert_eq!(from(&desk).await.unwrap(), Some(at(200)));
    desk.records.stop().await;
    let other = Desk::of_journal(&dir, 8, Duration::ZERO);
    assert_eq!(from(&other).await.unwrap(), None, "another journal has its own");
}

#[tokio::test]
async fn a_form_is_kept_for_who_had_the_call() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning()[..3]);
    let records = &desk.records;
    assert_eq!(records.save(CallId(1), "anne", form("a dog")).await, Ok(()));
    assert_eq!(records.save(CallId(1), "anne", form("a dog barks")).await, Ok(()));
    for (call, operator) in [(1, "bert"), (2, "anne"), (9, "anne")] {
        let refused = records.save(CallId(call), operator, form("")).await;
        assert_eq!(refused, Err(Refused::NotTheirCall), "{operator}, {call}");
    }
    records.stop().await;

    let desk = Desk::ready(&dir).await;
    let history = desk.records.history(CallId(1)).await.unwrap();
    let kept: Vec<_> = history
        .forms
        .iter()
        .map(|row| (row.operator.as_str(), &row.form))
        .collect();
    assert_eq!(kept, [("anne", &form("a dog barks"))]);
    assert_eq!(
        desk.records
            .save(CallId(1), "anne", form("after a restart"))
            .await,
        Ok(())
    );
}

#[tokio::test]
async fn earlier_calls_are_those_of_the_same_number() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning());
    desk.tell(&[
        (90, arrived(4, "13800000001", at(90))),
        (91, arrived(5, "", at(91))),
    ]);
    assert_eq!(
        desk.records.save(CallId(1), "anne", form("a dog barks")).await,
        Ok(())
    );
    let history = desk.records.history(CallId(4)).await.unwrap();
    let [earlier] = history.earlier.as_slice() else {
        panic!("{history:?}");
    };
    assert_eq!(
        (earlier.arrived, earlier.outcome.as_deref()),
        (at(0), Some("answered"))
    );
    assert_eq!(earlier.operator.as_deref(), Some("anne"));
    assert_eq!(earlier.forms[0].form, form("a dog barks"));
    let withheld = desk.records.history(CallId(5)).await.unwrap();
    assert_eq!(
        withheld.earlier,
        [],
        "callers who withhold their number are never taken for one another"
    );
    assert_eq!(desk.records.history(CallId(77)).await, Err(Refused::UnknownCall));
}

#[tokio::test]
async fn who_gave_up_is_listed_once_and_gone_when_reached() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning());
    desk.tell(&[(80, ended(3, None, Outcome::Abandoned, 10, 0))]);
    desk.tell(&[
        (90, arrived(4, "13700000003", at(90))),
        (91, ended(4, None, Outcome::ShortAbandoned, 1, 0)),
        (92, arrived(5, "13700000004", at(92))),
        (99, ended(5, None, Outcome::Saturated, 0, 0)),
    ]);
    let people = desk.missed(|people| people.len() == 2).await;
    let lines: Vec<_> = people
        .iter()
        .map(|person| {
            (
                person.caller.as_str(),
                person.calls,
                person.outcome.as_str(),
                person.first,
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("13900000002", 2, "abandoned", at(10)),
            ("13700000004", 1, "saturated", at(92))
        ]
    );
    assert_eq!(people[0].last, at(70));

    // Answered at last.
    desk.tell(&[(110, arrived(6, "13900000002", at(110)))]);
    desk.tell(&connected(6, BERT, 3).map(|event| (113, event)));
    desk.missed(|people| people.len() == 1).await;
    // Called back by hand.
    assert_eq!(desk.records.reached("13700000004", "supervisor").await, Ok(()));
    desk.missed(<[Person]>::is_empty).await;
    // Missed anew; the list is the same after a restart.
    desk.tell(&[(130, arrived(7, "13700000004", at(130)))]);
    desk.tell(&[(150, ended(7, None, Outcome::Abandoned, 20, 0))]);
    let listed = desk.missed(|people| people.len() == 1).await;
    assert_eq!((listed[0].calls, listed[0].first), (1, at(130)));
    desk.records.stop().await;
    let desk = Desk::ready(&dir).await;
    assert_eq!(desk.missed(|people| !people.is_empty()).await, listed);
}

#[tokio::test]
async fn the_day_is_the_same_whether_followed_or_drawn_up_again() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning());
    desk.clock.store(at(190).as_micros(), Ordering::Relaxed);
    let followed = desk.records.day().await.unwrap();
    let sum = |of: fn(&crate::Minute) -> u32| followed.minutes.iter().map(of).sum::<u32>();
    assert_eq!(
        (sum(|m| m.arrived), sum(|m| m.answered), sum(|m| m.in_time)),
        (3, 1, 1)
    );
    assert_eq!(
        (sum(|m| m.ended), sum(|m| m.reached), sum(|m| m.abandoned)),
        (2, 1, 1)
    );
    let last = followed.minutes.last().unwrap();
    assert_eq!((last.depth, last.oldest_ms), (1, 120_000), "call 3 still waits");
    desk.records.stop().await;

    let store = Store::open(&dir.file(), 7).unwrap();
    let curve = Curve::new(
        TimeZoneDatabase::bundled().get("Asia/Shanghai").unwrap(),
        Duration::from_secs(15),
        at(190),
    );
    let steps = store
        .steps(curve.midnight(at(190)), |call| call == CallId(3))
        .unwrap();
    let redrawn = curve.redrawn(steps, at(190)).day(at(190));
    assert_eq!(redrawn.minutes, followed.minutes);
    assert_eq!(
        redrawn.since,
        at(0) - Duration::from_secs(10 * 3_600),
        "midnight in Shanghai"
    );
}

#[test]
fn a_call_that_is_passed_on_was_answered_once() {
    let zone = TimeZoneDatabase::bundled().get("Asia/Shanghai").unwrap();
    let mut curve = Curve::new(zone, Duration::from_secs(15), at(0));
    curve.take(at(0), &arrived(1, "13800000001", at(0)));
    for (seconds, operator) in [(5, ANNE), (60, BERT)] {
        for event in connected(1, operator, 5) {
            curve.take(at(seconds), &event);
        }
    }
    curve.take(at(90), &ended(1, Some(BERT), Outcome::Answered, 5, 85));
    curve.take(at(95), &arrived(2, "13800000001", at(95)));
    for event in connected(2, ANNE, 20) {
        curve.take(at(115), &event);
    }
    let day = curve.day(at(120));
    let sum = |of: fn(&crate::Minute) -> u32| day.minutes.iter().map(of).sum::<u32>();
    assert_eq!(
        (sum(|m| m.answered), sum(|m| m.in_time), sum(|m| m.reached)),
        (2, 1, 1)
    );
}

#[tokio::test]
async fn what_found_no_room_is_filled_in_at_the_next_start() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning()[..1]);
    assert_eq!(
        desk.records.history(CallId(1)).await.map(drop),
        Ok(()),
        "the thread is at work"
    );
    // Each write waits for half a second now, and more comes meanwhile than finds room.
    let other = rusqlite::Connection::open(dir.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let flood: Vec<(u64, Event)> = (1_000..21_000)
        .map(|call| (50, arrived(call, "", at(50))))
        .collect();
    desk.tell(&flood);
    desk.tell(&morning()[1..]);
    other.execute_batch("ROLLBACK").unwrap();
    desk.records.stop().await;

    let desk = Desk::open(&dir);
    let filling = desk.records.filling();
    let from = tokio::task::spawn_blocking(move || filling.from().unwrap())
        .await
        .unwrap();
    assert!(
        from.is_none_or(|from| from <= at(50)),
        "what is missing came after that: {from:?}"
    );
    fill(desk.records.filling(), rows_of(&morning())).await;
    desk.records.stop().await;
    assert!(contents(&dir).contains("call 2 13900000002 - abandoned waited 20000"));
}

#[tokio::test]
async fn a_locked_database_delays_rows_and_refuses_forms() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning()[..3]);
    assert_eq!(desk.records.save(CallId(1), "anne", form("before")).await, Ok(()));
    let other = rusqlite::Connection::open(dir.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = desk.records.save(CallId(1), "anne", form("meanwhile")).await;
    assert_eq!(refused, Err(Refused::Unavailable));
    desk.tell(&morning()[3..]);
    assert_eq!(
        desk.records.save(CallId(1), "anne", form("meanwhile")).await,
        Err(Refused::Unavailable)
    );
    other.execute_batch("ROLLBACK").unwrap();
    while desk.records.save(CallId(1), "anne", form("after")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    desk.records.stop().await;
    assert!(
        contents(&dir).contains("call 2 13900000002 - abandoned"),
        "what happened meanwhile is there"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_stops_nothing() {
    let dir = Dir::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    std::fs::write(
        dir.file(),
        "this is a letter, and no database at all\n".repeat(100),
    )
    .unwrap();
    let desk = Desk::open(&dir);
    desk.tell(&morning());
    assert_eq!(
        desk.records.save(CallId(1), "anne", form("")).await,
        Err(Refused::Unavailable)
    );
    assert_eq!(desk.records.history(CallId(1)).await, Err(Refused::Unavailable));
    assert_eq!(
        desk.records.day().await.unwrap().minutes.len(),
        2,
        "the day is known all the same"
    );
}

#[tokio::test]
async fn records_go_when_their_time_is_over() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning());
    assert_eq!(desk.records.save(CallId(1), "anne", form("a dog")).await, Ok(()));
    desk.records.stop().await;
    let mut store = Store::open(&dir.file(), 7).unwrap();
    assert_eq!(store.remove(at(60)).unwrap(), (2, false));
    assert_eq!(contents(&dir), "call 3 13900000002 - - waited - talked -\n");
    assert_eq!(store.forms(CallId(1)).unwrap().len(), 1, "saved at 100 s");
    store.remove(at(101)).unwrap();
    assert_eq!(
        (contents(&dir).as_str(), store.forms(CallId(1)).unwrap().len()),
        ("", 0)
    );
}

#[test]
fn a_run_that_is_not_gone_on_with_ends_its_calls() {
    let mut ledger = Ledger::new(names());
    let mut rows = Vec::new();
    for (seconds, event) in &morning()[..4] {
        ledger.take(at(*seconds), event, &mut rows);
    }
    rows.clear();
    ledger.break_off(at(12), &mut rows);
    let ended: Vec<_> = rows
        .iter()
        .map(|row| match row {
            Row::Call(CallRow {
                call, ended, outcome, ..
            }) => (call.0, *ended, *outcome),
            other => panic!("{other:?}"),
        })
        .collect();
    let end = Some(at(12));
    assert_eq!(
        ended,
        [(1, end, Some(Outcome::Answered)), (2, end, Some(Outcome::Failed))]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The same rows in any order, in parts, and some of them twice leave the same tables.
    #[test]
    fn the_order_of_telling_makes_no_difference(
        order in Just((0..morning().len()).collect::<Vec<_>>()).prop_shuffle(),
        cut in 0..16_usize,
    ) {
        let rows = rows_of(&morning());
        let straight = Dir::new();
        let mut store = Store::open(&straight.file(), 7).unwrap();
        put(&mut store, rows.iter());
        let shuffled = Dir::new();
        let mut store = Store::open(&shuffled.file(), 7).unwrap();
        let mixed: Vec<&Row> = order.iter().filter_map(|n| rows.get(*n)).collect();
        put(&mut store, mixed.iter().copied().chain(mixed.iter().copied().take(cut)));
        prop_assert_eq!(contents(&straight), contents(&shuffled));
    }
}

fn put<'a>(store: &mut Store, rows: impl Iterator<Item = &'a Row>) {
    let mut write = Write::default();
    for row in rows {
        match row {
            Row::Call(row) => write.calls.push(row),
            Row::Talk(row) => write.talks.push(row),
        }
    }
    store.write(&write).unwrap();
}

#[test]
fn later_knowledge_wins_and_less_is_never_written_over_more() {
    let rows = rows_of(&morning());
    let of_first = rows.iter().filter_map(|row| match row {
        Row::Call(row) if row.call == CallId(1) => Some(row.clone()),
        _ => None,
    });
    let of_first: Vec<CallRow> = of_first.collect();
    let [arrived, connected, ended] = of_first.as_slice() else {
        panic!("{of_first:?}");
    };
    let mut joined = ended.clone();
    joined.join(arrived.clone());
    joined.join(connected.clone());
    assert_eq!(&joined, ended);
    // Known from a snapshot of a later run: with the age of its ticket, and nothing of the wait.
    let from_snapshot = CallRow {
        known: at(70) + LATER,
        arrived: at(0) - LATER,
        waited: None,
        ..connected.clone()
    };
    joined.join(from_snapshot);
    assert_eq!(
        (joined.arrived, joined.waited),
        (at(0), Some(Duration::from_secs(5)))
    );
}
