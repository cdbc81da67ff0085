export { api, call, type CallOptions, onSignedOut, request, retryOnce } from "./client";
export { ApiError } from "./errors";
export { type Filters, key, meant } from "./keys";
export { answers } from "./queries";
export {
  type App,
  appsQuery,
  type Listing,
  type Me,
  meQuery,
  type Organization,
  organizationsQuery,
  rowsOf,
} from "./resources";
export type { components, paths } from "./schema";
