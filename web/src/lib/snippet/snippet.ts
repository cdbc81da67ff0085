/** The lines that a page to be watched needs. */
export function snippetOf(origin: string, apiKey: string): string {
  return [
    'import { PeerMetrics } from "@peermetrics/sdk";',
    "",
    "const monitor = new PeerMetrics({",
    `  apiRoot: "${origin}/v1",`,
    `  apiKey: "${apiKey}",`,
    '  userId: "alice", // who this is in your system',
    '  conferenceId: "standup", // the same for all who are in the call',
    "});",
    "await monitor.initialize();",
    'await monitor.addConnection({ pc, peerId: "bob" }); // for every RTCPeerConnection',
  ].join("\n");
}
