//! What callers may do besides waiting, and what becomes of those who cannot wait: call-backs, choices, other places.

use super::finding::{At, Placed};
use super::names::{Skills, sip_uri};
use super::section::Section;
use acd::{CallBack, Choice, Overflow, QueueConfig};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const RING_MAX: Duration = Duration::from_secs(180);
const DAY: Duration = Duration::from_secs(86_400);

/// The keys that every phone has.
const KEYS: &str = "0123456789*#";

/// Reads the settings of one queue. Addresses to forward to are added to `forwards`, each once.
pub(super) fn read(
    section: &mut Section<'_, '_, '_>,
    settings: QueueConfig,
    skills: &Skills,
    forwards: &mut Vec<String>,
) -> QueueConfig {
    let mut keys = Vec::new();
    let call_back = section.has("call_back");
    let call_back = call_back.then(|| call_back_of(section.section("call_back"), &mut keys));
    let choices = section.sections("choices");
    let choices = choices
        .into_iter()
        .filter_map(|choice| choice_of(choice, skills, &mut keys));
    let choices = choices.collect();
    let mut action = |key| overflow(section, key, call_back.is_some(), forwards);
    let [on_saturated, on_closed, on_timed_out] =
        ["on_saturated", "on_closed", "on_timed_out"].map(&mut action);
    QueueConfig {
        call_back,
        choices,
        on_saturated,
        on_closed,
        on_timed_out,
        forward_timeout: section
            .duration("forward_timeout", SECOND..=RING_MAX)
            .unwrap_or(settings.forward_timeout),
        ..settings
    }
}

fn call_back_of(mut section: Section<'_, '_, '_>, keys: &mut Vec<(char, At)>) -> CallBack {
    let default = CallBack::default();
    let settings = CallBack {
        key: key(&mut section, keys).unwrap_or(default.key),
        offer_after: section
            .duration("offer_after", Duration::ZERO..=DAY)
            .unwrap_or(default.offer_after),
        promises_max: section
            .integer("promises_max", 1..=100_000)
            .unwrap_or(default.promises_max),
        within: section
            .duration("within", SECOND * 60..=DAY * 7)
            .unwrap_or(default.within),
        ring_timeout: section
            .duration("ring_timeout", SECOND..=RING_MAX)
            .unwrap_or(default.ring_timeout),
    };
    section.finish();
    settings
}

fn choice_of(
    mut section: Section<'_, '_, '_>,
    skills: &Skills,
    keys: &mut Vec<(char, At)>,
) -> Option<Choice> {
    section.require("key", "\"2\"");
    section.require("skills", "[\"english\"]");
    let key = key(&mut section, keys);
    let skills = skills.named(&mut section, "skills");
    section.finish();
    key.map(|key| Choice { key, skills })
}

/// A key that has no other meaning yet.
fn key(section: &mut Section<'_, '_, '_>, taken: &mut Vec<(char, At)>) -> Option<char> {
    let remedy = "use one of \"0\" to \"9\", \"*\" or \"#\"";
    let key = section.parsed("key", remedy, |text| {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(key), None) if KEYS.contains(key) => Ok(key),
            _ => Err("is not a key of a phone"),
        }
    })?;
    let Placed { value, at } = key;
    if let Some((_, other)) = taken.iter().find(|(key, _)| *key == value) {
        section.findings().error(
            &at,
            format!("\"{value}\" has a meaning already, by {}", other.key),
            "give each its own key",
        );
    }
    taken.push((value, at));
    Some(value)
}

/// What becomes of a caller for one reason.
fn overflow(
    section: &mut Section<'_, '_, '_>,
    key: &'static str,
    call_backs: bool,
    forwards: &mut Vec<String>,
) -> Overflow {
    let Some(text) = section.text(key) else {
        return Overflow::Farewell;
    };
    match text.value.as_str() {
        "farewell" => Overflow::Farewell,
        "call_back" if call_backs => Overflow::OfferCallBack,
        "call_back" => {
            section.findings().error(
                &text.at,
                "offers a call-back, and the queue has none",
                "add a table [queues.call_back]",
            );
            Overflow::Farewell
        }
        other => match sip_uri(other) {
            Ok(uri) => Overflow::Forward(index_of(uri, forwards)),
            Err(_) => {
                section.findings().error(
                    &text.at,
                    format!("\"{other}\" is neither an action nor a SIP URI"),
                    "use \"farewell\", \"call_back\" or an address such as \"sip:desk@192.0.2.9\"",
                );
                Overflow::Farewell
            }
        },
    }
}

fn index_of(uri: String, forwards: &mut Vec<String>) -> u32 {
    let known = forwards.iter().position(|known| *known == uri);
    known.unwrap_or_else(|| {
        forwards.push(uri);
        forwards.len() - 1
    }) as u32
}
