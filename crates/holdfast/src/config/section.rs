//! Reading one table key by key. A wrong value is reported and the default stands in, so that one look finds all
//! mistakes; at the end, keys that nobody asked for are mistakes too.

use super::finding::{At, Findings, Placed, one_of};
use super::units;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml_span::Value;
use toml_span::value::{Key, Table, ValueInner};

/// One table of the file.
pub(super) struct Section<'f, 't, 'de> {
    findings: &'f Findings<'t>,
    at: At,
    table: Table<'de>,
    known: Vec<&'static str>,
}

impl<'f, 't, 'de> Section<'f, 't, 'de> {
    /// The whole file.
    pub(super) fn root(findings: &'f Findings<'t>, mut value: Value<'de>) -> Self {
        let table = match value.take() {
            ValueInner::Table(table) => table,
            _ => Table::new(),
        };
        Self {
            findings,
            at: At::default(),
            table,
            known: Vec::new(),
        }
    }

    pub(super) fn findings(&self) -> &'f Findings<'t> {
        self.findings
    }

    /// Where this table stands.
    pub(super) fn at(&self) -> &At {
        &self.at
    }

    /// Where a key stands, or would stand.
    pub(super) fn at_key(&self, key: &str) -> At {
        self.findings.at(&self.path(key))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports `key` as missing unless it is there. Ask before reading it.
    pub(super) fn require(&mut self, key: &'static str, example: &str) {
        if !self.has(key) {
            let at = At {
                key: self.path(key),
                span: self.at.span,
            };
            self.findings
                .error(&at, "is missing", format!("add `{key} = {example}`"));
        }
    }

    /// Reports a key that earlier versions had, if it is there, with what to write now.
    pub(super) fn gone(&mut self, key: &str, remedy: &str) {
        let at = self.at_key(key);
        if self.table.remove(key).is_some() {
            self.findings.error(&at, "there is no such key any more", remedy);
        }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Placed<String>> {
        let (at, value) = self.take(key)?;
        match value {
            ValueInner::String(text) => Some(Placed {
                value: text.into_owned(),
                at,
            }),
            other => self.wrong_type(&at, "a text in quotes", &other),
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let (at, value) = self.take(key)?;
        match value {
            ValueInner::Boolean(truth) => Some(truth),
            other => self.wrong_type(&at, "`true` or `false`", &other),
        }
    }

    /// A whole number within `range`.
    pub(super) fn integer<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let (at, value) = self.take(key)?;
        let ValueInner::Integer(number) = value else {
            return self.wrong_type(&at, "a whole number", &value);
        };
        let fits = T::try_from(number).ok().filter(|number| range.contains(number));
        if fits.is_none() {
            let remedy = format!("use a number from {} to {}", range.start(), range.end());
            self.findings
                .error(&at, format!("{number} is out of range"), remedy);
        }
        fits
    }

    /// A number above 0 and up to `most`.
    pub(super) fn positive(&mut self, key: &'static str, most: f64) -> Option<f64> {
        let (at, value) = self.take(key)?;
        let number = match value {
            ValueInner::Float(number) => number,
            ValueInner::Integer(number) => number as f64,
            other => return self.wrong_type(&at, "a number", &other),
        };
        let fits = number > 0.0 && number <= most;
        if !fits {
            self.findings.error(
                &at,
                format!("{number} is out of range"),
                format!("use a number above 0 and up to {most}"),
            );
        }
        fits.then_some(number)
    }

    /// A length of time within `range`.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let text = self.text(key)?;
        let Some(duration) = units::duration(&text.value) else {
            self.findings.error(
                &text.at,
                format!("\"{}\" is not a length of time", text.value),
                "write it with its unit: \"250ms\", \"90s\", \"5m\", \"1h30m\"",
            );
            return None;
        };
        if !range.contains(&duration) {
            let [from, to] = [range.start(), range.end()].map(|d| units::show_duration(*d));
            self.findings.error(
                &text.at,
                format!("\"{}\" is out of range", text.value),
                format!("use {from} to {to}"),
            );
            return None;
        }
        Some(duration)
    }

    /// A size in bytes, at least `least`.
    pub(super) fn size(&mut self, key: &'static str, least: u64) -> Option<u64> {
        let text = self.text(key)?;
        match units::size(&text.value) {
            Some(bytes) if bytes >= least => Some(bytes),
            Some(_) => {
                self.findings.error(
                    &text.at,
                    format!("\"{}\" is too small", text.value),
                    format!("use at least {least}B"),
                );
                None
            }
            None => {
                self.findings.error(
                    &text.at,
                    format!("\"{}\" is not a size", text.value),
                    "write it with its unit: \"64MiB\", \"10GB\"",
                );
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices
            .iter()
            .find(|(word, _)| *word == text.value)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let remedy = one_of(&text.value, choices.iter().map(|(word, _)| *word));
            self.findings.error(
                &text.at,
                format!("\"{}\" is none of the choices", text.value),
                remedy,
            );
        }
        found
    }

    /// A text that `parse` understands, or an error with what `parse` says and `remedy`.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        remedy: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Placed<T>> {
        let text = self.text(key)?;
        self.parse(text, remedy, &parse)
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<Placed<String>>> {
        let (at, value) = self.take(key)?;
        let ValueInner::Array(items) = value else {
            return self.wrong_type(&at, "a list of texts, such as [\"one\", \"two\"]", &value);
        };
        let mut texts = Vec::new();
        for (index, mut item) in items.into_iter().enumerate() {
            let at = At {
                key: format!("{}[{index}]", at.key),
                span: item.span,
            };
            self.findings.place(&at);
            match item.take() {
                ValueInner::String(text) => texts.push(Placed {
                    value: text.into_owned(),
                    at,
                }),
                other => self.complain_of_type(&at, "a text in quotes", &other),
            }
        }
        Some(texts)
    }

    /// A list of texts that `parse` understands. Those it does not are reported and left out.
    pub(super) fn parsed_list<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        remedy: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<Placed<T>>> {
        let texts = self.texts(key)?;
        Some(
            texts
                .into_iter()
                .filter_map(|text| self.parse(text, remedy, &parse))
                .collect(),
        )
    }

    /// A table in this one; an empty one if it is not there.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'f, 't, 'de> {
        let at = At {
            key: self.path(key),
            span: self.at.span,
        };
        let nothing = Section {
            findings: self.findings,
            at,
            table: Table::new(),
            known: Vec::new(),
        };
        let Some((at, value)) = self.take(key) else {
            return nothing;
        };
        match value {
            ValueInner::Table(table) => Section { at, table, ..nothing },
            other => {
                self.complain_of_type(&at, "a table", &other);
                nothing
            }
        }
    }

    /// The tables of a list (`[[key]]`).
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'f, 't, 'de>> {
        let Some((at, value)) = self.take(key) else {
            return Vec::new();
        };
        let ValueInner::Array(items) = value else {
            self.complain_of_type(&at, "a list of tables; begin each with `[[…]]`", &value);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, mut item) in items.into_iter().enumerate() {
            let at = At {
                key: format!("{}[{index}]", at.key),
                span: item.span,
            };
            self.findings.place(&at);
            match item.take() {
                ValueInner::Table(table) => {
                    sections.push(Section {
                        findings: self.findings,
                        at,
                        table,
                        known: Vec::new(),
                    });
                }
                other => self.complain_of_type(&at, "a table", &other),
            }
        }
        sections
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for Key { name, span } in self.table.keys() {
            let at = At {
                key: self.path(name),
                span: *span,
            };
            let remedy = match one_of(name, self.known.iter().copied()) {
                meant if meant.starts_with("did") => meant,
                all => format!(
                    "remove it; {}",
                    all.replacen("use", "what can stand here is", 1)
                        .replace(" or ", " and ")
                ),
            };
            self.findings.error(&at, "there is no such key", remedy);
        }
    }

    fn path(&self, key: &str) -> String {
        if self.at.key.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.at.key)
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(At, ValueInner<'de>)> {
        self.known.push(key);
        let mut value = self.table.remove(key)?;
        let at = At {
            key: self.path(key),
            span: value.span,
        };
        self.findings.place(&at);
        Some((at, value.take()))
    }

    fn wrong_type<T>(&self, at: &At, wanted: &str, got: &ValueInner<'_>) -> Option<T> {
        self.complain_of_type(at, wanted, got);
        None
    }

    fn complain_of_type(&self, at: &At, wanted: &str, got: &ValueInner<'_>) {
        let got = match got {
            ValueInner::String(_) => "a text",
            ValueInner::Integer(_) | ValueInner::Float(_) => "a number",
            ValueInner::Boolean(_) => "`true` or `false`",
            ValueInner::Array(_) => "a list",
            ValueInner::Table(_) => "a table",
        };
        self.findings
            .error(at, format!("is {got}"), format!("write {wanted}"));
    }

    /// What `parse` complains of reads on after the text: "is not a date".
    fn parse<T, E: std::fmt::Display>(
        &self,
        text: Placed<String>,
        remedy: &str,
        parse: &impl Fn(&str) -> Result<T, E>,
    ) -> Option<Placed<T>> {
        match parse(&text.value) {
            Ok(value) => Some(Placed { value, at: text.at }),
            Err(what) => {
                self.findings
                    .error(&text.at, format!("\"{}\" {what}", text.value), remedy);
                None
            }
        }
    }
}
