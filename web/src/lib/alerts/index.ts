export { default as OpenAlerts } from "./OpenAlerts.svelte";
export { figuresQuery, openAlertsQuery, rulesQuery } from "./queries";
export * from "./words";
