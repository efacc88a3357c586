//! The records as the engine and the consoles have them: events in, answers out, over restarts.

mod faults;
mod legs;
mod rows;

use crate::curve::Curve;
use crate::rows::{Form, Row};
use crate::store::Store;
use crate::{Filling, Ledger, Names, Person, Records, RecordsConfig, Refused};
use acd::{
    CallId, CallerNumber, Event, LegId, OperatorId, OperatorState, Outcome, QueueId, Skills, Timestamp,
    TrunkId,
};
use expect_test::expect;
use jiff::tz::TimeZoneDatabase;
use prometheus::Registry;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const ANNE: OperatorId = OperatorId(0);
const BERT: OperatorId = OperatorId(1);

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
        filling.done(true);
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

/// What is in the file, one line for each call, talk and leg.
fn contents(dir: &Dir) -> String {
    let file = rusqlite::Connection::open(dir.file()).unwrap();
    let mut query = file
        .prepare(
            "SELECT 'call ' || call || ' ' || IFNULL(caller, '-') || ' ' || IFNULL(operator, '-') || ' ' \
                    || IFNULL(outcome, '-') || ' waited ' || IFNULL(waited, '-') || ' talked ' || IFNULL(talked, '-') \
             FROM calls UNION ALL \
             SELECT 'talk ' || call || ' ' || operator || ' talked ' || IFNULL(talked, '-') || ' wrap-up ' \
                    || IFNULL(wrap_up, '-') FROM talks UNION ALL \
             SELECT 'leg ' || call || ' ' || leg || ' ' || IFNULL(operator, '-') || ' ' || IFNULL(codec, '-') FROM legs \
             ORDER BY 1",
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
        leg 1 1 anne -
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
