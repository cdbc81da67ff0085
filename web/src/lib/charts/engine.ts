/** ECharts with what we use of it, and nothing else. Only ever imported lazily: it is a chunk of its own. */
import { BarChart, LineChart, PieChart, ScatterChart } from "echarts/charts";
import {
  DataZoomComponent,
  GeoComponent,
  GridComponent,
  LegendScrollComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
} from "echarts/components";
import { init, registerMap, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Feature } from "geojson";

import { unwrapped } from "./outlines";

use([
  BarChart,
  LineChart,
  PieChart,
  ScatterChart,
  DataZoomComponent,
  GeoComponent,
  GridComponent,
  LegendScrollComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  CanvasRenderer,
]);

/** A country with its outlines as one reads them on a flat map. */
function whole(country: Feature): Feature {
  const shape = country.geometry;
  if (shape.type === "Polygon")
    return { ...country, geometry: { ...shape, coordinates: shape.coordinates.map(unwrapped) } };
  if (shape.type !== "MultiPolygon") return country;
  const coordinates = shape.coordinates.map((part) => part.map(unwrapped));
  return { ...country, geometry: { ...shape, coordinates } };
}

let outlines: Promise<void> | undefined;

/** The outlines of countries, once; Antarctica has no calls and takes a quarter of the height. */
export function loadWorld(): Promise<void> {
  outlines ??= Promise.all([import("world-atlas/countries-110m.json"), import("topojson-client")]).then(
    ([atlas, { feature }]) => {
      const topology = atlas.default as unknown as Parameters<typeof feature>[0];
      const countries = topology.objects["countries"];
      if (!countries) throw new Error("no outlines");
      const drawn = feature(topology, countries);
      const features = "features" in drawn ? drawn.features : [drawn];
      const shown = features.filter(
        (one) => (one.properties as { name?: string } | null)?.name !== "Antarctica",
      );
      registerMap("world", { type: "FeatureCollection", features: shown.map(whole) } as never);
    },
  );
  return outlines;
}

export { init };
