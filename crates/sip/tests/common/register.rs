//! What a peer sends to be registered.

use super::{Msg, Peer, fresh};

/// Registers a phone: with digest, from this peer.
pub async fn register(peer: &Peer, user: &str, algorithm: &str, extra: &str) -> Msg {
    let call_id = fresh("reg");
    let text = register_text(peer, user, &call_id, 1, "", extra);
    peer.send(&text).await;
    let challenge = peer.expect(401).await;
    let credentials = credentials(
        &challenge,
        algorithm,
        "REGISTER",
        user,
        &format!("secret{user}"),
        1,
    );
    peer.send(&register_text(peer, user, &call_id, 2, &credentials, extra))
        .await;
    peer.recv().await
}

pub fn register_text(
    peer: &Peer,
    user: &str,
    call_id: &str,
    seq: u32,
    credentials: &str,
    extra: &str,
) -> String {
    let contact = if extra.contains("Contact:") {
        String::new()
    } else {
        format!("Contact: <sip:{user}@{}>\r\n", peer.host)
    };
    format!(
        "REGISTER sip:{} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{user}@holdfast>;tag=r1\r\nTo: <sip:{user}@holdfast>\r\nCall-ID: {call_id}\r\nCSeq: {seq} REGISTER\r\n\
         {contact}{extra}{credentials}Content-Length: 0\r\n\r\n",
        peer.remote,
        peer.via,
        peer.local,
        fresh("z9hG4bKreg"),
    )
}

/// An Authorization header line that answers a challenge.
pub fn credentials(
    challenge: &Msg,
    algorithm: &str,
    method: &str,
    user: &str,
    secret: &str,
    nc: u32,
) -> String {
    let offered = challenge
        .all("WWW-Authenticate")
        .find(|v| v.contains(&format!("algorithm={algorithm},")));
    let offered = offered.unwrap_or_else(|| panic!("no {algorithm} in {challenge:?}"));
    let part = |name: &str| {
        let from = offered.split(&format!("{name}=\"")).nth(1).expect("a parameter");
        from.split('"').next().expect("a value").to_owned()
    };
    let (realm, nonce, uri) = (part("realm"), part("nonce"), "sip:holdfast");
    let hash = |text: String| hex(algorithm, &text);
    let ha1 = hash(format!("{user}:{realm}:{secret}"));
    let ha2 = hash(format!("{method}:{uri}"));
    let response = hash(format!("{ha1}:{nonce}:{nc:08x}:cn:auth:{ha2}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm={algorithm}, qop=auth, nc={nc:08x}, cnonce=\"cn\"\r\n"
    )
}

pub fn hex(algorithm: &str, text: &str) -> String {
    use sha2::Digest;
    let bytes: Vec<u8> = match algorithm {
        "MD5" => md5::Md5::digest(text).to_vec(),
        _ => sha2::Sha256::digest(text).to_vec(),
    };
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
