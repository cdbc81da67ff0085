/** The causes of a diagnosis in words; docs/reference/diagnosis tells how one is found. */
import AppWindow from "@lucide/svelte/icons/app-window";
import CircleCheck from "@lucide/svelte/icons/circle-check";
import CircleDashed from "@lucide/svelte/icons/circle-dashed";
import Mic from "@lucide/svelte/icons/mic";
import Server from "@lucide/svelte/icons/server";
import ShieldX from "@lucide/svelte/icons/shield-x";
import Waypoints from "@lucide/svelte/icons/waypoints";
import Wifi from "@lucide/svelte/icons/wifi";

import type { Icon, Signal } from "./types";

export interface Cause {
  word: string;
  icon: Icon;
}

export const CAUSES: Record<string, Cause> = {
  network: { word: "Network", icon: Wifi },
  relay: { word: "Relay", icon: Waypoints },
  server: { word: "Media server", icon: Server },
  device: { word: "Device", icon: Mic },
  permission: { word: "Permission", icon: ShieldX },
  browser: { word: "Browser", icon: AppWindow },
  none: { word: "No cause", icon: CircleCheck },
};

export function causeOf(cause: string | null | undefined): Cause {
  return CAUSES[cause ?? ""] ?? { word: "Not diagnosed", icon: CircleDashed };
}

export type Grade = "good" | "fair" | "poor" | "bad";

/** A score of 0 to 100 as a word, so that its colour need not say it. */
export function gradeOf(score: number): { grade: Grade; word: string; signal: Signal } {
  if (score >= 85) return { grade: "good", word: "good", signal: "success" };
  if (score >= 65) return { grade: "fair", word: "fair", signal: "warning" };
  if (score >= 40) return { grade: "poor", word: "poor", signal: "error" };
  return { grade: "bad", word: "bad", signal: "error" };
}
