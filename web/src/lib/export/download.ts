/** Hand a file to the person, without asking the server. */
import { type Cell, fileName, toCsv } from "./csv";

export function download(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads the file after the click; a minute is plenty.
  setTimeout(() => {
    URL.revokeObjectURL(address);
  }, 60_000);
}

/** `name` without extension. The byte order mark makes Excel read UTF-8. */
export function downloadCsv(name: string, header: readonly string[], rows: Iterable<readonly Cell[]>): void {
  const content = new Blob(["\ufeff", toCsv(header, rows)], { type: "text/csv;charset=utf-8" });
  download(content, fileName(name, "csv"));
}

export function downloadJson(name: string, value: unknown): void {
  const content = new Blob([JSON.stringify(value, null, 2)], { type: "application/json" });
  download(content, fileName(name, "json"));
}

/** A picture given as a data address, as a chart draws it. */
export function downloadPng(name: string, dataUrl: string): void {
  const raw = atob(dataUrl.slice(dataUrl.indexOf(",") + 1));
  const content = Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
  download(new Blob([content], { type: "image/png" }), fileName(name, "png"));
}
