// Which calls are recorded, and by which supervisor's phone they are listened to: docs/feed.md has what each message changes.

import type { MonitoredCall, MonitoredMessage } from "./wire";

/** By call; one that is not in it is neither. */
export type Monitored = ReadonlyMap<number, MonitoredCall>;

export const NOTHING_MONITORED: Monitored = new Map();

/** What is known after a message. */
export function monitored(before: Monitored, { whole = false, calls }: MonitoredMessage): Monitored {
  const now = new Map(whole ? [] : before);
  for (const call of calls) {
    if (call.recorded || call.listener !== undefined) now.set(call.call, call);
    else now.delete(call.call);
  }
  return now;
}
