/** What all charts have in common: quiet axes, no movement, tips in our own clothes. */
import type { Palette } from "./model";

export function textStyle(palette: Palette, colour = palette.ink3): Record<string, unknown> {
  return { color: colour, fontFamily: palette.font, fontSize: 11 };
}

export function tooltip(palette: Palette, trigger: "axis" | "item"): Record<string, unknown> {
  return {
    trigger,
    confine: true,
    transitionDuration: 0,
    backgroundColor: palette.raised,
    borderColor: palette.line2,
    borderWidth: 1,
    padding: [7, 10],
    textStyle: { ...textStyle(palette, palette.ink), fontSize: 12 },
    extraCssText:
      "border-radius:8px;box-shadow:0 6px 20px rgb(0 0 0 / .16);max-width:22rem;white-space:normal",
    axisPointer: {
      type: "line",
      lineStyle: { color: palette.ink3, type: "solid", width: 1 },
      shadowStyle: { color: palette.ink, opacity: 0.05 },
      animation: false,
    },
  };
}

export function valueAxis(palette: Palette, format: (value: number) => string): Record<string, unknown> {
  return {
    type: "value",
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { ...textStyle(palette), formatter: format, margin: 10 },
    splitLine: { lineStyle: { color: palette.line } },
    splitNumber: 4,
  };
}

export function categoryAxis(palette: Palette, labels: readonly string[]): Record<string, unknown> {
  return {
    type: "category",
    data: labels,
    axisLine: { lineStyle: { color: palette.line2 } },
    axisTick: { show: false },
    axisLabel: { ...textStyle(palette), hideOverlap: true, margin: 10 },
  };
}

export function legend(palette: Palette, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: "scroll",
    left: 0,
    top: 0,
    icon: "roundRect",
    itemWidth: 9,
    itemHeight: 9,
    itemGap: 14,
    inactiveColor: palette.line2,
    textStyle: { ...textStyle(palette, palette.ink2), fontSize: 12 },
    pageIconColor: palette.ink2,
    pageIconInactiveColor: palette.line2,
    pageTextStyle: textStyle(palette),
    ...more,
  };
}
