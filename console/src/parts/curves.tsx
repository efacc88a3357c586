// The day's three curves side by side.

import { fill, words } from "../i18n";
import { timeOfDay } from "../i18n/format";
import type { View } from "../live";
import { Curve, arrivalSeries, depthSeries, waitSeries } from "./curve";

export function Curves({ view }: { view: View }) {
  const { day, now, timeZone } = view;
  const since = day.since === null ? "" : fill(words().since, { time: timeOfDay(day.since, timeZone) });
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
