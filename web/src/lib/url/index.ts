export * from "./params.svelte";
export {
  boundsOf,
  type Bounds as RangeBounds,
  dayRange,
  daysOf,
  type Preset,
  PRESETS,
  PRESET_WORDS,
  type Range,
  range,
  rangeWords,
} from "./range";
