//! To which numbers outside operators may give calls.

use super::finding::Placed;
use super::network::Trunks;
use super::section::Section;
use acd::{TransferRule, TrunkId};
use std::time::Duration;

const RING_TIMES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(180);
const RING_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the section, if it is there.
pub(super) fn transfer(root: &mut Section<'_, '_, '_>, trunks: &Trunks) -> Option<TransferRule> {
    if !root.has("transfer") {
        return None;
    }
    let mut section = root.section("transfer");
    section.require("trunk", "\"provider\"");
    section.require("numbers", "[\"010*\"]");
    let remedy =
        "write digits, perhaps after a plus sign, and a star at the end for all that begin so: \"010*\"";
    let numbers = section.parsed_list("numbers", remedy, |text| match TransferRule::is_pattern(text) {
        true => Ok(text.to_owned()),
        false => Err("is no number, nor what numbers begin with"),
    });
    numbers
        .iter()
        .flatten()
        .for_each(|number| doubt(&section, number));
    let ring_timeout = section.duration("ring_timeout", RING_TIMES);
    let trunk = trunk(&mut section, trunks);
    section.finish();
    Some(TransferRule {
        trunk: trunk?,
        numbers: numbers?.into_iter().map(|number| number.value).collect(),
        ring_timeout: ring_timeout.unwrap_or(RING_TIMEOUT),
    })
}

/// A star without a digit before it stands for numbers that nobody has thought of, and that cost most.
fn doubt(section: &Section<'_, '_, '_>, number: &Placed<String>) {
    if matches!(number.value.as_str(), "*" | "+*") {
        section.findings().warn(
            &number.at,
            format!(
                "\"{}\" lets operators call numbers of every kind, premium ones and those abroad too",
                number.value
            ),
            "write what the numbers that are needed begin with: \"010*\"",
        );
    }
}

/// The trunk by which numbers are dialled.
fn trunk(section: &mut Section<'_, '_, '_>, trunks: &Trunks) -> Option<TrunkId> {
    let name = section.text("trunk")?;
    let known = trunks.trunks.iter().position(|trunk| trunk.name == name.value);
    let Some(id) = known.map(|index| TrunkId(index as u32)) else {
        section.findings().error(
            &name.at,
            format!("there is no trunk \"{}\"", name.value),
            "use the `name` of one of [[trunks]]",
        );
        return None;
    };
    if !trunks.ways_out.contains_key(&id) {
        section.findings().error(
            &name.at,
            format!("trunk \"{}\" does not dial", name.value),
            "add `dial`, the provider's address, to that trunk",
        );
        return None;
    }
    Some(id)
}
