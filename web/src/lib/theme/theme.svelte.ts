/** Light, dark, or as the system has it. The choice is stored; `/theme.js` applies it before the first paint. */
import { browser } from "$app/environment";
import { MediaQuery } from "svelte/reactivity";

export type Theme = "system" | "light" | "dark";

export const THEME_KEY = "signalbox.theme";

export function readTheme(stored: string | null | undefined): Theme {
  return stored === "light" || stored === "dark" ? stored : "system";
}

function stored(): Theme {
  try {
    return readTheme(localStorage.getItem(THEME_KEY));
  } catch {
    return "system"; // storage is switched off
  }
}

const dark = new MediaQuery("(prefers-color-scheme: dark)");
let choice = $state<Theme>(browser ? stored() : "system");

export const theme = {
  get choice(): Theme {
    return choice;
  },
  /** What is shown now. */
  get shown(): "light" | "dark" {
    if (choice !== "system") return choice;
    return dark.current ? "dark" : "light";
  },
  choose(next: Theme): void {
    choice = next;
    try {
      if (next === "system") localStorage.removeItem(THEME_KEY);
      else localStorage.setItem(THEME_KEY, next);
    } catch {
      // Then it holds for this page only.
    }
  },
};

/** Keeps the document in the theme that is shown; for the outermost layout. */
export function followTheme(): void {
  $effect(() => {
    document.documentElement.dataset["theme"] = theme.shown;
  });
}
