//! The part of the file about queues, and about who and what goes to which: keys, names, and what they default to.
//!
//! Owns the resolution of names: skills, queues and other places are spoken of by name in the file, and by number in
//! the core. A name that is spoken of and not given is a mistake where it stands.

use super::file::{Plan, share};
use super::values::{Share, Time, mistake};
use super::{Elsewhere, Need, SideQueue, Team};
use crate::dist::Distribution;
use acd::schedule::Schedule;
use acd::{AnswerWhen, CallBack, Choice, Overflow, QueueConfig, Skills, Strategy};
use std::time::Duration;
use toml_span::value::Value;
use toml_span::{DeserError, Deserialize, Error, ErrorKind, Span, de_helpers::TableHelper};

/// A name where it stands.
pub(super) struct Named {
    text: String,
    span: Span,
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let text = value.take_string(Some("a name"))?.into_owned();
        Ok(Self { text, span })
    }
}

/// What can be spoken of by name.
pub(super) struct Names {
    pub(super) skills: Vec<String>,
    pub(super) queues: Vec<String>,
    pub(super) forwards: Vec<String>,
}

impl Names {
    fn index(names: &[String], of: &Named, what: &str) -> Result<u32, Error> {
        let found = names.iter().position(|name| *name == of.text);
        found.map(|index| index as u32).ok_or_else(|| {
            let known = match names.join(", ") {
                none if none.is_empty() => String::new(),
                some => format!(", or use one of: {some}"),
            };
            mistake(
                of.span,
                format!("no {what} is called {:?}; name one so{known}", of.text),
            )
        })
    }

    pub(super) fn skills(&self, named: &[Named]) -> Result<Skills, Error> {
        named.iter().try_fold(Skills::default(), |all, skill| {
            let bit = Self::index(&self.skills, skill, "skill")?;
            Ok(all.and(Skills(1 << bit)))
        })
    }
}

/// Skills are bits of one number.
pub(super) const SKILLS_MAX: usize = 64;

/// A queue as it is written. What is left out is that of the first queue, or a default.
pub(super) struct QueueText {
    span: Span,
    name: Option<String>,
    share: f64,
    waiting_max: Option<u32>,
    times: [Option<Duration>; 7],
    strategy: Option<Strategy>,
    greeting: Option<bool>,
    wait_quantile: Option<u8>,
    lines: Option<Schedule>,
    lines_min: u32,
    head_start: Duration,
    skills: Vec<Named>,
    relax_after: Duration,
    sticky: Duration,
    call_back: Option<CallBack>,
    on: [Option<Named>; 3],
    forward_timeout: Option<Duration>,
}

/// Times that the first queue must tell.
const TIMES: [&str; 7] = [
    "wait_max",
    "short_abandon",
    "ring_timeout",
    "place_grace",
    "announce_every",
    "wrap_up",
    "wrap_up_extension",
];

impl<'de> Deserialize<'de> for QueueText {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let mut time = |key| table.optional::<Time>(key).map(|time| time.0);
        let times = TIMES.map(&mut time);
        let [head_start, relax_after, sticky] =
            ["head_start", "relax_after", "sticky"].map(|key| time(key).unwrap_or_default());
        let forward_timeout = time("forward_timeout");
        let strategy = table.optional::<Method>("strategy").map(|method| method.0);
        let wait_quantile = table.optional_s::<u8>("wait_quantile");
        let queue = Self {
            span,
            name: table.optional("name"),
            share: share(&mut table, "share"),
            waiting_max: table.optional("waiting_max"),
            times,
            strategy,
            greeting: table.optional("greeting"),
            wait_quantile: wait_quantile.as_ref().map(|quantile| quantile.value),
            lines: table.optional::<Plan>("lines").map(|plan| plan.0),
            lines_min: table.optional("lines_min").unwrap_or(0),
            head_start,
            skills: table.optional("skills").unwrap_or_default(),
            relax_after,
            sticky,
            call_back: table.optional::<Offer>("call_back").map(|offer| offer.0),
            on: ["on_saturated", "on_closed", "on_timed_out"].map(|key| table.optional(key)),
            forward_timeout,
        };
        table.finalize(None)?;
        match wait_quantile.filter(|quantile| quantile.value >= 100) {
            Some(quantile) => Err(mistake(
                quantile.span,
                "wait_quantile is in percent, 0 to 99; 0 tells no wait",
            )
            .into()),
            None => Ok(queue),
        }
    }
}

impl QueueText {
    pub(super) fn name(&self, number: usize) -> String {
        let default = || match number {
            0 => "hotline".to_owned(),
            _ => format!("queue {}", number + 1),
        };
        self.name.clone().unwrap_or_else(default)
    }

    /// The queue, with what it does not say from `first`.
    pub(super) fn resolve(
        self,
        number: usize,
        names: &Names,
        first: Option<&QueueConfig>,
    ) -> Result<QueueConfig, Error> {
        let missing = |key| Error {
            kind: ErrorKind::MissingField(key),
            span: self.span,
            line_info: None,
        };
        let defaults = first.map(|queue| {
            [
                queue.wait_max,
                queue.short_abandon,
                queue.ring_timeout,
                queue.place_grace,
                queue.announce_every,
                queue.wrap_up,
                queue.wrap_up_extension,
            ]
        });
        let mut times = [Duration::ZERO; 7];
        for (n, (time, key)) in times.iter_mut().zip(TIMES).enumerate() {
            let default = defaults.and_then(|defaults| defaults.get(n).copied());
            let given = self.times.get(n).copied().flatten();
            *time = given.or(default).ok_or_else(|| missing(key))?;
        }
        let [
            wait_max,
            short_abandon,
            ring_timeout,
            place_grace,
            announce_every,
            wrap_up,
            wrap_up_extension,
        ] = times;
        let action = |named: &Option<Named>| match named {
            None => Ok(Overflow::Farewell),
            Some(named) if named.text == "farewell" => Ok(Overflow::Farewell),
            Some(named) if named.text == "call_back" => Ok(Overflow::OfferCallBack),
            Some(named) => Names::index(&names.forwards, named, "other place").map(Overflow::Forward),
        };
        let [saturated, closed, timed_out] = &self.on;
        let waiting_max = self.waiting_max.or(first.map(|queue| queue.waiting_max));
        let strategy = self.strategy.or(first.map(|queue| queue.strategy));
        let greeting = self.greeting.or(first.map(|queue| queue.greeting));
        Ok(QueueConfig {
            name: self.name(number),
            answer: AnswerWhen::Arrival,
            waiting_max: waiting_max.ok_or_else(|| missing("waiting_max"))?,
            wait_max,
            short_abandon,
            ring_timeout,
            place_grace,
            announce_every,
            wrap_up,
            wrap_up_extension,
            strategy: strategy.ok_or_else(|| missing("strategy"))?,
            greeting: greeting.ok_or_else(|| missing("greeting"))?,
            wait_quantile: self
                .wait_quantile
                .or(first.map(|queue| queue.wait_quantile))
                .unwrap_or(0),
            skills: names.skills(&self.skills)?,
            on_saturated: action(saturated)?,
            on_closed: action(closed)?,
            on_timed_out: action(timed_out)?,
            forward_timeout: self.forward_timeout.unwrap_or(FORWARD_TIMEOUT),
            schedule: self.lines,
            lines_min: self.lines_min,
            head_start: self.head_start,
            relax_after: self.relax_after,
            sticky: self.sticky,
            call_back: self.call_back,
            ..QueueConfig::default()
        })
    }

    /// A queue besides the first.
    pub(super) fn side(self, number: usize, names: &Names, first: &QueueConfig) -> Result<SideQueue, Error> {
        let share = self.share;
        let config = self.resolve(number, names, Some(first))?;
        Ok(SideQueue { config, share })
    }
}

/// How long another place's phone rings unless the queue says.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

struct Method(Strategy);

impl<'de> Deserialize<'de> for Method {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(Some("a strategy"))?;
        Ok(Self(match &*text {
            "longest_idle" => Strategy::LongestIdle,
            "round_robin" => Strategy::RoundRobin,
            "fewest_calls" => Strategy::FewestCalls,
            "least_occupied" => Strategy::LeastOccupied,
            "linear" => Strategy::Linear,
            "ring_all" => Strategy::RingAll,
            other => {
                let known = "longest_idle, round_robin, fewest_calls, least_occupied, linear or ring_all";
                return Err(mistake(value.span, format!("unknown strategy {other:?}; use {known}")).into());
            }
        }))
    }
}

/// One key of a phone.
struct Key(char);

impl<'de> Deserialize<'de> for Key {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(Some("a key such as \"1\""))?;
        let mut keys = text.chars();
        match (keys.next(), keys.next()) {
            (Some(key), None) => Ok(Self(key)),
            _ => Err(mistake(
                value.span,
                format!("{text:?} is not one key; write one such as \"1\""),
            )
            .into()),
        }
    }
}

struct Offer(CallBack);

impl<'de> Deserialize<'de> for Offer {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let usual = CallBack::default();
        let mut time = |key, usual| table.optional::<Time>(key).map_or(usual, |time| time.0);
        let (offer_after, within) = (
            time("offer_after", usual.offer_after),
            time("within", usual.within),
        );
        let ring_timeout = time("ring_timeout", usual.ring_timeout);
        let offer = CallBack {
            key: table.optional::<Key>("key").map_or(usual.key, |key| key.0),
            promises_max: table.optional("promises_max").unwrap_or(usual.promises_max),
            offer_after,
            within,
            ring_timeout,
        };
        table.finalize(None)?;
        Ok(Self(offer))
    }
}

/// What some callers need, as it is written.
pub(super) struct NeedText {
    share: f64,
    skills: Vec<Named>,
    key: Option<char>,
}

impl<'de> Deserialize<'de> for NeedText {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let share = table.required::<Share>("share");
        let skills = table.required("skills");
        let key = table.optional::<Key>("key").map(|key| key.0);
        table.finalize(None)?;
        Ok(Self {
            share: share?.0,
            skills: skills?,
            key,
        })
    }
}

impl NeedText {
    pub(super) fn resolve(self, names: &Names) -> Result<Need, Error> {
        let skills = names.skills(&self.skills)?;
        Ok(Need {
            share: self.share,
            skills,
            key: self.key,
        })
    }
}

/// The keys by which callers say what they need mean the same in every queue.
pub(super) fn choices(needs: &[Need]) -> Vec<Choice> {
    let choice = |need: &Need| {
        need.key.map(|key| Choice {
            key,
            skills: need.skills,
        })
    };
    needs.iter().filter_map(choice).collect()
}

/// A team of operators, as it is written.
pub(super) struct TeamText {
    count: u32,
    queues: Vec<Named>,
    levels: Vec<u8>,
    skills: Vec<Named>,
}

impl<'de> Deserialize<'de> for TeamText {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let count = table.required("count");
        let queues = table.optional("queues").unwrap_or_default();
        let levels = table.optional("levels").unwrap_or_default();
        let skills = table.optional("skills").unwrap_or_default();
        table.finalize(None)?;
        Ok(Self {
            count: count?,
            queues,
            levels,
            skills,
        })
    }
}

impl TeamText {
    pub(super) fn resolve(self, names: &Names) -> Result<Team, Error> {
        let queues = self.queues.iter();
        Ok(Team {
            count: self.count,
            queues: queues
                .map(|queue| Names::index(&names.queues, queue, "queue"))
                .collect::<Result<_, _>>()?,
            levels: self.levels,
            skills: names.skills(&self.skills)?,
        })
    }
}

impl<'de> Deserialize<'de> for Elsewhere {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let name = table.required("name");
        let answers = table.optional::<Share>("answers").map_or(1.0, |share| share.0);
        let pick_up = table
            .optional("pick_up")
            .unwrap_or(Distribution::Constant(Duration::from_secs(8)));
        table.finalize(None)?;
        Ok(Self {
            name: name?,
            answers,
            pick_up,
        })
    }
}
