export {
  gathered,
  type Handlers,
  type LiveConference,
  type LiveConnection,
  type LiveEvents,
  type LiveFlow,
  type LiveSample,
  type LiveThing,
  type Watched,
} from "./events";
export { live, type LiveState, LiveStream } from "./stream.svelte";
