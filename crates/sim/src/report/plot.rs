//! Plots as SVG text: no script, no outside asset; colours come from the page's CSS variables.

use super::text::number;
use std::fmt::Write;

/// One series of values, one for each place on the horizontal axis.
pub(super) struct Series {
    pub(super) name: &'static str,
    /// Name of a CSS variable.
    pub(super) colour: &'static str,
    pub(super) values: Vec<f64>,
}

/// The drawing area, in SVG units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;
const INNER: f64 = WIDTH - LEFT - RIGHT;
const TALL: f64 = HEIGHT - TOP - BOTTOM;

/// A vertical axis from 0 to a round number above `max`: that number and the distance of its ticks.
fn axis(max: f64) -> (f64, f64) {
    let rough = (max / 4.0).max(0.25);
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    (libm::ceil(max / step - 1e-9).max(1.0) * step, step)
}

fn y(value: f64, top: f64) -> f64 {
    TOP + TALL * (1.0 - value / top)
}

/// Opens a plot: grid, vertical ticks, and labels of the hours if `hours`.
fn open(label: &str, top: f64, step: f64, unit: &str) -> String {
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">"#);
    let mut tick = 0.0;
    while tick <= top * 1.001 {
        let at = y(tick, top);
        let (end, text) = (WIDTH - RIGHT, number(tick));
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{end}" y1="{at:.1}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{text}{unit}</text>"#,
            LEFT - 6.0,
            at + 4.0
        );
        tick += step;
    }
    svg
}

fn hours_axis(svg: &mut String) {
    for hour in (0..=24).step_by(3) {
        let x = LEFT + INNER * f64::from(hour) / 24.0;
        let _ = write!(
            svg,
            r#"<text class="tick" x="{x:.1}" y="{:.1}" text-anchor="middle">{hour:02}</text>"#,
            HEIGHT - 6.0
        );
    }
}

/// Bars by hour, one series on top of the other.
pub(super) fn stacked_bars(label: &str, series: &[Series]) -> String {
    let count = series.iter().map(|s| s.values.len()).max().unwrap_or(0);
    let value = |s: &Series, index: usize| s.values.get(index).copied().unwrap_or(0.0);
    let sums = (0..count).map(|index| series.iter().map(|s| value(s, index)).sum::<f64>());
    let (top, step) = axis(sums.fold(0.0, f64::max));
    let mut svg = open(label, top, step, "");
    let width = INNER / count.max(1) as f64;
    for index in 0..count {
        let mut base = 0.0;
        for s in series {
            let v = value(s, index);
            let (high, low) = (y(base + v, top), y(base, top));
            base += v;
            if v > 0.0 {
                let _ = write!(
                    svg,
                    r#"<rect x="{:.1}" y="{high:.1}" width="{:.1}" height="{:.1}" fill="var({})"><title>{index:02}:00 · {} {}</title></rect>"#,
                    LEFT + width * index as f64 + width * 0.12,
                    width * 0.76,
                    low - high,
                    s.colour,
                    number(v),
                    s.name
                );
            }
        }
    }
    hours_axis(&mut svg);
    svg + "</svg>"
}

/// Lines over the day. Steps, if the values are constant between their places.
pub(super) fn lines(label: &str, unit: &str, series: &[Series], steps: bool) -> String {
    let max = series
        .iter()
        .flat_map(|s| s.values.iter().copied())
        .fold(0.0, f64::max);
    let (top, step) = axis(max);
    let mut svg = open(label, top, step, unit);
    for s in series {
        let width = INNER / s.values.len().max(1) as f64;
        let mut path = String::new();
        for (index, value) in s.values.iter().enumerate() {
            let (x, high) = (LEFT + width * index as f64, y(*value, top));
            let verb = if index == 0 { 'M' } else { 'L' };
            let _ = match steps {
                true => write!(path, "{verb}{x:.1} {high:.1}H{:.1}", x + width),
                false => write!(path, "{verb}{:.1} {high:.1}", x + width / 2.0),
            };
        }
        let _ = write!(
            svg,
            r#"<path d="{path}" fill="none" stroke="var({})" stroke-width="1.7" stroke-linejoin="round"><title>{}</title></path>"#,
            s.colour, s.name
        );
    }
    hours_axis(&mut svg);
    svg + "</svg>"
}

/// What the colours mean.
pub(super) fn legend(series: &[Series]) -> String {
    let item = |s: &Series| {
        format!(
            r#"<span><i style="background:var({})"></i>{}</span>"#,
            s.colour, s.name
        )
    };
    format!(
        r#"<p class="legend">{}</p>"#,
        series.iter().map(item).collect::<String>()
    )
}

/// Shares as horizontal bars with their names and, if there is one, a mark at a goal.
pub(super) fn shares(label: &str, bars: &[(String, Option<f64>)], goal: Option<f64>) -> String {
    const ROW: f64 = 30.0;
    const NAMES: f64 = 330.0;
    const FIGURES: f64 = 64.0;
    let height = ROW * bars.len() as f64 + 6.0;
    let inner = WIDTH - NAMES - FIGURES;
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">"#);
    for (index, (name, value)) in bars.iter().enumerate() {
        let top = ROW * index as f64 + 4.0;
        let width = inner * value.unwrap_or(0.0);
        let _ = write!(
            svg,
            r#"<text class="name" x="{:.1}" y="{:.1}" text-anchor="end">{}</text><rect class="track" x="{NAMES}" y="{top:.1}" width="{inner:.1}" height="20" rx="3"/><rect x="{NAMES}" y="{top:.1}" width="{width:.1}" height="20" rx="3" fill="var(--c1)"/><text class="figure" x="{:.1}" y="{:.1}">{}</text>"#,
            NAMES - 10.0,
            top + 15.0,
            escape(name),
            NAMES + inner + 8.0,
            top + 15.0,
            super::text::percent(*value)
        );
    }
    if let Some(goal) = goal {
        let x = NAMES + inner * goal;
        let _ = write!(
            svg,
            r#"<line class="goal" x1="{x:.1}" x2="{x:.1}" y1="0" y2="{height:.1}"><title>{}</title></line>"#,
            super::text::percent(Some(goal))
        );
    }
    svg + "</svg>"
}

/// Text that may stand in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_reach_the_largest_value() {
        for (max, expected) in [
            (0.0, (0.25, 0.25)),
            (1.0, (1.0, 0.25)),
            (12.0, (15.0, 5.0)),
            (146.0, (150.0, 50.0)),
            (40.0, (40.0, 10.0)),
        ] {
            assert_eq!(axis(max), expected, "for {max}");
        }
    }

    #[test]
    fn names_cannot_break_the_page() {
        assert_eq!(
            escape(r#"<b>"A & B"</b>"#),
            "&lt;b&gt;&quot;A &amp; B&quot;&lt;/b&gt;"
        );
    }
}
