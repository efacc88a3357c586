//! Where the records of calls lie and for how long, and what operators can write down about a call.

use super::finding::Placed;
use super::section::Section;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Where the records of calls lie, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsSettings {
    /// The database's file.
    pub path: PathBuf,
    /// Calls that arrived longer ago are removed; zero: never.
    pub retention: Duration,
    /// Who called longer ago is not listed as still to be called back.
    pub call_back_within: Duration,
}

/// Reads `[records]`. If nothing is said the file lies beside the journal.
pub(super) fn records(mut section: Section<'_, '_, '_>, journal: &Path) -> RecordsSettings {
    let beside = || journal.with_file_name("records.db");
    let records = RecordsSettings {
        path: section
            .text("path")
            .map_or_else(beside, |text| PathBuf::from(text.value)),
        retention: section
            .duration("retention", Duration::ZERO..=DAY * 3_660)
            .unwrap_or(DAY * 365),
        call_back_within: section
            .duration("call_back_within", HOUR..=DAY * 31)
            .unwrap_or(DAY * 3),
    };
    section.finish();
    records
}

/// Words that a form can offer, and how long each may be, in characters.
const WORDS_MAX: usize = 200;
const WORD_CHARS_MAX: usize = 60;

/// What operators can choose from when they write down what a call was about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormSettings {
    /// How a matter may have ended.
    pub outcomes: Vec<String>,
    /// What it may have been about.
    pub categories: Vec<String>,
}

/// Reads `[form]`.
pub(super) fn form(mut section: Section<'_, '_, '_>) -> FormSettings {
    let form = FormSettings {
        outcomes: words(&mut section, "outcomes"),
        categories: words(&mut section, "categories"),
    };
    section.finish();
    form
}

/// A list of words, each once.
fn words(section: &mut Section<'_, '_, '_>, key: &'static str) -> Vec<String> {
    let is_word = |text: &str| match text.chars().count() {
        0 => Err("is empty"),
        1..=WORD_CHARS_MAX => Ok(text.to_owned()),
        _ => Err("is too long for a choice"),
    };
    let remedy = format!("write a word or two, {WORD_CHARS_MAX} characters at most");
    let read = section.parsed_list(key, &remedy, is_word).unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for Placed { value, at } in read {
        if words.contains(&value) {
            let text = format!("\"{value}\" is there twice");
            section.findings().error(&at, text, "keep one of the two");
        } else if words.len() == WORDS_MAX {
            let text = format!("there are more than {WORDS_MAX} choices");
            section
                .findings()
                .error(&at, text, "leave some out: nobody finds their way among so many");
            break;
        } else {
            words.push(value);
        }
    }
    words
}
