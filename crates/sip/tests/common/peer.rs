//! A peer on loopback that writes its SIP by hand.

use super::{Msg, PATIENCE};
use futures_util::{SinkExt, StreamExt};
use sip::{Sip, WebUser};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Mutex;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

static NEXT_BROWSER: AtomicU16 = AtomicU16::new(1);

/// Where a peer is reached.
enum Link {
    Udp(UdpSocket),
    Tcp(Mutex<(TcpStream, Vec<u8>)>),
    Ws(Box<Mutex<WebSocketStream<DuplexStream>>>),
}

/// A peer on loopback.
pub struct Peer {
    link: Link,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub via: &'static str,
    /// Where the peer says that it is reached.
    pub host: String,
}

impl Peer {
    pub async fn udp(remote: SocketAddr) -> Peer {
        let any: SocketAddr = if remote.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        }
        .parse()
        .expect("an address");
        let socket = UdpSocket::bind(any).await.expect("a socket");
        let local = socket.local_addr().expect("an address");
        Peer {
            link: Link::Udp(socket),
            local,
            remote,
            via: "UDP",
            host: local.to_string(),
        }
    }

    pub async fn tcp(remote: SocketAddr) -> Peer {
        let stream = TcpStream::connect(remote).await.expect("a connection");
        let local = stream.local_addr().expect("an address");
        Peer::over(stream, local, remote)
    }

    /// A peer at `local` on an open connection.
    pub fn over(stream: TcpStream, local: SocketAddr, remote: SocketAddr) -> Peer {
        Peer {
            link: Link::Tcp(Mutex::new((stream, Vec::new()))),
            local,
            remote,
            via: "TCP",
            host: local.to_string(),
        }
    }

    /// A browser that calls itself `name`, on a WebSocket which somebody has upgraded for `user`.
    pub fn browser(sip: &Sip, name: &str, user: WebUser) -> Peer {
        let (ours, theirs) = tokio::io::duplex(65_536);
        let local: SocketAddr = ([127, 0, 0, 1], NEXT_BROWSER.fetch_add(1, Ordering::Relaxed)).into();
        let sip = sip.clone();
        tokio::spawn(async move {
            sip.serve_websocket(theirs, local, user).await;
        });
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None);
        let socket = futures_util::FutureExt::now_or_never(socket).expect("nothing to wait for");
        Peer {
            link: Link::Ws(Box::new(Mutex::new(socket))),
            local,
            remote: local,
            via: "WS",
            host: format!("{name}.invalid;transport=ws"),
        }
    }

    pub async fn send(&self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub async fn send_bytes(&self, bytes: &[u8]) {
        match &self.link {
            Link::Udp(socket) => {
                socket.send_to(bytes, self.remote).await.expect("sent");
            }
            Link::Tcp(link) => link.lock().await.0.write_all(bytes).await.expect("sent"),
            Link::Ws(link) => {
                let text = String::from_utf8(bytes.to_vec()).expect("text");
                link.lock().await.send(Message::text(text)).await.expect("sent");
            }
        }
    }

    /// The next message.
    pub async fn recv(&self) -> Msg {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("a message in time")
    }

    /// Nothing is here now. Only after something that must have come later has come.
    pub fn silent(&self) {
        let Link::Udp(socket) = &self.link else {
            panic!("UDP only")
        };
        let mut buffer = [0; 4096];
        if let Ok((length, _)) = socket.try_recv_from(&mut buffer) {
            panic!("unexpected {}", String::from_utf8_lossy(&buffer[..length]));
        }
    }

    async fn read(&self) -> Msg {
        match &self.link {
            Link::Ws(_) => Msg::parse(self.text().await.as_bytes()),
            Link::Udp(socket) => {
                let mut buffer = vec![0; 65_536];
                let (length, _) = socket.recv_from(&mut buffer).await.expect("received");
                Msg::parse(&buffer[..length])
            }
            Link::Tcp(link) => {
                let mut link = link.lock().await;
                let (stream, buffer) = &mut *link;
                loop {
                    if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                        let head = Msg::parse(&buffer[..end + 4]);
                        let total = end + 4 + head.get("Content-Length").parse::<usize>().expect("a length");
                        if buffer.len() >= total {
                            let bytes: Vec<u8> = buffer.drain(..total).collect();
                            return Msg::parse(&bytes);
                        }
                    }
                    let read = stream.read_buf(buffer).await.expect("read");
                    assert!(read > 0, "the connection was closed");
                }
            }
        }
    }

    /// The next frame of text as it is, for a peer on a WebSocket.
    pub async fn text(&self) -> String {
        let Link::Ws(link) = &self.link else {
            panic!("WebSocket only")
        };
        loop {
            let read = tokio::time::timeout(PATIENCE, async { link.lock().await.next().await });
            match read
                .await
                .expect("a frame in time")
                .expect("it is open")
                .expect("a frame")
            {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Waits until the other side has closed the connection.
    pub async fn closed(&self) {
        if let Link::Ws(link) = &self.link {
            let mut link = link.lock().await;
            let end = async { while let Some(Ok(_)) = link.next().await {} };
            return tokio::time::timeout(PATIENCE, end).await.expect("closed in time");
        }
        let Link::Tcp(link) = &self.link else {
            panic!("TCP only")
        };
        let mut link = link.lock().await;
        let mut rest = Vec::new();
        // A reset is as good as an end.
        let _ = tokio::time::timeout(PATIENCE, link.0.read_to_end(&mut rest))
            .await
            .expect("closed in time");
    }

    /// The next response with this status; other provisional responses and repeats are passed over.
    pub async fn expect(&self, status: u16) -> Msg {
        loop {
            let msg = self.recv().await;
            if !msg.start.starts_with("SIP/2.0") {
                panic!("expected {status}, got {}", msg.start);
            }
            if msg.status() == status {
                return msg;
            }
            assert!(
                msg.status() < 200,
                "expected {status}, got {} {:?}",
                msg.start,
                msg.headers
            );
        }
    }

    /// The next request, which must have this method.
    pub async fn expect_request(&self, method: &str) -> Msg {
        let msg = self.recv().await;
        assert_eq!(msg.method(), method, "{msg:?}");
        msg
    }

    /// Responds to a request. `extra` are whole header lines.
    pub async fn respond(&self, request: &Msg, status: u16, to_tag: &str, extra: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status} Whatever\r\n");
        for via in request.all("Via") {
            text.push_str(&format!("Via: {via}\r\n"));
        }
        let tag = if request.tag("To").is_empty() && status > 100 {
            format!(";tag={to_tag}")
        } else {
            String::new()
        };
        text.push_str(&format!(
            "From: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:phone@{}>\r\n{extra}",
            request.get("From"),
            request.get("To"),
            request.get("Call-ID"),
            request.get("CSeq"),
            self.host,
        ));
        if !body.is_empty() {
            text.push_str("Content-Type: application/sdp\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        self.send(&text).await;
    }
}
