// Signing in: who, and the secret. What was typed stays until it has worked.

import { useRef, useState } from "preact/hooks";
import { refusal, words } from "../i18n";
import { type View, live } from "../live";
import { go } from "../route";

export function SignIn({ view }: { view: View }) {
  const [name, setName] = useState("");
  const [secret, setSecret] = useState("");
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");
  const secretField = useRef<HTMLInputElement>(null);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setTrouble("");
    const answer = await live.connection.signIn({ name: name.trim(), secret });
    setBusy(false);
    if (answer && "token" in answer) return;
    setTrouble(answer ? refusal(answer) : words().noConnection);
    secretField.current?.select();
  };

  return (
    <main class="sign-in" id="content">
      <form class="card" onSubmit={submit}>
        <img src="/icon.svg" alt="" width="48" height="48" />
        <h2>{words().signInTitle}</h2>
        {view.link === "guest" && <p class="note">{words().closedHere}</p>}
        <label>
          {words().name}
          <input
            name="name"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
            autocomplete="username"
            required
            autofocus
          />
        </label>
        <label>
          {words().secret}
          <span class="with-button">
            <input
              name="secret"
              ref={secretField}
              {...(shown ? ({ type: "text" } as const) : ({ type: "password" } as const))}
              value={secret}
              onInput={(event) => setSecret(event.currentTarget.value)}
              autocomplete="current-password"
              required
            />
            <button type="button" class="quiet" onClick={() => setShown(!shown)}>
              {shown ? words().hideSecret : words().showSecret}
            </button>
          </span>
        </label>
        <p class="trouble" role="alert">
          {trouble}
        </p>
        <button class="primary" disabled={busy}>
          {busy ? words().signingIn : words().signIn}
        </button>
        {view.link !== "guest" && (
          <button type="button" class="quiet" onClick={() => go("/wallboard")}>
            {words().watchOnly}
          </button>
        )}
      </form>
      <Addresses view={view} />
    </main>
  );
}

/** Where to call and where phones register, for who tries the engine for the first time. */
function Addresses({ view }: { view: View }) {
  const { dial = [], register = [] } = view.about ?? {};
  return (
    <dl class="addresses">
      {dial.length > 0 && <dt>{words().toCall}</dt>}
      {dial.map((address) => (
        <dd key={address}>{address}</dd>
      ))}
      {register.length > 0 && <dt>{words().toRegister}</dt>}
      {register.map((address) => (
        <dd key={address}>{address}</dd>
      ))}
    </dl>
  );
}
