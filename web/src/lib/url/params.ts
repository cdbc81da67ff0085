/** How filters are written into an address: one codec per parameter, each knowing its value of rest. */

export interface Codec<T> {
  /** From all values that the address has under the name; what cannot be read is the value of rest. */
  read(values: readonly string[]): T;
  /** The values to write; none when it is the value of rest, so that addresses stay short. */
  write(value: T): string[];
}

export type Spec = Record<string, Codec<unknown>>;
export type ValuesOf<S extends Spec> = { [K in keyof S]: S[K] extends Codec<infer T> ? T : never };

export function text(rest = ""): Codec<string> {
  return {
    read: ([value]) => value ?? rest,
    write: (value) => (value === rest ? [] : [value]),
  };
}

/** One of a few words; anything else is the first of them. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T): Codec<T[number]> {
  return {
    read: ([value]) => words.find((word) => word === value) ?? words[0],
    write: (value) => (value === words[0] ? [] : [value]),
  };
}

/** Several words, in the order in which they were chosen, each once. */
export function list(): Codec<string[]> {
  return {
    read: (values) => [...new Set(values.filter((value) => value !== ""))],
    write: (value) => [...value],
  };
}

export interface Bounds {
  min?: number;
  max?: number;
}

export function number(rest: number, bounds?: Bounds): Codec<number>;
export function number(rest?: null, bounds?: Bounds): Codec<number | null>;
export function number(
  rest: number | null = null,
  { min = -Infinity, max = Infinity }: Bounds = {},
): Codec<number | null> {
  return {
    read: ([value]) => {
      const read = value === undefined || value.trim() === "" ? Number.NaN : Number(value);
      return Number.isFinite(read) && read >= min && read <= max ? read : rest;
    },
    write: (value) => (value === null || value === rest ? [] : [String(value)]),
  };
}

export function flag(rest = false): Codec<boolean> {
  return {
    read: ([value]) => (value === undefined ? rest : value === "1" || value === "true" || value === ""),
    write: (value) => (value === rest ? [] : [value ? "1" : "0"]),
  };
}

/** An instant, or a day, in UTC. Written as a day when it is midnight. */
export function date(): Codec<Date | null> {
  return {
    read: ([value]) => {
      const read = value && /^\d{4}-\d\d-\d\d/.test(value) ? new Date(value) : null;
      return read && !Number.isNaN(read.getTime()) ? read : null;
    },
    write: (value) => {
      if (!value) return [];
      const iso = value.toISOString();
      return [iso.endsWith("T00:00:00.000Z") ? iso.slice(0, 10) : iso.replace(".000Z", "Z")];
    },
  };
}

/** All values of an address. */
export function readAll<S extends Spec>(spec: S, search: URLSearchParams): ValuesOf<S> {
  return Object.fromEntries(
    Object.entries(spec).map(([name, codec]) => [name, codec.read(search.getAll(name))]),
  ) as ValuesOf<S>;
}

/** The address's parameters with some values changed; parameters of others are left alone. */
export function changed<S extends Spec>(
  spec: S,
  search: URLSearchParams,
  values: Partial<ValuesOf<S>>,
): URLSearchParams {
  const next = new URLSearchParams(search);
  for (const [name, value] of Object.entries(values)) {
    const codec = spec[name];
    if (!codec) continue;
    next.delete(name);
    for (const written of codec.write(value)) next.append(name, written);
  }
  return next;
}

/** A link to `path` with the values given. */
export function link<S extends Spec>(path: string, spec: S, values: Partial<ValuesOf<S>>): string {
  const search = changed(spec, new URLSearchParams(), values).toString();
  return search ? `${path}?${search}` : path;
}
