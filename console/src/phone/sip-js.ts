// SIP.js as the agent: SIP over a WebSocket of the page's own host (RFC 7118), sound by WebRTC.

import {
  type Invitation,
  Inviter,
  Registerer,
  RegistererState,
  type Session,
  SessionState,
  UserAgent,
  Web,
} from "sip.js";
import type { Agent, AgentCall, AgentEvents, CallEvents, MakeAgent } from "./agent";

/** The engine learns from where we talk, so candidates of ours are not waited for, in milliseconds. */
const GATHERING_MS = 200;

/** Seconds between registrations. The engine drops it as soon as the connection ends, so it may be long. */
const REGISTERED_S = 600;

/** Milliseconds of one key. */
const KEY_MS = 120;

/** The agent of `user`, on the host that `page` came from; as a guest, whoever is signed in in this browser. */
export function sipJs(user: string, page: Location, guest: boolean): MakeAgent {
  return (events) => new SipJs(user, page, guest, events);
}

class SipJs implements Agent {
  private readonly agent: UserAgent;
  private readonly registerer: Registerer;

  constructor(
    user: string,
    private readonly page: Location,
    guest: boolean,
    private readonly events: AgentEvents,
  ) {
    const socket = `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/sip`;
    this.agent = new UserAgent({
      uri: address(user, page),
      transportOptions: { server: guest ? `${socket}?role=guest` : socket },
      logLevel: "error",
      logBuiltinEnabled: false,
      sessionDescriptionHandlerFactoryOptions: {
        iceGatheringTimeout: GATHERING_MS,
        peerConnectionConfiguration: { iceServers: [] },
      },
      delegate: {
        onConnect: () => events.connected(),
        onDisconnect: () => events.disconnected(),
        onInvite: (invitation) => this.invited(invitation),
      },
    });
    this.registerer = new Registerer(this.agent, { expires: REGISTERED_S });
    this.registerer.stateChange.addListener((state) => events.registered(state === RegistererState.Registered));
  }

  async connect(): Promise<void> {
    await (this.agent.isConnected() ? undefined : this.agent.state === "Started" ? this.agent.reconnect() : this.agent.start());
  }

  async register(): Promise<void> {
    await this.registerer.register();
  }

  async dial(to: string, microphone: MediaTrackConstraints, events: CallEvents): Promise<AgentCall> {
    const inviter = new Inviter(this.agent, address(to, this.page), {
      earlyMedia: true,
      sessionDescriptionHandlerOptions: { constraints: { audio: microphone, video: false } },
    });
    follow(inviter, events);
    await inviter.invite();
    return new SipJsCall(inviter);
  }

  close(): void {
    void this.agent.stop();
  }

  private invited(invitation: Invitation): void {
    const events = this.events.rings(new SipJsCall(invitation));
    if (events === null) {
      void invitation.reject({ statusCode: 486 });
    } else {
      follow(invitation, events);
    }
  }
}

class SipJsCall implements AgentCall {
  constructor(private readonly session: Session) {}

  async answer(microphone: MediaTrackConstraints): Promise<void> {
    const options = { constraints: { audio: microphone, video: false } };
    await (this.session as Invitation).accept({ sessionDescriptionHandlerOptions: options });
  }

  end(): void {
    const { session } = this;
    const established = session.state === SessionState.Established;
    // A call that is over already needs no end.
    const gone = () => undefined;
    if (established) session.bye().catch(gone);
    else if (session instanceof Inviter) session.cancel().catch(gone);
    else if (session.state === SessionState.Initial) (session as Invitation).reject({ statusCode: 603 }).catch(gone);
    else session.dispose().catch(gone);
  }

  mute(on: boolean): void {
    for (const sender of connection(this.session)?.getSenders() ?? []) {
      if (sender.track !== null) sender.track.enabled = !on;
    }
  }

  key(digit: string): void {
    const handler = this.session.sessionDescriptionHandler;
    if (handler instanceof Web.SessionDescriptionHandler) handler.sendDtmf(digit, { duration: KEY_MS, interToneGap: KEY_MS });
  }

  refresh(): void {
    if (this.session.state === SessionState.Established) this.session.invite().catch(() => undefined);
  }
}

/** Tells what becomes of a session. */
function follow(session: Session, events: CallEvents): void {
  const listen = () => {
    const handler = session.sessionDescriptionHandler;
    if (!(handler instanceof Web.SessionDescriptionHandler)) return;
    events.sound(handler.remoteMediaStream);
    const peer = handler.peerConnection;
    peer?.addEventListener("connectionstatechange", () => {
      // The engine has gone, or the way to it, and would have said so if it could.
      if (peer.connectionState === "failed") session.dispose().catch(() => undefined);
    });
  };
  session.delegate = { onSessionDescriptionHandler: listen };
  session.stateChange.addListener((state) => {
    if (state === SessionState.Established) events.up();
    if (state === SessionState.Terminated) events.over();
  });
}

function connection(session: Session): RTCPeerConnection | undefined {
  const handler = session.sessionDescriptionHandler;
  return handler instanceof Web.SessionDescriptionHandler ? handler.peerConnection : undefined;
}

/** The host is only a name here: all goes by the page's connection. */
function address(user: string, page: Location) {
  const uri = UserAgent.makeURI(`sip:${user}@${page.hostname}`);
  if (uri === undefined) throw new Error(`"${user}" cannot be called`);
  return uri;
}
