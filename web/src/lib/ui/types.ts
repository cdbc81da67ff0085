import type { Component, Snippet } from "svelte";

/** An icon of @lucide/svelte: `import Search from "@lucide/svelte/icons/search"`. */
export type Icon = Component<{ size?: number | string; "aria-hidden"?: boolean | "true"; class?: string }>;

/** What a signal says. `neutral` says nothing. */
export type Signal = "success" | "warning" | "error" | "ongoing" | "neutral";

export interface Option {
  value: string;
  label: string;
  /** How many there are, shown behind the label. */
  count?: number | undefined;
  hint?: string | undefined;
  disabled?: boolean | undefined;
}

export interface TabItem {
  /** Of a panel, or of the address that a link leads to. */
  id: string;
  label: string;
  href?: string | undefined;
  count?: number | null | undefined;
  icon?: Icon | undefined;
}

export interface Crumb {
  label: string;
  href?: string | undefined;
}

export interface MenuItem {
  label: string;
  icon?: Icon | undefined;
  href?: string | undefined;
  act?: (() => void) | undefined;
  danger?: boolean | undefined;
  disabled?: boolean | undefined;
  checked?: boolean | undefined;
  hint?: string | undefined;
}

/** Items, with "separator" between groups and text as a heading of what follows. */
export type MenuEntry = MenuItem | "separator" | { heading: string };

export interface Column<Row> {
  /** Unique in the table; `sort` of the table is this, or this with a minus. */
  key: string;
  title: string;
  /** For sorting here, for CSV, and for showing when there is no `cell`. */
  value?: ((row: Row) => string | number | boolean | Date | null | undefined) | undefined;
  /** For showing; else `value` as text. */
  cell?: Snippet<[Row]> | undefined;
  /** `end` for figures. */
  align?: "start" | "end" | "center" | undefined;
  sortable?: boolean | undefined;
  /** Biggest first when sorted for the first time, as for figures and times. */
  descending?: boolean | undefined;
  width?: string | undefined;
  /** Hidden on screens narrower than this. */
  from?: "sm" | "md" | "lg" | undefined;
  /** Explained on hover and focus of the title. */
  hint?: string | undefined;
  /** Not in the CSV file, as for buttons. */
  screenOnly?: boolean | undefined;
  /** Only in the CSV file. */
  fileOnly?: boolean | undefined;
}
