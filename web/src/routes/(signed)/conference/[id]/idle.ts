/** Two pictures and then a rest: what is on its way to the screen is there first. Call the answer to forget it. */
const LATEST_MS = 1_500;

export function whenIdle(act: () => void): () => void {
  let picture = requestAnimationFrame(() => {
    picture = requestAnimationFrame(() => {
      rest = later(act);
    });
  });
  let rest: (() => void) | undefined;
  return () => {
    cancelAnimationFrame(picture);
    rest?.();
  };
}

/** Not every browser tells when it rests (Safari does not): there it is a moment later. */
function later(act: () => void): () => void {
  if (typeof requestIdleCallback !== "function") {
    const timer = setTimeout(act, 100);
    return () => clearTimeout(timer);
  }
  const asked = requestIdleCallback(act, { timeout: LATEST_MS });
  return () => cancelIdleCallback(asked);
}
