//! The simulated queue agrees with the Erlang formulas. Seeds and sizes are fixed, so the outcome is too.

use sim::agreement::{Effort, SETTINGS, compare};

/// Every figure of every setting lies within the interval printed for it, and the intervals are narrow enough to
/// notice if it did not belong there: no wider than a quarter of the figure for the probability of waiting.
#[test]
fn simulation_agrees_with_erlang() {
    let effort = Effort {
        replications: 12,
        calls: 4_000,
        ..Effort::default()
    };
    let mut wrong = Vec::new();
    for setting in &SETTINGS {
        for measure in compare(setting, &effort).expect("no rule is broken") {
            let simulated = measure.simulated;
            if !simulated.covers(measure.theory) {
                wrong.push(format!("{setting:?}: {measure:?}"));
            }
            if measure.name == "P(wait)" {
                let width = simulated.half_width / measure.theory;
                assert!(
                    width < 0.25,
                    "{setting:?}: the interval tells nothing: {measure:?}"
                );
            }
        }
    }
    assert!(wrong.is_empty(), "not covered:\n{}", wrong.join("\n"));
}

/// The comparison can fail: the same runs do not agree with a queue that has one operator more.
#[test]
fn one_operator_more_is_noticed() {
    let effort = Effort {
        replications: 12,
        calls: 4_000,
        ..Effort::default()
    };
    for setting in SETTINGS.iter().filter(|setting| setting.operators <= 12) {
        let measures = compare(setting, &effort).expect("no rule is broken");
        let other = match setting.patience {
            Some(patience) => {
                sim::theory::Impatient::new(setting.load, setting.operators + 1, patience).wait_probability
            }
            None => {
                sim::theory::erlang_c(setting.load, setting.operators + 1).expect("more operators are stable")
            }
        };
        let waits = measures
            .iter()
            .find(|measure| measure.name == "P(wait)")
            .expect("it is measured");
        assert!(
            !waits.simulated.covers(other),
            "{setting:?} is taken for one operator more: {waits:?}"
        );
    }
}
