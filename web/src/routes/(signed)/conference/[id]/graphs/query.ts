/** Figures of a conference from the server, read into flows at once. */
import { keepPreviousData, queryOptions } from "@tanstack/svelte-query";

import { api, call, key } from "$lib/api";

import { type Flow, flowOf } from "./flows";
import type { Detail } from "./window";

export interface Read {
  flows: Flow[];
  /** Of what was asked for, in milliseconds since 1970. */
  from: number;
  to: number;
  /** Seconds of a point; null: one for each interval between reports. */
  resolutionS: number | null;
}

/** `detail` null: all of the call, as fine as the server holds to be right; else that part report by report. */
export const graphsQuery = (conference: string, detail: Detail | null) =>
  queryOptions({
    queryKey: key("conference", conference, "graphs", detail ? { ...detail } : "overview"),
    queryFn: async ({ signal }): Promise<Read> => {
      const query = detail ? { ...detail, resolution: "interval" } : {};
      const params = { path: { conference_id: conference }, query };
      const { data } = await call(
        api.GET("/v1/conferences/{conference_id}/figures/columns", { params, signal }),
      );
      const from = Date.parse(data.from);
      return {
        flows: data.lines.map((line) => flowOf(line, from)).filter((flow) => flow.to.length > 0),
        from,
        to: Date.parse(data.to),
        resolutionS: data.resolution_s,
      };
    },
    // Comparing tens of thousands of points with those before costs more than drawing them.
    structuralSharing: false,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
