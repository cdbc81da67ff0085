/** Lines of figures for tests, as the server answers them. */
import { type FigureColumns, type Flow, flowOf } from "./flows";

export const T0 = Date.UTC(2026, 0, 15, 10, 0, 0);

export interface Given extends Partial<Omit<FigureColumns, "begins_ms" | "ends_ms" | "figures">> {
  /** Seconds since the beginning at which the points end; each begins where the one before has ended. */
  at: readonly number[];
  begin?: number;
  figures: (at: number) => Record<string, number | string | null>;
}

export function lineOf({ at, begin = 0, figures, ...line }: Given): FigureColumns {
  const known = at.map(figures);
  const begins = at.map((_, place) => (place === 0 ? begin : (at[place - 1] ?? 0)));
  const names = [...new Set(known.flatMap((point) => Object.keys(point)))];
  const values = (name: string) => known.map((point) => point[name] ?? null);
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
    begins_ms: begins.map((seconds) => seconds * 1000),
    ends_ms: at.map((seconds) => seconds * 1000),
    figures: {
      seconds: at.map((end, place) => end - (begins[place] ?? 0)),
      ...Object.fromEntries(names.map((name) => [name, values(name)])),
    },
  };
}

export function flow(given: Given): Flow {
  return flowOf(lineOf(given), T0);
}

export function linkOf(given: Given): Flow {
  return flow({ ...given, kind: "connection", direction: null, key: null });
}
