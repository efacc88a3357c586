// From when on figures are marked, as the configuration has it.

import type { Hello, MarkedFrom } from "./wire";

export type Thresholds = MarkedFrom;

/** Until the engine has said hello, nothing is marked but by these. */
const UNTIL_THEN: Thresholds = {
  answer_within_ms: 15_000,
  oldest_wait_ms: { watch: 15_000, alarm: 120_000 },
  service_level: { watch: 0.8, alarm: 0.7 },
  abandonment: { watch: 0.05, alarm: 0.1 },
};

export function thresholdsOf(hello: Hello | null): Thresholds {
  return hello?.thresholds ?? UNTIL_THEN;
}
