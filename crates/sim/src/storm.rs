//! Storms: scenarios drawn at random, with everything going wrong, to find what nobody thought of.
//!
//! Owns the draw. A storm is named by its seed alone, so that one that shows a broken rule can be run again. Each
//! draws its own settings from wide ranges rather than the same middling ones, since rare combinations (a queue for
//! one, a ring of a second, no lines at all) are where rules break.

use crate::dist::Distribution;
use crate::rng::{Purpose, Stream};
use crate::scenario::{Arrivals, Callers, Elsewhere, Faults, Need, Scenario, SideQueue, Staff, Team};
use acd::schedule::{Schedule, Window};
use acd::{AnswerWhen, CallBack, Overflow, QueueConfig, Skills, Strategy};
use jiff::civil::{Date, date};
use std::time::Duration;

/// The storm of a seed: two days in one of several time zones, some over a change of the clocks.
pub fn scenario(seed: u64) -> Scenario {
    let draw = &mut Draw(Stream::new(seed, Purpose::Storm, 0));
    // The days on which clocks change in the zones below, and one on which none does.
    let days: [Date; 4] = [
        date(2026, 3, 28),
        date(2026, 10, 24),
        date(2026, 10, 3),
        date(2026, 11, 23),
    ];
    let first_day = draw.one_of(&days);
    let zone = draw.one_of(&[
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
    ]);
    let lines = draw.schedule(zone, first_day);
    let roster = draw.chance(0.5).then(|| draw.schedule(zone, first_day));
    let busy = draw.one_of(&[2.0, 20.0, 60.0, 200.0]);
    let mut scenario = Scenario {
        name: format!("Storm {seed}"),
        first_day,
        days: 2,
        seed,
        target: Duration::from_secs(15),
        lines,
        arrivals: Arrivals {
            workday: draw.rates(busy),
            day_off: draw.rates(busy),
        },
        callers: draw.callers(),
        operators: draw.staff(roster),
        queue: draw.queue(),
        more_queues: Vec::new(),
        forwards: Vec::new(),
        faults: draw.faults(),
    };
    // Drawn apart, so that the rest of a storm is what it was before there was any of this.
    let draw = &mut Draw(Stream::new(seed, Purpose::Storm, 1));
    if draw.chance(0.8) {
        draw.several(&mut scenario, zone);
    }
    scenario
}

struct Draw(Stream);

impl Draw {
    fn chance(&mut self, probability: f64) -> bool {
        self.0.chance(probability)
    }

    fn below(&mut self, count: u32) -> u32 {
        (self.0.uniform() * f64::from(count)) as u32
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u32) as usize;
        choices[index.min(choices.len() - 1)]
    }

    /// A share that is often none at all and sometimes large.
    fn share(&mut self, most: f64) -> f64 {
        if self.chance(0.4) {
            0.0
        } else {
            self.0.uniform() * most
        }
    }

    fn seconds(&mut self, choices: &[u64]) -> Duration {
        Duration::from_secs(self.one_of(choices))
    }

    /// A distribution with one of several means, in seconds.
    fn time(&mut self, means: &[u64]) -> Distribution {
        let mean = self.seconds(means);
        match self.below(3) {
            0 => Distribution::Constant(mean),
            1 => Distribution::Exponential { mean },
            _ => Distribution::LogNormal {
                mean,
                cv: 0.2 + 2.0 * self.0.uniform(),
            },
        }
    }

    fn time_or_never(&mut self, means: &[u64]) -> Distribution {
        if self.chance(0.3) {
            Distribution::Never
        } else {
            self.time(means)
        }
    }

    fn schedule(&mut self, zone: &str, first_day: Date) -> Schedule {
        let windows = (0..self.below(4)).map(|_| self.window()).collect();
        let holidays = if self.chance(0.2) {
            vec![first_day.to_string()]
        } else {
            Vec::new()
        };
        let next = crate::calendar::date_after(first_day, 1);
        let workdays = if self.chance(0.2) {
            vec![next.to_string()]
        } else {
            Vec::new()
        };
        Schedule {
            time_zone: zone.to_owned(),
            lines_otherwise: self.below(5),
            windows,
            holidays,
            workdays,
        }
    }

    fn window(&mut self) -> Window {
        let days = (1..=7).filter(|_| self.chance(0.8)).collect::<Vec<u8>>();
        let days = if days.is_empty() { vec![1] } else { days };
        let from_minute = self.below(1_440) as u16;
        let to_minute = 1 + self.below(1_440) as u16;
        Window {
            days,
            from_minute,
            to_minute,
            lines: self.below(14),
        }
    }

    fn rates(&mut self, busy: f64) -> [f64; 24] {
        [0.0; 24].map(|_| self.0.uniform() * busy)
    }

    fn callers(&mut self) -> Callers {
        Callers {
            patience: self.time_or_never(&[5, 60, 600]),
            balk: self.share(0.3),
            balk_after: self.time(&[1, 4]),
            talk: self.time(&[1, 60, 600]),
            redial: self.share(0.9),
            redial_after: self.time(&[1, 30, 600]),
            attempts_max: 1 + self.below(6),
            asks_back: Callers::ASKS_BACK,
            away: Callers::AWAY,
            picks_up: Callers::PICKS_UP,
            calls_again: 0.0,
            withheld: 0.0,
            needs: Vec::new(),
        }
    }

    fn staff(&mut self, roster: Option<Schedule>) -> Staff {
        Staff {
            roster,
            late: self.share(1.0),
            late_by: self.time(&[60, 3_600]),
            pick_up: self.time(&[0, 1, 5, 20]),
            ignore: self.share(0.5),
            decline: self.share(0.3),
            wrap_up: self.time(&[0, 10, 300, 3_000]),
            break_every: self.time_or_never(&[300, 3_600]),
            break_for: self.time(&[10, 600]),
            notice: self.time(&[1, 60]),
            no_answer_max: self.below(4),
            signalling: Duration::from_millis(self.one_of(&[0, 1, 40, 2_000])),
            teams: Vec::new(),
        }
    }

    fn queue(&mut self) -> QueueConfig {
        let strategies = [
            Strategy::LongestIdle,
            Strategy::RoundRobin,
            Strategy::FewestCalls,
            Strategy::Linear,
        ];
        QueueConfig {
            name: "storm".to_owned(),
            answer: self.one_of(&[AnswerWhen::Arrival, AnswerWhen::Admission, AnswerWhen::Operator]),
            waiting_max: self.one_of(&[0, 1, 5, 50]),
            wait_max: self.seconds(&[1, 30, 600, 7_200]),
            short_abandon: self.seconds(&[0, 5]),
            ring_timeout: self.seconds(&[1, 5, 20]),
            place_grace: self.seconds(&[0, 1, 60, 3_600]),
            announce_every: self.seconds(&[0, 5, 60]),
            wrap_up: self.seconds(&[0, 5, 60, 600]),
            wrap_up_extension: self.seconds(&[0, 30, 600]),
            strategy: self.one_of(&strategies),
            greeting: self.chance(0.5),
            ..QueueConfig::default()
        }
    }

    fn faults(&mut self) -> Faults {
        Faults {
            crash: if self.chance(0.2) { 0.0005 } else { 0.0 },
            duplicate: self.share(0.2),
            crossing: self.share(1.0),
            cut_off: self.share(0.5),
            phone_lost_every: self.time_or_never(&[600, 36_000]),
            phone_lost_for: self.time(&[1, 300]),
            stray: self.share(0.1),
            supervisor_every: self.time_or_never(&[600, 7_200]),
            stop_every: Distribution::Never,
            stop_drains: Distribution::Constant(Duration::ZERO),
        }
    }

    /// Several queues, skills, call-backs, other places, and an engine that stops.
    fn several(&mut self, scenario: &mut Scenario, zone: &str) {
        for number in 0..self.below(4) {
            let mut config = self.queue();
            config.name = format!("storm {number}");
            let share = self.one_of(&[0.1, 0.3, 0.5]);
            scenario.more_queues.push(SideQueue { config, share });
        }
        let place = |name: &str, answers, pick_up| Elsewhere {
            name: name.to_owned(),
            answers,
            pick_up,
        };
        scenario.forwards = vec![
            place("near", self.share(1.0), self.time(&[1, 10])),
            place("far", self.share(1.0), self.time(&[5, 40])),
        ];
        let first_day = scenario.first_day;
        self.settings(&mut scenario.queue, zone, first_day);
        for side in &mut scenario.more_queues {
            self.settings(&mut side.config, zone, first_day);
        }
        let queues = scenario.more_queues.len() as u32 + 1;
        let teams = (0..self.below(4)).map(|_| self.team(queues)).collect();
        scenario.operators.teams = teams;
        let need = |share, skills, key| Need {
            share,
            skills: Skills(skills),
            key,
        };
        let callers = &mut scenario.callers;
        callers.needs = vec![
            need(self.share(0.4), 1, None),
            need(self.share(0.4), 2, Some('2')),
            need(self.share(0.2), 0, Some('3')),
        ];
        callers.asks_back = self.share(1.0);
        callers.away = self.share(1.0);
        callers.picks_up = self.time(&[0, 5, 20]);
        callers.calls_again = self.share(1.0);
        callers.withheld = self.share(0.3);
        scenario.faults.stop_every = self.time_or_never(&[3_600, 36_000]);
        scenario.faults.stop_drains = self.time(&[0, 30, 600]);
    }

    /// What a queue may have besides its limits.
    fn settings(&mut self, queue: &mut QueueConfig, zone: &str, first_day: Date) {
        if self.chance(0.4) {
            let ring_all = self.chance(0.7);
            queue.strategy = if ring_all {
                Strategy::RingAll
            } else {
                Strategy::LeastOccupied
            };
        }
        queue.schedule = self.chance(0.4).then(|| self.schedule(zone, first_day));
        queue.lines_min = self.one_of(&[0, 0, 1, 3]);
        queue.head_start = self.seconds(&[0, 0, 30, 600]);
        queue.skills = Skills(self.one_of(&[0, 0, 1, 2]));
        queue.relax_after = self.seconds(&[0, 1, 20, 300]);
        queue.sticky = self.seconds(&[0, 0, 600]);
        queue.forward_timeout = self.seconds(&[1, 20]);
        if self.chance(0.7) {
            queue.call_back = Some(CallBack {
                key: '1',
                offer_after: self.seconds(&[0, 5, 60]),
                promises_max: self.one_of(&[1, 5, 100]),
                within: self.seconds(&[60, 1_800, 86_400]),
                ring_timeout: self.seconds(&[1, 10, 30]),
            });
        }
        let offers = queue.call_back.is_some();
        for action in [
            &mut queue.on_saturated,
            &mut queue.on_closed,
            &mut queue.on_timed_out,
        ] {
            *action = match self.below(4) {
                0 => Overflow::Farewell,
                1 | 2 if offers => Overflow::OfferCallBack,
                n => Overflow::Forward(n % 2),
            };
        }
    }

    fn team(&mut self, queues: u32) -> Team {
        let served: Vec<u32> = (0..queues).filter(|_| self.chance(0.6)).collect();
        Team {
            count: 1 + self.below(5),
            levels: served.iter().map(|_| self.below(3) as u8).collect(),
            queues: served,
            skills: Skills(u64::from(self.below(4))),
        }
    }
}
