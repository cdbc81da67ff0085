/** What the page asks the server, one query each. */
import { queryOptions } from "@tanstack/svelte-query";

import { api, call, key, rowsOf } from "$lib/api";

import { merged, since } from "./model/evidence";
import type { CallEvent, Connection, FigureLine, Issue, Participant, Session } from "./model/shapes";

/** More events than these are not read into a page; the export has all of them. */
export const MOST_EVENTS = 10_000;
const PAGE = 200;
const LISTED_MS = 29 * 86_400_000;

const path = (id: string) => ({ path: { conference_id: id } });

export const conferenceQuery = (id: string) =>
  queryOptions({
    queryKey: key("conference", id),
    queryFn: async ({ signal }) =>
      (await call(api.GET("/v1/conferences/{conference_id}", { params: path(id), signal }))).data,
  });

export const participantsQuery = (id: string) =>
  queryOptions({
    queryKey: key("conference", id, "participants"),
    queryFn: async ({ signal }) =>
      rowsOf<Participant>(
        await call(api.GET("/v1/participants", { params: { query: { conferenceId: id } }, signal })),
      ),
  });

export const connectionsQuery = (id: string) =>
  queryOptions({
    queryKey: key("conference", id, "connections"),
    queryFn: async ({ signal }) =>
      rowsOf<Connection>(
        await call(api.GET("/v1/connections", { params: { query: { conferenceId: id } }, signal })),
      ),
  });

export const issuesQuery = (id: string) =>
  queryOptions({
    queryKey: key("conference", id, "issues"),
    queryFn: async ({ signal }) =>
      rowsOf<Issue>(await call(api.GET("/v1/issues", { params: { query: { conferenceId: id } }, signal }))),
  });

export const diagnosisQuery = (id: string) =>
  queryOptions({
    queryKey: key("conference", id, "diagnosis"),
    queryFn: async ({ signal }) =>
      (await call(api.GET("/v1/conferences/{conference_id}/diagnosis", { params: path(id), signal }))).data,
  });

/** Sums of what people heard: the audio score of each participant. */
export const heardQuery = (id: string) =>
  queryOptions({
    queryKey: key("conference", id, "heard"),
    queryFn: async ({ signal }) => {
      const query = { kind: "audio", direction: "inbound", resolution: "86400" };
      const answer = await call(
        api.GET("/v1/conferences/{conference_id}/figures", { params: { ...path(id), query }, signal }),
      );
      return answer.data.totals;
    },
  });

/** Whether the list has all sessions of a conference of that time. */
export function isListed(createdAt: string): boolean {
  return Date.now() - Date.parse(createdAt) < LISTED_MS;
}

/** Sessions of a conference. The list of the server goes back thirty days; those of older calls are asked for one by one. */
export const sessionsQuery = (id: string, createdAt: string, ids: readonly string[]) =>
  queryOptions({
    queryKey: key("conference", id, "sessions"),
    queryFn: async ({ signal }) => {
      const listed = rowsOf<Session>(
        await call(api.GET("/v1/sessions", { params: { query: { conferenceId: id } }, signal })),
      );
      if (isListed(createdAt)) return listed;
      const known = new Set(listed.map((session) => session.id));
      const older = ids.filter((session) => !known.has(session));
      return [...listed, ...(await inTurns(older, (session) => sessionOf(session, signal)))];
    },
  });

async function sessionOf(id: string, signal: AbortSignal): Promise<Session> {
  const params = { path: { session_id: id } };
  return (await call(api.GET("/v1/sessions/{session_id}", { params, signal }))).data;
}

/** A few at a time: browsers allow six connections to a host. */
async function inTurns<T, R>(given: readonly T[], act: (one: T) => Promise<R>, at_once = 4): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < given.length; from += at_once) {
    results.push(...(await Promise.all(given.slice(from, from + at_once).map(act))));
  }
  return results;
}

export interface Events {
  /** Oldest first. */
  list: CallEvent[];
  /** How many there are; more than in the list when that was cut. */
  total: number;
}

/** Everything but reports. */
export const eventsQuery = (id: string) =>
  queryOptions({
    queryKey: key("conference", id, "events"),
    queryFn: ({ signal }): Promise<Events> => readEvents(id, signal),
  });

async function readEvents(id: string, signal: AbortSignal): Promise<Events> {
  const first = await page(id, null, signal);
  const total = first.count;
  let list = first.list;
  if (total <= list.length) return { list, total };
  if (total <= MOST_EVENTS) return { list: merged(list, await rest(id, list, signal)), total };
  while (list.length < MOST_EVENTS) {
    const next = merged(list, (await page(id, since(list, 0), signal)).list);
    if (next.length === list.length) break;
    list = next;
  }
  return { list, total };
}

async function page(
  id: string,
  from: string | null,
  signal: AbortSignal,
): Promise<{ list: CallEvent[]; count: number }> {
  const query = { type: "-stats", limit: String(PAGE), ...(from ? { created_at_gte: from } : {}) };
  const answer = await call(
    api.GET("/v1/conferences/{conference_id}/events", { params: { ...path(id), query }, signal }),
  );
  return { list: rowsOf<CallEvent>(answer), count: answer.count ?? 0 };
}

/** All behind those that are known, in one answer. */
async function rest(id: string, known: readonly CallEvent[], signal: AbortSignal): Promise<CallEvent[]> {
  const query = { type: "-stats", created_at_gte: since(known, 0) };
  return rowsOf<CallEvent>(
    await call(api.GET("/v1/conferences/{conference_id}/events", { params: { ...path(id), query }, signal })),
  );
}

/** What was entered lately: for calls that run. */
export async function newEvents(id: string, known: Events, signal?: AbortSignal): Promise<Events> {
  const from = since(known.list);
  const query = { type: "-stats", ...(from ? { created_at_gte: from } : {}) };
  const params = { ...path(id), query };
  const answer = await call(
    api.GET("/v1/conferences/{conference_id}/events", { params, ...(signal ? { signal } : {}) }),
  );
  const list = merged(known.list, rowsOf<CallEvent>(answer));
  return { list, total: Math.max(known.total, list.length) };
}

/** Reports of a connection in a stretch of time, at most a page of them. */
export const reportsQuery = (id: string, connection: string, from: number, to: number) =>
  queryOptions({
    queryKey: key("conference", id, "reports", connection, from, to),
    queryFn: async ({ signal }) => {
      const query = {
        type: "stats",
        connectionId: connection,
        created_at_gte: new Date(from).toISOString(),
        created_at_lte: new Date(to).toISOString(),
        limit: String(PAGE),
      };
      const answer = await call(
        api.GET("/v1/conferences/{conference_id}/events", { params: { ...path(id), query }, signal }),
      );
      return { list: rowsOf<CallEvent>(answer), total: answer.count ?? 0 };
    },
    staleTime: 60_000,
  });

/** Figures of one connection, report by report as far as the server tells them so. */
export const pathQuery = (id: string, connection: string) =>
  queryOptions({
    queryKey: key("conference", id, "path", connection),
    queryFn: async ({ signal }): Promise<FigureLine[]> => {
      const query = { kind: "connection", connectionId: connection, resolution: "interval" };
      const answer = await call(
        api.GET("/v1/conferences/{conference_id}/figures", { params: { ...path(id), query }, signal }),
      );
      return answer.data.lines;
    },
    staleTime: 60_000,
  });

/** The first report of a connection at or after each of these instants: it names both ends of the pair. */
export const pairReportsQuery = (id: string, connection: string, instants: readonly number[]) =>
  queryOptions({
    queryKey: key("conference", id, "pairs", connection, instants.join(",")),
    queryFn: ({ signal }) =>
      inTurns(instants.slice(0, 24), async (at) => {
        // Figures are told to the microsecond, and dates of this language to the millisecond.
        const query = {
          type: "stats",
          connectionId: connection,
          created_at_gte: new Date(Math.floor(at) - 1).toISOString(),
          limit: "8",
        };
        const answer = await call(
          api.GET("/v1/conferences/{conference_id}/events", { params: { ...path(id), query }, signal }),
        );
        return rowsOf<CallEvent>(answer);
      }).then((pages) => pages.flat()),
    staleTime: 300_000,
  });

/** One event by its id, also of a report: what evidence names. Null when it is not there any more. */
export const eventQuery = (id: string, event: string) =>
  queryOptions({
    queryKey: key("conference", id, "event", event),
    queryFn: async ({ signal }) => {
      const query = { event_ids: event };
      const answer = await call(
        api.GET("/v1/conferences/{conference_id}/events", { params: { ...path(id), query }, signal }),
      );
      return rowsOf<CallEvent>(answer).find((one) => one.id === event) ?? null;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
