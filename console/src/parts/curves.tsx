// The day's three curves side by side.

import { MINUTE } from "../feed/day";
import { fill, words } from "../i18n";
import { timeOfDay } from "../i18n/format";
import type { View } from "../live";
import { Curve, arrivalSeries, depthSeries, waitSeries } from "./curve";

export function Curves({ view }: { view: View }) {
  const { day, now, timeZone } = view;
  const first = day.minutes[0];
  const since = first ? fill(words().since, { time: timeOfDay(first.at * MINUTE, timeZone) }) : "";
  return (
    <section class="card curves" aria-labelledby="today">
      <h2 id="today">
        {words().today} <small>{since}</small>
      </h2>
      {[depthSeries(day), waitSeries(day), arrivalSeries(day)].map((series) => (
        <Curve key={series.name} series={series} now={now} timeZone={timeZone} />
      ))}
    </section>
  );
}
