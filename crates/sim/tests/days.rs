//! Whole days: repeatable, calibrated, and proof against whatever goes wrong.

use acd::Outcome;
use expect_test::expect;
use sim::scenario::HOTLINE_DAY;
use sim::{Report, Run, Scenario};

/// The example of all that a scenario can say.
const TWO_QUEUES: &str = include_str!("../../../config/scenarios/two-queues.toml");

fn hotline() -> Scenario {
    Scenario::from_toml(HOTLINE_DAY).expect("the built-in scenario loads")
}

fn run(scenario: &Scenario) -> Run {
    sim::run(scenario, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

/// The hotline with much of everything that can go wrong.
fn stormy(seed: u64) -> Scenario {
    let mut scenario = hotline();
    scenario.seed = seed;
    scenario.queue.place_grace = std::time::Duration::from_secs(180);
    scenario.operators.ignore = 0.2;
    scenario.operators.decline = 0.1;
    scenario.faults.duplicate = 0.05;
    scenario.faults.crossing = 1.0;
    scenario.faults.cut_off = 0.2;
    scenario.faults.phone_lost_every = sim::dist::Distribution::Exponential {
        mean: std::time::Duration::from_secs(3_600),
    };
    scenario
}

#[test]
fn the_same_seed_is_the_same_day() {
    let scenario = hotline();
    let (first, second) = (run(&scenario), run(&scenario));
    assert_eq!(first, second);
    let mut other = scenario.clone();
    other.seed += 1;
    assert_ne!(run(&other).digest, first.digest);
}

/// The day on any machine and in any build: this digest covers every input and the record of every call. It changes
/// with the rules of the queue, the scenario or the format of seeds, and with nothing else.
#[test]
fn the_day_is_this_one() {
    let run = run(&hotline());
    expect!["1274 calls, 12293 inputs, digest dd68987883572013"].assert_eq(&format!(
        "{} calls, {} inputs, digest {:016x}",
        run.calls.len(),
        run.inputs,
        run.digest
    ));
}

/// What is known of the place: over 1,200 calls offered a day, about 310 connected. Over forty Mondays.
#[test]
fn the_hotline_is_calibrated() {
    let mut scenario = hotline();
    let (mut offered, mut answered) = (0, 0);
    const DAYS: usize = 40;
    for seed in 1..=DAYS as u64 {
        scenario.seed = seed;
        let calls = run(&scenario).calls;
        offered += calls.len();
        answered += calls
            .iter()
            .filter(|call| call.outcome == Outcome::Answered)
            .count();
    }
    let (offered, answered) = (offered / DAYS, answered / DAYS);
    assert!((1_200..1_300).contains(&offered), "{offered} offered a day");
    assert!((300..=320).contains(&answered), "{answered} connected a day");
}

#[test]
fn a_stormy_week_breaks_no_rule() {
    for seed in 1..=6 {
        let mut scenario = stormy(seed);
        scenario.days = 7;
        let run = run(&scenario);
        let resumed = run.calls.iter().filter(|call| call.resumed).count();
        let failed = run
            .calls
            .iter()
            .filter(|call| call.outcome == Outcome::Failed)
            .count();
        assert!(
            resumed > 100 && failed > 100,
            "the storm was a breeze: {resumed} resumed, {failed} cut off"
        );
    }
}

/// A crash here is a core rebuilt from the log of its inputs; the run is the same as without.
#[test]
fn crashes_change_nothing() {
    let calm = run(&stormy(3));
    let mut scenario = stormy(3);
    scenario.faults.crash = 0.005;
    let crashed = run(&scenario);
    assert!(crashed.crashes > 50, "{} crashes", crashed.crashes);
    assert_eq!(crashed.calls, calm.calls);
    assert_eq!(crashed.digest, calm.digest);
}

/// After every single input of a quiet day.
#[test]
fn a_crash_at_any_input_changes_nothing() {
    let mut scenario = stormy(5);
    scenario.arrivals.workday = scenario.arrivals.day_off.map(|rate| rate / 6.0);
    let calm = run(&scenario);
    scenario.faults.crash = 1.0;
    let crashed = run(&scenario);
    assert!(crashed.crashes > 300, "{} crashes", crashed.crashes);
    assert_eq!(crashed.digest, calm.digest);
}

/// Lines beyond those in force, a queue that fills, waits that time out, closed hours: every outcome is met.
#[test]
fn every_limit_is_reached_and_holds() {
    let mut scenario = stormy(7);
    scenario.queue.waiting_max = 8;
    scenario.queue.wait_max = std::time::Duration::from_secs(150);
    scenario.lines.lines_otherwise = 0;
    scenario.operators.roster = Some(acd::schedule::Schedule {
        lines_otherwise: 4,
        ..scenario.lines.clone()
    });
    let report = Report::new(&scenario, &run(&scenario));
    for outcome in [
        "answered",
        "abandoned",
        "short_abandoned",
        "saturated",
        "closed",
        "timed_out",
        "failed",
    ] {
        let count = report
            .outcomes
            .iter()
            .find(|count| count.outcome == outcome)
            .expect("all outcomes are listed");
        assert!(count.calls > 0, "nobody was {outcome}");
    }
}

/// Random scenarios at the edges of what can be set, with every fault there is. A seed that broke a rule stays here.
#[test]
fn storms_break_no_rule() {
    let (mut calls, mut inputs, mut forwarded, mut call_backs) = (0, 0, 0, Vec::new());
    for seed in (0..30).chain([32]) {
        let run = run(&sim::storm::scenario(seed));
        forwarded += run.calls.iter().filter(|call| call.forwarded).count();
        call_backs.extend(run.call_backs.iter().map(|call_back| call_back.outcome));
        calls += run.calls.len();
        inputs += run.inputs;
    }
    assert!(
        calls > 20_000 && inputs > 300_000,
        "{calls} calls and {inputs} inputs are no storm"
    );
    for outcome in [
        Outcome::Answered,
        Outcome::Failed,
        Outcome::TimedOut,
        Outcome::Abandoned,
    ] {
        assert!(call_backs.contains(&outcome), "no call-back ended {outcome:?}");
    }
    assert!(forwarded > 100, "{forwarded} calls were taken elsewhere");
}

/// Eight in ten callers shall wait no longer than they are told, before, across and after the cliff at 18:00.
#[test]
fn announced_waits_come_true_as_often_as_asked() {
    let mut scenario = hotline();
    scenario.days = 5;
    let announced = Report::new(&scenario, &run(&scenario)).announced;
    assert!(announced.told > 3_000 && announced.aimed == 0.8, "{announced:?}");
    assert!(
        announced.kept.is_some_and(|kept| (0.75..0.85).contains(&kept)),
        "{announced:?}"
    );
    assert!(
        announced
            .predictors
            .iter()
            .all(|predictor| predictor.judged > 3_000),
        "{announced:?}"
    );
}

/// Two queues with skills, call-backs and another place: all of it happens, and happens again in the same way.
#[test]
fn several_queues_repeat_too() {
    let scenario = Scenario::from_toml(TWO_QUEUES).expect("the scenario loads");
    let first = run(&scenario);
    assert_eq!(first, run(&scenario));
    let report = Report::new(&scenario, &first);
    let c = &report.call_backs;
    assert!(
        c.reached > 5 && c.not_reached > 0 && c.called_again > 0 && report.forwarded > 5,
        "{c:?}, {} forwarded",
        report.forwarded
    );
}

#[test]
fn the_report_adds_up() {
    let mut scenario = hotline();
    scenario.days = 3;
    let run = run(&scenario);
    let report = Report::new(&scenario, &run);
    assert_eq!(
        report.offered,
        report.outcomes.iter().map(|count| count.calls).sum::<u64>()
    );
    let by_hour: f64 = report.hours.iter().map(|hour| hour.offered).sum();
    assert!((by_hour * 3.0 - report.offered as f64).abs() < 1e-6);
    let firsts: f64 = report.hours.iter().map(|hour| hour.first_attempts).sum();
    assert!((firsts * 3.0 - report.persons as f64).abs() < 1e-6);
    assert!(
        report
            .quarters
            .iter()
            .all(|quarter| quarter.busy <= quarter.signed_on + 1e-9)
    );
    let lines: f64 = report.quarters.iter().map(|quarter| quarter.lines).sum::<f64>() / 4.0;
    assert!(
        (lines - (12.0 * 10.0 + 4.0 * 14.0)).abs() < 1e-6,
        "{lines} line hours a day"
    );
    assert!(report.connect_rate < report.connect_rate_by_person);
    let [low, high] = report.connect_rate_95.expect("three days have a spread");
    assert!(low < high);
    let json: serde_json::Value =
        serde_json::from_str(&report.to_json().expect("it is JSON")).expect("and reads");
    assert_eq!(json["offered"], report.offered);
    assert_eq!(json["service_level"].as_array().map(Vec::len), Some(6));
}

#[test]
fn the_page_stands_alone() {
    let mut scenario = hotline();
    scenario.name = "<script>alert(1)</script>".to_owned();
    let report = Report::new(&scenario, &run(&scenario));
    let page = sim::report::to_html(
        &scenario.name,
        &[("as it is".to_owned(), report.clone()), ("b".to_owned(), report)],
    );
    for outside in ["http:", "https:", "src=", "@import", "url(", "<script", "<link"] {
        assert!(!page.contains(outside), "the page holds {outside:?}");
    }
    assert!(
        page.contains("&lt;script&gt;")
            && page.contains("<svg")
            && page.contains("prefers-color-scheme:dark")
    );
    assert_eq!(
        page.matches("<section").count(),
        page.matches("</section>").count()
    );
}
