//! The TOML file: which keys there are, and where mistakes stand.

use super::queues::{Names, NeedText, QueueText, SKILLS_MAX, TeamText};
use super::values::{Day, Hours, Minute, Share, Time, mistake};
use super::{Arrivals, Callers, DAYS_MAX, Elsewhere, Faults, Mistake, Scenario, Staff};
use crate::dist::Distribution;
use acd::schedule::{Schedule, Timetable, Window};
use jiff::civil::Date;
use std::time::Duration;
use toml_span::value::Value;
use toml_span::{DeserError, Deserialize, Error, ErrorKind, Span, de_helpers::TableHelper};

pub(super) fn read(text: &str) -> Result<Scenario, Vec<Mistake>> {
    let mut value = toml_span::parse(text).map_err(|error| mistakes(text, vec![error]))?;
    let scenario = Scenario::deserialize(&mut value).map_err(|errors| mistakes(text, errors.errors))?;
    let config = scenario.acd_config();
    // What the core alone can judge (such as a limit that makes a queue useless) has no line of its own.
    let core = config.validate().err().map(|error| error.to_string());
    match core {
        None => Ok(scenario),
        Some(message) => Err(vec![Mistake {
            line: 1,
            column: 1,
            message,
        }]),
    }
}

fn mistakes(text: &str, errors: Vec<Error>) -> Vec<Mistake> {
    let mut found: Vec<Mistake> = errors
        .into_iter()
        .flat_map(|error| explain(text, error))
        .collect();
    found.sort_by_key(|mistake| (mistake.line, mistake.column));
    found
}

fn explain(text: &str, error: Error) -> Vec<Mistake> {
    let at = |span: Span, message: String| {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).map_or(0, |part| part.chars().count()) + 1;
        Mistake {
            line: before.matches('\n').count() + 1,
            column,
            message,
        }
    };
    match error.kind {
        ErrorKind::UnexpectedKeys { keys, expected } => {
            let known = expected.join(", ");
            let message = |key| format!("unknown key {key:?}; remove it, or use one of: {known}");
            keys.into_iter()
                .map(|(key, span)| at(span, message(key)))
                .collect()
        }
        ErrorKind::MissingField(key) => vec![at(error.span, format!("{key:?} is missing here; add it"))],
        _ => vec![at(error.span, error.to_string())],
    }
}

impl<'de> Deserialize<'de> for Scenario {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let name = table.required("name");
        let first_day = table.required_s::<String>("first_day");
        let days = table.optional_s::<u32>("days");
        let seed = table.optional("seed").unwrap_or(1);
        let target = table
            .optional("target")
            .map_or(Duration::from_secs(15), |time: Time| time.0);
        let lines = table.required::<Plan>("lines");
        let arrivals = table.required("arrivals");
        let callers = table.required("callers");
        let operators = table.required("operators");
        let queue = table.required::<QueueText>("queue");
        let more = table
            .optional::<Vec<QueueText>>("more_queues")
            .unwrap_or_default();
        let forwards = table.optional::<Vec<Elsewhere>>("forwards").unwrap_or_default();
        let skills = table.optional_s::<Vec<String>>("skills").unwrap_or_default();
        let needs = table.optional::<Vec<NeedText>>("needs").unwrap_or_default();
        let teams = table.optional::<Vec<TeamText>>("teams").unwrap_or_default();
        let faults = table.optional("faults").unwrap_or(Faults::NONE);
        table.finalize(None)?;
        let first_day = first_day?;
        let date: Date = first_day.value.parse().map_err(|_| {
            mistake(
                first_day.span,
                format!("{:?} is not a date; write it as YYYY-MM-DD", first_day.value),
            )
        })?;
        if !(1970..=9000).contains(&date.year()) {
            return Err(mistake(first_day.span, "the year is not within 1970 to 9000; correct it").into());
        }
        let span = days.as_ref().map(|days| days.span);
        let days = days.map_or(1, |days| days.value);
        if let Some(span) = span.filter(|_| !(1..=DAYS_MAX).contains(&days)) {
            return Err(mistake(span, format!("days is not within 1 to {DAYS_MAX}; correct it")).into());
        }
        if skills.value.len() > SKILLS_MAX {
            return Err(mistake(
                skills.span,
                format!("more than {SKILLS_MAX} skills; leave some out"),
            )
            .into());
        }
        let first = queue?;
        let all = std::iter::once(&first).chain(&more).enumerate();
        let names = Names {
            queues: all.map(|(number, queue)| queue.name(number)).collect(),
            skills: skills.value,
            forwards: forwards.iter().map(|place| place.name.clone()).collect(),
        };
        let queue = first.resolve(0, &names, None)?;
        let side = |(number, text): (usize, QueueText)| text.side(number + 1, &names, &queue);
        let more_queues = more.into_iter().enumerate().map(side).collect::<Result<_, _>>()?;
        let (mut callers, mut operators): (Callers, Staff) = (callers?, operators?);
        let needs = needs.into_iter().map(|need| need.resolve(&names));
        callers.needs = needs.collect::<Result<_, _>>()?;
        let teams = teams.into_iter().map(|team| team.resolve(&names));
        operators.teams = teams.collect::<Result<_, _>>()?;
        Ok(Self {
            name: name?,
            first_day: date,
            days,
            seed,
            target,
            lines: lines?.0,
            arrivals: arrivals?,
            callers,
            operators,
            queue,
            more_queues,
            forwards,
            faults,
        })
    }
}

/// A schedule of lines or a roster of operators.
pub(super) struct Plan(pub(super) Schedule);

impl<'de> Deserialize<'de> for Plan {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let time_zone = table.required("time_zone");
        let otherwise = table.required("otherwise");
        let windows = table.optional::<Vec<PlanWindow>>("windows").unwrap_or_default();
        let holidays = table.optional("holidays").unwrap_or_default();
        let workdays = table.optional("workdays").unwrap_or_default();
        table.finalize(None)?;
        let schedule = Schedule {
            time_zone: time_zone?,
            lines_otherwise: otherwise?,
            windows: windows.into_iter().map(|window| window.0).collect(),
            holidays,
            workdays,
        };
        Timetable::new(&schedule).map_err(|error| mistake(span, error.to_string()))?;
        Ok(Self(schedule))
    }
}

struct PlanWindow(Window);

impl<'de> Deserialize<'de> for PlanWindow {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let days = table.required::<Vec<Day>>("days");
        let from = table.required::<Minute>("from");
        let to = table.required::<Minute>("to");
        let lines = table.required("count");
        table.finalize(None)?;
        let days = days?.into_iter().map(|day| day.0).collect();
        Ok(Self(Window {
            days,
            from_minute: from?.0,
            to_minute: to?.0,
            lines: lines?,
        }))
    }
}

impl<'de> Deserialize<'de> for Arrivals {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let workday = table.required::<Hours>("workday");
        let day_off = table.required::<Hours>("day_off");
        table.finalize(None)?;
        Ok(Self {
            workday: workday?.0,
            day_off: day_off?.0,
        })
    }
}

impl<'de> Deserialize<'de> for Callers {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let patience = table.required("patience");
        let balk = share(&mut table, "balk");
        let balk_after = table.optional("balk_after");
        let talk = finite(&mut table, "talk");
        let redial = share(&mut table, "redial");
        let redial_after = finite(&mut table, "redial_after");
        let attempts_max = table.optional("attempts_max").unwrap_or(1);
        let mut chance = |key, usual| table.optional::<Share>(key).map_or(usual, |share| share.0);
        let asks_back = chance("asks_back", Callers::ASKS_BACK);
        let away = chance("away", Callers::AWAY);
        let (calls_again, withheld) = (chance("calls_again", 0.0), chance("withheld", 0.0));
        let picks_up = table.optional("picks_up").unwrap_or(Callers::PICKS_UP);
        table.finalize(None)?;
        Ok(Self {
            patience: patience?,
            balk,
            balk_after: balk_after.unwrap_or(Distribution::Constant(Duration::from_secs(3))),
            talk: talk?,
            redial,
            redial_after: redial_after?,
            attempts_max,
            asks_back,
            away,
            picks_up,
            calls_again,
            withheld,
            needs: Vec::new(),
        })
    }
}

impl<'de> Deserialize<'de> for Staff {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let roster = table.optional::<Plan>("roster").map(|plan| plan.0);
        let late = share(&mut table, "late");
        let late_by = table.optional("late_by").unwrap_or(AT_ONCE);
        let pick_up = finite(&mut table, "pick_up");
        let ignore = share(&mut table, "ignore");
        let decline = share(&mut table, "decline");
        let wrap_up = finite(&mut table, "wrap_up");
        let break_every = table.optional("break_every").unwrap_or(Distribution::Never);
        let break_for = table.optional("break_for").unwrap_or(AT_ONCE);
        let notice = table.optional("notice").unwrap_or(AT_ONCE);
        let no_answer_max = table.optional("no_answer_max").unwrap_or(0);
        let signalling = table
            .optional("signalling")
            .map_or(Duration::ZERO, |time: Time| time.0);
        table.finalize(None)?;
        Ok(Self {
            roster,
            late,
            late_by,
            pick_up: pick_up?,
            ignore,
            decline,
            wrap_up: wrap_up?,
            break_every,
            break_for,
            notice,
            no_answer_max,
            signalling,
            teams: Vec::new(),
        })
    }
}

const AT_ONCE: Distribution = Distribution::Constant(Duration::ZERO);

impl<'de> Deserialize<'de> for Faults {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let faults = Self {
            crash: share(&mut table, "crash"),
            duplicate: share(&mut table, "duplicate"),
            crossing: share(&mut table, "crossing"),
            cut_off: share(&mut table, "cut_off"),
            phone_lost_every: table.optional("phone_lost_every").unwrap_or(Distribution::Never),
            phone_lost_for: table.optional("phone_lost_for").unwrap_or(AT_ONCE),
            stray: share(&mut table, "stray"),
            supervisor_every: table.optional("supervisor_every").unwrap_or(Distribution::Never),
            stop_every: table.optional("stop_every").unwrap_or(Distribution::Never),
            stop_drains: table.optional("stop_drains").unwrap_or(AT_ONCE),
        };
        table.finalize(None)?;
        Ok(faults)
    }
}

/// A share that is zero if not given.
pub(super) fn share(table: &mut TableHelper<'_>, key: &'static str) -> f64 {
    table.optional::<Share>(key).map_or(0.0, |share| share.0)
}

/// A distribution of something that has to end.
fn finite(table: &mut TableHelper<'_>, key: &'static str) -> Result<Distribution, Error> {
    let distribution = table.required_s::<Distribution>(key)?;
    if distribution.value == Distribution::Never {
        let error = mistake(distribution.span, format!("{key:?} has to end; give a time"));
        table.errors.push(error.clone());
        return Err(error);
    }
    Ok(distribution.value)
}
