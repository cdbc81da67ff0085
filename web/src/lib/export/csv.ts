/** Tables as files: RFC 4180, and safe to open in a spreadsheet. */

export type Cell = string | number | boolean | Date | null | undefined;

/** Spreadsheets take text that begins so for a formula; a quote before it says that it is text. */
const FORMULA = /^[=+\-@\t\r]/;

function told(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  if (cell instanceof Date) return Number.isNaN(cell.getTime()) ? "" : cell.toISOString();
  if (typeof cell === "number") return Number.isFinite(cell) ? String(cell) : "";
  if (typeof cell === "boolean") return String(cell);
  return FORMULA.test(cell) ? `'${cell}` : cell;
}

function quoted(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

export function toCsv(header: readonly string[], rows: Iterable<readonly Cell[]>): string {
  const lines = [header.map((name) => quoted(told(name))).join(",")];
  for (const row of rows) lines.push(row.map((cell) => quoted(told(cell))).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

/** A name for a file: what is safe everywhere, and the day. */
export function fileName(name: string, extension: string, at = new Date()): string {
  const safe = name
    .normalize("NFKD")
    .replace(/[^\w-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .toLowerCase();
  return `${safe || "signalbox"}-${at.toISOString().slice(0, 10)}.${extension}`;
}
