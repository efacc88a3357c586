//! A real browser without a window, steered by the DevTools protocol, with a file for its microphone.

use crate::{Place, soon};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How often a page is asked whether something is so.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// One page in a browser of its own. The browser ends with it.
pub struct Chromium {
    _browser: Child,
    tools: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: u64,
    /// The session with the page.
    page: Option<String>,
}

impl Chromium {
    /// Opens `url`; its microphone hears `sound`, a WAV file, over and over.
    ///
    /// # Panics
    /// When there is no Chromium, or it does not come up.
    pub async fn open(place: &Place, name: &str, url: &str, sound: &Path) -> Self {
        let mut browser = Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--remote-debugging-port=0",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args([
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
            ])
            .arg(format!("--use-file-for-fake-audio-capture={}", sound.display()))
            .args([
                "--autoplay-policy=no-user-gesture-required",
                "--allow-loopback-in-peer-connection",
            ])
            .arg(format!("--user-data-dir={}", place.dir().join(name).display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("chromium runs; run `make setup`");
        let stderr = browser.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr).lines();
        let at = soon("chromium to say where it listens", async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(at) = line.strip_prefix("DevTools listening on ") {
                    return Some(at.to_owned());
                }
            }
            None
        })
        .await
        .expect("chromium listens");
        // Whatever else it says must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let (tools, _) = connect_async(at).await.expect("chromium can be steered");
        let mut chromium = Self {
            _browser: browser,
            tools,
            asked: 0,
            page: None,
        };
        let page = soon("chromium's page", chromium.find_page()).await;
        chromium.page = Some(page);
        // Until then a script would run in the blank page that was there before.
        let loaded = "document.readyState === 'complete' && location.protocol === 'http:'";
        chromium.until("the page to be loaded", loaded).await;
        chromium
    }

    /// The session in which the one page is steered.
    async fn find_page(&mut self) -> String {
        loop {
            let targets = self.ask("Target.getTargets", json!({})).await;
            let targets = targets["result"]["targetInfos"].as_array().into_iter().flatten();
            let mut pages =
                targets.filter(|target| target["type"] == "page" && target["url"] != "about:blank");
            if let Some(page) = pages.next() {
                let params = json!({ "targetId": page["targetId"], "flatten": true });
                let attached = self.ask("Target.attachToTarget", params).await;
                let session = attached["result"]["sessionId"].as_str();
                return session.expect("the page can be steered").to_owned();
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Runs a script in the page, and gives what it comes to, awaited if it is a promise.
    ///
    /// # Panics
    /// When the script throws.
    pub async fn run(&mut self, script: &str) -> Value {
        let params = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", params).await;
        let result = &answer["result"];
        assert!(result["exceptionDetails"].is_null(), "{script}: {answer}");
        result["result"]["value"].clone()
    }

    /// Waits until a script comes to true.
    pub async fn until(&mut self, what: &str, script: &str) {
        let so = async {
            while self.run(script).await != Value::Bool(true) {
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        soon(what, so).await;
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let mut question = json!({ "id": id, "method": method, "params": params });
        if let Some(page) = &self.page {
            question["sessionId"] = page.as_str().into();
        }
        let sent = self.tools.send(Message::text(question.to_string())).await;
        sent.expect("chromium lives");
        soon(method, async {
            loop {
                let message = self
                    .tools
                    .next()
                    .await
                    .expect("chromium lives")
                    .expect("a message");
                let Message::Text(text) = message else { continue };
                let answer: Value = serde_json::from_str(&text).expect("JSON");
                if answer["id"] == id {
                    return answer;
                }
            }
        })
        .await
    }
}
