//! What the screen shows.

use super::link::Shown;
use super::state::{Call, Operator, Standing, State};
use super::words::{Language, Words};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table};

/// The national standard (GB/T 33358-2016): answered within this time, in milliseconds.
const STANDARD_MS: u64 = 15_000;

/// By what operators are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    State,
    Time,
}

impl Sort {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Name => Self::State,
            Self::State => Self::Time,
            Self::Time => Self::Name,
        }
    }
}

/// What whoever looks has chosen.
pub(super) struct View {
    pub(super) engine: String,
    pub(super) name: String,
    pub(super) time_zone: TimeZone,
    pub(super) language: Language,
    pub(super) sort: Sort,
    /// The queue that is shown, by its place in hello; none for all.
    pub(super) queue: Option<usize>,
    /// Waiting calls passed over at the top.
    pub(super) scroll: usize,
}

impl View {
    pub(super) fn draw(&self, frame: &mut Frame<'_>, shown: &Shown) {
        let [title, figures, tables, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(4),
            Constraint::Min(3),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        self.draw_title(frame, title, shown);
        self.draw_figures(frame, figures, shown);
        let [calls, operators] =
            Layout::horizontal([Constraint::Percentage(58), Constraint::Percentage(42)]).areas(tables);
        self.draw_calls(frame, calls, shown);
        self.draw_operators(frame, operators, shown);
        frame.render_widget(Paragraph::new(self.words().keys).style(Style::new().dim()), keys);
    }

    fn words(&self) -> &'static Words {
        self.language.words()
    }

    fn draw_title(&self, frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
        let words = self.words();
        let status = match (shown.lost, &shown.hello) {
            (Some(lost), _) => {
                let for_ms = lost.elapsed().as_millis() as u64;
                format!("✖ {} {}", words.lost, running(for_ms))
                    .fg(Color::Red)
                    .bold()
            }
            (None, Some(_)) if shown.state.seq.is_some() => format!("● {}", words.live).fg(Color::Green),
            _ => format!("○ {}", words.connecting).dim(),
        };
        let draining = shown
            .state
            .draining
            .then(|| format!("  {}", words.draining).fg(Color::Yellow));
        let who = shown
            .hello
            .as_ref()
            .map(|hello| hello.operator.as_deref().unwrap_or(&hello.role));
        let left = vec![
            format!(" {} ", self.name).bold(),
            Span::raw(format!("{}  ", self.engine)).dim(),
            status,
        ];
        frame.render_widget(Line::from_iter(left.into_iter().chain(draining)), area);
        let clock = shown
            .hello
            .as_ref()
            .map(|_| self.time_of_day(shown.now(), "%H:%M:%S"));
        let right = format!("{}  {} ", who.unwrap_or_default(), clock.unwrap_or_default());
        frame.render_widget(Line::raw(right).right_aligned(), area);
    }

    fn draw_figures(&self, frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
        let (words, state, now) = (self.words(), &shown.state, shown.now());
        let areas: [Rect; 3] = Layout::horizontal([Constraint::Fill(1); 3]).areas(area);
        let waiting: Vec<&Call> = self.waiting(shown).filter(|call| !call.call_back).collect();
        let oldest = waiting.iter().map(|call| now.saturating_sub(call.since)).max();
        let longest = match oldest {
            Some(age) if age > STANDARD_MS => {
                format!("▲ {} {}", words.oldest, running(age)).fg(Color::Yellow)
            }
            Some(age) => format!("{} {}", words.oldest, running(age)).into(),
            None => words.nobody.dim(),
        };
        figure(
            frame,
            areas[0],
            words.waiting,
            waiting.len().to_string().bold(),
            longest,
        );
        let in_use = state.lines_in_use();
        let over = in_use > state.lines as usize;
        let lines = format!("{in_use} / {}", state.lines);
        let lines = if over {
            format!("▲ {lines}").fg(Color::Yellow).bold()
        } else {
            lines.bold()
        };
        let next = state
            .next_change
            .zip(state.next_lines)
            .map(|(at, lines)| format!("{lines} {} {}", words.then, self.time_of_day(at, "%H:%M")));
        figure(
            frame,
            areas[1],
            words.lines,
            lines,
            next.unwrap_or_default().into(),
        );
        let count = |standing| {
            state
                .operators
                .iter()
                .filter(|operator| operator.state == standing)
                .count()
        };
        let signed_on = state.operators.len() - count(Standing::SignedOff);
        let free = format!("{} / {signed_on}", count(Standing::Available)).bold();
        let others = [Standing::Talking, Standing::WrapUp, Standing::Paused]
            .map(|standing| format!("{} {}", count(standing), self.language.standing(standing)));
        figure(frame, areas[2], words.free, free, others.join("  ").into());
    }

    /// Calls that wait, or would if their caller were on the line, in the order in which they are served.
    fn waiting<'a>(&'a self, shown: &'a Shown) -> impl Iterator<Item = &'a Call> {
        let queue = self.queue_shown(shown);
        shown
            .state
            .calls
            .iter()
            .filter(move |call| call.stage.waits() && queue.is_none_or(|queue| *queue == call.queue))
    }

    fn queue_shown<'a>(&self, shown: &'a Shown) -> Option<&'a String> {
        shown
            .hello
            .as_ref()
            .zip(self.queue)
            .and_then(|(hello, index)| hello.queues.get(index))
    }

    fn draw_calls(&self, frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
        let (words, now) = (self.words(), shown.now());
        let waiting: Vec<&Call> = self.waiting(shown).collect();
        let room = usize::from(area.height.saturating_sub(3));
        let first = self.scroll.min(waiting.len().saturating_sub(room));
        let rows = waiting.iter().skip(first).take(room).map(|call| {
            let age = now.saturating_sub(call.since);
            let waited = running(age);
            let waited = if age > STANDARD_MS {
                waited.fg(Color::Yellow)
            } else {
                waited.into()
            };
            let caller = call.caller.as_deref().unwrap_or(words.withheld);
            Row::new([
                Span::raw(place(&shown.state, call).to_string()),
                call.queue.as_str().into(),
                caller.into(),
                waited,
                Span::raw(self.stage(call)),
            ])
        });
        let widths = [
            Constraint::Length(5),
            Constraint::Fill(2),
            Constraint::Fill(3),
            Constraint::Length(8),
            Constraint::Fill(3),
        ];
        let of_queue = match self.queue_shown(shown) {
            Some(queue) => format!("{} {queue}", words.queue),
            None => words.all_queues.to_owned(),
        };
        let hidden = waiting.len().saturating_sub(room);
        let more = if hidden > 0 {
            format!(" · {} {hidden}", words.more)
        } else {
            String::new()
        };
        let title = format!(" {} · {of_queue}{more} ", words.waiting);
        frame.render_widget(table(rows, widths, words.calls_columns, title), area);
    }

    fn stage(&self, call: &Call) -> String {
        let stage = self.language.stage(call.stage);
        match (&call.operator, call.call_back) {
            (Some(operator), _) => format!("{operator} {stage}"),
            (None, true) => self.words().call_back.to_owned(),
            (None, false) => stage.to_owned(),
        }
    }

    fn draw_operators(&self, frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
        let (words, now) = (self.words(), shown.now());
        let mut operators: Vec<&Operator> = shown.state.operators.iter().collect();
        match self.sort {
            Sort::Name => operators.sort_by(|a, b| a.operator.cmp(&b.operator)),
            Sort::State => operators.sort_by_key(|operator| (operator.state, operator.since)),
            Sort::Time => operators.sort_by_key(|operator| operator.since),
        }
        let rows = operators.iter().map(|operator| {
            let state = self.language.standing(operator.state);
            let other = shown.state.other_in(operator);
            let state = match operator.reason.as_deref().or(other) {
                Some(more) => format!("{state} · {more}"),
                None => state.to_owned(),
            };
            Row::new([
                Span::raw(operator.operator.as_str()),
                Span::styled(state, style_of(operator.state)),
                Span::raw(running(now.saturating_sub(operator.since))),
                Span::raw(if operator.phone { "✓" } else { "–" }),
                Span::raw(operator.answered.to_string()),
            ])
        });
        let widths = [
            Constraint::Fill(2),
            Constraint::Fill(3),
            Constraint::Length(8),
            Constraint::Length(5),
            Constraint::Length(5),
        ];
        let by = match self.sort {
            Sort::Name => words.by[0],
            Sort::State => words.by[1],
            Sort::Time => words.by[2],
        };
        let title = format!(" {} · {} {by} ", words.operators, words.sorted);
        frame.render_widget(table(rows, widths, words.operators_columns, title), area);
    }

    fn time_of_day(&self, at_ms: u64, format: &str) -> String {
        let at = i64::try_from(at_ms)
            .ok()
            .and_then(|at| Timestamp::from_millisecond(at).ok());
        at.map(|at| {
            at.to_zoned_datetime(self.time_zone.clone())
                .strftime(format)
                .to_string()
        })
        .unwrap_or_default()
    }
}

/// A call's place among those of its queue that wait, counted from 1.
fn place(state: &State, call: &Call) -> usize {
    let waiting = state
        .calls
        .iter()
        .filter(|other| other.queue == call.queue && other.stage.waits());
    waiting.take_while(|other| other.call != call.call).count() + 1
}

fn figure(frame: &mut Frame<'_>, area: Rect, title: &str, value: Span<'_>, note: Span<'_>) {
    let block = Block::bordered().title(format!(" {title} "));
    let text = vec![Line::from(value).centered(), Line::from(note).centered()];
    frame.render_widget(Paragraph::new(text).block(block), area);
}

fn table<'a, const N: usize>(
    rows: impl Iterator<Item = Row<'a>>,
    widths: [Constraint; N],
    columns: [&'a str; N],
    title: String,
) -> Table<'a> {
    let header = Row::new(columns).style(Style::new().add_modifier(Modifier::DIM));
    Table::new(rows, widths)
        .header(header)
        .block(Block::bordered().title(title))
}

/// Colours help the eye; the word beside them says the same.
fn style_of(standing: Standing) -> Style {
    let colour = match standing {
        Standing::Available => Color::Green,
        Standing::Reserved => Color::Cyan,
        Standing::Talking => Color::Blue,
        Standing::WrapUp => Color::Magenta,
        Standing::Paused => Color::Yellow,
        Standing::SignedOff | Standing::Unknown => Color::DarkGray,
    };
    Style::new().fg(colour)
}

/// A running time: `1:23`, `1:02:03`.
fn running(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::link::Link;
    use crate::top::way::Way;
    use expect_test::{Expect, expect};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use tokio::sync::watch;

    /// A clock that stands still, so that all ages are what they are.
    const HELLO: &str = r#"{"type":"hello","protocol":1,"epoch":7,"server_time":1763892083000,"clock_rate":0.0,
        "heartbeat_s":15.0,"role":"wallboard","queues":["hotline","english"],"pause_reasons":["meal"]}"#;

    const SNAPSHOT: &str = r#"{"type":"snapshot","epoch":7,"seq":41,"at":1763892083000,"lines":2,"lines_in_use":2,
        "next_change":1763895600000,"next_lines":4,"draining":false,"calls":[
        {"call":5,"queue":"hotline","trunk":"city","caller":"139******21","ticket":5,"since":1763891000000,"line":true,
         "stage":"talking","operator":"1002","connected":1763891500000,"held":false},
        {"call":7,"queue":"hotline","trunk":"city","caller":"138******00","ticket":7,"since":1763892000000,"line":true,
         "stage":"ringing","operator":"1001"},
        {"call":8,"queue":"english","trunk":"city","caller":null,"ticket":8,"since":1763892075000,"line":false,
         "stage":"queued"}],"operators":[
        {"operator":"1001","state":"reserved","since":1763892080000,"call":7,"until":1763892100000,"phone":true,"answered":3},
        {"operator":"1002","state":"talking","since":1763891500000,"call":5,"phone":true,"answered":12},
        {"operator":"1003","state":"paused","reason":"meal","since":1763888000000,"phone":false,"answered":1}]}"#;

    fn check(language: Language, queue: Option<usize>, expected: &Expect) {
        let (sender, shown) = watch::channel(Shown::default());
        let link = Link::new(Way::to("192.0.2.1:8080", None).expect("an address"), None, sender);
        for text in [HELLO, SNAPSHOT] {
            assert!(link.take(serde_json::from_str(text).expect("a message")));
        }
        let view = View {
            engine: "192.0.2.1:8080".into(),
            name: "Hotline".into(),
            time_zone: TimeZone::UTC,
            language,
            sort: Sort::State,
            queue,
            scroll: 0,
        };
        let mut terminal = Terminal::new(TestBackend::new(100, 13)).expect("a terminal");
        terminal
            .draw(|frame| view.draw(frame, &shown.borrow()))
            .expect("drawn");
        expected.assert_eq(&terminal.backend().to_string());
    }

    #[test]
    fn in_english() {
        check(
            Language::English,
            None,
            &expect![[r#"
            " Hotline 192.0.2.1:8080  ● live                                                 wallboard  10:01:23 "
            "┌ Waiting ──────────────────────┐┌ Lines ─────────────────────────┐┌ Free ─────────────────────────┐"
            "│               2               ││              2 / 2             ││             0 / 3             │"
            "│        ▲ longest 1:23         ││          4 from 11:00          ││ 1 talks  0 wrap-up  1 paused  │"
            "└───────────────────────────────┘└────────────────────────────────┘└───────────────────────────────┘"
            "┌ Waiting · all queues ──────────────────────────────────┐┌ Operators · by state ──────────────────┐"
            "│place queue      caller         waited   stage          ││name    state       for      phone calls│"
            "│1     hotline    138******00    1:23     1001 rings     ││1001    rings       0:03     ✓     3    │"
            "│1     english    withheld       0:08     for a line     ││1002    talks       9:43     ✓     12   │"
            "│                                                        ││1003    paused · me 1:08:03  –     1    │"
            "│                                                        ││                                        │"
            "└────────────────────────────────────────────────────────┘└────────────────────────────────────────┘"
            " q quit   s sort   f queue   l 中文   ↑↓ scroll                                                     " Hidden by multi-width symbols: [(32, " "), (34, " ")]
        "#]],
        );
    }

    #[test]
    fn in_chinese_and_one_queue_alone() {
        check(
            Language::Chinese,
            Some(0),
            &expect![[r#"
            " Hotline 192.0.2.1:8080  ● 实时                                                 wallboard  10:01:23 " Hidden by multi-width symbols: [(28, " "), (30, " ")]
            "┌ 等候 ─────────────────────────┐┌ 线路 ──────────────────────────┐┌ 空闲 ─────────────────────────┐" Hidden by multi-width symbols: [(3, " "), (5, " "), (36, " "), (38, " "), (70, " "), (72, " ")]
            "│               1               ││              2 / 2             ││             0 / 3             │"
            "│          ▲ 最久 1:23          ││           4 起 11:00           ││ 1 通话中  0 话后整理  1 暂停  │" Hidden by multi-width symbols: [(14, " "), (16, " "), (48, " "), (72, " "), (74, " "), (76, " "), (82, " "), (84, " "), (86, " "), (88, " "), (94, " "), (96, " ")]
            "└───────────────────────────────┘└────────────────────────────────┘└───────────────────────────────┘"
            "┌ 等候 · 队列 hotline ───────────────────────────────────┐┌ 话务员 · 排序 状态 ────────────────────┐" Hidden by multi-width symbols: [(3, " "), (5, " "), (10, " "), (12, " "), (61, " "), (63, " "), (65, " "), (70, " "), (72, " "), (75, " "), (77, " ")]
            "│位次  队列       来电号码       已等候   阶段           ││工号    状态        持续     话机  已接 │" Hidden by multi-width symbols: [(2, " "), (4, " "), (8, " "), (10, " "), (19, " "), (21, " "), (23, " "), (25, " "), (34, " "), (36, " "), (38, " "), (43, " "), (45, " "), (60, " "), (62, " "), (68, " "), (70, " "), (80, " "), (82, " "), (89, " "), (91, " "), (95, " "), (97, " ")]
            "│1     hotline    138******00    1:23     1001 振铃      ││1001    振铃        0:03     ✓     3    │" Hidden by multi-width symbols: [(48, " "), (50, " "), (68, " "), (70, " ")]
            "│                                                        ││1002    通话中      9:43     ✓     12   │" Hidden by multi-width symbols: [(68, " "), (70, " "), (72, " ")]
            "│                                                        ││1003    暂停 · meal 1:08:03  –     1    │" Hidden by multi-width symbols: [(68, " "), (70, " ")]
            "│                                                        ││                                        │"
            "└────────────────────────────────────────────────────────┘└────────────────────────────────────────┘"
            " q 退出   s 排序   f 队列   l English   ↑↓ 滚动                                                     " Hidden by multi-width symbols: [(4, " "), (6, " "), (13, " "), (15, " "), (22, " "), (24, " "), (44, " "), (46, " ")]
        "#]],
        );
    }
}
