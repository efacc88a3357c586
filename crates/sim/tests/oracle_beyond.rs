//! Who watches the oracle, for what goes beyond one queue and its phones: several queues, skills, phones that ring
//! together, call-backs and other places. A core whose words are changed on the way out must be caught, each lie by its
//! own rule; told the truth, the oracle is content.

use acd::schedule::Schedule;
use acd::*;
use sim::oracle::{Oracle, Violation};
use std::time::Duration;

const OP0: OperatorId = OperatorId(0);
const OP1: OperatorId = OperatorId(1);

fn always(lines: u32) -> Schedule {
    Schedule {
        time_zone: "UTC".to_owned(),
        lines_otherwise: lines,
        windows: vec![],
        holidays: vec![],
        workdays: vec![],
    }
}

/// Two queues, two operators, some lines.
fn config(lines: u32) -> AcdConfig {
    let queue = |name: &str| QueueConfig {
        name: name.to_owned(),
        announce_every: Duration::ZERO,
        place_grace: Duration::from_secs(60),
        ..QueueConfig::default()
    };
    let operator = |name: &str| OperatorConfig {
        name: name.to_owned(),
        auto_ready: true,
        ..OperatorConfig::default()
    };
    AcdConfig {
        schedule: always(lines),
        queues: vec![queue("first"), queue("second")],
        operators: vec![operator("op0"), operator("op1")],
        pause_reasons: vec![],
        calls_max: 100,
        dialable: vec![true],
        forwards: vec!["near".to_owned(), "far".to_owned()],
        transfer: None,
    }
}

fn calls(call: u64, queue: u32, needs: u64) -> Input {
    Input::CallArrived {
        call: CallId(call),
        queue: QueueId(queue),
        trunk: TrunkId(0),
        caller: CallerNumber::new(&format!("caller{}", call % 10)),
        skills: Skills(needs),
    }
}

fn gone(call: u64) -> Input {
    let (call, cause) = (CallId(call), GoneCause::HungUp);
    Input::CallerGone { call, cause }
}

fn on(operator: OperatorId) -> Input {
    Input::PhoneRegistered { operator }
}

fn leg(call: CallId, leg: u32) -> LegId {
    LegId { call, leg }
}

fn picks_up(call: CallId, number: u32) -> Input {
    Input::LegAnswered {
        leg: leg(call, number),
    }
}

type Script = Vec<(u64, Input)>;

fn watch(config: &AcdConfig, script: &Script, lie: impl Fn(u64, &mut Vec<Output>)) -> Result<(), Violation> {
    let mut oracle = Oracle::new(config).expect("UTC is known");
    let mut core = Acd::new(config.clone()).expect("the configuration is right");
    for (second, input) in script {
        let now = Timestamp::from_secs(1_000_000_000 + second);
        let mut outputs = Vec::new();
        core.handle(now, *input, &mut outputs);
        lie(*second, &mut outputs);
        oracle.watch(now, input, &outputs, core.next_deadline())?;
        oracle.audit(input, &core.snapshot())?;
    }
    Ok(())
}

/// The rule that catches a lie about the outputs of one second; the truth must pass.
fn caught(config: &AcdConfig, script: &Script, at: u64, lie: impl Fn(&mut Vec<Output>)) -> &'static str {
    watch(config, script, |_, _| {}).unwrap_or_else(|violation| panic!("the truth: {violation}"));
    let result = watch(config, script, |second, outputs| {
        if second == at {
            let before = outputs.clone();
            lie(outputs);
            assert_ne!(before, *outputs, "that was no lie");
        }
    });
    result.expect_err("the lie was not noticed").rule
}

fn admitted(call: u64, queue: u32) -> Output {
    Output::Event(Event::CallAdmitted {
        call: CallId(call),
        queue: QueueId(queue),
        waited: Duration::ZERO,
    })
}

/// All that is said when a phone is dialled.
fn dialled(call: CallId, number: u32, operator: OperatorId, ticket: u64) -> Vec<Output> {
    let leg = leg(call, number);
    let why = Why {
        ticket,
        eligible: 1,
        ..Why::default()
    };
    let state = OperatorState::Reserved {
        leg,
        until: Timestamp::from_secs(2_000_000_000),
    };
    vec![
        Output::Event(Event::CallAssigned {
            call,
            queue: QueueId(0),
            operator,
            leg,
            why,
        }),
        Output::Event(Event::OperatorChanged {
            operator,
            state,
            after: Duration::ZERO,
        }),
        Output::Dial {
            leg,
            operator,
            caller: CallerNumber::withheld(),
            waited: Duration::ZERO,
        },
    ]
}

/// Whether an output dials an operator's phone, or says so.
fn dials(output: &Output, whose: OperatorId) -> bool {
    match output {
        Output::Dial { operator, .. } | Output::Event(Event::CallAssigned { operator, .. }) => {
            *operator == whose
        }
        Output::Event(Event::OperatorChanged { operator, state, .. }) => {
            *operator == whose && matches!(state, OperatorState::Reserved { .. })
        }
        _ => false,
    }
}

#[test]
fn a_line_that_is_guaranteed_to_another_queue() {
    let mut config = config(2);
    config.queues[1].lines_min = 1;
    let script = vec![(1, calls(1, 0, 0)), (2, calls(2, 0, 0)), (3, calls(3, 1, 0))];
    let rule = caught(&config, &script, 2, |outputs| outputs.push(admitted(2, 0)));
    assert_eq!(rule, "guaranteed lines");
}

#[test]
fn a_line_beyond_the_queues_own() {
    let mut config = config(3);
    config.queues[0].schedule = Some(always(1));
    let script = vec![(1, calls(1, 0, 0)), (2, calls(2, 0, 0))];
    let rule = caught(&config, &script, 2, |outputs| outputs.push(admitted(2, 0)));
    assert_eq!(rule, "capacity");
}

#[test]
fn a_head_start_that_does_not_count() {
    let mut config = config(1);
    config.queues[1].head_start = Duration::from_secs(60);
    let script = vec![
        (1, calls(1, 0, 0)),
        (2, calls(2, 0, 0)),
        (3, calls(3, 1, 0)),
        (9, gone(1)),
    ];
    let rule = caught(&config, &script, 9, |outputs| {
        outputs.retain(|output| !matches!(output, Output::Event(Event::CallAdmitted { .. })));
        outputs.push(admitted(2, 0));
    });
    assert_eq!(rule, "fifo");
}

#[test]
fn an_operator_who_does_not_know_enough() {
    let mut config = config(3);
    config.operators[1].skills = Skills(1);
    config.queues[0].relax_after = Duration::from_secs(10);
    let script = vec![
        (1, on(OP0)),
        (2, calls(1, 0, 1)),
        (5, Input::Tick),
        (12, Input::Tick),
    ];
    let rule = caught(&config, &script, 5, |outputs| {
        outputs.extend(dialled(CallId(1), 1, OP0, 1))
    });
    assert_eq!(rule, "skills");
    let rule = caught(&config, &script, 12, |outputs| {
        outputs.retain(|output| !dials(output, OP0))
    });
    assert_eq!(rule, "no idle operator", "after ten seconds anybody will do");
}

#[test]
fn a_call_that_the_operator_prefers_less() {
    let mut config = config(3);
    config.operators[0].queues = vec![0, 1];
    config.operators[0].levels = vec![1, 0];
    let script = vec![(1, calls(1, 0, 0)), (2, calls(2, 1, 0)), (5, on(OP0))];
    let rule = caught(&config, &script, 5, |outputs| {
        outputs.retain(|output| !dials(output, OP0));
        outputs.extend(dialled(CallId(1), 1, OP0, 1));
    });
    assert_eq!(rule, "levels");
}

#[test]
fn a_key_that_is_not_heard_or_means_something_else() {
    let mut config = config(3);
    let (key, skills) = ('2', Skills(1));
    config.queues[0].choices = vec![Choice { key, skills }];
    let (call, digit) = (CallId(1), key);
    let script = vec![(1, calls(1, 0, 0)), (2, Input::Dtmf { call, digit })];
    assert_eq!(caught(&config, &script, 2, Vec::clear), "keys");
    let rule = caught(&config, &script, 2, |outputs| {
        if let Some(Output::Event(Event::CallChose { skills, .. })) = outputs.first_mut() {
            *skills = Skills(2);
        }
    });
    assert_eq!(rule, "keys");
}

const BACK: CallId = CallId(1).call_back();

/// Call-backs within a minute; the second queue's may be asked for when the wait is over.
fn offering() -> AcdConfig {
    let mut config = config(3);
    for queue in &mut config.queues {
        queue.call_back = Some(CallBack {
            within: Duration::from_secs(60),
            ..CallBack::default()
        });
    }
    config.queues[1].wait_max = Duration::from_secs(10);
    config.queues[1].on_timed_out = Overflow::OfferCallBack;
    config
}

/// Two callers, of whom the first will be called back, and then what is given.
fn asked(more: Script) -> Script {
    let call = CallId(1);
    let mut script = vec![
        (1, calls(1, 0, 0)),
        (2, calls(2, 0, 0)),
        (3, Input::Dtmf { call, digit: '1' }),
        (4, Input::PromptDone { call }),
    ];
    script.extend(more);
    script
}

fn reached() -> Script {
    asked(vec![
        (5, on(OP0)),
        (6, picks_up(BACK, 1)),
        (8, picks_up(BACK, 0)),
        (9, gone(BACK.0)),
    ])
}

#[test]
fn a_call_back_with_another_place() {
    let changed = |change: fn(&mut u64, &mut Timestamp)| {
        caught(&offering(), &reached(), 3, |outputs| {
            for output in outputs {
                if let Output::Event(Event::CallBackPromised { ticket, since, .. }) = output {
                    change(ticket, since);
                }
            }
        })
    };
    assert_eq!(changed(|ticket, _| *ticket = 3), "call-backs");
    let younger = changed(|_, since| *since = *since + Duration::from_secs(1));
    assert_eq!(younger, "call-backs");
}

#[test]
fn a_call_back_that_is_not_promised() {
    assert_eq!(caught(&offering(), &reached(), 3, Vec::clear), "call-backs");
}

#[test]
fn somebody_passes_a_call_back() {
    let rule = caught(&offering(), &reached(), 5, |outputs| {
        outputs.retain(|output| !dials(output, OP0));
        outputs.extend(dialled(CallId(2), 1, OP0, 2));
    });
    assert_eq!(rule, "fifo");
}

#[test]
fn a_caller_who_is_dialled_before_the_turn_twice_or_on_another_number() {
    let dial_out = |outputs: &[Output]| {
        let out = outputs
            .iter()
            .find(|output| matches!(output, Output::DialOut { .. }));
        out.cloned().expect("the caller is dialled")
    };
    let twice = caught(&offering(), &reached(), 6, |outputs| {
        outputs.push(dial_out(outputs))
    });
    assert_eq!(twice, "call-backs");
    let early = caught(&offering(), &reached(), 5, |outputs| {
        outputs.push(Output::Event(Event::CallerDialled {
            call: BACK,
            queue: QueueId(0),
            operator: OP0,
        }));
    });
    assert_eq!(early, "call-backs");
    let other = caught(&offering(), &reached(), 6, |outputs| {
        for output in outputs {
            if let Output::DialOut { caller, .. } = output {
                *caller = CallerNumber::new("caller2");
            }
        }
    });
    assert_eq!(other, "call-backs");
}

#[test]
fn a_call_back_bridged_before_the_caller_picked_up() {
    let rule = caught(&offering(), &reached(), 6, |outputs| {
        outputs.push(Output::Bridge {
            operator_leg: leg(BACK, 1),
        });
    });
    assert_eq!(rule, "call-backs");
}

#[test]
fn a_call_back_to_somebody_who_has_called_again() {
    let script = asked(vec![(6, calls(11, 0, 0))]);
    let ended = |output: &Output| matches!(output, Output::Event(Event::CallEnded { .. }));
    let rule = caught(&offering(), &script, 6, |outputs| {
        outputs.retain(|output| !ended(output))
    });
    assert_eq!(rule, "call-backs");
}

#[test]
fn a_call_back_that_lapses_early_or_never() {
    let script = asked(vec![(20, Input::Tick), (64, Input::Tick)]);
    let early = caught(&offering(), &script, 20, |outputs| {
        outputs.push(Output::Event(Event::CallEnded {
            call: BACK,
            queue: QueueId(0),
            operator: None,
            outcome: Outcome::TimedOut,
            waited: Duration::from_secs(17),
            talked: Duration::ZERO,
            held: Duration::ZERO,
            place_kept: false,
        }));
    });
    assert_eq!(early, "outcome");
    let ended = |output: &Output| matches!(output, Output::Event(Event::CallEnded { .. }));
    let never = caught(&offering(), &script, 64, |outputs| {
        outputs.retain(|output| !ended(output))
    });
    assert_eq!(never, "every wait ends");
}

#[test]
fn a_caller_who_was_not_reached_loses_the_place() {
    let (leg, cause) = (LegId::caller(BACK), FailCause::Busy);
    let script = asked(vec![
        (5, on(OP0)),
        (6, picks_up(BACK, 1)),
        (7, Input::LegFailed { leg, cause }),
        (9, calls(11, 0, 0)),
    ]);
    let rule = caught(&offering(), &script, 7, |outputs| {
        for output in outputs {
            if let Output::Event(Event::CallEnded { place_kept, .. }) = output {
                *place_kept = false;
            }
        }
    });
    assert_eq!(rule, "places");
}

#[test]
fn a_call_back_while_the_engine_stops() {
    let script = asked(vec![
        (5, Input::Drain),
        (6, gone(2)),
        (7, on(OP0)),
        (8, Input::Started),
    ]);
    let rule = caught(&offering(), &script, 7, |outputs| {
        outputs.extend(dialled(BACK, 1, OP0, 1))
    });
    assert_eq!(rule, "call-backs");
    let kept = caught(&offering(), &script, 8, |outputs| {
        outputs.retain(|output| !dials(output, OP0))
    });
    assert_eq!(kept, "no idle operator");
}

/// Both phones ring for call 1, and the second is picked up.
fn ring_all() -> (AcdConfig, Script) {
    let mut config = config(3);
    config.queues[0].strategy = Strategy::RingAll;
    let script = vec![
        (1, on(OP0)),
        (2, on(OP1)),
        (3, calls(1, 0, 0)),
        (5, picks_up(CallId(1), 2)),
    ];
    (config, script)
}

#[test]
fn a_phone_that_should_ring_too_and_one_that_should_not() {
    let (mut config, script) = ring_all();
    let rule = caught(&config, &script, 3, |outputs| {
        outputs.retain(|output| !dials(output, OP1))
    });
    assert_eq!(rule, "ring all");
    config.queues[0].strategy = Strategy::LongestIdle;
    let rule = caught(&config, &script, 3, |outputs| {
        outputs.extend(dialled(CallId(1), 2, OP1, 1))
    });
    assert_eq!(rule, "ring all");
}

#[test]
fn a_phone_that_rings_on_when_another_was_picked_up() {
    let (config, script) = ring_all();
    let rule = caught(&config, &script, 5, |outputs| {
        outputs.retain(|output| !matches!(output, Output::HangUp { .. }));
    });
    assert_eq!(rule, "ring all");
}

/// Call 1 waits too long and is taken elsewhere, so that call 2 is given its line.
fn forwarding() -> (AcdConfig, Script) {
    let mut config = config(1);
    config.queues[0].wait_max = Duration::from_secs(10);
    config.queues[0].on_timed_out = Overflow::Forward(0);
    let script = vec![
        (1, calls(1, 0, 0)),
        (5, calls(2, 0, 0)),
        (11, Input::Tick),
        (13, picks_up(CallId(1), 1)),
        (14, gone(1)),
    ];
    (config, script)
}

#[test]
fn a_call_sent_elsewhere_than_the_queue_says() {
    let (config, script) = forwarding();
    let nowhere = caught(&config, &script, 11, |outputs| {
        outputs.retain(|output| !matches!(output, Output::DialOut { .. }));
    });
    assert_eq!(nowhere, "overflow");
    let far = caught(&config, &script, 11, |outputs| {
        for output in outputs {
            if let Output::DialOut { to, .. } = output {
                *to = Destination::Forward(1);
            }
        }
    });
    assert_eq!(far, "overflow");
    let why = caught(&config, &script, 11, |outputs| {
        for output in outputs {
            if let Output::Event(Event::CallLeaving { outcome, .. }) = output {
                *outcome = Outcome::Saturated;
            }
        }
    });
    assert_eq!(why, "outcome");
}

#[test]
fn a_line_that_the_other_place_does_not_free() {
    let (config, script) = forwarding();
    let forwarded = |output: &Output| matches!(output, Output::Event(Event::CallForwarded { .. }));
    let rule = caught(&config, &script, 13, |outputs| {
        outputs.retain(|output| !forwarded(output))
    });
    assert_eq!(rule, "capacity", "call 2 is given a line that is not free yet");
    let early = caught(&config, &script, 11, |outputs| {
        outputs.push(Output::Event(Event::CallForwarded {
            call: CallId(1),
            queue: QueueId(0),
            to: 0,
            leg: leg(CallId(1), 1),
        }));
    });
    assert_eq!(early, "overflow");
}

#[test]
fn another_outcome_for_a_call_that_was_taken_elsewhere() {
    let (config, script) = forwarding();
    let rule = caught(&config, &script, 14, |outputs| {
        for output in outputs {
            if let Output::Event(Event::CallEnded { outcome, .. }) = output {
                *outcome = Outcome::Answered;
            }
        }
    });
    assert_eq!(rule, "outcome");
}

#[test]
fn an_offer_that_is_not_made() {
    let script = vec![(1, calls(1, 1, 0)), (11, Input::Tick)];
    let rule = caught(&offering(), &script, 11, |outputs| {
        for output in outputs {
            if let Output::Play { audio, .. } = output {
                *audio = Audio::Farewell(Outcome::TimedOut);
            }
        }
    });
    assert_eq!(rule, "overflow");
}
