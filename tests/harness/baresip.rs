//! baresip, a real softphone: it sends a sound, and what it hears can be measured.

use crate::{Place, Process, SECRET, soon};
use phone::Heard;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Where baresip takes commands, on its own address.
const CONTROL_PORT: u16 = 4444;

/// How often a file or port is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Samples a second of what is judged.
const RATE: u32 = 8_000;

/// Octets of a WAV file's header, which baresip writes when it opens the file.
const WAV_HEADER_BYTES: usize = 44;

/// A baresip that sends a sound in every call.
pub struct Baresip {
    control: BufReader<TcpStream>,
    dir: PathBuf,
    engine: SocketAddr,
    _process: Process,
}

/// What is particular about one.
#[derive(Clone, Copy)]
pub struct Softphone<'a> {
    /// Its user part.
    pub user: &'a str,
    /// An operator's registers and picks up by itself; a caller's does neither.
    pub is_operator: bool,
    /// What it sends: a tone of so many hertz, or what a WAV file of 8,000 samples a second holds.
    pub sends: Sends<'a>,
    /// The one codec that it speaks, as baresip names it.
    pub codec: &'a str,
    /// Media encryption, as baresip names it: `srtp` beside RTP/AVP, `srtp-mand` in RTP/SAVP.
    pub encryption: Option<&'a str>,
}

/// What a softphone sends.
#[derive(Clone, Copy)]
pub enum Sends<'a> {
    /// A tone.
    Tone(u32),
    /// A file.
    File(&'a Path),
}

impl<'a> Softphone<'a> {
    /// One that speaks A-law in the clear and sends a tone.
    pub fn new(user: &'a str, hz: u32, is_operator: bool) -> Self {
        Self {
            user,
            is_operator,
            sends: Sends::Tone(hz),
            codec: "PCMA",
            encryption: None,
        }
    }
}

impl Baresip {
    /// Starts a softphone that speaks A-law and sends `hz`.
    pub async fn start(place: &Place, user: &str, hz: u32, engine: SocketAddr, is_operator: bool) -> Baresip {
        Self::with(place, engine, Softphone::new(user, hz, is_operator)).await
    }

    /// Starts a softphone.
    pub async fn with(place: &Place, engine: SocketAddr, phone: Softphone<'_>) -> Baresip {
        let ip = place.address();
        let user = phone.user;
        let dir = place.dir().join(format!("baresip-{user}"));
        std::fs::create_dir_all(&dir).expect("the place can be written");
        std::fs::write(dir.join("config"), config(ip, &phone)).expect("the place can be written");
        std::fs::write(dir.join("accounts"), account(engine, &phone)).expect("the place can be written");
        let mut command = Command::new("sh");
        // It records into the folder it is started in, whatever its configuration says.
        command
            .args(["-c", "cd \"$1\" && exec baresip -f \"$1\"", "sh"])
            .arg(&dir);
        let process = Process::start(place, &format!("baresip-{user}"), &mut command);
        let control = soon(
            "baresip's control port",
            connect(SocketAddr::new(ip, CONTROL_PORT)),
        )
        .await;
        Baresip {
            control: BufReader::new(control),
            dir,
            engine,
            _process: process,
        }
    }

    /// Dials `user` at the engine.
    pub async fn dial(&mut self, user: &str) {
        let uri = format!("sip:{user}@{}", self.engine);
        self.command("dial", &uri).await;
    }

    /// Has baresip do `command`: `hold`, `resume`, `hangup`.
    ///
    /// # Panics
    /// When it says that it cannot.
    pub async fn command(&mut self, command: &str, params: &str) {
        let text = json!({ "command": command, "params": params, "token": command }).to_string();
        let netstring = format!("{}:{text},", text.len());
        self.control
            .write_all(netstring.as_bytes())
            .await
            .expect("baresip takes commands");
        let answered = async {
            loop {
                let message = self.message().await;
                if message["response"] == true && message["token"] == command {
                    return message;
                }
            }
        };
        let answer = soon(&format!("baresip to {command}"), answered).await;
        assert_eq!(answer["ok"], true, "{command}: {answer}");
    }

    /// One netstring of JSON.
    async fn message(&mut self) -> Value {
        let mut length = Vec::new();
        self.control
            .read_until(b':', &mut length)
            .await
            .expect("baresip goes on");
        let digits: String = length
            .iter()
            .filter(|octet| octet.is_ascii_digit())
            .map(|&octet| octet as char)
            .collect();
        let mut text = vec![0; digits.parse().expect("a netstring begins with its length")];
        self.control.read_exact(&mut text).await.expect("baresip goes on");
        assert_eq!(
            self.control.read_u8().await.ok(),
            Some(b','),
            "a netstring ends with a comma"
        );
        serde_json::from_slice(&text).expect("baresip speaks JSON")
    }

    /// Waits until `length` of new sound has arrived, but no longer than `within`, and returns it.
    pub async fn hear(&self, length: Duration, within: Duration) -> Heard {
        let before = self.recorded().len();
        let wanted = before + (length.as_micros() / 125) as usize;
        let enough = async {
            while self.recorded().len() < wanted {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // Sound that does not come is for the caller to judge.
        let _ = tokio::time::timeout(within, enough).await;
        let recorded = self.recorded();
        Heard::from(recorded[before.min(recorded.len())..].to_vec())
    }

    /// Everything that was decoded in this call so far: of what has more than 8,000 samples a second, as wide codecs have,
    /// each n-th, and of several channels the first.
    fn recorded(&self) -> Vec<i16> {
        let file = newest_recording(&self.dir)
            .and_then(|path| std::fs::read(path).ok())
            .unwrap_or_default();
        let Some((header, sound)) = file.split_at_checked(WAV_HEADER_BYTES) else {
            return Vec::new();
        };
        let channels = usize::from(u16::from_le_bytes([header[22], header[23]]));
        let rate = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
        let step = 2 * channels * (rate / RATE) as usize;
        sound
            .chunks_exact(step.max(2))
            .map(|moment| i16::from_le_bytes([moment[0], moment[1]]))
            .collect()
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    loop {
        if let Ok(stream) = TcpStream::connect(address).await {
            return stream;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn newest_recording(dir: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(dir)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()));
    files
        .filter(|path| path.to_string_lossy().ends_with("dec.wav"))
        .max()
}

fn config(ip: IpAddr, phone: &Softphone<'_>) -> String {
    let source = match phone.sends {
        // Made at the highest rate, and brought to the codec's.
        Sends::Tone(hz) => format!("ausine,{hz}\nausrc_srate 48000\nausrc_channels 2"),
        Sends::File(file) => format!("aufile,{}", file.display()),
    };
    format!(
        "poll_method epoll
sip_listen {ip}:5060
net_interface {ip}
audio_player aubridge,sink
audio_source {source}
audio_alert aubridge,alert
rtp_ports 30000-30100
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module ausine.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module ctrl_tcp.so
module_app account.so
module_app menu.so
ctrl_tcp_listen {ip}:{CONTROL_PORT}
"
    )
}

fn account(engine: SocketAddr, phone: &Softphone<'_>) -> String {
    let Softphone {
        user,
        is_operator,
        codec,
        encryption,
        ..
    } = phone;
    let encryption = encryption.map_or(String::new(), |how| format!(";mediaenc={how}"));
    let (register_every, answer) = if *is_operator {
        (600, "auto")
    } else {
        (0, "manual")
    };
    format!(
        "<sip:{user}@{engine}>;auth_user={user};auth_pass={SECRET};regint={register_every};answermode={answer};\
         audio_codecs={codec}{encryption}\n"
    )
}
