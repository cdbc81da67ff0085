/** Circles on a map of the world. */
import { count, type Maybe } from "$lib/format";

import { tooltip } from "./base";
import { type ChartModel, tip } from "./model";

export interface Place {
  key: string;
  label: string;
  latitude: number;
  longitude: number;
  value: number;
  href?: string | undefined;
}

const SMALLEST = 10;
const BIGGEST = 30;
const ALIKE = 20;

/** Radius by count between the smallest and the biggest; the middle when all are alike. */
export function radii(values: readonly number[]): number[] {
  const least = Math.min(...values);
  const most = Math.max(...values);
  if (least === most) return values.map(() => ALIKE);
  return values.map((value) => SMALLEST + ((value - least) / (most - least)) * (BIGGEST - SMALLEST));
}

interface Input {
  places: readonly Place[];
  /** What is counted: "Sessions". */
  name: string;
  format?: (value: Maybe) => string;
}

export function worldMap({ places, name, format = count }: Input): ChartModel {
  // The big ones first, so that small ones lie on top and can be pointed at.
  const ordered = [...places].sort((a, b) => b.value - a.value);
  const sizes = radii(ordered.map(({ value }) => value));
  const total = places.reduce((sum, { value }) => sum + value, 0);
  return {
    map: true,
    empty: places.length === 0,
    summary: `${places.length} places, ${format(total)} in all`,
    table: () => ({
      head: "Place",
      series: [{ id: "value", name }],
      rows: ordered.map(({ key, label, value, href }) => ({ key, label, cells: { value: { value, href } } })),
      format,
    }),
    option: (palette) => ({
      animation: false,
      tooltip: {
        ...tooltip(palette, "item"),
        formatter: ({ dataIndex }: { dataIndex: number }) => {
          const place = ordered[dataIndex];
          return place ? tip(place.label, [{ name, value: format(place.value) }]) : "";
        },
      },
      geo: {
        map: "world",
        roam: true,
        scaleLimit: { min: 1, max: 12 },
        left: 0,
        right: 0,
        top: 4,
        bottom: 4,
        silent: true,
        tooltip: { show: false },
        itemStyle: { areaColor: palette.land, borderColor: palette.surface, borderWidth: 0.6 },
        emphasis: { disabled: true },
        label: { show: false },
      },
      series: [
        {
          id: "value",
          type: "scatter",
          coordinateSystem: "geo",
          color: palette.series[0],
          itemStyle: { opacity: 0.62, borderColor: palette.surface, borderWidth: 1 },
          emphasis: { itemStyle: { opacity: 0.9 } },
          cursor: places.some(({ href }) => href) ? "pointer" : "default",
          data: ordered.map((place, at) => ({
            name: place.label,
            key: place.key,
            value: [place.longitude, place.latitude, place.value],
            symbolSize: (sizes[at] ?? ALIKE) * 2,
          })),
        },
      ],
    }),
  };
}
