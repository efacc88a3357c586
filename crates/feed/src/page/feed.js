// The connection to the feed: resumes by itself, and knows what time it is at the server.

/** A connection is given up when nothing was heard for this many heartbeats. */
const BEATS_MISSED = 2.5;

/** Milliseconds between attempts to reconnect: the first, and the longest. */
const RETRY = { first: 500, longest: 8000 };

/** Closes after which the session is no more: there is none, another took its place, nobody renewed it. */
const CLOSE = { notSignedIn: 4401, replaced: 4409, expired: 4410 };

/** A session is renewed when this share of it has passed. */
const RENEW_AFTER = 0.5;

/**
 * Keeps `state` in step with the feed. `tell` is called with what happened: `changed`, `live`, `lost`, `guest`
 * (somebody has to sign in), `replaced`, `expired`.
 */
export class Feed {
  constructor(state, tell) {
    Object.assign(this, { state, tell, socket: null, live: false, hello: null, watching: false });
    this.clock = { server: Date.now(), local: performance.now(), rate: 1 };
    this.retry = RETRY.first;
    this.asked = new Map();
    this.renewal = 0;
    setInterval(() => this.watch(), 1000);
  }

  /** The operator who is signed in here, if one is. */
  get account() {
    return this.hello?.operator ?? null;
  }

  /** The server's time now, in milliseconds. */
  now() {
    return this.clock.server + (performance.now() - this.clock.local) * this.clock.rate;
  }

  connect() {
    const query = new URLSearchParams();
    if (this.state.seq !== null) {
      query.set("epoch", this.state.epoch);
      query.set("after", this.state.seq);
    }
    if (this.watching) query.set("role", "wallboard");
    const url = new URL(`/feed?${query}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    this.heard = performance.now();
    socket.onmessage = ({ data }) => socket === this.socket && this.take(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.socket && this.closed(code);
  }

  /** Sends a command. Resolves to its answer, or to null if there is no connection to send it by. */
  ask(command) {
    if (this.socket?.readyState !== WebSocket.OPEN) return Promise.resolve(null);
    const id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16).padStart(2, "0")).join("");
    this.socket.send(JSON.stringify({ id, ...command }));
    return new Promise((answer) => this.asked.set(id, answer));
  }

  /** Signs in. The browser keeps the token, where no script can read it. */
  async signIn(account) {
    const headers = { "Content-Type": "application/json" };
    try {
      const answer = await fetch("/session", { method: "POST", headers, body: JSON.stringify(account) });
      if (!answer.ok) return { type: "refused", ...(await answer.json()) };
    } catch {
      return null;
    }
    this.startAfresh({ watching: false });
    return { type: "ok" };
  }

  /** Goes back to watching only. */
  async signOut() {
    await fetch("/session", { method: "DELETE" }).catch(() => {});
    this.startAfresh({ watching: true });
  }

  /** Connects again as somebody else, who may see more or less: what is known is forgotten. */
  startAfresh({ watching }) {
    Object.assign(this, { watching, hello: null });
    this.state.seq = null;
    this.reconnect();
  }

  take(message) {
    this.heard = performance.now();
    // A hello alone proves little: the engine may be too busy for what follows.
    if (message.type !== "hello") this.retry = RETRY.first;
    switch (message.type) {
      case "hello": return this.greeted(message);
      case "heartbeat":
        this.setClock(message.time, this.clock.rate);
        return message.seq === this.state.seq || this.reconnect();
      case "snapshot":
        this.state.snapshot(message);
        return this.tell("changed");
      case "delta":
        return this.state.delta(message) ? this.tell("changed") : this.reconnect();
      case "ok":
      case "refused":
        this.asked.get(message.id)?.(message);
        this.asked.delete(message.id);
    }
  }

  greeted(hello) {
    this.hello = hello;
    this.setClock(hello.server_time, hello.clock_rate);
    this.renewAfter(hello.expires_in_s);
    this.live = true;
    this.tell("live");
  }

  renewAfter(seconds) {
    clearTimeout(this.renewal);
    if (seconds === undefined) return;
    const renew = async () => this.renewAfter((await this.ask({ do: "renew" }))?.expires_in_s);
    this.renewal = setTimeout(renew, seconds * 1000 * RENEW_AFTER);
  }

  setClock(server, rate) {
    this.clock = { server, local: performance.now(), rate };
  }

  closed(code) {
    this.live = false;
    this.socket = null;
    for (const answer of this.asked.values()) answer(null);
    this.asked.clear();
    if (Object.values(CLOSE).includes(code)) {
      const name = this.account;
      if (this.watching) return this.tell("guest");
      if (name && code !== CLOSE.notSignedIn) this.tell(code === CLOSE.replaced ? "replaced" : "expired", name);
      // Not signed out: another page of this browser may have the session.
      return this.startAfresh({ watching: true });
    }
    this.tell("lost");
    // Spread out, so that a thousand pages do not come back in the same instant.
    setTimeout(() => this.socket || this.connect(), this.retry * (0.5 + Math.random()));
    this.retry = Math.min(this.retry * 2, RETRY.longest);
  }

  reconnect() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.live = false;
    this.connect();
  }

  /** Notices a connection that died without a word. */
  watch() {
    const patience = (this.hello?.heartbeat_s ?? 15) * 1000 * BEATS_MISSED;
    if (this.socket && performance.now() - this.heard > patience) {
      const { socket } = this;
      this.socket = null;
      socket.close();
      this.closed(1006);
    }
  }
}
