/** Signals with their words and icons: colour never says it alone. */
import CircleAlert from "@lucide/svelte/icons/circle-alert";
import CircleCheck from "@lucide/svelte/icons/circle-check";
import CircleDashed from "@lucide/svelte/icons/circle-dashed";
import Radio from "@lucide/svelte/icons/radio";
import TriangleAlert from "@lucide/svelte/icons/triangle-alert";

import type { Icon, Signal } from "./types";

export const SIGNALS: Record<Signal, { word: string; icon: Icon; colour: string }> = {
  success: { word: "Successful", icon: CircleCheck, colour: "--clear" },
  warning: { word: "Warnings", icon: TriangleAlert, colour: "--caution" },
  error: { word: "Errors", icon: CircleAlert, colour: "--stop" },
  ongoing: { word: "Ongoing", icon: Radio, colour: "--running" },
  neutral: { word: "Unknown", icon: CircleDashed, colour: "--ink-3" },
};

/** The signal of a `status` or issue `type` of the server; neutral for what is unknown. */
export function signalOf(status: string | null | undefined): Signal {
  return status === "success" || status === "warning" || status === "error" || status === "ongoing"
    ? status
    : "neutral";
}
