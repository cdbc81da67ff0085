/** How the figures of a running call read. */
import { bitrate, decimal, type Maybe, ms, percent } from "$lib/format";

import type { Figure } from "./meters";

interface Words {
  label: string;
  hint: string;
  format: (value: Maybe) => string;
  /** Ends of the sparkline's scale; else those of its values. */
  min?: number;
  max?: number;
}

export const METERS: Record<Figure, Words> = {
  rtt_ms: { label: "Round trip", hint: "The longest round trip of its connections", format: ms, min: 0 },
  loss_ratio: {
    label: "Loss",
    hint: "The largest share of packets that did not arrive, of its connections",
    format: percent,
    min: 0,
  },
  sent_bps: { label: "Sent", hint: "What all its connections send together", format: bitrate, min: 0 },
  emos: {
    label: "eMOS",
    hint: "The lowest audio score of its connections, 1 to 5",
    format: (value) => decimal(value, 1, true),
    min: 1,
    max: 5,
  },
};
