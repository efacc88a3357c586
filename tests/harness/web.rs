//! The engine's HTTP edge, asked by hand.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Asks one HTTP server.
#[derive(Clone, Copy)]
pub struct Web(pub SocketAddr);

impl Web {
    /// The status and body of `GET path`; `None` when nobody listens.
    pub async fn get(self, path: &str) -> Option<(u16, String)> {
        self.ask(&format!("GET {path}"), "").await
    }

    /// The token that `role` and `secret` get.
    ///
    /// # Panics
    /// When they get none.
    pub async fn sign_in(self, name: &str, secret: &str) -> String {
        let account = serde_json::json!({ "name": name, "secret": secret }).to_string();
        match self.ask("POST /session", &account).await {
            Some((200, body)) => {
                let answer: serde_json::Value = serde_json::from_str(&body).expect("the answer is JSON");
                answer["token"].as_str().expect("a token").to_owned()
            }
            other => panic!("no sign-in: {other:?}"),
        }
    }

    async fn ask(self, line: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.0).await.ok()?;
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.0,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// All metrics as they are now.
    ///
    /// # Panics
    /// When the engine does not serve them.
    pub async fn metrics(self) -> Metrics {
        match self.get("/metrics").await {
            Some((200, text)) => Metrics(text),
            other => panic!("no metrics: {other:?}"),
        }
    }
}

/// Metrics in Prometheus' text format.
pub struct Metrics(pub String);

impl Metrics {
    /// The sum of all samples of `name` that carry all of `labels`, each written as `label="value"`. Zero when there
    /// is no such sample.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let samples = self.0.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, carried) = series.split_once('{').unwrap_or((series, ""));
            (found == name && labels.iter().all(|label| carried.contains(label))).then_some(value)
        });
        samples.filter_map(|value| value.parse::<f64>().ok()).sum()
    }
}
