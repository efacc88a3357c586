//! Rows as they follow from events, and how they are joined.

use super::*;
use crate::curve::Curve;
use crate::rows::CallRow;
use crate::store::Write;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

const LATER: Duration = Duration::from_secs(60);

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

/// Call 1 is answered after 5 s, given to a number outside after a minute, and talks there from 70 s on until 130 s.
fn given_outside() -> Vec<(u64, Event)> {
    let (call, queue, number) = (CallId(1), QueueId(0), CallerNumber::new("13900000001"));
    let leg = LegId { call, leg: 2 };
    let mut events = vec![(0, arrived(1, "13800000001", at(0)))];
    events.extend(connected(1, ANNE, 5).map(|event| (5, event)));
    let sent = Event::CallSentOutside {
        call,
        queue,
        operator: ANNE,
        number,
        leg,
    };
    let answered = Event::OutsideAnswered {
        call,
        queue,
        number,
        leg,
    };
    events.extend([
        (60, sent),
        (60, wraps_up(1, ANNE, 55)),
        (70, answered),
        (130, ended(1, Some(ANNE), Outcome::Answered, 5, 55)),
    ]);
    events
}

#[test]
fn a_call_that_is_given_outside_is_forwarded_when_that_is_picked_up() {
    let dir = Dir::new();
    let mut store = Store::open(&dir.file(), 7).unwrap();
    put(&mut store, rows_of(&given_outside()).iter());
    expect![[r#"
        call 1 13800000001 anne answered waited 5000 talked 55000
        leg 1 1 anne -
        talk 1 anne talked 55000 wrap-up -
    "#]]
    .assert_eq(&contents(&dir));
    let file = rusqlite::Connection::open(dir.file()).unwrap();
    let moments = file.query_row("SELECT connected, forwarded, ended FROM calls", [], |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?])
    });
    let moments: [i64; 3] = moments.unwrap();
    let expected = [5, 70, 130].map(|seconds| at(seconds).as_millis() as i64);
    assert_eq!(moments, expected);
}

#[test]
fn a_call_that_comes_back_from_outside_was_not_forwarded() {
    let back = Event::OutsideFailed {
        call: CallId(1),
        queue: QueueId(0),
        cause: acd::ReturnCause::NoAnswer,
        rang: Duration::from_secs(10),
    };
    let mut events = given_outside();
    events[5] = (70, back);
    let Some(Row::Call(last)) = rows_of(&events).pop() else {
        panic!("a call's row is the last");
    };
    assert_eq!((last.forwarded, last.ended), (None, Some(at(130))));
    assert_eq!(last.outcome, Some(Outcome::Answered));
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
        order in Just((0..rows_of(&morning()).len()).collect::<Vec<_>>()).prop_shuffle(),
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
            Row::Leg(row) => write.legs.push(row),
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
        connected: Some(at(70)),
        waited: None,
        ..connected.clone()
    };
    joined.join(from_snapshot);
    assert_eq!(
        (joined.arrived, joined.connected, joined.waited),
        (at(0), Some(at(5)), Some(Duration::from_secs(5)))
    );
}
