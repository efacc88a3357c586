//! Numbers outside that calls may be given to.

use super::*;
use acd::TrunkId;
use std::time::Duration;

/// The shipped file with a trunk that dials, and more behind it.
fn dialling(more: &str) -> String {
    let dials = "name = \"local\"\ndial = \"sip:192.0.2.1\"";
    format!("{}\n{more}", shipped().replace("name = \"local\"", dials))
}

#[test]
fn numbers_that_calls_may_be_given_to_are_read() {
    let text = dialling("[transfer]\ntrunk = \"local\"\nnumbers = [\"010*\", \"+86*\", \"12345\"]");
    let checked = Config::parse("test.toml", &text);
    let config = checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings));
    let rule = config.core.transfer.expect("a rule");
    assert_eq!(
        (rule.trunk, rule.ring_timeout),
        (TrunkId(0), Duration::from_secs(30))
    );
    for (number, allowed) in [
        ("01012345678", true),
        ("+8613900000001", true),
        ("12345", true),
        ("123456", false),
        ("13900000001", false),
        ("010;x", false),
        ("", false),
    ] {
        assert_eq!(rule.allows(number), allowed, "{number:?}");
    }
    let wrong = |text: &str| {
        let findings = Config::parse("test.toml", text).findings;
        findings
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| format!("{}: {}; {}\n", found.key, found.what, found.remedy))
            .collect::<String>()
    };
    expect![[r#"
        transfer.trunk: there is no trunk "elsewhere"; use the `name` of one of [[trunks]]
        transfer.numbers[1]: "1[3-9]*" is no number, nor what numbers begin with; write digits, perhaps after a plus sign, and a star at the end for all that begin so: "010*"
        transfer.numbers[2]: "*1" is no number, nor what numbers begin with; write digits, perhaps after a plus sign, and a star at the end for all that begin so: "010*"
        transfer.ring_timeout: "0s" is out of range; use 1s to 3m
    "#]].assert_eq(&wrong(&dialling(
        "[transfer]\ntrunk = \"elsewhere\"\nnumbers = [\"010*\", \"1[3-9]*\", \"*1\"]\nring_timeout = \"0s\"",
    )));
    expect![[r#"
        transfer.trunk: is missing; add `trunk = "provider"`
        transfer.numbers: is missing; add `numbers = ["010*"]`
    "#]]
    .assert_eq(&wrong(&dialling("[transfer]")));
    expect![[r#"
        transfer.trunk: trunk "local" does not dial; add `dial`, the provider's address, to that trunk
    "#]]
    .assert_eq(&wrong(&format!(
        "{}\n[transfer]\ntrunk = \"local\"\nnumbers = [\"*\"]",
        shipped()
    )));
}

#[test]
fn a_star_alone_is_warned_of() {
    let section = "[transfer]\ntrunk = \"local\"\nnumbers = [\"010*\", \"*\", \"0*\", \"+*\"]";
    let text = dialling(section);
    let begins = text
        .lines()
        .position(|line| line == "[transfer]")
        .expect("it is there");
    let of_transfer = findings(&text)
        .into_iter()
        .filter(|found| found.key.starts_with("transfer"));
    let said: Vec<String> = of_transfer
        .map(|found| {
            assert_eq!((found.severity, found.line), (Severity::Warning, begins + 3));
            format!(
                "{}: {}: {}; {}\n",
                found.column, found.key, found.what, found.remedy
            )
        })
        .collect();
    expect![[r#"
        21: transfer.numbers[1]: "*" lets operators call numbers of every kind, premium ones and those abroad too; write what the numbers that are needed begin with: "010*"
        32: transfer.numbers[3]: "+*" lets operators call numbers of every kind, premium ones and those abroad too; write what the numbers that are needed begin with: "010*"
    "#]].assert_eq(&said.concat());
}
