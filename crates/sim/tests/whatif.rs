//! The same day with something changed.

use sim::report::Formula;
use sim::scenario::HOTLINE_DAY;
use sim::whatif::{Axis, WhatIfError, least_lines, variants};
use sim::{Report, Scenario};

fn hotline() -> Scenario {
    Scenario::from_toml(HOTLINE_DAY).expect("the built-in scenario loads")
}

fn axes(texts: &[&str]) -> Vec<Axis> {
    texts
        .iter()
        .map(|text| text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect()
}

fn report(scenario: &Scenario) -> Report {
    Report::new(
        scenario,
        &sim::run(scenario, &mut |_| {}).unwrap_or_else(|error| panic!("{error}")),
    )
}

#[test]
fn every_combination_once() {
    let found = variants(&hotline(), &axes(&["lines=16,18", "handle-time=10m"])).unwrap();
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "as it is",
            "16 lines, handle time 600 s",
            "18 lines, handle time 600 s"
        ]
    );
    let many = variants(&hotline(), &axes(&["lines=1,2,3,4,5", "operators=1,2,3,4,5"]));
    assert_eq!(many.unwrap_err(), WhatIfError::TooMany(25));
}

/// The same persons call at the same moments, whatever else changes; and each change does what its name says.
#[test]
fn a_change_changes_what_it_says() {
    let found = variants(
        &hotline(),
        &axes(&["lines=24"])
            .into_iter()
            .chain(axes(&["operators=12,24"]))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let reports: Vec<Report> = found.iter().map(|(_, scenario)| report(scenario)).collect();
    assert!(reports.iter().all(|r| r.persons == reports[0].persons));
    let hour = |r: &Report| (r.quarters[40].lines.round(), r.hours[10].operators.round());
    assert_eq!(hour(&reports[0]), (12.0, 12.0));
    assert_eq!(
        hour(&reports[1]),
        (24.0, 12.0),
        "more lines alone do not bring operators"
    );
    assert_eq!(hour(&reports[2]), (24.0, 24.0));
    assert!(reports[2].answered > reports[1].answered + 100);
    let followed = variants(&hotline(), &axes(&["lines=24"])).unwrap();
    assert_eq!(
        hour(&report(&followed[1].1)),
        (24.0, 24.0),
        "without a roster, operators follow the lines"
    );
}

#[test]
fn shorter_calls_and_kept_places_help() {
    let found = variants(&hotline(), &axes(&["handle-time=10m"])).unwrap();
    let (before, after) = (report(&found[0].1), report(&found[1].1));
    assert!(
        (550.0..650.0).contains(&after.aht_s.unwrap()),
        "handle time is {:?}",
        after.aht_s
    );
    assert!(after.answered > before.answered + 80);
    let found = variants(&hotline(), &axes(&["keep-place=on,off"])).unwrap();
    let (on, off) = (report(&found[1].1), report(&found[2].1));
    assert!(on.places_resumed > 50 && off.places_resumed == 0);
}

/// Call-backs are promised, most are reached, and persons count with them, though not attempts.
#[test]
fn call_backs_reach_more_persons() {
    let found = variants(&hotline(), &axes(&["call-backs=on,off"])).unwrap();
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["as it is", "call-backs on", "call-backs off"]);
    let [as_it_is, on, off] = [0, 1, 2].map(|n: usize| report(&found[n].1));
    assert_eq!(off, as_it_is, "the built-in hotline calls nobody back");
    assert_eq!(off.call_backs.promised, 0);
    let c = &on.call_backs;
    assert!(c.reached > 50 && c.not_reached > 10, "{c:?}");
    assert_eq!(c.promised, c.reached + c.not_reached + c.called_again + c.lapsed);
    let promised = on.outcomes.iter().find(|count| count.outcome == "callback");
    assert_eq!(promised.map(|count| count.calls), Some(c.promised));
    let persons = (on.answered + c.reached) as f64 / on.persons as f64;
    assert_eq!(on.connect_rate_by_person, Some(persons));
    assert!(persons > off.connect_rate_by_person.unwrap_or(1.0));
    let page = sim::report::to_html("page", &[("on".to_owned(), on.clone())]);
    for shown in [page.as_str(), &on.to_text(), &on.to_json().unwrap()] {
        assert!(shown.contains("reached"), "{shown}");
    }
}

#[test]
fn enough_lines_are_found() {
    let found = least_lines(&hotline(), Formula::OfOffered, 0.8, &mut |_| {}).unwrap();
    let lines = found.lines.expect("eight in ten can be reached");
    let level = |n: u32| {
        let tried = found.tried.iter().find(|tried| tried.lines == n);
        tried.and_then(|tried| tried.level).expect("it was tried")
    };
    assert!(level(lines) >= 0.8 && level(lines - 1) < 0.8, "{lines} lines");
}

/// An operator who never hears the phone is not helped by lines, and the search says so instead of guessing.
#[test]
fn lines_cannot_mend_everything() {
    let mut scenario = hotline();
    scenario.operators.roster = Some(scenario.lines.clone());
    let found = least_lines(&scenario, Formula::OfOffered, 0.95, &mut |_| {}).unwrap();
    assert_eq!(found.lines, None);
}
