//! A browser's side of a leg: it checks by ICE, makes keys by DTLS, and then sends and hears SRTP.

use super::{PATIENCE, Packet};
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use hmac::{Hmac, KeyInit, Mac};
use is::stun::{StunMessage, TransId};
use media::bare::{BareSrtp, certificate};
use media::{
    Codec, DtlsRole, Fingerprint, IceCredentials, Link, MasterKey, Port, Remote, SrtpKeys, SrtpSuite, Webrtc,
    WebrtcEvent,
};
use sha1::Sha1;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a browser waits before it looks whether something is to be sent again.
const LOOK: Duration = Duration::from_millis(20);

pub struct Browser {
    pub port: Port,
    pub socket: UdpSocket,
    pub ice: IceCredentials,
    pub events: Receiver<WebrtcEvent>,
    pub remote: Remote,
    pub agreed: Webrtc,
    tell: media::WebrtcEvents,
    dtls: Dtls,
    pub srtp: Option<BareSrtp>,
    pub next: Packet,
    /// Datagrams of the handshake that the network loses.
    pub lost: u32,
}

pub fn socket(port: &Port) -> UdpSocket {
    let any: SocketAddr = (port.local().ip(), 0).into();
    let socket = UdpSocket::bind(any).expect("loopback has ports");
    socket.connect(port.local()).expect("loopback has routes");
    socket.set_read_timeout(Some(LOOK)).expect("a timeout can be set");
    socket
}

impl Browser {
    /// A browser with which nothing is agreed yet. `role` is the leg's.
    pub fn new(port: Port, role: DtlsRole) -> Self {
        let ice = IceCredentials::random().expect("randomness");
        let (certificate, private_key, fingerprint) = certificate().expect("a certificate");
        let shown = DtlsCertificate {
            certificate,
            private_key,
        };
        let config = Config::builder().flight_start_rto(Duration::from_millis(50));
        let mut dtls = Dtls::new_12(Arc::new(config.build().expect("settings")), shown, Instant::now());
        dtls.set_active(role == DtlsRole::Server);
        let (sender, events) = channel();
        let remote = Remote {
            rtp: ([0, 0, 0, 0], 9).into(),
            rtcp: ([0, 0, 0, 0], 9).into(),
            codec: Codec::Pcma,
            opus_pt: None,
            dtmf_pt: Some(101),
            dtmf_rate: 8_000,
            send: true,
            receive: true,
            ptime_ms: 20,
        };
        let agreed = Webrtc {
            ice,
            fingerprint,
            role,
            link: None,
        };
        Self {
            socket: socket(&port),
            port,
            ice,
            events,
            remote,
            agreed,
            tell: Arc::new(move |event| sender.send(event).unwrap_or_default()),
            dtls,
            srtp: None,
            next: Packet {
                pt: 8,
                marker: true,
                sequence: 1_000,
                timestamp: 0,
                ssrc: 77,
                payload: vec![],
            },
            lost: 0,
        }
    }

    pub fn agree(&self) {
        self.port
            .set_browser(self.remote, self.agreed, Arc::clone(&self.tell));
    }

    /// Agrees, and waits until both sides have keys.
    pub fn connected(mut self) -> Self {
        self.agree();
        self.check();
        self.shake_hands();
        self
    }

    /// Asks until it is answered, and says that it will talk from here.
    pub fn check(&self) {
        let start = Instant::now();
        let request = check(&self.ice, true);
        while start.elapsed() < PATIENCE {
            self.socket.send(&request).expect("loopback takes packets");
            if let Some(reply) = self.read() {
                let reply = StunMessage::parse(&reply).expect("STUN");
                assert!(reply.verify(self.ice.reveal_pwd().as_bytes(), hmac_sha1));
                assert_eq!(reply.mapped_address(), self.socket.local_addr().ok());
                return;
            }
        }
        panic!("no answer to a check");
    }

    pub fn shake_hands(&mut self) {
        let start = Instant::now();
        while self.srtp.is_none() && start.elapsed() < PATIENCE {
            self.step().expect("the handshake goes on");
        }
        assert!(self.srtp.is_some(), "the handshake ends");
    }

    /// Takes in what has come, and sends what is due.
    pub fn step(&mut self) -> Result<(), dimpl::Error> {
        let datagram = self.read();
        self.dtls.handle_timeout(Instant::now())?;
        if let Some(datagram) = datagram {
            self.dtls.handle_packet(&datagram)?;
        }
        let mut buffer = vec![0; 2_048];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(_) if self.lost > 0 => self.lost -= 1,
                Output::Packet(packet) => drop(self.socket.send(packet)),
                Output::KeyingMaterial(material, profile) => {
                    let client = self.agreed.role == DtlsRole::Server;
                    self.srtp = Some(BareSrtp::with(keys(&material, profile, client)));
                }
                Output::Timeout(_) => return Ok(()),
                _ => {}
            }
        }
    }

    /// One datagram, if one comes.
    pub fn read(&self) -> Option<Vec<u8>> {
        let mut bytes = [0; 2_048];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(bytes[..length].to_vec())
    }

    pub fn send(&mut self, payload: &[u8]) {
        self.next.payload = payload.to_vec();
        let sealed = self.srtp.as_mut().expect("keys").seal(false, &self.next.bytes());
        self.socket
            .send(&sealed.expect("a new index"))
            .expect("loopback takes packets");
        self.next.marker = false;
        self.next.sequence += 1;
        self.next.timestamp += super::FRAME as u32;
    }

    /// The next packet of RTP.
    pub fn receive(&mut self) -> Packet {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let Some(packet) = self.read() else { continue };
            if matches!(packet[..], [128..=191, 0..=127, ..] | [128..=191, 128..192 | 224.., ..]) {
                let opened = self.srtp.as_mut().expect("keys").open(false, &packet);
                return Packet::parse(&opened.expect("authentic"));
            }
        }
        panic!("no RTP comes");
    }

    /// The next packet of RTCP, which comes by the same port.
    pub fn receive_rtcp(&mut self) -> Vec<u8> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let Some(packet) = self.read() else { continue };
            if matches!(packet[..], [128..=191, 192..=223, ..]) {
                let opened = self.srtp.as_mut().expect("keys").open(true, &packet);
                return opened.expect("authentic");
            }
        }
        panic!("no RTCP comes");
    }

    pub fn link(&self) -> Link {
        match self.event() {
            WebrtcEvent::Connected(link) => link,
            other => panic!("{other:?}"),
        }
    }

    pub fn event(&self) -> WebrtcEvent {
        self.events.recv_timeout(PATIENCE).expect("it is told")
    }
}

/// A check of somebody who knows these credentials.
pub fn check(ice: &IceCredentials, nominate: bool) -> Vec<u8> {
    let username = format!("{}:brow", ice.ufrag());
    let request = StunMessage::binding_request(&username, TransId::new(), true, 7, 1, nominate);
    let mut packet = [0; 256];
    let length = request.to_bytes(Some(ice.reveal_pwd().as_bytes()), &mut packet, hmac_sha1);
    packet[..length.expect("it fits")].to_vec()
}

pub fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn keys(material: &[u8], profile: SrtpProfile, client: bool) -> SrtpKeys {
    let (suite, key, salt) = match profile {
        SrtpProfile::AEAD_AES_256_GCM => (SrtpSuite::AeadAes256Gcm, 32, 12),
        SrtpProfile::AEAD_AES_128_GCM => (SrtpSuite::AeadAes128Gcm, 16, 12),
        _ => (SrtpSuite::AesCm128HmacSha1_80, 16, 14),
    };
    let master = |side: usize| {
        let key_at = side * key;
        let salt_at = 2 * key + side * salt;
        let octets = [
            &material[key_at..key_at + key],
            &material[salt_at..salt_at + salt],
        ];
        MasterKey::new(suite, &octets.concat()).expect("of the right length")
    };
    let (local, remote) = if client {
        (master(0), master(1))
    } else {
        (master(1), master(0))
    };
    SrtpKeys {
        suite,
        local,
        remote,
        resumed: false,
    }
}

/// The fingerprint of nobody's certificate.
pub fn strange() -> Fingerprint {
    Fingerprint([7; 32])
}
