//! The language of the scenarios.
//!
//! A script is steps, separated by `;` or line ends: `[TIME] WHO DOES-WHAT`. TIME is since the start (`90s`, `1m30s`)
//! or by the clock of the first days (`18:00`, `+1d 08:00:05`); left out, it is that of the step before. The start is
//! Monday, 23 November 2026, 09:00 in Shanghai, unless the script opens with `start TIME`. Callers are capital letters
//! (`A`, `B2`), or a run of them (`A..M call`); operators are `op1`, `op2`, ….
//! `explain A` prints why A still waits. `A* answers` is said of A's phone when A is called back; `other answers A/1` of
//! another place's phone that rings for A.
//!
//! Time passes as in the engine: every deadline gets its tick. Each input that leads to something gives one line.

use crate::telling::{short, word};
use acd::schedule::{Schedule, Window};
use acd::*;
use expect_test::Expect;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Monday, 23 November 2026, 00:00 in Shanghai.
const MIDNIGHT: Timestamp = Timestamp::from_secs(1_795_363_200);
const HOUR: u64 = 3600;

/// Lines by day and otherwise as the hotline has them; one queue; operators `op1` to `op9`; no greeting, no places
/// kept, no wrap-up, no announcements: a scenario asks for what it is about.
pub(crate) fn hotline() -> AcdConfig {
    let workday = Window {
        days: vec![1, 2, 3, 4, 5],
        from_minute: 8 * 60,
        to_minute: 18 * 60,
        lines: 12,
    };
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 4,
            windows: vec![workday],
            holidays: vec!["2026-12-31".into()],
            workdays: vec!["2026-11-28".into()],
        },
        queues: vec![queue()],
        operators: (1..=9).map(|n| operator(&format!("op{n}"))).collect(),
        pause_reasons: vec!["lunch".into(), "meeting".into()],
        calls_max: 1000,
        dialable: vec![true],
        forwards: vec!["sip:elsewhere@192.0.2.9".into()],
        transfer: None,
    }
}

pub(crate) fn queue() -> QueueConfig {
    QueueConfig {
        name: "hotline".into(),
        answer: AnswerWhen::Arrival,
        waiting_max: 100,
        wait_max: Duration::from_secs(1800),
        short_abandon: Duration::from_secs(5),
        ring_timeout: Duration::from_secs(20),
        place_grace: Duration::ZERO,
        announce_every: Duration::ZERO,
        wrap_up: Duration::ZERO,
        wrap_up_extension: Duration::from_secs(30),
        strategy: Strategy::LongestIdle,
        greeting: false,
        ..QueueConfig::default()
    }
}

pub(crate) fn operator(name: &str) -> OperatorConfig {
    OperatorConfig {
        name: name.into(),
        queues: vec![],
        auto_ready: false,
        no_answer_max: 2,
        ..OperatorConfig::default()
    }
}

/// Runs a script on the plain hotline.
pub(crate) fn check(script: &str, expect: Expect) {
    check_with(|_| {}, script, expect);
}

/// Runs a script on the hotline as changed by `change`.
pub(crate) fn check_with(change: impl FnOnce(&mut AcdConfig), script: &str, expect: Expect) {
    let mut config = hotline();
    change(&mut config);
    let mut run = Run::new(config);
    let mut steps = script
        .split([';', '\n'])
        .map(str::trim)
        .filter(|step| !step.is_empty())
        .peekable();
    if let Some(start) = steps.next_if(|step| step.starts_with("start ")) {
        let words: Vec<&str> = start.split_whitespace().skip(1).collect();
        let (at, _) = run.time(&words);
        run.start = at.expect("a time after start");
        run.now = run.start;
    }
    run.input(Input::Tick);
    run.told.clear();
    for step in steps {
        run.step(step);
    }
    expect.assert_eq(&run.told);
}

pub(crate) struct Run {
    acd: Acd,
    pub(crate) start: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) calls: BTreeMap<String, CallId>,
    /// The leg each operator's phone was dialled on last.
    pub(crate) legs: BTreeMap<OperatorId, LegId>,
    snapshot: Snapshot,
    told: String,
}

impl Run {
    fn new(config: AcdConfig) -> Self {
        let start = MIDNIGHT + Duration::from_secs(9 * HOUR);
        let mut acd = Acd::new(config).expect("a good configuration");
        acd.handle(
            start - Duration::from_secs(9 * HOUR),
            Input::Tick,
            &mut Vec::new(),
        );
        let snapshot = acd.snapshot();
        let (calls, legs, told) = Default::default();
        Self {
            acd,
            start,
            now: start,
            calls,
            legs,
            snapshot,
            told,
        }
    }

    fn step(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let (at, words) = self.time(&words);
        if let Some(at) = at {
            self.pass_until(at);
        }
        match words {
            [] | ["wait"] => self.input(Input::Tick),
            ["lines", lines, "until", until @ ..] => {
                let lines = lines.parse().expect("a number of lines");
                let until = self.time(until).0.expect("a time after until");
                self.input(Input::SetLines { lines, until });
            }
            ["follow", "schedule"] => self.input(Input::FollowSchedule),
            ["explain", name] => self.explain(name),
            ["started"] => self.input(Input::Started),
            ["drain"] => self.input(Input::Drain),
            ["hang", "up", "all"] => self.input(Input::HangUpAll),
            ["other", does @ .., leg] => {
                let input = outside(does, self.leg(leg));
                self.input(input);
            }
            [who, does @ ..] if who.ends_with('*') => {
                let input = outside(does, LegId::caller(self.call(who)));
                self.input(input);
            }
            [who, does @ ..] if who.starts_with("op") => self.operator_step(who, does),
            [who, does @ ..] => match who.split_once("..") {
                Some((first, last)) => {
                    for name in first.as_bytes()[0]..=last.as_bytes()[0] {
                        self.caller_step(&char::from(name).to_string(), does);
                    }
                }
                None => self.caller_step(who, does),
            },
        }
    }

    fn explain(&mut self, name: &str) {
        let told = match self.acd.explain(self.call(name)) {
            None => "waits for nothing".into(),
            Some(why) => {
                let heads: Vec<String> = why.heads.iter().map(|call| self.name(*call)).collect();
                let until = short(why.until.since(self.now));
                format!(
                    "waits for {}; {} before, first {heads:?}; at most {until}",
                    word(&why.waits_for),
                    why.before
                )
            }
        };
        writeln!(self.told, "        {name} {told}").expect("a string takes all");
    }

    fn caller_step(&mut self, name: &str, does: &[&str]) {
        if let ["calls" | "call", how @ ..] = does {
            return self.arrival(name, how);
        }
        let call = self.calls[name];
        let leg = LegId::caller(call);
        self.input(match does {
            ["hangs", "up"] => Input::CallerGone {
                call,
                cause: GoneCause::HungUp,
            },
            ["fails"] => Input::CallerGone {
                call,
                cause: GoneCause::Failed,
            },
            ["heard"] => Input::PromptDone { call },
            ["presses", key] => Input::Dtmf {
                call,
                digit: key.chars().next().expect("a key"),
            },
            ["holds"] => Input::LegHeld { leg, held: true },
            ["resumes"] => Input::LegHeld { leg, held: false },
            ["silent"] => Input::MediaSilent { leg },
            _ => panic!("a caller cannot {does:?}"),
        });
    }

    fn arrival(&mut self, name: &str, mut how: &[&str]) {
        let (mut queue, mut trunk, mut number) = (QueueId(0), TrunkId(0), CallerNumber::new(name));
        let mut skills = Skills::default();
        if let [before @ .., "needs", bits] = how {
            skills = Skills(bits.parse().expect("skills as a number"));
            how = before;
        }
        while let [key, value, rest @ ..] = how {
            match *key {
                "queue" => queue = QueueId(value.parse().expect("a queue's index")),
                "trunk" => trunk = TrunkId(value.parse().expect("a trunk's index")),
                "as" if *value == "withheld" => number = CallerNumber::withheld(),
                "as" => number = CallerNumber::new(value),
                _ => panic!("calls how: {how:?}"),
            }
            how = rest;
        }
        let call = CallId(self.calls.len() as u64 + 1);
        assert!(
            self.calls.insert(name.into(), call).is_none(),
            "{name} calls twice"
        );
        self.input(Input::CallArrived {
            call,
            queue,
            trunk,
            caller: number,
            skills,
        });
    }

    fn operator_step(&mut self, name: &str, does: &[&str]) {
        let operator = colleague(name);
        let (leg, does) = match does {
            [does @ .., leg] if leg.contains('/') => (self.leg(leg), does),
            _ => (
                self.legs
                    .get(&operator)
                    .copied()
                    .unwrap_or(LegId::caller(CallId(0))),
                does,
            ),
        };
        let failed = |cause| Input::LegFailed { leg, cause };
        let input = match does {
            ["on"] => {
                self.input(Input::PhoneRegistered { operator });
                self.input(Input::SignOn { operator });
                Input::Ready { operator }
            }
            ["registers"] => Input::PhoneRegistered { operator },
            ["unregisters"] => Input::PhoneUnregistered { operator },
            ["signs", "on"] => Input::SignOn { operator },
            ["signs", "off"] => Input::SignOff { operator },
            ["ready"] => Input::Ready { operator },
            ["pauses"] => Input::Pause {
                operator,
                reason: PauseReason::Chosen(0),
            },
            ["pauses", "for", n] => Input::Pause {
                operator,
                reason: PauseReason::Chosen(n.parse().expect("an index")),
            },
            ["extends"] => Input::ExtendWrapUp { operator },
            ["rings"] => Input::LegRinging { leg },
            ["answers"] => Input::LegAnswered { leg },
            ["declines"] => failed(FailCause::Declined),
            ["busy"] => failed(FailCause::Busy),
            ["silent"] => failed(FailCause::NoAnswer),
            ["unreachable"] => failed(FailCause::Unreachable),
            ["fails", status] => failed(FailCause::Other(status.parse().expect("a status"))),
            ["hangs", "up"] => Input::LegGone { leg },
            ["holds"] => Input::LegHeld { leg, held: true },
            ["resumes"] => Input::LegHeld { leg, held: false },
            ["presses", "hang", "up"] => Input::HangUp { operator },
            ["presses", "hold"] => Input::Hold { operator, on: true },
            ["presses", "resume"] => Input::Hold { operator, on: false },
            ["transfers", "to", to] => Input::Transfer {
                operator,
                to: colleague(to),
            },
            ["gives", "to", number] => Input::TransferOutside {
                operator,
                number: CallerNumber::new(number),
            },
            ["asks", number] => Input::ConsultOutside {
                operator,
                number: CallerNumber::new(number),
            },
            ["consults", to] => Input::Consult {
                operator,
                to: colleague(to),
            },
            ["confers"] => Input::Conference { operator },
            ["completes"] => Input::CompleteTransfer { operator },
            ["cancels"] => Input::CancelConsult { operator },
            _ => panic!("an operator cannot {does:?}"),
        };
        self.input(input);
    }

    /// The call of a caller, or with a star the call-back that was promised to the caller.
    fn call(&self, name: &str) -> CallId {
        match name.strip_suffix('*') {
            Some(name) => self.calls[name].call_back(),
            None => self.calls[name],
        }
    }

    fn leg(&self, text: &str) -> LegId {
        let (call, leg) = text.split_once('/').expect("CALL/LEG");
        LegId {
            call: self.call(call),
            leg: leg.parse().expect("a leg's number"),
        }
    }

    /// The time a step begins with, and the rest of it.
    fn time<'a, 'b>(&self, words: &'a [&'b str]) -> (Option<Timestamp>, &'a [&'b str]) {
        let (days, rest) = match words {
            [day, rest @ ..] if day.starts_with('+') => (
                day[1..].trim_end_matches('d').parse::<u64>().expect("+DAYSd"),
                rest,
            ),
            _ => (0, words),
        };
        let Some(first) = rest.first().filter(|word| word.as_bytes()[0].is_ascii_digit()) else {
            return (None, words);
        };
        let midnight = MIDNIGHT + Duration::from_secs(days * 24 * HOUR);
        let at = match first.contains(':') {
            true => midnight + clock(first),
            false => self.start + Duration::from_secs(days * 24 * HOUR) + span(first),
        };
        (Some(at), &rest[1..])
    }

    fn pass_until(&mut self, at: Timestamp) {
        while let Some(due) = self.acd.next_deadline()
            && due <= at
        {
            self.now = self.now.max(due);
            self.input(Input::Tick);
        }
        assert!(at >= self.now, "the script goes back in time");
        self.now = at;
    }

    fn input(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.acd.handle(self.now, input, &mut outputs);
        self.acd.audit();
        let due = self.acd.next_deadline().filter(|due| *due <= self.now);
        assert_eq!(due, None, "a deadline was not dealt with at {input:?}");
        let told: Vec<String> = outputs.iter().filter_map(|output| self.tell(output)).collect();
        if !told.is_empty() {
            let since = self.now.since(self.start).as_secs();
            let time = match since < 24 * HOUR {
                true => format!("{}m{:02}s", since / 60, since % 60),
                false => format!("+{}d{}h{:02}m", since / 86400, since / HOUR % 24, since / 60 % 60),
            };
            writeln!(self.told, "{time:<7} {}", told.join("; ")).expect("a string takes all");
        }
        for output in &outputs {
            if let Output::Event(event) = output {
                self.snapshot.apply(self.now, event);
            }
        }
        self.snapshot.at = self.now;
        assert_eq!(
            self.snapshot,
            self.acd.snapshot(),
            "events do not tell the whole of {input:?}"
        );
    }
}

/// `op1` is the first.
fn colleague(name: &str) -> OperatorId {
    OperatorId(name[2..].parse::<u32>().expect("op and a number") - 1)
}

/// What becomes of a phone that was dialled outside.
fn outside(does: &[&str], leg: LegId) -> Input {
    let failed = |cause| Input::LegFailed { leg, cause };
    match does {
        ["rings"] => Input::LegRinging { leg },
        ["answers"] => Input::LegAnswered { leg },
        ["busy"] => failed(FailCause::Busy),
        ["silent"] => failed(FailCause::NoAnswer),
        ["hangs", "up"] if leg.is_caller() => Input::CallerGone {
            call: leg.call,
            cause: GoneCause::HungUp,
        },
        ["hangs", "up"] => Input::LegGone { leg },
        _ => panic!("a phone outside cannot {does:?}"),
    }
}

/// `HH:MM` or `HH:MM:SS`.
fn clock(text: &str) -> Duration {
    let parts: Vec<u64> = text
        .split(':')
        .map(|part| part.parse().expect("HH:MM:SS"))
        .collect();
    Duration::from_secs(parts.iter().zip([HOUR, 60, 1]).map(|(n, unit)| n * unit).sum())
}

/// `90s`, `1m30s`, `2h`, `1.5s`.
fn span(text: &str) -> Duration {
    let mut total = Duration::ZERO;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            's' => 1.0,
            'm' => 60.0,
            'h' => 3600.0,
            _ => {
                number.push(c);
                continue;
            }
        };
        total += Duration::from_secs_f64(number.parse::<f64>().expect("a number before the unit") * unit);
        number.clear();
    }
    assert!(number.is_empty(), "{text} lacks a unit");
    total
}
