//! Calls that were given to numbers outside, as the audit of the order sees them.

use super::*;
use acd::{CallView, Snapshot, Stage};

/// Call 1 talks with an operator, who gives it to a number outside.
fn given_outside() -> Vec<Event> {
    vec![
        arrived(1, 1),
        admitted(1),
        assigned(1),
        connected(1),
        sent_outside(1),
    ]
}

#[test]
fn a_call_that_rings_outside_waits_for_nobody_in_the_house() {
    let younger = [arrived(2, 2), admitted(2), assigned(2)];
    assert_eq!(unjust([&given_outside()[..], &younger].concat()), []);
}

#[test]
fn a_call_that_comes_back_from_outside_stands_where_it_stood() {
    let younger = [arrived(2, 2), admitted(2), failed_outside(1), assigned(2)];
    let found = unjust([&given_outside()[..], &younger].concat());
    let [Found::Violation(violation)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(violation.call, CallId(1));
    assert!(
        violation.what.contains("given 1001 though call 1"),
        "{violation:?}"
    );
}

#[test]
fn a_call_that_talks_outside_holds_no_line() {
    // Of two lines call 2 has one; call 4 is given the other before call 3.
    let others = |answered: &[Event]| {
        let others = [arrived(2, 2), admitted(2), arrived(3, 3), arrived(4, 4)];
        unjust([&given_outside()[..], answered, &others, &[admitted(4)]].concat())
    };
    let found = others(&[]);
    let [Found::Passed(passed)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(passed.reasons[&Reason::Lines], (1, vec![CallId(4)]));
    let found = others(&[answered_outside(1)]);
    let [Found::Violation(violation)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        violation.what.contains("given a line though call 3"),
        "{violation:?}"
    );
}

#[test]
fn where_the_log_begins_with_a_call_outside_it_is_judged_from_there() {
    let (number, leg) = (CallerNumber::new("13900000001"), leg(1));
    let judged = |stage, then: &[Event]| {
        let mut found = Vec::new();
        let mut tell = |each| found.push(each);
        let mut auditor = Auditor::new(None, None, &mut tell);
        auditor.run(&head());
        auditor.begins(&state_with(stage));
        let younger = [arrived(2, 2), admitted(2)];
        for event in younger.iter().chain(then).chain([&assigned(2)]) {
            auditor.handled(at(9), &Input::Tick, &[Output::Event(event.clone())]);
        }
        (auditor.verdict().violations, found)
    };
    let ringing = Stage::RingingOutside { number, leg };
    assert_eq!(judged(ringing, &[]), (0, vec![]));
    assert_eq!(judged(ringing, &[failed_outside(1)]).0, 1);
    let talking = Stage::TalkingOutside { number, leg };
    assert_eq!(judged(talking, &[]), (0, vec![]));
}

/// Call 1 alone, there and holding a line if it needs one.
fn state_with(stage: Stage) -> Snapshot {
    let line = !matches!(stage, Stage::TalkingOutside { .. });
    let call = CallView {
        call: CallId(1),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::withheld(),
        ticket: 1,
        since: at(0),
        skills: Skills::default(),
        admitted: line.then_some(at(1)),
        transferred_by: Some(OperatorId(0)),
        stage,
    };
    Snapshot {
        at: at(5),
        lines: 2,
        lines_in_use: u32::from(line),
        next_change: None,
        next_lines: None,
        draining: false,
        calls: vec![call],
        operators: vec![],
    }
}
