//! Browsers as phones: their SIP comes by a WebSocket of the web page's own server.

use feed::{Identity, Mount, Upgraded, Visitor};
use sip::{Sip, WebUser};
use std::sync::Arc;

/// The path `/sip`, with the subprotocol of RFC 7118 §3. An operator's connection ends with the session.
pub(crate) fn mount(sip: &Sip) -> Mount {
    let sip = sip.clone();
    Mount {
        path: "/sip",
        subprotocol: "sip",
        serve: Arc::new(move |visitor, stream| Box::pin(serve(sip.clone(), visitor, stream))),
    }
}

async fn serve(sip: Sip, mut visitor: Visitor, stream: Upgraded) {
    let user = match visitor.who {
        Identity::Operator(operator) => WebUser::Operator(operator),
        Identity::Supervisor | Identity::Nobody => WebUser::Guest,
    };
    let peer = visitor.peer;
    tokio::select! {
        () = sip.serve_websocket(stream, peer, user) => {}
        () = visitor.session_over() => {}
    }
}
