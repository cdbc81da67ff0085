/** Which app the frame of the page stands around. */
import Bell from "@lucide/svelte/icons/bell";
import ChartNoAxesCombined from "@lucide/svelte/icons/chart-no-axes-combined";
import CircleAlert from "@lucide/svelte/icons/circle-alert";
import Gauge from "@lucide/svelte/icons/gauge";
import GitCompareArrows from "@lucide/svelte/icons/git-compare-arrows";
import MonitorPlay from "@lucide/svelte/icons/monitor-play";
import Radio from "@lucide/svelte/icons/radio";
import Settings from "@lucide/svelte/icons/settings";
import Users from "@lucide/svelte/icons/users";

import type { Icon } from "$lib/ui/types";

let told = $state<string | null>(null);

export const shell = {
  /** The app of the page, or of the page before; null when none was seen. */
  get app(): string | null {
    return told;
  },
};

/** For pages whose address does not name the app, as a conference's: `tellApp(() => conference.data?.app)`. */
export function tellApp(app: () => string | null | undefined): void {
  $effect(() => {
    const id = app();
    if (id) told = id;
  });
}

export interface Place {
  /** The part of the address behind the app's. */
  part: string;
  label: string;
  icon: Icon;
}

export const PLACES: readonly Place[] = [
  { part: "", label: "Overview", icon: Gauge },
  { part: "conferences", label: "Conferences", icon: Users },
  { part: "issues", label: "Issues", icon: CircleAlert },
  { part: "compare", label: "Compare", icon: GitCompareArrows },
  { part: "live", label: "Live", icon: Radio },
  { part: "playback", label: "Playback", icon: MonitorPlay },
  { part: "alerts", label: "Alerts", icon: Bell },
  { part: "usage", label: "Usage", icon: ChartNoAxesCombined },
  { part: "settings", label: "Settings", icon: Settings },
];

export function addressOf(app: string, part: string): string {
  return part ? `/apps/${app}/${part}` : `/apps/${app}`;
}

/** Which place of an app an address is in; null outside of it. Conferences and people are found under Conferences. */
export function placeOf(pathname: string): string | null {
  const found = /^\/apps\/[^/]+(?:\/([a-z]+)(?:\/[^/]+)?)?\/?$/.exec(pathname);
  if (found) return found[1] ?? "";
  return /^\/(?:conference|participant)\//.test(pathname) ? "conferences" : null;
}

/** The same place of another app. */
export function otherApp(pathname: string, app: string): string {
  const place = /^\/apps\//.test(pathname) ? (placeOf(pathname) ?? "") : "";
  return addressOf(app, place);
}
