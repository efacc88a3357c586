//! A day of the hotline, recorded once and replayed.
//!
//! Callers arrive through the day with a peak before noon, some give up and some redial; operators answer, talk, wrap
//! up, and now and then do not pick up. The numbers come from a small generator with a fixed seed.

use crate::{feed, house};
use acd::{
    Acd, AcdConfig, CallId, CallerNumber, GoneCause, Input, OperatorId, Output, QueueId, Timestamp, TrunkId,
};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

pub(crate) type Day = Vec<(Timestamp, Input)>;

/// Plays a day of `calls` calls against a core and keeps every input.
pub(crate) fn record(config: AcdConfig, calls: u64) -> Day {
    let operators = config.operators.len() as u32;
    let mut player = Player {
        acd: house::core(config),
        random: Random(7),
        agenda: BinaryHeap::new(),
        day: Vec::new(),
    };
    for operator in (0..operators).map(OperatorId) {
        player.plan(house::MIDNIGHT, Input::PhoneRegistered { operator });
    }
    for n in 0..calls {
        // The sum of three uniform hours is a bell from 06:00 to 21:00.
        let second: u64 = 6 * 3600 + (0..3).map(|_| player.random.below(5 * 3600)).sum::<u64>();
        let caller = CallerNumber::new(&format!("138{:08}", player.random.below(900)));
        let (queue, trunk) = (QueueId(0), TrunkId(0));
        let at = house::MIDNIGHT + Duration::from_millis(second * 1000 + player.random.below(1000));
        player.plan(
            at,
            Input::CallArrived {
                call: CallId(n + 1),
                queue,
                trunk,
                caller,
                skills: acd::Skills::default(),
            },
        );
        let patience = 20 + player.random.below(600);
        player.plan(
            at + Duration::from_secs(patience),
            Input::CallerGone {
                call: CallId(n + 1),
                cause: GoneCause::HungUp,
            },
        );
    }
    player.play()
}

/// The same day, `days` later, with other calls.
pub(crate) fn later(day: &Day, days: u64) -> Day {
    let shift = |mut call: CallId| {
        call.0 += days * 1_000_000;
        call
    };
    let moved = |(at, mut input): (Timestamp, Input)| {
        match &mut input {
            Input::CallArrived { call, .. } | Input::CallerGone { call, .. } | Input::PromptDone { call } => {
                *call = shift(*call);
            }
            Input::LegRinging { leg } | Input::LegAnswered { leg } | Input::LegGone { leg } => {
                leg.call = shift(leg.call);
            }
            _ => {}
        }
        (at + Duration::from_secs(days * 86_400), input)
    };
    day.iter().copied().map(moved).collect()
}

/// Feeds a recorded day to a core.
pub(crate) fn replay(acd: &mut Acd, day: &Day, outputs: &mut Vec<Output>) {
    for (at, input) in day {
        feed(acd, *at, *input, outputs);
    }
}

struct Player {
    acd: Acd,
    random: Random,
    /// What will happen, soonest first; of equal times what was planned first.
    agenda: BinaryHeap<Reverse<(Timestamp, usize)>>,
    day: Day,
}

impl Player {
    fn plan(&mut self, at: Timestamp, input: Input) {
        self.agenda.push(Reverse((at, self.day.len())));
        self.day.push((at, input));
    }

    fn play(mut self) -> Day {
        let mut played = Day::new();
        let mut outputs = Vec::new();
        while let Some(Reverse((at, index))) = self.agenda.pop() {
            while let Some(due) = self.acd.next_deadline().filter(|due| *due < at) {
                let due = due.max(house::MIDNIGHT);
                played.push((due, Input::Tick));
                self.acd.handle(due, Input::Tick, &mut outputs);
            }
            let input = self.day[index].1;
            played.push((at, input));
            self.acd.handle(at, input, &mut outputs);
            let now = played.last().map_or(at, |(at, _)| *at);
            for output in std::mem::take(&mut outputs) {
                self.answer(now, &output);
            }
        }
        played
    }

    /// What people and phones do about an output.
    fn answer(&mut self, now: Timestamp, output: &Output) {
        match output {
            Output::Dial { leg, .. } => {
                self.plan(now + Duration::from_millis(80), Input::LegRinging { leg: *leg });
                if self.random.below(20) > 0 {
                    let picked_up = now + Duration::from_millis(1_500 + self.random.below(6_000));
                    self.plan(picked_up, Input::LegAnswered { leg: *leg });
                    let talked = Duration::from_secs(30 + self.random.below(300));
                    self.plan(picked_up + talked, Input::LegGone { leg: *leg });
                }
            }
            Output::Play {
                call,
                audio: acd::Audio::Farewell(_),
            } => {
                self.plan(now + Duration::from_secs(4), Input::PromptDone { call: *call });
            }
            _ => {}
        }
    }
}

/// A linear congruential generator (Knuth's MMIX constants); good enough to spread a day.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
