//! What is asked for after a restart: exactly what is so, for each stage of a call.

use acd::schedule::Schedule;
use acd::{
    Acd, AcdConfig, AnswerWhen, Audio, CallId, CallerNumber, Event, GoneCause, Input, LegId, OperatorConfig,
    OperatorId, Outcome, Output, QueueConfig, QueueId, Skills, Timestamp, TrunkId,
};
use std::time::Duration;

const NINE: Timestamp = Timestamp::from_secs(1_795_395_600);

fn core(answer: AnswerWhen) -> Acd {
    let operator = |name: &str| OperatorConfig {
        name: name.into(),
        auto_ready: true,
        ..OperatorConfig::default()
    };
    Acd::new(AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 3,
            windows: vec![],
            holidays: vec![],
            workdays: vec![],
        },
        queues: vec![QueueConfig {
            name: "hotline".into(),
            answer,
            waiting_max: 3,
            wait_max: Duration::from_secs(600),
            ring_timeout: Duration::from_secs(20),
            ..QueueConfig::default()
        }],
        operators: vec![operator("1001"), operator("1002")],
        pause_reasons: vec![],
        calls_max: 100,
        dialable: vec![true],
        forwards: vec![],
        transfer: Some(acd::TransferRule {
            trunk: TrunkId(0),
            numbers: vec!["13*".into()],
            ring_timeout: Duration::from_secs(20),
        }),
    })
    .expect("a good configuration")
}

fn tell(acd: &mut Acd, inputs: &[Input]) {
    for input in inputs {
        acd.handle(NINE, *input, &mut Vec::new());
    }
}

fn arrival(call: u64) -> Input {
    Input::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::withheld(),
        skills: Skills::default(),
    }
}

fn leg(call: u64) -> LegId {
    LegId {
        call: CallId(call),
        leg: 1,
    }
}

/// Call 1 talks, 2 rings, 3 holds a line, 4 waits for one, 5 hears that there is no room.
fn one_of_each(acd: &mut Acd) {
    let registered = |n| Input::PhoneRegistered {
        operator: OperatorId(n),
    };
    tell(
        acd,
        &[Input::Tick, registered(0), registered(1), arrival(1), arrival(2)],
    );
    tell(acd, &[Input::LegAnswered { leg: leg(1) }]);
    tell(acd, &[arrival(3), arrival(4), arrival(5)]);
}

#[test]
fn each_call_is_where_its_stage_says() {
    let mut acd = core(AnswerWhen::Arrival);
    one_of_each(&mut acd);
    let answer = |n| Output::Answer { call: CallId(n) };
    let music = |n| Output::Play {
        call: CallId(n),
        audio: Audio::HoldMusic,
    };
    let orders = acd.standing_orders();
    assert_eq!(
        orders,
        [
            answer(1),
            Output::Bridge { operator_leg: leg(1) },
            answer(2),
            music(2),
            Output::Dial {
                leg: leg(2),
                operator: OperatorId(1),
                caller: CallerNumber::withheld(),
                waited: Duration::ZERO,
            },
            answer(3),
            music(3),
            answer(4),
            music(4),
            answer(5),
            Output::Play {
                call: CallId(5),
                audio: Audio::Farewell(Outcome::Saturated),
            },
        ]
    );
    assert_eq!(acd.standing_orders(), orders, "asking changes nothing");
}

#[test]
fn who_is_on_hold_hears_music_and_who_is_not_answered_hears_us_early() {
    let mut acd = core(AnswerWhen::Operator);
    one_of_each(&mut acd);
    tell(
        &mut acd,
        &[Input::LegHeld {
            leg: leg(1),
            held: true,
        }],
    );
    let orders = acd.standing_orders();
    let music = Output::Play {
        call: CallId(1),
        audio: Audio::HoldMusic,
    };
    assert_eq!(orders[..2], [Output::Answer { call: CallId(1) }, music]);
    assert!(orders.contains(&Output::EarlyMedia { call: CallId(3) }));
    let gone = |call| Input::CallerGone {
        call: CallId(call),
        cause: GoneCause::HungUp,
    };
    tell(&mut acd, &[gone(1), gone(2), gone(3), gone(4), gone(5)]);
    assert_eq!(acd.standing_orders(), []);
}

#[test]
fn an_engine_that_runs_again_takes_calls() {
    let mut acd = core(AnswerWhen::Arrival);
    tell(&mut acd, &[Input::Tick, Input::Drain, Input::Started]);
    let mut outputs = Vec::new();
    acd.handle(NINE, arrival(1), &mut outputs);
    assert!(!acd.snapshot().draining);
    assert!(
        outputs
            .iter()
            .any(|o| matches!(o, Output::Event(Event::CallAdmitted { .. })))
    );
}

#[test]
fn a_second_operator_is_rung_and_heard_as_before() {
    let mut acd = core(AnswerWhen::Arrival);
    let (first, second) = (OperatorId(0), OperatorId(1));
    let registered = |operator| Input::PhoneRegistered { operator };
    tell(&mut acd, &[Input::Tick, registered(first), arrival(1)]);
    tell(
        &mut acd,
        &[Input::LegAnswered { leg: leg(1) }, registered(second)],
    );
    let call = CallId(1);
    let (answer, music) = (
        Output::Answer { call },
        Output::Play {
            call,
            audio: Audio::HoldMusic,
        },
    );
    let third_leg = LegId { call, leg: 2 };
    let confer = |caller| Output::Confer {
        operator_leg: leg(1),
        third_leg,
        caller,
    };
    tell(
        &mut acd,
        &[Input::Consult {
            operator: first,
            to: second,
        }],
    );
    let dial = Output::Dial {
        leg: third_leg,
        operator: second,
        caller: CallerNumber::withheld(),
        waited: Duration::ZERO,
    };
    let ringback = Output::Ringback { leg: leg(1) };
    assert_eq!(
        acd.standing_orders(),
        [answer.clone(), music.clone(), ringback, dial]
    );
    tell(&mut acd, &[Input::LegAnswered { leg: third_leg }]);
    assert_eq!(acd.standing_orders(), [answer.clone(), music, confer(false)]);
    tell(&mut acd, &[Input::Conference { operator: first }]);
    assert_eq!(acd.standing_orders(), [answer.clone(), confer(true)]);
    tell(&mut acd, &[Input::CompleteTransfer { operator: first }]);
    let bridge = Output::Bridge {
        operator_leg: third_leg,
    };
    assert_eq!(acd.standing_orders(), [answer, bridge]);
}

#[test]
fn a_phone_outside_is_rung_and_heard_as_before() {
    let mut acd = core(AnswerWhen::Arrival);
    let operator = OperatorId(0);
    let number = CallerNumber::new("13900000001");
    tell(
        &mut acd,
        &[
            Input::Tick,
            Input::PhoneRegistered { operator },
            arrival(1),
            Input::LegAnswered { leg: leg(1) },
            Input::TransferOutside { operator, number },
        ],
    );
    let call = CallId(1);
    let outside = LegId { call, leg: 2 };
    let answer = Output::Answer { call };
    let music = Output::Play {
        call,
        audio: Audio::HoldMusic,
    };
    let dial = Output::DialOut {
        leg: outside,
        to: acd::Destination::Number(number),
        caller: CallerNumber::withheld(),
        trunk: TrunkId(0),
    };
    assert_eq!(acd.standing_orders(), [answer.clone(), music, dial]);
    tell(&mut acd, &[Input::LegAnswered { leg: outside }]);
    let bridge = Output::Bridge {
        operator_leg: outside,
    };
    assert_eq!(acd.standing_orders(), [answer, bridge]);
}

#[test]
fn a_number_that_is_asked_is_rung_and_heard_as_before() {
    let mut acd = core(AnswerWhen::Arrival);
    let operator = OperatorId(0);
    let number = CallerNumber::new("13900000001");
    tell(
        &mut acd,
        &[
            Input::Tick,
            Input::PhoneRegistered { operator },
            arrival(1),
            Input::LegAnswered { leg: leg(1) },
            Input::ConsultOutside { operator, number },
        ],
    );
    let call = CallId(1);
    let third_leg = LegId { call, leg: 2 };
    let answer = Output::Answer { call };
    let music = Output::Play {
        call,
        audio: Audio::HoldMusic,
    };
    let ringback = Output::Ringback { leg: leg(1) };
    let dial = Output::DialOut {
        leg: third_leg,
        to: acd::Destination::Number(number),
        caller: CallerNumber::withheld(),
        trunk: TrunkId(0),
    };
    let confer = |caller| Output::Confer {
        operator_leg: leg(1),
        third_leg,
        caller,
    };
    assert_eq!(
        acd.standing_orders(),
        [answer.clone(), music.clone(), ringback, dial]
    );
    tell(&mut acd, &[Input::LegAnswered { leg: third_leg }]);
    assert_eq!(acd.standing_orders(), [answer.clone(), music, confer(false)]);
    tell(&mut acd, &[Input::Conference { operator }]);
    assert_eq!(acd.standing_orders(), [answer.clone(), confer(true)]);
    tell(&mut acd, &[Input::CompleteTransfer { operator }]);
    let bridge = Output::Bridge {
        operator_leg: third_leg,
    };
    assert_eq!(acd.standing_orders(), [answer, bridge]);
}
