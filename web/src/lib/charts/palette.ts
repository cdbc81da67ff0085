/** The tokens of the theme as colours that a canvas takes: it knows no custom properties, ECharts no oklch(). */
import type { Palette } from "./model";

let brush: CanvasRenderingContext2D | null = null;

function rgb(css: string): string {
  if (!brush) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    brush = canvas.getContext("2d", { willReadFrequently: true });
  }
  if (!brush) return css;
  brush.clearRect(0, 0, 1, 1);
  brush.fillStyle = css;
  brush.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = brush.getImageData(0, 0, 1, 1).data;
  return `rgb(${red},${green},${blue})`;
}

export function readPalette(element: Element = document.documentElement): Palette {
  const style = getComputedStyle(element);
  const token = (name: string): string => rgb(style.getPropertyValue(name).trim());
  return {
    ink: token("--ink"),
    ink2: token("--ink-2"),
    ink3: token("--ink-3"),
    line: token("--line-1"),
    line2: token("--line-2"),
    surface: token("--surface"),
    raised: token("--raised"),
    land: token("--surface-3"),
    accent: token("--accent"),
    signals: {
      success: token("--clear"),
      warning: token("--caution"),
      error: token("--stop"),
      ongoing: token("--running"),
      neutral: token("--ink-3"),
    },
    series: Array.from({ length: 10 }, (_, at) => token(`--series-${at + 1}`)),
    font: style.getPropertyValue("--font").trim(),
  };
}
