/** The time of now for those who show it: one timer for the page, and none while nobody looks. */
import { createSubscriber } from "svelte/reactivity";

function ticking(everyMs: number): () => number {
  let now = Date.now();
  const subscribe = createSubscriber((update) => {
    const timer = setInterval(() => {
      now = Date.now();
      update();
    }, everyMs);
    return () => {
      clearInterval(timer);
    };
  });
  return () => {
    subscribe();
    if (Date.now() - now > everyMs) now = Date.now();
    return now;
  };
}

/** Milliseconds, changing once a second: for what runs. */
export const second = ticking(1_000);
/** Milliseconds, changing twice a minute: for "3 minutes ago". */
export const halfMinute = ticking(30_000);
