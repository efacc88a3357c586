// A curve over the day, drawn on a canvas; what it shows is said in words too.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Day, MINUTE } from "../feed/day";
import { fill, words } from "../i18n";
import { timeOfDay } from "../i18n/format";
import { prefs } from "../prefs";

/** The least stretch of time on the axis, in seconds. */
const SPAN_MIN = 1800;

export interface Series {
  readonly name: string;
  readonly bars: boolean;
  /** Seconds since 1970, rising. */
  readonly times: number[];
  readonly values: (number | null)[];
}

/** How many waited, minute by minute. */
export function depthSeries(day: Day): Series {
  return { name: words().curveDepth, bars: false, ...byMinute(day, (minute) => minute.depth) };
}

/** The longest wait in minutes, minute by minute. */
export function waitSeries(day: Day): Series {
  return { name: words().curveWaits, bars: false, ...byMinute(day, ({ oldest }) => Math.round(oldest / 6) / 10) };
}

/** Arrivals in stretches of five minutes. */
export function arrivalSeries(day: Day): Series {
  const sums = new Map<number, number>();
  for (const { at, arrived } of day.minutes) {
    const stretch = Math.floor(at / 5) * 5;
    sums.set(stretch, (sums.get(stretch) ?? 0) + arrived);
  }
  const times = [...sums.keys()].map((minute) => minute * 60);
  return { name: words().curveArrivals, bars: true, times, values: [...sums.values()] };
}

/** Minutes that nobody watched are a hole. */
function byMinute(day: Day, value: (minute: Day["minutes"][number]) => number) {
  const times: number[] = [];
  const values: (number | null)[] = [];
  let next = day.minutes[0]?.at ?? 0;
  for (const minute of day.minutes) {
    if (minute.at !== next) {
      times.push(next * 60);
      values.push(null);
    }
    times.push(minute.at * 60);
    values.push(value(minute));
    next = minute.at + 1;
  }
  return { times, values };
}

interface CurveProps {
  series: Series;
  now: number;
  timeZone: string | undefined;
}

export function Curve({ series, now, timeZone }: CurveProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const { name, bars, times, values } = series;

  useEffect(() => {
    const node = host.current;
    if (!node) return;
    plot.current = new uPlot(options(node, bars, timeZone), [[], []], node);
    const watcher = new ResizeObserver(() => plot.current?.setSize(room(node)));
    watcher.observe(node);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => plot.current?.redraw(false);
    dark.addEventListener("change", redraw);
    return () => {
      dark.removeEventListener("change", redraw);
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [bars, timeZone]);

  const minute = Math.floor(now / MINUTE);
  const data = `${minute} ${times.length} ${times[0]} ${values.slice(-6).join()} ${prefs.theme} ${timeZone}`;
  useEffect(() => {
    const end = (minute + 1) * 60;
    plot.current?.setData([times, values], false);
    plot.current?.setScale("x", { min: Math.min(times[0] ?? end, end - SPAN_MIN), max: end });
  }, [data]);

  const told = values.filter((value) => value !== null);
  const label = fill(words().curveLabel, {
    what: name,
    now: told[told.length - 1] ?? 0,
    most: told.length > 0 ? Math.max(...told) : 0,
    time: timeOfDay((times[0] ?? now / 1000) * 1000, timeZone),
  });
  return (
    <figure class="curve">
      <figcaption aria-hidden="true">
        {name} <b>{told[told.length - 1] ?? "–"}</b>
      </figcaption>
      <div class="plot" ref={host} role="img" aria-label={label} />
    </figure>
  );
}

function room(node: HTMLElement): { width: number; height: number } {
  return { width: Math.max(node.clientWidth, 50), height: Math.max(node.clientHeight, 40) };
}

function options(node: HTMLElement, bars: boolean, timeZone: string | undefined): uPlot.Options {
  // Colours are asked for at each drawing, so that they follow the theme.
  const line = () => getComputedStyle(node).color;
  const faint = () => getComputedStyle(node).borderTopColor;
  const soft = () => getComputedStyle(node).outlineColor;
  const fillUnder = () => line().replace("rgb(", "rgba(").replace(")", ", 0.16)");
  const axis = { stroke: soft, font: "11px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: faint, width: 1 };
  return {
    ...room(node),
    cursor: { show: false },
    legend: { show: false },
    padding: [6, 8, 0, 0],
    tzDate: (seconds) => {
      const date = new Date(seconds * 1000);
      return timeZone ? uPlot.tzDate(date, timeZone) : date;
    },
    scales: { x: { time: true }, y: { range: (_, _min, max) => [0, Math.max(4, Math.ceil((max ?? 0) * 1.15))] } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 64,
        grid: { show: false },
        values: (_, splits) => splits.map((seconds) => timeOfDay(seconds * 1000, timeZone)),
      },
      { ...axis, size: 34, space: 26, grid, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
    ],
    series: [
      {},
      {
        stroke: line,
        fill: fillUnder,
        width: bars ? 1 : 1.75,
        // A line needs two points: the first minute is a dot.
        points: { show: (plot) => !bars && plot.data[0].length < 2, size: 6 },
        ...(bars && uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.8, 24], align: 1 }) }),
      },
    ],
  };
}
