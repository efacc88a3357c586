// The page: what the state looks like, and the operator's keys.

import { Feed } from "/feed.js";
import { State, count } from "/state.js";
import { current, duration, refusal, say, timeOfDay, toggle, useTimeZone } from "/words.js";

/** The national standard (GB/T 33358-2016): answered within this time. */
const STANDARD_MS = 15_000;

/** Rows of waiting callers drawn; the others are counted. */
const ROWS_MAX = 100;

/** Lines drawn one by one; more would be too thin to see. */
const SEGMENTS_MAX = 60;

const $ = (id) => document.getElementById(id);
const state = new State();
const feed = new Feed(state, happened);
let notice = null;
let lostAt = null;

function happened(what, detail) {
  if (what === "live") lostAt = null;
  if (what === "lost") lostAt ??= feed.now();
  if (what === "replaced" || what === "expired") notice = () => say(what, { name: detail });
  if (what === "guest") {
    notice = () => say("closed");
    openSignIn();
  }
  if (what === "live" && feed.account) notice = null;
  redraw();
}

// Drawing: at most once a frame, and once a second for the running times.

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw() {
  drawStatus();
  drawMe();
  if (state.seq === null) return;
  const waiting = state.waiting();
  const operators = [...state.operators.values()];
  drawTiles(waiting, operators);
  drawWaiting(waiting);
  drawOperators(operators);
}

function text(id, value) {
  const node = typeof id === "string" ? $(id) : id;
  if (node.textContent !== value) node.textContent = value;
}

function drawStatus() {
  const status = feed.live ? "live" : feed.socket && lostAt === null ? "connecting" : "lost";
  $("status").dataset.status = status;
  text("status-text", say(status));
  text("clock", feed.hello ? timeOfDay(feed.now(), true) : "");
  const banner = lostAt !== null ? say("banner", { time: timeOfDay(lostAt, true) })
    : notice ? notice()
    : state.draining ? say("draining") : "";
  $("banner").hidden = banner === "";
  text("banner", banner);
  document.body.classList.toggle("stale", lostAt !== null);
}

function drawTiles(waiting, operators) {
  const stages = count(waiting, "stage");
  const { queued = 0, admitted = 0, ringing = 0 } = stages;
  text("depth", String(waiting.length));
  text("depth-note", waiting.length ? say("waiting_note", { queued, admitted, ringing }) : say("nobody"));

  const oldest = waiting.reduce((longest, call) => Math.max(longest, feed.now() - call.since), 0);
  const over = oldest > STANDARD_MS;
  text("oldest", waiting.length ? duration(oldest) : "–");
  $("oldest").classList.toggle("over", over);
  text("oldest-note", waiting.length ? (over ? `▲ ${say("over")}` : say("within")) : say("nobody"));

  drawLines(state.linesInUse());

  const states = count(operators, "state");
  const { signed_off = 0, available = 0, talking = 0, wrap_up = 0, paused = 0 } = states;
  text("free", String(available));
  text("signed-on", say("of_signed_on", { n: operators.length - signed_off }));
  text("free-note", say("operators_note", { talking, wrap_up, paused }));
}

function drawLines(inUse) {
  text("in-use", String(inUse));
  text("in-force", say("of", { n: state.lines }));
  const over = inUse - state.lines;
  const next = state.next_change === null ? say("lines_same")
    : say("lines_next", { n: state.next_lines, time: timeOfDay(state.next_change) });
  text("lines-note", over > 0 ? `▲ ${say("lines_over", { n: over })}` : next);
  const segments = $("segments");
  const wanted = Math.min(Math.max(state.lines, inUse), SEGMENTS_MAX);
  while (segments.childElementCount < wanted) segments.append(document.createElement("i"));
  while (segments.childElementCount > wanted) segments.lastElementChild.remove();
  [...segments.children].forEach((segment, index) => {
    segment.className = index < inUse ? (index < state.lines ? "used" : "used over") : "";
  });
}

/** Makes `body` have a row of `cells` cells for each of `rows`, reusing what is there. */
function fill(body, rows, cells) {
  while (body.childElementCount > rows) body.lastElementChild.remove();
  while (body.childElementCount < rows) {
    const row = body.insertRow();
    for (let i = 0; i < cells; i += 1) row.insertCell();
  }
  return [...body.rows];
}

function drawWaiting(waiting) {
  const shown = waiting.slice(0, ROWS_MAX);
  $("calls").parentElement.classList.toggle("one-queue", (feed.hello?.queues.length ?? 1) < 2);
  fill($("calls"), shown.length, 5).forEach((row, index) => {
    const call = shown[index];
    const [place, queue, caller, waited, stage] = row.cells;
    place.className = waited.className = "number";
    queue.className = "queue";
    text(place, String(call.place));
    text(queue, call.queue);
    text(caller, call.caller ?? say("withheld"));
    text(waited, duration(feed.now() - call.since));
    drawMark(stage, call.stage, say(call.stage, { operator: call.operator }));
  });
  $("nobody").hidden = waiting.length > 0;
  $("more").hidden = waiting.length <= ROWS_MAX;
  text("more", say("more", { n: waiting.length - ROWS_MAX }));
}

function drawOperators(operators) {
  fill($("operators"), operators.length, 5).forEach((row, index) => {
    const operator = operators[index];
    const [name, standing, lasted, phone, answered] = row.cells;
    row.classList.toggle("mine", operator.operator === feed.hello?.operator);
    lasted.className = answered.className = "number";
    text(name, operator.operator);
    drawMark(standing, operator.state, describe(operator));
    text(lasted, duration(feed.now() - operator.since));
    drawMark(phone, operator.phone ? "registered" : "unregistered", say(operator.phone ? "registered" : "unregistered"));
    text(answered, String(operator.answered));
  });
}

/** A shape for the eye and words for everybody: no state is told by colour alone. */
function drawMark(cell, kind, words) {
  let [mark, label] = cell.children;
  if (!mark) {
    mark = document.createElement("i");
    mark.ariaHidden = "true";
    label = document.createElement("span");
    cell.append(mark, label);
  }
  cell.classList.add("marked");
  mark.className = `mark ${kind}`;
  text(label, words);
}

function describe({ state: now, reason, until }) {
  if (now === "paused") return reason ? `${say("paused")} · ${say(reason)}` : say("paused");
  if (now === "wrap_up" && until) return `${say("wrap_up")} · ${say("ends_in", { time: duration(until - feed.now()) })}`;
  return say(now);
}

// The operator: state, keys, answers.

function mine() {
  return state.operators.get(feed.hello?.operator);
}

function drawMe() {
  const me = feed.account ? mine() : undefined;
  $("me").hidden = !me;
  $("sign-in-open").hidden = Boolean(feed.account);
  $("sign-out").hidden = !feed.account;
  if (!me) return;
  text("me-name", me.operator);
  drawMark($("me-state"), me.state, `${describe(me)} · ${duration(feed.now() - me.since)}`);
  $("do-extend_wrap_up").disabled = me.state !== "wrap_up";
  $("do-pause").disabled = $("do-sign_off").disabled = me.state === "signed_off";
  $("do-ready").disabled = ["available", "reserved", "talking"].includes(me.state);
}

async function command(what, more = {}) {
  showReasons(false);
  const answer = await feed.ask({ do: what, ...more });
  const failed = answer?.type !== "ok";
  $("answer").classList.toggle("failed", failed);
  text("answer", answer === null ? say("no_connection") : failed ? refusal(answer) : say("done"));
  return !failed;
}

const keys = {
  async ready() {
    if (mine()?.state !== "signed_off" || (await command("sign_on"))) await command("ready");
  },
  pause: () => showReasons($("reasons").hidden),
  extend_wrap_up: () => command("extend_wrap_up"),
  sign_off: () => command("sign_off"),
};

function showReasons(show) {
  $("reasons").hidden = !show;
  $("do-pause").ariaExpanded = String(show);
  $("reasons").replaceChildren();
  if (!show) return;
  (feed.hello?.pause_reasons ?? []).forEach((reason, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(say(reason));
    if (index < 9) button.append(Object.assign(document.createElement("kbd"), { textContent: index + 1 }));
    button.onclick = () => command("pause", { reason });
    $("reasons").append(button);
  });
  $("reasons").firstElementChild?.focus();
}

for (const [what, act] of Object.entries(keys)) $(`do-${what}`).onclick = act;

const byLetter = { r: "ready", p: "pause", w: "extend_wrap_up", s: "sign_off" };

addEventListener("keydown", (event) => {
  const busy = event.ctrlKey || event.metaKey || event.altKey || event.repeat || $("sign-in").open;
  if (busy || !feed.account || event.target.matches("input")) return;
  if (event.key === "Escape") return showReasons(false);
  const reason = $("reasons").hidden ? undefined : $("reasons").children[Number(event.key) - 1];
  const button = reason ?? $(`do-${byLetter[event.key.toLowerCase()]}`);
  if (!button || button.disabled) return;
  event.preventDefault();
  button.click();
});

// Signing in, the language, and what to dial.

function openSignIn() {
  text("sign-in-answer", "");
  if (!$("sign-in").open) $("sign-in").showModal();
}

$("sign-in-open").onclick = openSignIn;
$("sign-in-cancel").onclick = () => $("sign-in").close();
$("sign-out").onclick = () => feed.signOut();
$("sign-in-form").onsubmit = async (event) => {
  event.preventDefault();
  const answer = await feed.signIn({ name: $("who").value, secret: $("secret").value });
  if (answer?.type !== "ok") return text("sign-in-answer", answer ? refusal(answer) : say("no_connection"));
  $("secret").value = "";
  text("answer", "");
  notice = null;
  $("sign-in").close();
};

function speak() {
  document.documentElement.lang = current() === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-word]")) text(node, say(node.dataset.word));
  for (const node of document.querySelectorAll("[data-label]")) node.ariaLabel = say(node.dataset.label);
  text("language", say("language"));
  showReasons(false);
  redraw();
}

$("language").onclick = () => {
  toggle();
  speak();
};

async function about() {
  const { name, version, time_zone, dial, register } = await (await fetch("/about.json")).json();
  if (name) document.title = `${name} · Holdfast`;
  text("name", name || "Holdfast");
  useTimeZone(time_zone);
  text("dial", dial.join(" · ") || "–");
  text("register", register.join(" · ") || "–");
  text("version", `Holdfast ${version}`);
}

speak();
about();
feed.connect();
setInterval(redraw, 500);
