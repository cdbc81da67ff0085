/**
 * Charts that move together: who zooms or drags one takes the others along, and a pointer over one points into all.
 *
 * The chart under the hand is drawn with each picture. The others follow as far as a picture has time for them, in turns; those outside
 * of the window follow when the hand rests. Tips come back then, too: laying out a dozen of them takes longer than drawing the lines.
 */
import type { ECharts } from "echarts/core";

/** Milliseconds of a picture that may go into charts which only follow. */
const BUDGET_MS = 9;
/** A wheel that has not been turned for so long rests. */
const REST_MS = 140;

interface Seen {
  start: number;
  end: number;
}

interface Member {
  chart: ECharts;
  element: HTMLElement;
}

class Hand {
  moving = false;
  readonly #rested = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  moved(): void {
    this.moving = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.moving = false;
      for (const tell of this.#rested) tell();
    }, REST_MS);
  }

  onrest(tell: () => void): () => void {
    this.#rested.add(tell);
    return () => this.#rested.delete(tell);
  }
}

/** Whether somebody is zooming or dragging right now: there is one hand. */
export const hand = new Hand();

function inWindow({ element }: Member): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

export class Together {
  readonly #members = new Set<Member>();
  #seen: Seen | undefined;
  /** Charts that have not been drawn with what is seen now, the longest waiting first. */
  readonly #behind = new Set<Member>();
  #frame = 0;
  #pointing = 0;
  #unrest: (() => void) | undefined;

  get size(): number {
    return this.#members.size;
  }

  /** Takes a chart in; call the answer when it goes. */
  join(chart: ECharts, element: HTMLElement): () => void {
    const member = { chart, element };
    if (this.#members.size === 0)
      this.#unrest = hand.onrest(() => {
        this.#follow(true);
      });
    this.#members.add(member);
    chart.getZr().on("mousemove", ({ offsetX, offsetY }) => {
      this.#point(member, offsetX, offsetY);
    });
    chart.getZr().on("globalout", () => {
      this.#leave(member);
    });
    return () => {
      this.#members.delete(member);
      this.#behind.delete(member);
      if (this.#members.size > 0) return;
      cancelAnimationFrame(this.#frame);
      cancelAnimationFrame(this.#pointing);
      this.#unrest?.();
    };
  }

  /** A hand has moved this chart: per cent of the whole that are seen. */
  move(chart: ECharts, start: number, end: number): void {
    if (!hand.moving)
      for (const { chart: other } of this.#members)
        other.dispatchAction({ type: "hideTip" }, { silent: true });
    hand.moved();
    this.#seen = { start, end };
    for (const member of this.#members)
      if (member.chart === chart) this.#behind.delete(member);
      else this.#behind.add(member);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#follow(false);
    });
  }

  #follow(all: boolean): void {
    const until = performance.now() + BUDGET_MS;
    const seen = this.#seen;
    if (!seen) return;
    for (const member of [...this.#behind]) {
      if (!all && !inWindow(member)) continue;
      this.#behind.delete(member);
      // Silent: it tells nobody, or it would move the one under the hand.
      member.chart.dispatchAction({ type: "dataZoom", ...seen }, { silent: true });
      if (!all && performance.now() > until) break;
    }
  }

  #point(from: Member, x: number, y: number): void {
    if (hand.moving) return;
    cancelAnimationFrame(this.#pointing);
    this.#pointing = requestAnimationFrame(() => {
      if (hand.moving || from.chart.isDisposed() || !from.chart.containPixel("grid", [x, y])) return;
      const at = from.chart.convertFromPixel({ xAxisIndex: 0 }, x);
      for (const member of this.#others(from)) {
        if (!inWindow(member)) continue;
        const there = member.chart.convertToPixel({ xAxisIndex: 0 }, at);
        const middle = member.element.clientHeight / 2;
        member.chart.dispatchAction(
          { type: "updateAxisPointer", currTrigger: "mousemove", x: there, y: middle },
          { silent: true },
        );
      }
    });
  }

  #leave(from: Member): void {
    cancelAnimationFrame(this.#pointing);
    for (const { chart } of this.#others(from)) {
      chart.dispatchAction({ type: "updateAxisPointer", currTrigger: "leave" }, { silent: true });
      chart.dispatchAction({ type: "hideTip" }, { silent: true });
    }
  }

  #others(from: Member): Member[] {
    return [...this.#members].filter((member) => member !== from && !member.chart.isDisposed());
  }
}

const groups = new Map<string, Together>();

/** Takes a chart into the group of that name. */
export function join(
  name: string,
  chart: ECharts,
  element: HTMLElement,
): { group: Together; leave: () => void } {
  let group = groups.get(name);
  if (!group) groups.set(name, (group = new Together()));
  const found = group;
  const go = group.join(chart, element);
  return {
    group: found,
    leave: () => {
      go();
      if (found.size === 0 && groups.get(name) === found) groups.delete(name);
    },
  };
}
