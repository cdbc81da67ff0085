/** Rules and channels in words, and the form of a rule: what stands in its fields, and what is sent of it. Pure. */
import type { Definition } from "$lib/alerts";
import type { components } from "$lib/api";
import type { Signal } from "$lib/ui/types";

export type { Definition, RuleItem } from "$lib/alerts";
export type FigureItem = components["schemas"]["FigureItem"];
export type Channel = components["schemas"]["ChannelItem"];
export type Kind = Definition["kind"];

export const DELIVERY_WORDS: Record<string, { word: string; signal: Signal }> = {
  waiting: { word: "Waiting", signal: "ongoing" },
  sent: { word: "Sent", signal: "success" },
  failed: { word: "Failed", signal: "error" },
};

export const CONTEXT_WORDS: Record<string, string> = { playback: "Playback", monitoring: "Calls" };

interface KindWords {
  word: string;
  meaning: string;
  /** Kinds of figures that it can look at. */
  looksAt: readonly string[];
  /** Fields of the form that say something. */
  fields: readonly NumberField[];
  turns: boolean;
}
export type NumberField =
  "fire_after" | "clear_after" | "least_n" | "least_k" | "factor" | "add" | "alpha" | "value" | "clear_value";

const LIFE: readonly NumberField[] = ["fire_after", "clear_after"];
export const KINDS: Record<Kind, KindWords> = {
  spike: {
    word: "Spike",
    meaning: "A share that its own past does not explain, tested against chance.",
    looksAt: ["share"],
    fields: ["least_n", "least_k", "factor", "add", "alpha", ...LIFE],
    turns: false,
  },
  shift: {
    word: "Shift",
    meaning: "Single values, such as startup times, that have moved beside the day before.",
    looksAt: ["values"],
    fields: ["least_n", "factor", "add", "alpha", ...LIFE],
    turns: true,
  },
  growth: {
    word: "Growth",
    meaning: "A ratio that has grown beside the day before.",
    looksAt: ["ratio", "share"],
    fields: ["least_n", "least_k", "factor", "add", ...LIFE],
    turns: true,
  },
  drop: {
    word: "Drop",
    meaning: "Far fewer than at this hour in the four weeks before.",
    looksAt: ["volume"],
    fields: ["least_n", "factor", ...LIFE],
    turns: false,
  },
  silence: {
    word: "Silence",
    meaning: "Nothing at all, where there was something just before.",
    looksAt: ["volume"],
    fields: ["least_n", ...LIFE],
    turns: false,
  },
  threshold: {
    word: "Threshold",
    meaning: "A figure above or below a value of your choice.",
    looksAt: ["share", "ratio", "volume", "values"],
    fields: ["value", "clear_value", "least_n", "least_k", ...LIFE],
    turns: true,
  },
};

/** Kinds of rules that can look at a figure. */
export function kindsFor(figure: Pick<FigureItem, "kind"> | undefined): { value: Kind; label: string }[] {
  return (Object.entries(KINDS) as [Kind, KindWords][])
    .filter(([, { looksAt }]) => !figure || looksAt.includes(figure.kind))
    .map(([value, { word }]) => ({ value, label: word }));
}

/** Fields in the figure's own unit; shares are written in per cent. */
const IN_UNIT: readonly NumberField[] = ["add", "value", "clear_value"];

export interface FieldWords {
  label: string;
  hint: string;
  optional?: boolean;
}
export function fieldWords(field: NumberField, kind: Kind): FieldWords {
  const words: Record<NumberField, FieldWords> = {
    fire_after: { label: "Opens after", hint: "Bad looks running; one a minute." },
    clear_after: { label: "Closes after", hint: "Calm looks running." },
    least_n: {
      label: kind === "silence" ? "Reports a minute before" : "Sessions at least",
      hint: kind === "silence" ? "As many must have come before." : "Fewer cannot tell.",
    },
    least_k: { label: "Failures at least", hint: "Fewer are let pass." },
    factor: {
      label: "Times the usual",
      hint: kind === "drop" ? "Bad is less than this of it." : "Bad is beyond this, and beyond the next.",
    },
    add: { label: "More than the usual by", hint: "Bad is beyond this, too." },
    alpha: { label: "False alarms", hint: "Probability that chance alone looks so bad." },
    value: { label: "Bad beyond", hint: "The value that must not be passed." },
    clear_value: { label: "Calm within", hint: "Empty: as soon as it is back.", optional: true },
  };
  return words[field];
}

/** What stands behind a field: its unit. */
export function unitOf(field: NumberField, unit: string): string {
  if (field === "fire_after" || field === "clear_after") return "looks";
  if (!IN_UNIT.includes(field)) return "";
  return { ratio: "%", ms: "ms", points: "points" }[unit] ?? "";
}

/** The fields as they are written: text, so that nothing is lost while somebody types. */
export interface Form {
  title: string;
  figure: string;
  kind: Kind;
  severity: "warning" | "critical";
  /** "all": everybody alone; "largest": the largest of some dimensions, too; "one": one cohort alone. */
  who: "all" | "largest" | "one";
  dimensions: string[];
  dimension: string;
  cohort: string;
  windows: string;
  direction: "above" | "below";
  numbers: Record<NumberField, string>;
}

const NUMBERS: readonly NumberField[] = [
  "fire_after",
  "clear_after",
  "least_n",
  "least_k",
  "factor",
  "add",
  "alpha",
  "value",
  "clear_value",
];

function written(value: number | null | undefined, scale: number): string {
  return value === null || value === undefined ? "" : String(Number((value * scale).toPrecision(12)));
}

/** What a rule says where nothing is written. */
const DEFAULTS: Required<Pick<Definition, "severity" | "dimensions" | "windows" | "direction">> = {
  severity: "warning",
  dimensions: [],
  windows: [5, 30],
  direction: "above",
};
type Whole = Definition & typeof DEFAULTS;

/** A rule to begin with. */
export const NEW: Definition = {
  title: "",
  figure: "playback_error_rate",
  kind: "threshold",
  fire_after: 2,
  clear_after: 10,
  least_n: 25,
  least_k: 5,
  factor: 2,
  add: 0.02,
  alpha: 1e-4,
  value: 0.05,
};

/** The form of a rule; `unit` is that of its figure. */
export function formOf(definition: Definition, unit: string): Form {
  const rule: Whole = { ...DEFAULTS, ...definition };
  const scale = (field: NumberField): number => (unit === "ratio" && IN_UNIT.includes(field) ? 100 : 1);
  return {
    title: rule.title,
    figure: rule.figure,
    kind: rule.kind,
    severity: rule.severity,
    who: rule.cohort ? "one" : rule.dimensions.length > 0 ? "largest" : "all",
    dimensions: [...rule.dimensions],
    dimension: rule.cohort?.dimension ?? "",
    cohort: rule.cohort?.value ?? "",
    windows: rule.windows.join(", "),
    direction: rule.direction,
    numbers: Object.fromEntries(
      NUMBERS.map((field) => [field, written(rule[field], scale(field))]),
    ) as Record<NumberField, string>,
  };
}

export type Complaints = Partial<Record<string, string>>;

function read(text: string): number | null | undefined {
  const bare = text.trim().replace(",", ".");
  if (bare === "") return null;
  const value = Number(bare);
  return Number.isFinite(value) ? value : undefined;
}

/** What is sent of a form; complaints by field where something is no number. */
export function definitionOf(form: Form, unit: string): { definition: Definition; complaints: Complaints } {
  const windows = form.windows
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
  const numbers = numbersOf(form, unit);
  const complaints = { ...wordsMissing(form, windows), ...numbers.complaints };
  const definition: Definition = {
    title: form.title.trim(),
    figure: form.figure,
    kind: form.kind,
    severity: form.severity,
    dimensions: form.who === "largest" ? form.dimensions : [],
    cohort: form.who === "one" ? { dimension: form.dimension, value: form.cohort.trim() } : null,
    windows,
    direction: KINDS[form.kind].turns ? form.direction : "above",
    value: null,
    clear_value: null,
    ...numbers.values,
  };
  return { definition, complaints };
}

function wordsMissing(form: Form, windows: readonly number[]): Complaints {
  const complaints: Complaints = {};
  if (windows.length === 0 || windows.some((one) => !Number.isInteger(one)))
    complaints["windows"] = "Whole minutes, parted by commas.";
  if (!form.title.trim()) complaints["title"] = "It needs a title.";
  if (form.who === "one" && !form.cohort.trim()) complaints["cohort"] = "Say which.";
  return complaints;
}

function numbersOf(
  form: Form,
  unit: string,
): { values: Partial<Record<NumberField, number>>; complaints: Complaints } {
  const complaints: Complaints = {};
  const values: Partial<Record<NumberField, number>> = {};
  for (const field of KINDS[form.kind].fields) {
    const value = read(form.numbers[field]);
    if (value === undefined || (value === null && field !== "clear_value"))
      complaints[field] = "A number is needed.";
    else if (value !== null)
      values[field] =
        unit === "ratio" && IN_UNIT.includes(field) ? Number((value / 100).toPrecision(12)) : value;
  }
  return { values, complaints };
}

/** Stretches of a back-test that can be asked for; single values are looked at for two days at most. */
export function spansFor(figure: Pick<FigureItem, "kind"> | undefined): { value: string; label: string }[] {
  const all = [
    { value: "24", label: "Last 24 hours" },
    { value: "48", label: "Last 2 days" },
    { value: "168", label: "Last 7 days" },
    { value: "720", label: "Last 30 days" },
  ];
  return figure?.kind === "values" ? all.slice(0, 2) : all;
}
