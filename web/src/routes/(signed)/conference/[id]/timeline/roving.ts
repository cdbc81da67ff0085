/** One stop of the Tab key for a row of buttons; arrows, Home and End move within it. For `{@attach roving}`. */
export function roving(row: HTMLElement): () => void {
  const buttons = (): HTMLElement[] =>
    [...row.querySelectorAll<HTMLElement>("button[data-kind]")].sort(
      (a, b) => a.offsetLeft - b.offsetLeft || a.offsetTop - b.offsetTop,
    );

  function only(current: HTMLElement): void {
    for (const button of buttons()) button.tabIndex = button === current ? 0 : -1;
  }

  function first(): void {
    const all = buttons();
    if (!all.some((button) => button.tabIndex === 0)) all[0]?.setAttribute("tabindex", "0");
  }

  function move(event: KeyboardEvent): void {
    const all = buttons();
    const at = all.indexOf(event.target as HTMLElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    const next = at < 0 || to === undefined ? undefined : all[to];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  const focused = (event: FocusEvent): void => {
    if ((event.target as HTMLElement).dataset["kind"]) only(event.target as HTMLElement);
  };
  const watch = new MutationObserver(first);
  watch.observe(row, { childList: true, subtree: true });
  row.addEventListener("keydown", move);
  row.addEventListener("focusin", focused);
  first();
  return () => {
    watch.disconnect();
    row.removeEventListener("keydown", move);
    row.removeEventListener("focusin", focused);
  };
}
