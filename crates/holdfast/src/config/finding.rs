//! Mistakes and doubts about a configuration, each with its place, its key and what to do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use toml_span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The engine does not start with it.
    Error,
    /// The engine starts, and somebody ought to look.
    Warning,
}

/// One mistake or doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name, as it was given.
    pub file: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// The key's full path, such as `queues[0].ring_timeout`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self {
            file,
            line,
            column,
            key,
            what,
            remedy,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {key}: {what}; {remedy}")
    }
}

/// A place in the file: what a value is called and where it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct At {
    pub(super) key: String,
    pub(super) span: Span,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// What has been found so far in one file.
pub(super) struct Findings<'t> {
    file: &'t str,
    text: &'t str,
    found: RefCell<Vec<(Span, Finding)>>,
    /// Where each key that was read stands, for complaints that know the key alone.
    places: RefCell<BTreeMap<String, Span>>,
}

impl<'t> Findings<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            found: RefCell::default(),
            places: RefCell::default(),
        }
    }

    pub(super) fn error(&self, at: &At, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, at, what.into(), remedy.into());
    }

    pub(super) fn warn(&self, at: &At, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, at, what.into(), remedy.into());
    }

    /// Remembers where a key stands.
    pub(super) fn place(&self, at: &At) {
        self.places.borrow_mut().insert(at.key.clone(), at.span);
    }

    /// Where a key stands, or the table it is missing from, or the beginning of the file.
    pub(super) fn at(&self, key: &str) -> At {
        let places = self.places.borrow();
        let mut shorter = key;
        loop {
            if let Some(span) = places.get(shorter) {
                return At {
                    key: key.to_owned(),
                    span: *span,
                };
            }
            match shorter.rfind(['.', '[']) {
                Some(end) => shorter = &shorter[..end],
                None => {
                    return At {
                        key: key.to_owned(),
                        span: Span::default(),
                    };
                }
            }
        }
    }

    pub(super) fn any_errors(&self) -> bool {
        self.found
            .borrow()
            .iter()
            .any(|(_, finding)| finding.severity == Severity::Error)
    }

    /// Everything found, in the order of the file.
    pub(super) fn into_sorted(self) -> Vec<Finding> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(span, finding)| (span.start, finding.severity));
        found.into_iter().map(|(_, finding)| finding).collect()
    }

    fn push(&self, severity: Severity, at: &At, what: String, remedy: String) {
        let before = self.text.get(..at.span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let finding = Finding {
            severity,
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key: at.key.clone(),
            what,
            remedy,
        };
        self.found.borrow_mut().push((at.span, finding));
    }
}

/// The one of `known` that `typed` was most likely meant to be.
pub(super) fn did_you_mean<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(typed, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min()
        .map(|(_, word)| word)
}

/// A remedy that names the likely word, or else all of them.
pub(super) fn one_of<'k>(typed: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    match did_you_mean(typed, known.clone()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => {
            let all: Vec<String> = known.into_iter().map(|word| format!("`{word}`")).collect();
            match all.split_last() {
                Some((last, [])) => format!("the only one is {last}"),
                Some((last, others)) => format!("use {} or {last}", others.join(", ")),
                None => "there is none".to_owned(),
            }
        }
    }
}
