// One participant of a recorded call. It reports as the PeerMetrics SDK does: the same requests in the same order, with the reports and
// events of the SDK's own stats library (@peermetrics/webrtc-stats). Driven by record.py through the functions on `window.call`.
"use strict";

const given = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const links = {}; // by the peer's name: {pc, ids, waiting}
let sessionToken = null;
let stream = new MediaStream();
let socket = null;

async function send(method, path, body, again) {
  const began = Date.now();
  const waits = again ? [1, 2, 4, 8, 16, 32] : [];
  for (let turn = 0; ; turn++) {
    const late = Date.now() - began;
    const text = JSON.stringify(turn ? { ...body, delta: (body.delta || 0) + late } : body);
    try {
      const response = await fetch("/v1" + path, { method, body: text, headers: { "Content-Type": "text/plain" } });
      if (response.ok) return await response.json();
    } catch (error) {
      // offline: once more, or given up below
    }
    if (turn >= waits.length) return null;
    await new Promise((done) => setTimeout(done, waits[turn] * 1000));
  }
}

const report = (method, path, body, again) => given.silent ? null : send(method, path, { ...body, token: sessionToken }, again);

const stats = new WebRTCStats({ getStatsInterval: 2000, remote: true, wrapGetUserMedia: true });

function plainTrack(track) {
  const { _track, ...rest } = track;
  return rest;
}

stats.on("timeline", (event) => {
  if (event.tag === "getUserMedia") return capture(event);
  const name = Object.keys(links).find((key) => links[key].id === event.connectionId);
  if (event.tag === "track") return trackEvent(event, links[name]);
  const link = links[name];
  if (!link || event.event === "addConnection") return;
  const since = Date.now();
  link.ready.then((ids) => {
    if (!ids) return;
    const delta = Date.now() - since;
    const base = { peerId: ids.peer_id, connectionId: ids.connection_id };
    if (event.tag === "stats") {
      return report("POST", "/stats", { data: event.data, ...base, timeTaken: event.timeTaken }, true);
    }
    const data = event.event === "onicecandidateerror" ? event.error : event.data ?? null;
    report("POST", "/connection", {
      eventName: event.event, ...base, timestamp: delta ? new Date(since).toISOString() : null, data, ...(delta ? { delta } : {}),
    });
  });
});

function capture(event) {
  const data = event.data;
  let told = null;
  if (data.error) told = { error: { name: data.error.name, message: data.error.message } };
  else if (data.details) told = { audio: data.details.audio.map(plainTrack), video: data.details.video.map(plainTrack) };
  else if (data.constraints) told = { constraints: data.constraints };
  if (told) report("POST", "/events/get-user-media", { eventName: "getUserMedia", data: told });
}

function trackEvent(event, link) {
  if (event.event === "ontrack") {
    link.ready.then((ids) => ids && report("POST", "/tracks", {
      event: "ontrack", peerId: ids.peer_id, connectionId: ids.connection_id,
      trackId: event.data.track.id, data: plainTrack(event.data.track),
    }, true));
    return;
  }
  const happened = event.data.event;
  const ready = link ? link.ready : Promise.resolve({});
  ready.then((ids) => ids && report("PUT", "/tracks", {
    event: event.event, connectionId: ids.connection_id, trackId: happened.target.id, data: happened.detail || {},
  }, true));
}

function open(peer) {
  const pc = new RTCPeerConnection({
    iceServers: given.ice, iceTransportPolicy: given.policy || "all", bundlePolicy: "max-bundle",
  });
  const link = (links[peer] = { pc, waiting: [], id: crypto.randomUUID() });
  link.ready = report("POST", "/connection", {
    eventName: "addConnection", peerId: peer, peerName: peer, connectionState: pc.connectionState, isSfu: peer === "sfu",
  }) || Promise.resolve(null);
  stats.addConnection({ pc, peerId: peer, connectionId: link.id });
  link.ready.then((ids) => ids && report("POST", "/connection", {
    eventName: "peerDetails", peerId: ids.peer_id, connectionId: ids.connection_id, timestamp: new Date().toISOString(),
    data: { options: { peerId: peer }, peerConfiguration: { iceTransportPolicy: given.policy || "all", bundlePolicy: "max-bundle",
      iceServers: given.ice.map(({ credential, ...rest }) => rest) } },
  }));
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  if (!stream.getAudioTracks().length) pc.addTransceiver("audio", { direction: "recvonly" });
  if (!stream.getVideoTracks().length && given.video !== false) pc.addTransceiver("video", { direction: "recvonly" });
  pc.addEventListener("icecandidate", (event) => event.candidate && tell(peer, { candidate: event.candidate }));
  pc.addEventListener("track", (event) => play(event.track));
  return link;
}

function play(track) {
  const element = document.createElement(track.kind === "video" ? "video" : "audio");
  element.srcObject = new MediaStream([track]);
  element.autoplay = element.muted = true;
  document.documentElement.append(element);
}

const tell = (to, message) => socket.send(JSON.stringify({ to, from: given.name, ...message }));

async function offer(peer, options) {
  const { pc } = links[peer] || open(peer);
  await pc.setLocalDescription(await pc.createOffer(options));
  tell(peer, { description: pc.localDescription });
}

async function hear(message) {
  if (given.deaf) return; // a server that answers nobody
  const link = links[message.from] || open(message.from);
  if (message.candidate) {
    if (!link.pc.remoteDescription) return link.waiting.push(message.candidate);
    return link.pc.addIceCandidate(message.candidate);
  }
  let description = message.description;
  if (given.forged) description = { type: description.type, sdp: forged(description.sdp) };
  await link.pc.setRemoteDescription(description);
  for (const candidate of link.waiting.splice(0)) await link.pc.addIceCandidate(candidate);
  if (message.description.type === "offer") {
    await link.pc.setLocalDescription();
    tell(message.from, { description: link.pc.localDescription });
  }
}

// A fingerprint that no certificate has, as from a middlebox that rewrites the session description: ICE works, DTLS cannot.
const forged = (sdp) => sdp.replace(/(a=fingerprint:sha-256 )(..)/g, (_, head, byte) => head + (byte === "00" ? "11" : "00"));

window.call = {
  async enter() {
    socket = new WebSocket(`ws://${location.host}/signals/${given.conference}/${given.name}`);
    await new Promise((done) => socket.addEventListener("open", done));
    socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
    if (given.silent) return;
    const { token } = await send("POST", "/initialize", {
      conferenceId: given.conference, conferenceName: given.conference, userId: given.name, userName: given.name, apiKey: given.key,
    });
    const devices = await navigator.mediaDevices.enumerateDevices();
    const answer = await send("POST", "/sessions", {
      platform: { ua: navigator.userAgent, browser: { name: "Chrome Headless", version: "156.0.0.0", major: "156" },
        engine: { name: "Blink" }, os: { name: "Linux" } },
      constraints: navigator.mediaDevices.getSupportedConstraints(),
      devices: devices.map(({ deviceId, kind, label, groupId }) => ({ deviceId, kind, label, groupId })),
      appVersion: "1.0.0", meta: {}, webrtcSdk: "", token,
    });
    sessionToken = answer.token;
    navigator.mediaDevices.addEventListener("devicechange", async () => {
      const now = await navigator.mediaDevices.enumerateDevices();
      report("POST", "/events/browser", { eventName: "mediaDeviceChange", devices: now });
    });
  },
  async capture(constraints) {
    try {
      stream = await navigator.mediaDevices.getUserMedia(constraints);
    } catch (error) {
      return error.name;
    }
    return "";
  },
  offer: (peer) => offer(peer),
  restart: (peer) => offer(peer, { iceRestart: true }),
  mute(on) {
    stream.getAudioTracks().forEach((track) => { track.enabled = !on; });
    report("POST", "/events/browser", { eventName: "custom", data: { eventName: on ? "mute" : "unmute" } });
  },
  hide: (hidden) => { report("POST", "/events/browser", { eventName: "tabFocus", focus: hidden }); },
  // A camera that is open and gives no picture: a canvas that is never painted again takes its place.
  async stall() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    canvas.getContext("2d").fillRect(0, 0, 320, 240);
    const [still] = canvas.captureStream(0).getVideoTracks();
    for (const { pc } of Object.values(links)) {
      for (const sender of pc.getSenders()) if (sender.track && sender.track.kind === "video") await sender.replaceTrack(still);
    }
  },
  // A page that is busy with something else nearly all of the time: whatever waits gets its turn between two long tasks.
  overload() {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const began = Date.now();
      while (Date.now() - began < 800);
      setTimeout(() => channel.port2.postMessage(0), 4);
    };
    channel.port2.postMessage(0);
  },
  async leave() {
    for (const { pc } of Object.values(links)) pc.close();
    await report("POST", "/events/browser", { eventName: "endCall" }, true);
  },
  states: () => Object.values(links).map(({ pc }) => pc.connectionState),
};

window.addEventListener("beforeunload", () => report("POST", "/events/browser", { eventName: "beforeunload" }));
window.addEventListener("unload", () => {
  if (!given.silent) navigator.sendBeacon("/v1/events/browser", JSON.stringify({ token: sessionToken, eventName: "unload" }));
});
