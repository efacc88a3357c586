//! The houses that are measured.

use acd::schedule::{Schedule, Window};
use acd::{Acd, AcdConfig, AnswerWhen, OperatorConfig, QueueConfig, Strategy, Timestamp};
use std::time::Duration;

/// Monday, 23 November 2026, 00:00 in Shanghai.
pub(crate) const MIDNIGHT: Timestamp = Timestamp::from_secs(1_795_363_200);

/// The hotline of the design: 12 lines by day, 4 otherwise, 12 operators.
pub(crate) fn hotline() -> AcdConfig {
    let by_day = Window {
        days: vec![1, 2, 3, 4, 5, 6, 7],
        from_minute: 8 * 60,
        to_minute: 18 * 60,
        lines: 12,
    };
    config(vec![by_day], 4, 12, 1_000)
}

/// More lines than callers, so that all wait for an operator.
pub(crate) fn many_lines(operators: u32) -> AcdConfig {
    let mut config = config(vec![], 1_000_000, operators, 1_000_000);
    config.queues[0].wrap_up = Duration::ZERO;
    config
}

pub(crate) fn core(config: AcdConfig) -> Acd {
    Acd::new(config).expect("a good configuration")
}

fn config(windows: Vec<Window>, lines_otherwise: u32, operators: u32, calls_max: u32) -> AcdConfig {
    let queue = QueueConfig {
        name: "hotline".into(),
        answer: AnswerWhen::Arrival,
        waiting_max: calls_max,
        wait_max: Duration::from_secs(1800),
        short_abandon: Duration::from_secs(5),
        ring_timeout: Duration::from_secs(20),
        place_grace: Duration::from_secs(120),
        announce_every: Duration::from_secs(60),
        wrap_up: Duration::from_secs(30),
        wrap_up_extension: Duration::from_secs(30),
        strategy: Strategy::LongestIdle,
        greeting: true,
        ..QueueConfig::default()
    };
    let operator = |n| OperatorConfig {
        name: format!("op{n}"),
        queues: vec![],
        auto_ready: true,
        no_answer_max: 2,
        ..OperatorConfig::default()
    };
    let (holidays, workdays) = Default::default();
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise,
            windows,
            holidays,
            workdays,
        },
        queues: vec![queue],
        operators: (0..operators).map(operator).collect(),
        pause_reasons: vec![],
        calls_max,
        dialable: vec![],
        forwards: vec![],
        transfer: None,
    }
}
