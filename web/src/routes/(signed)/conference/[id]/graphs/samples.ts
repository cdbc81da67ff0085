/** Lines of figures for tests, as the server answers them. */
import { type FigureLine, type Flow, flowOf } from "./flows";

export const T0 = Date.UTC(2026, 0, 15, 10, 0, 0);

export interface Given extends Partial<Omit<FigureLine, "points">> {
  /** Seconds since the beginning at which the points end; each begins where the one before has ended. */
  at: readonly number[];
  begin?: number;
  figures: (at: number) => Record<string, unknown>;
}

export function lineOf({ at, begin = 0, figures, ...line }: Given): FigureLine {
  const iso = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString();
  return {
    participant: "ada",
    session: "session",
    peer: "bob",
    connection: "ada-bob",
    track: null,
    kind: "audio",
    direction: "inbound",
    key: "IA1",
    ...line,
    points: at.map((end, place) => {
      const start = place === 0 ? begin : (at[place - 1] ?? 0);
      return { from: iso(start), to: iso(end), seconds: end - start, ...figures(end) };
    }),
  };
}

export function flow(given: Given): Flow {
  return flowOf(lineOf(given));
}

export function linkOf(given: Given): Flow {
  return flow({ ...given, kind: "connection", direction: null, key: null });
}
