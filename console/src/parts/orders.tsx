// What supervisors had done since the page was opened, the latest first, and who it was.

import type { Ordered } from "../feed/wire";
import { fill, reasonName, words } from "../i18n";
import { timeOfDay } from "../i18n/format";
import type { View } from "../live";

export function Orders({ view }: { view: View }) {
  if (view.orders.length === 0) return null;
  return (
    <>
      <h3>{words().ordersTitle}</h3>
      <ul class="orders">
        {view.orders.map((order, index) => (
          <li key={view.orders.length - index}>
            <b>{timeOfDay(order.at, view.timeZone)}</b> {order.supervisor}: {said(order, view.timeZone)}
          </li>
        ))}
      </ul>
    </>
  );
}

function said({ do: what, operator, reason, lines, until }: Ordered, timeZone: string | undefined): string {
  const parts = {
    operator: operator ?? "",
    reason: reason === undefined ? "" : reasonName(reason),
    lines: lines ?? 0,
    time: until === undefined ? "" : timeOfDay(until, timeZone),
  };
  return fill(words().orders[what] ?? `${what} {operator}`, parts);
}
