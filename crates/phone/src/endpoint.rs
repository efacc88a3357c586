//! A phone: one SIP endpoint that registers, dials and is rung.

use crate::call::{self, Call, Incoming};
use crate::digest::Spelling;
use crate::{Codec, Digest, PhoneError};
use rsipstack::EndpointBuilder;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog::Dialog;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::registration::Registration;
use rsipstack::sip::{self, Method, StatusCode, Uri};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, TcpListenerConnection, TransportLayer};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Calls that may ring at once before the phone says it is busy.
const RINGING_MAX: usize = 64;

/// How SIP messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// One connection each way.
    Tcp,
}

impl Transport {
    const fn sip(self) -> sip::Transport {
        match self {
            Transport::Udp => sip::Transport::Udp,
            Transport::Tcp => sip::Transport::Tcp,
        }
    }
}

/// How a phone is set up.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// SIP user of the phone: the name it registers and calls by.
    pub user: String,
    /// The digest password; `None` for a phone that is known by its address.
    pub secret: Option<String>,
    /// The hash it answers challenges with.
    pub digest: Digest,
    /// The server's SIP address.
    pub server: SocketAddr,
    /// The local address to be reached at.
    pub bind: IpAddr,
    /// How SIP messages travel.
    pub transport: Transport,
    /// The G.711 law it offers and answers with.
    pub codec: Codec,
}

impl PhoneConfig {
    /// A phone on the loopback address of the server's family, over UDP, speaking A-law, without a password.
    pub fn new(user: &str, server: SocketAddr) -> Self {
        Self {
            user: user.to_owned(),
            secret: None,
            digest: Digest::Sha256,
            server,
            bind: if server.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)
            },
            transport: Transport::Udp,
            codec: Codec::Pcma,
        }
    }
}

/// A phone that is switched on until it is dropped.
pub struct Phone {
    line: Arc<Line>,
    registration: Mutex<Registration>,
    incoming: Mutex<mpsc::Receiver<Incoming>>,
    _off: DropGuard,
}

/// What a phone and its calls share.
pub(crate) struct Line {
    pub(crate) config: PhoneConfig,
    pub(crate) dialogs: Arc<DialogLayer>,
    pub(crate) contact: Uri,
    address: SocketAddr,
}

impl Line {
    /// A URI at the server.
    pub(crate) fn uri(&self, user: &str) -> Uri {
        uri(user, self.config.server, self.config.transport)
    }

    pub(crate) fn destination(&self) -> SipAddr {
        SipAddr::new(self.config.transport.sip(), self.config.server.into())
    }

    pub(crate) fn credential(&self) -> Option<Credential> {
        credential(&self.config)
    }

    pub(crate) fn failed(&self, request: &'static str) -> impl FnOnce(rsipstack::Error) -> PhoneError {
        let server = self.config.server;
        move |source| PhoneError::Stack {
            request,
            server,
            source: Box::new(source),
        }
    }
}

fn credential(config: &PhoneConfig) -> Option<Credential> {
    config.secret.as_ref().map(|secret| Credential {
        username: config.user.clone(),
        password: secret.clone(),
        realm: None,
        auth_username: None,
    })
}

fn uri(user: &str, host: SocketAddr, transport: Transport) -> Uri {
    let params = match transport {
        Transport::Udp => vec![],
        Transport::Tcp => vec![sip::Param::Transport(sip::Transport::Tcp)],
    };
    let auth = (!user.is_empty()).then(|| sip::Auth {
        user: user.to_owned(),
        password: None,
    });
    Uri {
        scheme: Some(sip::Scheme::Sip),
        auth,
        host_with_port: host.into(),
        params,
        headers: vec![],
    }
}

impl Phone {
    /// Switches a phone on: opens its SIP socket and listens. It sends nothing yet.
    ///
    /// # Errors
    /// [`PhoneError::Socket`] when the local address cannot be used.
    pub async fn start(config: PhoneConfig) -> Result<Phone, PhoneError> {
        let off = CancellationToken::new();
        let (transports, local) = open(&config, &off).await?;
        let endpoint = EndpointBuilder::new()
            .with_user_agent("holdfast-phone")
            .with_cancel_token(off.clone())
            .with_transport_layer(transports)
            .with_inspector(Box::new(Spelling(config.digest)))
            .build();
        let failed = |source| PhoneError::Stack {
            request: "listening",
            server: local,
            source: Box::new(source),
        };
        let transactions = endpoint.incoming_transactions().map_err(failed)?;
        let registration = registration(&endpoint.inner, &config, local);
        let line = Arc::new(Line {
            dialogs: Arc::new(DialogLayer::new(endpoint.inner.clone())),
            contact: uri(&config.user, local, config.transport),
            address: local,
            config,
        });
        let (ring, incoming) = mpsc::channel(RINGING_MAX);
        tokio::spawn(
            off.clone()
                .run_until_cancelled_owned(async move { endpoint.serve().await }),
        );
        tokio::spawn(
            off.clone()
                .run_until_cancelled_owned(serve(line.clone(), transactions, ring)),
        );
        Ok(Phone {
            line,
            registration: Mutex::new(registration),
            incoming: Mutex::new(incoming),
            _off: off.drop_guard(),
        })
    }

    /// The address the phone is reached at.
    pub fn address(&self) -> SocketAddr {
        self.line.address
    }

    /// Registers the phone for `expires`, or unregisters it when that is zero.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] with the final status when the server does not want it.
    pub async fn register(&self, expires: Duration) -> Result<(), PhoneError> {
        let seconds = u32::try_from(expires.as_secs()).unwrap_or(u32::MAX);
        let server = self.line.uri("");
        let mut registration = self.registration.lock().await;
        let response = registration
            .register(server, Some(seconds))
            .await
            .map_err(self.line.failed("REGISTER"))?;
        match response.status_code.code() {
            200..=299 => Ok(()),
            status => Err(PhoneError::Refused {
                request: "REGISTER",
                status,
            }),
        }
    }

    /// Dials `user` at the server and returns while it rings. `caller` is the number shown, by default the
    /// phone's own user.
    ///
    /// # Errors
    /// [`PhoneError::Socket`] when no socket for the audio could be opened.
    pub async fn call(&self, user: &str, caller: Option<&str>) -> Result<Call, PhoneError> {
        call::dial(&self.line, user, caller.unwrap_or(&self.line.config.user)).await
    }

    /// The next call that rings here. `None` when the phone is off.
    pub async fn rung(&self) -> Option<Incoming> {
        self.incoming.lock().await.recv().await
    }

    /// SIP dialogs this phone still knows of: zero when all calls are over and cleaned up.
    pub fn dialogs(&self) -> usize {
        self.line.dialogs.len()
    }
}

async fn open(
    config: &PhoneConfig,
    off: &CancellationToken,
) -> Result<(TransportLayer, SocketAddr), PhoneError> {
    let transports = TransportLayer::new(off.child_token());
    let socket_failed = |source| PhoneError::Socket {
        address: config.bind,
        source,
    };
    let local = match config.transport {
        Transport::Udp => {
            let any = SocketAddr::new(config.bind, 0);
            let udp = UdpConnection::create_connection(any, None, Some(off.child_token())).await;
            let udp = udp.map_err(|error| socket_failed(std::io::Error::other(error)))?;
            let local = udp.get_addr().get_socketaddr();
            transports.add_transport(udp.into());
            local.map_err(|error| socket_failed(std::io::Error::other(error)))?
        }
        Transport::Tcp => {
            // The stack binds its listener later: a port that is free now is chosen for it.
            let probe = std::net::TcpListener::bind((config.bind, 0)).map_err(socket_failed)?;
            let local = probe.local_addr().map_err(socket_failed)?;
            drop(probe);
            let listener = TcpListenerConnection::new(local, None).await;
            let listener = listener.map_err(|error| socket_failed(std::io::Error::other(error)))?;
            transports.add_transport(listener.into());
            local
        }
    };
    Ok((transports, local))
}

fn registration(endpoint: &EndpointInnerRef, config: &PhoneConfig, local: SocketAddr) -> Registration {
    let mut registration = Registration::new(endpoint.clone(), credential(config));
    registration.contact = Some(sip::typed::Contact {
        display_name: None,
        uri: uri(&config.user, local, config.transport),
        params: vec![],
    });
    registration
}

/// Answers what arrives: requests inside a dialog go to it, an INVITE rings, anything else gets its status.
async fn serve(line: Arc<Line>, mut transactions: TransactionReceiver, ring: mpsc::Sender<Incoming>) {
    while let Some(mut transaction) = transactions.recv().await {
        match line.dialogs.match_dialog(&transaction) {
            Some(Dialog::Invite(mut dialog)) => {
                tokio::spawn(async move {
                    if let Err(error) = dialog.handle(&mut transaction).await {
                        tracing::debug!(%error, "a request inside a dialog failed");
                    }
                });
            }
            _ => outside_dialog(&line, transaction, &ring).await,
        }
    }
}

async fn outside_dialog(line: &Arc<Line>, mut transaction: Transaction, ring: &mpsc::Sender<Incoming>) {
    let status = match transaction.original.method {
        Method::Invite => match call::ring(line, transaction, ring).await {
            Ok(()) => return,
            Err((rejected, status)) => {
                transaction = rejected;
                status
            }
        },
        Method::Ack => return,
        Method::Options => StatusCode::OK,
        _ => StatusCode::CallTransactionDoesNotExist,
    };
    if let Err(error) = transaction.reply(status).await {
        tracing::debug!(%error, "a reply could not be sent");
    }
}
