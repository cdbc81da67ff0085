export { default as Snippet } from "./Snippet.svelte";
export { snippetOf } from "./snippet";
