//! Who watches the oracle: a core whose words are changed on the way out must be caught, each lie by its own rule.

use acd::schedule::Schedule;
use acd::{Acd, AcdConfig, CallId, CallerNumber, Event, GoneCause, Input, LegId, OperatorConfig, OperatorId};
use acd::{OperatorState, Outcome, Output, QueueConfig, QueueId, Timestamp, TrunkId};
use sim::oracle::{Oracle, Violation};
use std::time::Duration;

fn config() -> AcdConfig {
    AcdConfig {
        schedule: Schedule {
            time_zone: "UTC".to_owned(),
            lines_otherwise: 2,
            windows: vec![],
            holidays: vec![],
            workdays: vec![],
        },
        queues: vec![QueueConfig {
            wrap_up: Duration::from_secs(30),
            place_grace: Duration::from_secs(60),
            ..QueueConfig::default()
        }],
        operators: (0..2)
            .map(|index| OperatorConfig {
                name: format!("op{index}"),
                ..OperatorConfig::default()
            })
            .collect(),
        pause_reasons: vec![],
        calls_max: 100,
        dialable: vec![],
        forwards: vec![],
        transfer: None,
    }
}

fn arrives(call: u64, caller: &str) -> Input {
    let caller = CallerNumber::new(caller);
    Input::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller,
        skills: acd::Skills::default(),
    }
}

fn leg(call: u64, leg: u32) -> LegId {
    LegId {
        call: CallId(call),
        leg,
    }
}

/// Two lines, two operators, four callers: talk, wrap-up, a wait for a line, a place kept and taken up again.
fn script() -> Vec<(u64, Input)> {
    let (op0, op1) = (OperatorId(0), OperatorId(1));
    vec![
        (1, Input::PhoneRegistered { operator: op0 }),
        (1, Input::SignOn { operator: op0 }),
        (1, Input::Ready { operator: op0 }),
        (2, arrives(1, "one")),
        (3, arrives(2, "two")),
        (4, arrives(3, "three")),
        (5, arrives(4, "four")),
        (6, Input::LegAnswered { leg: leg(1, 1) }),
        (
            8,
            Input::CallerGone {
                call: CallId(3),
                cause: GoneCause::HungUp,
            },
        ),
        (9, arrives(5, "three")),
        (
            10,
            Input::CallerGone {
                call: CallId(1),
                cause: GoneCause::HungUp,
            },
        ),
        (15, Input::PhoneRegistered { operator: op1 }),
        (15, Input::SignOn { operator: op1 }),
        (15, Input::Ready { operator: op1 }),
        (
            17,
            Input::CallerGone {
                call: CallId(2),
                cause: GoneCause::HungUp,
            },
        ),
        (18, Input::LegAnswered { leg: leg(5, 1) }),
        (19, Input::Tick),
    ]
}

/// Plays the script, with each step's outputs and the next deadline changed by `lie`.
fn watch(lie: impl Fn(u64, &mut Vec<Output>, &mut Option<Timestamp>)) -> Result<(), Violation> {
    let config = config();
    let mut oracle = Oracle::new(&config).expect("UTC is known");
    let mut core = Acd::new(config).expect("the configuration is right");
    for (second, input) in script() {
        let now = Timestamp::from_secs(1_000_000_000 + second);
        let mut outputs = Vec::new();
        core.handle(now, input, &mut outputs);
        let mut deadline = core.next_deadline();
        lie(second, &mut outputs, &mut deadline);
        oracle.watch(now, &input, &outputs, deadline)?;
        oracle.audit(&input, &core.snapshot())?;
    }
    Ok(())
}

/// The rule that catches a lie about the outputs of one second.
fn caught(at: u64, lie: impl Fn(&mut Vec<Output>)) -> &'static str {
    let result = watch(|second, outputs, _| {
        if second == at {
            lie(outputs);
        }
    });
    result.expect_err("the lie was not noticed").rule
}

/// Changes the events of a list.
fn events(outputs: &mut [Output], change: impl Fn(&mut Event)) {
    for output in outputs {
        if let Output::Event(event) = output {
            change(event);
        }
    }
}

#[test]
fn the_truth_passes() {
    watch(|_, _, _| {}).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn a_younger_call_is_given_the_line() {
    let rule = caught(10, |outputs| {
        events(outputs, |event| {
            if let Event::CallAdmitted { call, .. } = event {
                assert_eq!(*call, CallId(5), "the place kept since call 3 is the oldest");
                *call = CallId(4);
            }
        });
    });
    assert_eq!(rule, "fifo");
}

#[test]
fn a_younger_call_is_given_the_operator() {
    let rule = caught(15, |outputs| {
        for output in outputs {
            if let Output::Dial { leg, .. } | Output::Event(Event::CallAssigned { leg, .. }) = output {
                leg.call = CallId(5);
            }
            if let Output::Event(Event::CallAssigned { call, why, .. }) = output {
                *call = CallId(5);
                why.ticket = 3;
            }
        }
    });
    assert_eq!(rule, "fifo");
}

#[test]
fn a_line_too_many() {
    let rule = caught(4, |outputs| {
        let waited = Duration::ZERO;
        outputs.push(Output::Event(Event::CallAdmitted {
            call: CallId(3),
            queue: QueueId(0),
            waited,
        }));
    });
    assert_eq!(rule, "capacity");
}

#[test]
fn an_idle_line() {
    let rule = caught(10, |outputs| {
        outputs.retain(|output| !matches!(output, Output::Event(Event::CallAdmitted { .. })));
    });
    assert_eq!(rule, "no idle line");
}

#[test]
fn an_operator_in_two_calls() {
    let rule = caught(3, |outputs| {
        let caller = CallerNumber::new("two");
        outputs.push(Output::Dial {
            leg: leg(2, 1),
            operator: OperatorId(0),
            caller,
            waited: Duration::ZERO,
        });
    });
    assert_eq!(rule, "one call");
}

#[test]
fn a_phone_that_is_not_there() {
    let rule = caught(3, |outputs| {
        let caller = CallerNumber::new("two");
        outputs.push(Output::Dial {
            leg: leg(2, 1),
            operator: OperatorId(1),
            caller,
            waited: Duration::ZERO,
        });
    });
    assert_eq!(rule, "operators");
}

#[test]
fn an_idle_operator() {
    let rule = caught(15, |outputs| {
        outputs.retain(|output| match output {
            Output::Dial { .. } | Output::Event(Event::CallAssigned { .. }) => false,
            Output::Event(Event::OperatorChanged { state, .. }) => {
                !matches!(state, OperatorState::Reserved { .. })
            }
            _ => true,
        });
    });
    assert_eq!(rule, "no idle operator");
}

#[test]
fn a_wrap_up_cut_short() {
    let available = |at: u64| {
        caught(at, |outputs| {
            let (operator, state) = (OperatorId(0), OperatorState::Available);
            outputs.push(Output::Event(Event::OperatorChanged {
                operator,
                state,
                after: Duration::ZERO,
            }));
        })
    };
    assert_eq!(available(19), "wrap-up");
}

#[test]
fn two_outcomes_and_none() {
    let ended = |output: &&Output| matches!(output, Output::Event(Event::CallEnded { .. }));
    let twice = caught(8, |outputs| {
        let again: Vec<Output> = outputs.iter().filter(ended).cloned().collect();
        outputs.extend(again);
    });
    assert_eq!(twice, "one outcome");
    let never = caught(8, |outputs| outputs.retain(|output| !ended(&output)));
    assert_eq!(never, "snapshot");
}

#[test]
fn the_wrong_outcome_and_the_wrong_times() {
    let change = |change: fn(&mut Outcome, &mut Duration)| {
        caught(10, move |outputs| {
            events(outputs, |event| {
                if let Event::CallEnded { outcome, talked, .. } = event {
                    change(outcome, talked);
                }
            });
        })
    };
    assert_eq!(change(|outcome, _| *outcome = Outcome::Abandoned), "outcome");
    assert_eq!(change(|_, talked| *talked += Duration::from_micros(1)), "outcome");
}

#[test]
fn a_phone_that_rings_on() {
    let rule = caught(17, |outputs| {
        outputs.retain(|output| !matches!(output, Output::HangUp { .. }))
    });
    assert_eq!(rule, "nothing leaks");
}

#[test]
fn a_place_lost_and_a_place_stolen() {
    let arrived = |at: u64, change: fn(&mut u64, &mut bool)| {
        caught(at, move |outputs| {
            events(outputs, |event| {
                if let Event::CallArrived { ticket, resumed, .. } = event {
                    change(ticket, resumed);
                }
            });
        })
    };
    let lost = arrived(9, |ticket, resumed| {
        assert!(
            std::mem::replace(resumed, false),
            "the caller comes back to the place"
        );
        *ticket = 5;
    });
    assert_eq!(lost, "places");
    let stolen = arrived(5, |ticket, resumed| {
        *resumed = true;
        *ticket = 2;
    });
    assert_eq!(stolen, "places");
    assert_eq!(arrived(5, |ticket, _| *ticket = 2), "fifo");
}

#[test]
fn answered_twice() {
    assert_eq!(
        caught(3, |outputs| outputs.push(Output::Answer { call: CallId(2) })),
        "signalling"
    );
}

#[test]
fn a_caller_bridged_to_a_phone_that_was_not_picked_up() {
    assert_eq!(
        caught(3, |outputs| outputs.push(Output::Bridge {
            operator_leg: leg(1, 1)
        })),
        "one place"
    );
}

/// A caller who is on the phone already is bridged once more, and was not on hold.
#[test]
fn bridged_again_without_a_hold() {
    assert_eq!(
        caught(8, |outputs| outputs.push(Output::Bridge {
            operator_leg: leg(1, 1)
        })),
        "one place"
    );
}

#[test]
fn deadlines_missed_and_forgotten() {
    let deadline = |value: Option<Timestamp>| {
        watch(move |second, _, deadline| {
            if second == 5 {
                *deadline = value;
            }
        })
        .expect_err("the lie was not noticed")
        .rule
    };
    assert_eq!(deadline(Some(Timestamp::from_secs(1_000_000_005))), "deadlines");
    assert_eq!(deadline(None), "every wait ends");
}
