// The queue's figures as tiles, the same on every page.

import { standings } from "../feed/figures";
import { fill, words } from "../i18n";
import { duration, percent, timeOfDay } from "../i18n/format";
import type { Marks } from "../feed/wire";
import type { View } from "../live";
import type { Level } from "./mark";
import { Tile } from "./tile";

/** Lines are drawn one by one up to this number; of more, each segment stands for several. */
const SEGMENTS_MAX = 24;

export function DepthTile({ view }: { view: View }) {
  const { depth = 0, queued = 0, admitted = 0, ringing = 0, callBacks = 0 } = view.figures ?? {};
  const stages = depth > 0 ? fill(words().waitingNote, { queued, admitted, ringing }) : words().nobodyWaits;
  const note = callBacks > 0 ? `${stages} · ${fill(words().callBacksNote, { n: callBacks })}` : stages;
  return <Tile name={words().waiting} figure={view.figures ? String(depth) : "–"} note={note} />;
}

export function OldestTile({ view }: { view: View }) {
  const oldest = view.figures?.oldest ?? null;
  const wait = oldest === null ? null : Math.max(0, view.now - oldest);
  const marks = view.thresholds.oldest_wait_ms;
  const level = wait === null ? "fine" : above(wait, marks);
  const { nobodyWaits, withinMark, overMark } = words();
  const limit = seconds(level === "alarm" ? marks.alarm : marks.watch);
  const note = wait === null ? nobodyWaits : fill(level === "fine" ? withinMark : overMark, { n: limit });
  return <Tile name={words().oldest} figure={wait === null ? "–" : duration(wait)} note={note} level={level} />;
}

export function LinesTile({ view }: { view: View }) {
  const { lines = 0, next_change = null, next_lines = null } = view.queue ?? {};
  const used = view.figures?.linesInUse ?? 0;
  const over = used - lines;
  const next =
    next_change === null
      ? words().linesSame
      : fill(words().linesNext, { n: next_lines ?? 0, time: timeOfDay(next_change, view.timeZone) });
  const note = over > 0 ? fill(words().linesOver, { n: over }) : next;
  return (
    <Tile
      name={words().lines}
      figure={view.figures ? String(used) : "–"}
      of={fill(words().ofLines, { n: lines })}
      note={note}
      level={over > 0 ? "watch" : "fine"}
    >
      <Segments lines={lines} used={used} />
    </Tile>
  );
}

function Segments({ lines, used }: { lines: number; used: number }) {
  const all = Math.max(lines, used);
  const drawn = Math.min(all, SEGMENTS_MAX);
  const kind = (line: number) => (line >= used ? "" : line < lines ? "used" : "used over");
  return (
    <div class="segments" aria-hidden="true">
      {Array.from({ length: drawn }, (_, index) => (
        <i key={index} class={kind((index * all) / drawn)} />
      ))}
    </div>
  );
}

export function LevelTile({ view }: { view: View }) {
  const { level, answered, asa } = view.shares;
  const { service_level, answer_within_ms } = view.thresholds;
  const [target, within] = [percent(service_level.watch), seconds(answer_within_ms)];
  const mean = asa === null ? "" : ` · ${fill(words().meanWait, { time: duration(asa * 1000) })}`;
  const note = level === null ? words().noneYet : fill(words().levelNote, { n: answered, target, within }) + mean;
  const passed = level === null ? "fine" : below(level, service_level);
  return <Tile name={words().level} figure={percent(level)} note={note} level={passed} />;
}

export function AbandonmentTile({ view }: { view: View }) {
  const { abandonment, abandoned, ended, connect } = view.shares;
  const counts = { n: abandoned, all: ended, rate: percent(connect) };
  const note = abandonment === null ? words().noneYet : fill(words().abandonedNote, counts);
  const level = abandonment === null ? "fine" : above(abandonment, view.thresholds.abandonment);
  return <Tile name={words().abandonment} figure={percent(abandonment)} note={note} level={level} />;
}

export function FreeTile({ view }: { view: View }) {
  const operators = view.queue?.operators ?? [];
  const counts = standings(operators);
  const { available, talking, wrap_up, paused, signed_off } = counts;
  const nobody = available === 0 && (view.figures?.depth ?? 0) > 0;
  return (
    <Tile
      name={words().free}
      figure={view.queue ? String(available) : "–"}
      of={fill(words().ofSignedOn, { n: operators.length - signed_off })}
      note={fill(words().freeNote, { talking, wrap_up, paused })}
      level={nobody ? "watch" : "fine"}
    />
  );
}

export function ToldTile({ view }: { view: View }) {
  const { told, now } = view;
  const note = told
    ? fill(words().estimateNote, { place: told.place, ago: duration(now - told.at) })
    : words().noEstimate;
  return <Tile name={words().estimate} figure={told ? duration(told.wait) : "–"} note={note} />;
}

/** Whole seconds, for words like "within 15 s". */
function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

function above(value: number, { watch, alarm }: Marks): Level {
  return value > alarm ? "alarm" : value > watch ? "watch" : "fine";
}

function below(value: number, { watch, alarm }: Marks): Level {
  return value < alarm ? "alarm" : value < watch ? "watch" : "fine";
}
