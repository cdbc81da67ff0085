export * from "./narrow";
export { default as NarrowFilters } from "./NarrowFilters.svelte";
