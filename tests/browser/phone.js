// A phone made of nothing but what a browser has: SIP by hand over a WebSocket, sound by WebRTC. One call at a time.
"use strict";

const phone = {
  state: "off",
  socket: null,
  user: "",
  name: Math.random().toString(36).slice(2) + ".invalid",
  number: 0,
  pending: new Map(),
  call: null,
  log: [],
};

/** Signs in as an operator, as the console does: the session is a cookie from then on. */
async function signIn(operator, secret) {
  const body = JSON.stringify({ role: "operator", name: operator, secret });
  const headers = { "content-type": "application/json" };
  const response = await fetch("/session", { method: "POST", headers, body });
  if (!response.ok) throw new Error(`signing in: ${response.status} ${await response.text()}`);
}

/** Opens the connection, and registers unless the phone is a caller's. */
async function start(user, registers) {
  phone.user = user;
  const socket = new WebSocket(`ws://${location.host}/sip`, "sip");
  await new Promise((open, failed) => {
    socket.onopen = open;
    socket.onerror = () => failed(new Error("no WebSocket at /sip"));
  });
  phone.socket = socket;
  socket.onmessage = (event) => take(event.data);
  socket.onclose = () => (phone.state = "off");
  if (registers) {
    const headers = [`Contact: <sip:${user}@${phone.name};transport=ws>`, "Expires: 600"];
    const answer = await request("REGISTER", `sip:${location.hostname}`, {
      from: `<sip:${user}@${location.hostname}>;tag=${word()}`,
      to: `<sip:${user}@${location.hostname}>`,
      callId: word(),
      headers,
    });
    if (answer.status !== 200) throw new Error(`REGISTER: ${answer.start}`);
  }
  if (phone.call === null) phone.state = "ready";
}

const word = () => Math.random().toString(36).slice(2);

/** Sends a request; gives its final response. */
function request(method, uri, { from, to, callId, headers = [], body = "", seq }) {
  const number = seq ?? ++phone.number;
  const branch = "z9hG4bK" + word();
  const lines = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/WS ${phone.name};branch=${branch}`,
    "Max-Forwards: 70",
    `From: ${from}`,
    `To: ${to}`,
    `Call-ID: ${callId}`,
    `CSeq: ${number} ${method}`,
    ...headers,
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
    `Content-Length: ${body.length}`,
  ];
  phone.socket.send(lines.join("\r\n") + "\r\n\r\n" + body);
  if (method === "ACK") return Promise.resolve(null);
  return new Promise((done) => phone.pending.set(branch, { done, number }));
}

function respond(to, status, headers = [], body = "") {
  const tag = to.headers.to.includes("tag=") || status === 100 ? "" : `;tag=${phone.call?.tag ?? word()}`;
  const lines = [
    `SIP/2.0 ${status} Whatever`,
    ...to.all.filter(([name]) => name === "via").map(([, value]) => `Via: ${value}`),
    `From: ${to.headers.from}`,
    `To: ${to.headers.to}${tag}`,
    `Call-ID: ${to.headers["call-id"]}`,
    `CSeq: ${to.headers.cseq}`,
    `Contact: <sip:${phone.user}@${phone.name};transport=ws>`,
    ...headers,
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
    `Content-Length: ${body.length}`,
  ];
  phone.socket.send(lines.join("\r\n") + "\r\n\r\n" + body);
}

function parse(text) {
  const end = text.indexOf("\r\n\r\n");
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const all = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  const status = first.startsWith("SIP/2.0 ") ? Number(first.slice(8, 11)) : null;
  return { start: first, status, method: first.split(" ")[0], headers: Object.fromEntries(all), all, body: text.slice(end + 4) };
}

async function take(text) {
  if (text.trim() === "") return;
  const message = parse(text);
  phone.log.push(message.start);
  if (message.status !== null) return answered(message);
  switch (message.method) {
    case "INVITE":
      return message.headers.to.includes("tag=") ? changed(message) : rung(message);
    case "CANCEL":
      respond(message, 200);
      if (phone.call?.invite) respond(phone.call.invite, 487);
      return over();
    case "BYE":
      respond(message, 200);
      return over();
    case "OPTIONS":
      return respond(message, 200);
    case "ACK":
      return;
    default:
      return respond(message, 405);
  }
}

function answered(response) {
  if (response.status < 200) return;
  const branch = /branch=([^;,\s]+)/.exec(response.headers.via)?.[1];
  const waiting = phone.pending.get(branch);
  phone.pending.delete(branch);
  waiting?.done(response);
}

function rung(invite) {
  // The same again after the engine was restarted: it rings on.
  if (phone.call !== null && phone.call.callId === invite.headers["call-id"]) {
    phone.call.invite = invite;
    return respond(invite, 180);
  }
  if (phone.call !== null) return respond(invite, 486);
  phone.call = {
    invite,
    tag: word(),
    callId: invite.headers["call-id"],
    target: /<([^>]+)>/.exec(invite.headers.contact)[1],
    remote: invite.headers.from,
    peer: null,
  };
  phone.call.local = `${invite.headers.to};tag=${phone.call.tag}`;
  phone.state = "rings";
  respond(invite, 180);
}

/** An offer of the engine's in the middle of the call. */
async function changed(invite) {
  const { peer } = phone.call;
  if (invite.body !== "") {
    await peer.setRemoteDescription({ type: "offer", sdp: invite.body });
    await peer.setLocalDescription();
  }
  respond(invite, 200, [], peer.localDescription.sdp);
}

async function connection() {
  const peer = new RTCPeerConnection();
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain });
  const [track] = microphone.getTracks();
  peer.addTrack(track, microphone);
  peer.ontrack = (event) => listen(new MediaStream([event.track]));
  return peer;
}

async function answer() {
  const { call } = phone;
  call.peer = await connection();
  await call.peer.setRemoteDescription({ type: "offer", sdp: call.invite.body });
  await call.peer.setLocalDescription();
  respond(call.invite, 200, [], call.peer.localDescription.sdp);
  call.invite = null;
  phone.state = "up";
}

/** Calls somebody from a page that nobody has signed in to. */
async function dial(to) {
  const call = (phone.call = { tag: word(), callId: word(), peer: await connection(), invite: null });
  phone.state = "rings";
  await call.peer.setLocalDescription();
  call.local = `<sip:visitor@${phone.name}>;tag=${call.tag}`;
  const target = `sip:${to}@${location.hostname}`;
  const headers = [`Contact: <sip:visitor@${phone.name};transport=ws>`];
  const { sdp } = call.peer.localDescription;
  const parts = { from: call.local, to: `<${target}>`, callId: call.callId, headers, body: sdp };
  const response = await request("INVITE", target, parts);
  if (response.status !== 200) throw new Error(response.start);
  call.remote = response.headers.to;
  call.target = /<([^>]+)>/.exec(response.headers.contact)[1];
  await call.peer.setRemoteDescription({ type: "answer", sdp: response.body });
  acknowledge(response);
  phone.state = "up";
}

function acknowledge(response) {
  const { call } = phone;
  const seq = Number(response.headers.cseq.split(" ")[0]);
  request("ACK", call.target, { from: call.local, to: call.remote, callId: call.callId, seq });
}

/** Puts the other side on hold, or takes it back; or only says that we are here. */
async function hold(on) {
  const { call } = phone;
  const [transceiver] = call.peer.getTransceivers();
  transceiver.direction = on ? "sendonly" : "sendrecv";
  await call.peer.setLocalDescription();
  const headers = [`Contact: <sip:${phone.user}@${phone.name};transport=ws>`];
  const { sdp } = call.peer.localDescription;
  const parts = { from: call.local, to: call.remote, callId: call.callId, headers, body: sdp };
  const response = await request("INVITE", call.target, parts);
  if (response.status !== 200) throw new Error(response.start);
  acknowledge(response);
  await call.peer.setRemoteDescription({ type: "answer", sdp: response.body });
}

function key(digit) {
  const [sender] = phone.call.peer.getSenders();
  sender.dtmf.insertDTMF(digit, 150, 100);
}

async function hangUp() {
  const { call } = phone;
  await request("BYE", call.target, { from: call.local, to: call.remote, callId: call.callId });
  over();
}

function over() {
  phone.call?.peer?.close();
  phone.call = null;
  phone.state = phone.socket.readyState === WebSocket.OPEN ? "ready" : "off";
}

const ears = { context: null, analyser: null };

function listen(stream) {
  // Chromium lets a peer's sound into WebAudio only while an element plays it.
  const audio = new Audio();
  audio.srcObject = stream;
  audio.muted = true;
  audio.play();
  ears.context ??= new AudioContext();
  const analyser = ears.context.createAnalyser();
  analyser.fftSize = 8192;
  ears.context.createMediaStreamSource(stream).connect(analyser);
  ears.analyser = analyser;
}

/** The loudest frequency that is heard now in hertz, and its share of the whole power. */
function heard() {
  const { analyser, context } = ears;
  if (!analyser) return { hertz: 0, share: 0 };
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.smoothingTimeConstant = 0;
  analyser.getFloatFrequencyData(bins);
  const powers = bins.map((decibels) => 10 ** (decibels / 10));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const loudest = powers.indexOf(Math.max(...powers));
  const near = powers.slice(Math.max(0, loudest - 4), loudest + 5).reduce((sum, power) => sum + power, 0);
  return { hertz: (loudest * context.sampleRate) / analyser.fftSize, share: total > 0 ? near / total : 0 };
}
