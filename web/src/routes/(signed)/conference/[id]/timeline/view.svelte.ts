/** What of the timeline is looked at: how far it is stretched, what part of it is on the screen, in which zone. */
import { getContext, setContext } from "svelte";

import type { Scale } from "../model/places";
import { zoomSteps } from "../model/places";
import type { Axis } from "../model/timeline";

const KEY = Symbol("timeline");

export class View {
  axis = $state<Axis>({ from: 0, to: 1 });
  /** Pixels of the track that are seen at once. */
  visible = $state(800);
  zoom = $state(1);
  utc = $state(false);
  /** Left edge of what is seen, in steps of half a screen, so that rows are drawn anew seldom. */
  #step = $state(0);

  readonly scale: Scale = $derived({ axis: this.axis, width: this.visible * this.zoom });
  readonly zooms: number[] = $derived(zoomSteps(this.axis, this.visible));
  /** Pixels that are worth drawing: what is seen, and a screen to either side. */
  readonly drawn: { from: number; to: number } = $derived({
    from: (this.#step - 2) * (this.visible / 2),
    to: (this.#step + 5) * (this.visible / 2),
  });
  /** The part of the axis that is worth drawing. */
  readonly part: Axis = $derived({
    from: Math.max(this.axis.from, this.at(this.drawn.from)),
    to: Math.min(this.axis.to, this.at(this.drawn.to)),
  });

  scrolled(left: number): void {
    this.#step = Math.floor(left / Math.max(1, this.visible / 2));
  }

  /** The instant at a place on the track. */
  at(px: number): number {
    return this.axis.from + (px / Math.max(1, this.scale.width)) * (this.axis.to - this.axis.from);
  }
}

export function provideView(): View {
  return setContext(KEY, new View());
}

export function useView(): View {
  return getContext<View>(KEY);
}
