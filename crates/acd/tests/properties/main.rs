//! What holds whatever happens: random inputs, most of them apt, some absurd.
//!
//! Three judges look at every input: the reference [`model`] says what must happen, and the core must say the same;
//! the core's own auditor looks at the bookkeeping; and this file looks from outside, at outputs alone: lines, one
//! outcome a call, one call an operator, events that tell the whole state, replay that repeats.

mod model;

use acd::Strategy;
use acd::schedule::{Schedule, Window};
use acd::*;
use model::Model;
use proptest::prelude::{
    ProptestConfig, Strategy as Any, any, prop, prop_assert, prop_assert_eq, prop_compose,
};
use proptest::prelude::{prop_oneof, proptest};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Monday, 23 November 2026, 17:50 in Shanghai: the cliff comes soon.
const START: Timestamp = Timestamp::from_secs(1_795_427_400);
const OPERATORS: u32 = 4;
const QUEUES: u32 = 2;

/// One step of a run; indexes are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Microseconds since the step before.
    after: u32,
    what: u8,
    which: u32,
}

fn steps() -> impl Any<Value = Vec<Step>> {
    let after = prop_oneof![4 => 1u32..50_000, 4 => 1u32..5_000_000, 1 => 1u32..60_000_000];
    let step =
        (after, any::<u8>(), any::<u32>()).prop_map(|(after, what, which)| Step { after, what, which });
    prop::collection::vec(step, 1..250)
}

prop_compose! {
    fn configs()(
        answer in prop::sample::select(vec![AnswerWhen::Arrival, AnswerWhen::Admission, AnswerWhen::Operator]),
        strategy in prop::sample::select(
            vec![Strategy::LongestIdle, Strategy::RoundRobin, Strategy::FewestCalls, Strategy::Linear,
                Strategy::LeastOccupied, Strategy::RingAll]),
        (by_day, by_night) in (0u32..6, 0u32..4),
        waiting_max in 0u32..8,
        place_grace in prop::sample::select(vec![0u64, 20]),
        announce_every in prop::sample::select(vec![0u64, 7]),
        wrap_up in prop::sample::select(vec![0u64, 12]),
        no_answer_max in 0u32..3,
        auto_ready in any::<bool>(),
        extras in any::<u16>(),
    ) -> AcdConfig {
        let extra = |bit: u32, seconds: u64| Duration::from_secs(u64::from(extras >> bit & 1) * seconds);
        let queue = QueueConfig {
            name: "q".into(),
            answer,
            waiting_max,
            wait_max: Duration::from_secs(90),
            short_abandon: Duration::from_secs(5),
            ring_timeout: Duration::from_secs(15),
            place_grace: Duration::from_secs(place_grace),
            announce_every: Duration::from_secs(announce_every),
            wrap_up: Duration::from_secs(wrap_up),
            wrap_up_extension: Duration::from_secs(10),
            strategy,
            greeting: true,
            call_back: (extras >> 10 & 1 != 0).then_some(CallBack {
                key: '1',
                offer_after: Duration::from_secs(11),
                promises_max: 2,
                within: Duration::from_secs(70),
                ring_timeout: Duration::from_secs(9),
            }),
            choices: vec![Choice { key: '2', skills: Skills(1) }, Choice { key: '3', skills: Skills(2) }],
            forward_timeout: Duration::from_secs(13),
            ..QueueConfig::default()
        };
        let overflow = |bits: u16| match (bits & 3, queue.call_back) {
            (1, _) => Overflow::Forward(0),
            (2, Some(_)) => Overflow::OfferCallBack,
            _ => Overflow::Farewell,
        };
        let queue = QueueConfig {
            on_saturated: overflow(extras >> 10),
            on_closed: overflow(extras >> 11),
            on_timed_out: overflow(extras >> 13),
            ..queue
        };
        let window = Window { days: vec![1], from_minute: 0, to_minute: 18 * 60, lines: by_day };
        let operator = |n: u32| OperatorConfig {
            name: format!("op{n}"),
            queues: if n == 0 { vec![1] } else { vec![] },
            auto_ready: auto_ready && n.is_multiple_of(2),
            no_answer_max,
            levels: if extras & 1 != 0 && n == 0 { vec![1] } else { vec![] },
            skills: Skills(u64::from(n % 2)),
            rest: extra(1, 10),
        };
        let mut second = QueueConfig {
            skills: Skills(u64::from(extras >> 2 & 1)),
            relax_after: extra(3, 25),
            strategy: if extras >> 15 & 1 != 0 { Strategy::RingAll } else { Strategy::LongestIdle },
            head_start: extra(4, 20),
            lines_min: u32::from(extras >> 5 & 3),
            sticky: extra(7, 40),
            ..queue.clone()
        };
        if extras >> 8 & 1 != 0 {
            let open = Window { days: vec![1], from_minute: 0, to_minute: 17 * 60 + 55, lines: 2 };
            let time_zone = "Asia/Shanghai".into();
            let (holidays, workdays) = Default::default();
            second.schedule = Some(Schedule { time_zone, lines_otherwise: 0, windows: vec![open], holidays, workdays });
        }
        AcdConfig {
            schedule: Schedule {
                time_zone: "Asia/Shanghai".into(),
                lines_otherwise: by_night,
                windows: vec![window],
                holidays: vec![],
                workdays: vec![],
            },
            queues: vec![queue, second],
            operators: (0..OPERATORS).map(operator).collect(),
            pause_reasons: vec!["lunch".into()],
            calls_max: 12,
            dialable: vec![true, extras >> 9 & 1 != 0],
            forwards: vec!["sip:elsewhere@192.0.2.9".into()],
            transfer: (extras & 1 == 0).then(|| TransferRule {
                trunk: TrunkId(0),
                numbers: vec!["13*".into()],
                ring_timeout: Duration::from_secs(14),
            }),
        }
    }
}

/// A run seen from outside.
struct Run {
    acd: Acd,
    model: Model,
    now: Timestamp,
    next_call: u64,
    /// Calls that have not ended, with what is known of each.
    live: BTreeMap<CallId, Seen>,
    /// The leg each operator is rung or talks on.
    busy: BTreeMap<OperatorId, LegId>,
    /// Legs that were dialled outside: callers' own, and of each call one more at a time.
    outside: BTreeSet<LegId>,
    /// Who was asked about each call, if somebody was.
    seconds: BTreeMap<CallId, Asked>,
    snapshot: Snapshot,
    inputs: Vec<(Timestamp, Input)>,
    outputs: Vec<Output>,
}

#[derive(Default)]
struct Seen {
    ticket: u64,
    admitted: bool,
    assigned: bool,
    answered: bool,
    leaving: bool,
}

impl Run {
    fn new(config: AcdConfig) -> Self {
        let mut model = Model::new(config.clone());
        let mut acd = Acd::new(config).expect("a good configuration");
        acd.handle(START, Input::Tick, &mut Vec::new());
        model.handle(START, Input::Tick);
        let snapshot = acd.snapshot();
        let (live, busy, outside, seconds, inputs, outputs) = Default::default();
        Self {
            acd,
            model,
            now: START,
            next_call: 1,
            live,
            busy,
            outside,
            seconds,
            snapshot,
            inputs,
            outputs,
        }
    }

    fn step(&mut self, step: Step) {
        let at = self.now + Duration::from_micros(u64::from(step.after));
        // Ticks sometimes come late: then deadlines are dealt with before the next input.
        while !step.which.is_multiple_of(8)
            && let Some(due) = self.acd.next_deadline()
            && due <= at
        {
            self.now = self.now.max(due);
            self.input(Input::Tick);
        }
        self.now = at;
        let input = self.choose(step);
        self.input(input);
    }

    fn choose(&mut self, Step { what, which, .. }: Step) -> Input {
        let operator = OperatorId(which % OPERATORS);
        let call = self
            .live
            .keys()
            .nth(which as usize % self.live.len().max(1))
            .copied()
            .unwrap_or(CallId(999));
        let rung = self
            .busy
            .values()
            .nth(which as usize % self.busy.len().max(1))
            .copied();
        let leg = match what % 7 {
            0 => LegId { call, leg: which % 4 },
            1 => {
                let dialled = self.outside.iter().rfind(|leg| leg.call == call);
                dialled.copied().unwrap_or(LegId { call, leg: 1 })
            }
            _ => rung.unwrap_or(LegId { call, leg: 1 }),
        };
        match what {
            64..=79 => self.of_a_talk(what, which),
            0..=63 => {
                self.next_call += 1;
                let caller = match which % 6 {
                    0 => CallerNumber::withheld(),
                    n => CallerNumber::new(&n.to_string()),
                };
                let (queue, trunk) = (QueueId(which / 7 % (QUEUES + 1)), TrunkId(which / 50 % 2));
                Input::CallArrived {
                    call: CallId(self.next_call),
                    queue,
                    trunk,
                    caller,
                    skills: Skills([0, 0, 0, 1][which as usize / 11 % 4]),
                }
            }
            80..=99 => Input::CallerGone {
                call,
                cause: GoneCause::HungUp,
            },
            100..=102 => Input::CallerGone {
                call,
                cause: GoneCause::Failed,
            },
            103..=109 => Input::PromptDone { call },
            110..=139 => Input::LegAnswered { leg },
            140..=144 => Input::LegFailed {
                leg,
                cause: FailCause::Declined,
            },
            145..=147 => Input::LegFailed {
                leg,
                cause: FailCause::NoAnswer,
            },
            148..=150 => Input::LegFailed {
                leg,
                cause: FailCause::Other(500),
            },
            151..=164 => Input::LegGone { leg },
            165..=167 => Input::LegHeld {
                leg,
                held: which % 3 == 0,
            },
            168..=170 => Input::LegHeld {
                leg: LegId::caller(call),
                held: which % 2 == 0,
            },
            171..=185 => Input::PhoneRegistered { operator },
            186..=189 => Input::PhoneUnregistered { operator },
            190..=199 => Input::SignOn { operator },
            200..=202 => Input::SignOff { operator },
            203..=227 => Input::Ready { operator },
            228..=233 => Input::Pause {
                operator,
                reason: PauseReason::Chosen((which % 2) as u16),
            },
            234..=240 => Input::ExtendWrapUp {
                operator: OperatorId(which % (OPERATORS + 1)),
            },
            241..=243 => Input::MediaSilent { leg },
            244 | 245 | 253 => Input::Dtmf {
                call,
                digit: ['1', '1', '1', '2', '3', '4'][which as usize / 13 % 6],
            },
            246 if which % 4 == 0 => Input::Drain,
            247 if which % 4 == 0 => Input::HangUpAll,
            248..=250 => Input::LegRinging { leg },
            251 => Input::SetLines {
                lines: which % 7,
                until: self.now + Duration::from_secs(u64::from(which / 7 % 90)),
            },
            252 if which % 2 == 0 => Input::Started,
            252 => Input::FollowSchedule,
            _ => Input::Tick,
        }
    }

    /// Something that an operator does with a call, mostly one who is in a call.
    fn of_a_talk(&self, what: u8, which: u32) -> Input {
        let busy = self.busy.keys().nth(which as usize % self.busy.len().max(1));
        let operator = busy.copied().unwrap_or(OperatorId(which % OPERATORS));
        let to = OperatorId(which / 7 % (OPERATORS + 1));
        let number = CallerNumber::new(["139", "137", "110"][which as usize / 7 % 3]);
        match what {
            64 => Input::TransferOutside { operator, number },
            65 | 68 => Input::ConsultOutside { operator, number },
            66 | 67 => Input::Consult { operator, to },
            69 | 70 => Input::Transfer { operator, to },
            71 | 72 => Input::Conference { operator },
            73 | 74 => Input::CompleteTransfer { operator },
            75 | 76 => Input::CancelConsult { operator },
            77 => Input::Hold {
                operator,
                on: !which.is_multiple_of(3),
            },
            _ => Input::HangUp { operator },
        }
    }

    fn input(&mut self, input: Input) {
        let first = self.outputs.len();
        self.acd.handle(self.now, input, &mut self.outputs);
        self.inputs.push((self.now, input));
        self.acd.audit();
        let due = self.acd.next_deadline().filter(|due| *due <= self.now);
        assert_eq!(due, None, "a deadline was not dealt with at {input:?}");
        let said = self.outputs[first..].iter().filter_map(|output| match output {
            Output::Event(event) => model::in_words(event),
            _ => None,
        });
        let expected = self.model.handle(self.now, input);
        assert_eq!(
            said.collect::<Vec<_>>(),
            expected,
            "the core and the model disagree about {input:?}"
        );
        for index in first..self.outputs.len() {
            let output = self.outputs[index].clone();
            self.see(&output);
        }
        self.snapshot.at = self.now;
        assert_eq!(
            self.snapshot,
            self.acd.snapshot(),
            "events do not tell the whole of {input:?}"
        );
    }

    fn see(&mut self, output: &Output) {
        match output {
            Output::Answer { call } => {
                let seen = self.live.get_mut(call).expect("an answer to a live call");
                assert!(!std::mem::replace(&mut seen.answered, true), "answered twice");
            }
            Output::EarlyMedia { call } => assert!(!self.live[call].answered, "early media after the answer"),
            Output::Refuse { call, .. } => {
                assert!(
                    self.live.get(call).is_none_or(|seen| !seen.answered),
                    "refused after the answer"
                );
            }
            Output::Dial { leg, operator, .. } => {
                assert_eq!(
                    self.busy.insert(*operator, *leg),
                    None,
                    "an operator in two calls"
                );
            }
            Output::DialOut { leg, .. } => {
                let same = |other: &&LegId| other.call == leg.call && other.is_caller() == leg.is_caller();
                let other = self.outside.iter().find(same);
                assert_eq!(other, None, "one call is dialled outside twice at a time");
                self.outside.insert(*leg);
            }
            Output::Ringback { leg } => assert!(self.busy.values().any(|busy| busy == leg)),
            Output::Confer {
                operator_leg,
                third_leg,
                ..
            } => {
                let mut dialled = self.busy.values().chain(&self.outside);
                assert!(
                    self.busy.values().any(|busy| busy == operator_leg)
                        && dialled.any(|leg| leg == third_leg),
                    "confers on a leg not dialled"
                );
            }
            Output::Bridge { operator_leg } => {
                assert!(
                    self.live[&operator_leg.call].answered,
                    "bridged before the answer"
                );
                assert!(
                    self.busy
                        .values()
                        .chain(&self.outside)
                        .any(|leg| leg == operator_leg),
                    "bridged to a leg not dialled"
                );
            }
            Output::HangUp { leg, .. } => {
                if !leg.is_caller() {
                    self.outside.remove(leg);
                }
            }
            Output::Play { .. } => {}
            Output::Event(event) => {
                self.see_event(event);
                self.snapshot.apply(self.now, event);
            }
        }
    }

    fn see_event(&mut self, event: &Event) {
        match *event {
            Event::CallArrived { call, ticket, .. } => {
                let holds =
                    |(id, seen): (&CallId, &Seen)| seen.ticket == ticket && !seen.leaving && *id != call;
                assert!(!self.live.iter().any(holds), "one ticket, two calls");
                let seen = Seen {
                    ticket,
                    ..Seen::default()
                };
                assert!(self.live.insert(call, seen).is_none());
            }
            Event::CallBackPromised {
                call, from, ticket, ..
            } => {
                assert!(self.live[&from].leaving && self.live[&from].ticket == ticket);
                let seen = Seen {
                    ticket,
                    answered: true,
                    ..Seen::default()
                };
                assert!(self.live.insert(call, seen).is_none(), "promised twice");
            }
            Event::CallLeaving { call, .. } => self.live.get_mut(&call).expect("live").leaving = true,
            Event::CallAdmitted { call, .. } => {
                assert!(
                    self.snapshot.lines_in_use < self.snapshot.lines,
                    "admitted without a line"
                );
                self.live.get_mut(&call).expect("live").admitted = true;
            }
            Event::CallAssigned {
                call, leg, ref why, ..
            } => {
                let seen = &self.live[&call];
                assert!(seen.admitted && leg.call == call && why.ticket == seen.ticket);
                self.live.get_mut(&call).expect("live").assigned = true;
            }
            Event::CallReturned { call, operator, .. } => {
                let rings = |(other, leg): (&OperatorId, &LegId)| *other != operator && leg.call == call;
                self.live.get_mut(&call).expect("live").assigned = self.busy.iter().any(rings);
                assert_eq!(self.busy.remove(&operator).map(|leg| leg.call), Some(call));
            }
            Event::CallConnected { call, operator, .. } => {
                assert!(self.live[&call].assigned);
                assert_eq!(self.busy.get(&operator).map(|leg| leg.call), Some(call));
                self.busy
                    .retain(|other, leg| leg.call != call || *other == operator);
            }
            Event::CallerDialled { call, operator, .. } => {
                self.busy
                    .retain(|other, leg| leg.call != call || *other == operator);
            }
            Event::ThirdChanged {
                call,
                third: Some(third),
            } => drop(self.seconds.insert(call, third.who)),
            Event::ThirdChanged { call, third: None } => {
                match self.seconds.remove(&call).expect("somebody who was asked") {
                    Asked::Operator(second) => {
                        assert_eq!(self.busy.remove(&second).map(|leg| leg.call), Some(call));
                    }
                    // Gone by itself, it is not hung up.
                    Asked::Outside { leg, .. } => drop(self.outside.remove(&leg)),
                }
            }
            Event::CallTransferred {
                call, operator, to, ..
            } => {
                assert_eq!(self.seconds.remove(&call), Some(Asked::Operator(to)));
                assert_eq!(self.busy.remove(&operator).map(|leg| leg.call), Some(call));
            }
            Event::CallSentOutside {
                call,
                operator,
                number,
                leg,
                ..
            } => {
                let asked = self.seconds.remove(&call);
                assert_eq!(asked, Some(Asked::Outside { number, leg }));
                self.live.get_mut(&call).expect("live").assigned = true;
                assert_eq!(self.busy.remove(&operator).map(|leg| leg.call), Some(call));
            }
            Event::OutsideFailed { call, .. } => {
                self.live.get_mut(&call).expect("live").assigned = false;
                self.outside.retain(|leg| leg.call != call || leg.is_caller());
            }
            Event::CallEnded {
                call,
                outcome,
                operator,
                ..
            } => {
                self.outside.retain(|leg| leg.call != call);
                self.seconds.remove(&call);
                assert!(
                    self.live.remove(&call).is_some(),
                    "ended without having arrived, or twice"
                );
                assert_eq!(operator.is_some(), outcome == Outcome::Answered);
                self.busy.retain(|_, leg| leg.call != call);
            }
            Event::FifoOvertaken { .. } => panic!("overtaken"),
            _ => {}
        }
    }
}

proptest! {
    // The count follows PROPTEST_CASES. A case has 125 steps on average, and ticks between them.
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn every_step_holds_and_all_ends(config in configs(), steps in steps()) {
        let mut run = Run::new(config);
        for step in steps {
            run.step(step);
        }
        // Healing: with time alone, nobody waits for ever.
        run.input(Input::HangUpAll);
        prop_assert!(run.live.keys().all(|call| call.is_call_back()), "calls outlive the end: {:?}", run.live.keys());
        prop_assert!(run.busy.is_empty());
        for _ in 0..1_000 {
            let Some(due) = run.acd.next_deadline().filter(|due| *due < START + Duration::from_secs(86_400)) else { break };
            run.now = run.now.max(due);
            run.input(Input::Tick);
        }
        prop_assert!(run.live.is_empty(), "promises outlive their time: {:?}", run.live.keys());
        let idle = |state| !matches!(state, OperatorState::WrapUp { .. } | OperatorState::Reserved { .. });
        prop_assert!(run.acd.snapshot().operators.iter().all(|view| idle(view.state)));
    }

    #[test]
    fn waits_end_by_themselves(config in configs(), steps in steps()) {
        let mut run = Run::new(config);
        steps.into_iter().for_each(|step| run.step(step));
        let waiting: BTreeSet<CallId> = run.live.iter().filter(|(_, seen)| !seen.assigned).map(|(id, _)| *id).collect();
        // The longest wait, a last ring, another place's phone or an offer, and a last word.
        let end = run.now + Duration::from_secs(90 + 15 + 30 + 30);
        while let Some(due) = run.acd.next_deadline().filter(|due| *due <= end) {
            run.now = run.now.max(due);
            run.input(Input::Tick);
        }
        let still: Vec<_> = run.snapshot.calls.iter().filter(|view| waiting.contains(&view.call) && !matches!(view.stage, Stage::Forwarded { .. })).collect();
        prop_assert!(still.is_empty(), "{still:?} wait for ever");
    }

    #[test]
    fn replaying_the_inputs_repeats_the_outputs(config in configs(), steps in steps()) {
        let mut run = Run::new(config.clone());
        steps.into_iter().for_each(|step| run.step(step));
        let (mut again, mut outputs) = (Acd::new(config).expect("good"), Vec::new());
        again.handle(START, Input::Tick, &mut Vec::new());
        for (at, input) in &run.inputs {
            again.handle(*at, *input, &mut outputs);
        }
        prop_assert_eq!(outputs, run.outputs);
        prop_assert_eq!(again.snapshot(), run.acd.snapshot());
    }

    #[test]
    fn a_core_restored_at_any_point_goes_on_as_the_one_it_was_taken_from(
        config in configs(), steps in steps(), at in 0.0..1.0f64,
    ) {
        let mut run = Run::new(config.clone());
        steps.into_iter().for_each(|step| run.step(step));
        let taken_at = (run.inputs.len() as f64 * at) as usize;
        let mut core = Acd::new(config.clone()).expect("good");
        core.handle(START, Input::Tick, &mut Vec::new());
        for (at, input) in &run.inputs[..taken_at] {
            core.handle(*at, *input, &mut Vec::new());
        }
        let state = core.state();
        let mut restored = Acd::restore(config, &state).expect("a state just taken");
        prop_assert!(restored.state() == state, "restored and taken again it differs");
        for (n, (at, input)) in run.inputs[taken_at..].iter().enumerate() {
            let (mut outputs, mut again) = (Vec::new(), Vec::new());
            core.handle(*at, *input, &mut outputs);
            restored.handle(*at, *input, &mut again);
            prop_assert_eq!(outputs, again, "input {} after {}", n, taken_at);
            prop_assert_eq!(core.next_deadline(), restored.next_deadline());
        }
        prop_assert!(restored.state() == core.state(), "in the end they differ");
        prop_assert_eq!(restored.snapshot(), run.acd.snapshot());
    }
}
