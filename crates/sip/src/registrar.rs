//! The registrar of operators' and supervisors' phones (RFC 3261 §10.3).
//!
//! Always holds: an operator's phone is reported registered when it gets its first contact and unregistered when
//! it loses its last, in that order, never twice in a row. A contact is reached by the way its REGISTER came
//! (RFC 3581, and as RFC 5626 does), whatever address it wrote into it.

use crate::core::Core;
use crate::edge::{Incoming, behind_nat};
use crate::message;
use crate::record::{self, BindingRecord, WayRecord};
use crate::transport::Flow;
use crate::validate::Refusal;
use crate::websocket::WebUser;
use crate::{PhoneOwner, SipConfig, SipError, SipEvent, TrunkAuth};
use acd::OperatorId;
use rsipstack::sip::{Header, Request, Uri};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long after a restart a browser's phone counts as registered, until it is back.
const RETURN_GRACE: Duration = Duration::from_secs(30);

/// All phones and where they are.
pub(crate) struct Registrar {
    by_user: HashMap<String, usize>,
    phones: Vec<PhoneState>,
}

struct PhoneState {
    owner: PhoneOwner,
    user: String,
    secret: String,
    fixed: Option<Uri>,
    bindings: Mutex<Vec<Binding>>,
}

/// One contact of a phone.
struct Binding {
    uri: Uri,
    text: String,
    /// None for a TCP connection of before a restart. A WebSocket of before a restart leads nowhere, until there is
    /// another.
    flow: Option<Flow>,
    behind_nat: bool,
    expires: Instant,
    call_id: String,
    seq: u32,
}

/// Where to ring a phone.
pub(crate) struct Reach {
    pub(crate) uri: Uri,
    /// The way the phone registered, with whether it is the only one.
    pub(crate) flow: Option<(Flow, bool)>,
}

/// What one REGISTER asks for.
enum Change {
    Query,
    RemoveAll,
    Update(Vec<(String, Uri, Duration)>),
}

impl Registrar {
    pub(crate) fn new(config: &SipConfig) -> Result<Self, SipError> {
        let trunk_users = config.trunks.iter().filter_map(|t| match &t.auth {
            TrunkAuth::ByDigest { user, .. } => Some(user),
            TrunkAuth::ByAddress(_) => None,
        });
        let mut users = HashSet::new();
        if let Some(user) = config
            .phones
            .iter()
            .map(|p| &p.user)
            .chain(trunk_users)
            .find(|u| !users.insert(*u))
        {
            return Err(SipError::UserTwice { user: user.clone() });
        }
        let mut registrar = Self {
            by_user: HashMap::new(),
            phones: Vec::new(),
        };
        for phone in &config.phones {
            let parse = |text: &String| {
                let bad = || SipError::Contact {
                    user: phone.user.clone(),
                    contact: text.clone(),
                };
                Uri::try_from(text.as_str())
                    .ok()
                    .filter(|u| u.scheme.is_some())
                    .ok_or_else(bad)
            };
            let fixed = phone.contact.as_ref().map(parse).transpose()?;
            registrar
                .by_user
                .insert(phone.user.clone(), registrar.phones.len());
            registrar.phones.push(PhoneState {
                owner: phone.owner,
                user: phone.user.clone(),
                secret: phone.secret.clone(),
                fixed,
                bindings: Mutex::default(),
            });
        }
        Ok(registrar)
    }

    fn phone(&self, user: &str) -> Option<&PhoneState> {
        self.by_user.get(user).and_then(|&i| self.phones.get(i))
    }

    fn of_operator(&self, operator: OperatorId) -> Option<&PhoneState> {
        let owner = PhoneOwner::Operator(operator);
        self.phones.iter().find(|phone| phone.owner == owner)
    }

    /// The way by which a contact was registered last. Names of browsers are random: each stands for one phone.
    pub(crate) fn way_to_contact(&self, contact: &Uri) -> Option<Flow> {
        let same =
            |b: &&Binding| (&b.uri.host_with_port, b.uri.user()) == (&contact.host_with_port, contact.user());
        let newest = |phone: &PhoneState| phone.lock().iter().rev().find(same)?.flow.clone();
        self.phones.iter().find_map(newest)
    }

    /// Where to ring a user's phone now: the fixed contact, or the one registered last.
    pub(crate) fn reach(&self, user: &str, now: Instant) -> Option<Reach> {
        let phone = self.phone(user)?;
        if let Some(uri) = &phone.fixed {
            return Some(Reach {
                uri: uri.clone(),
                flow: None,
            });
        }
        let bindings = phone.lock();
        let newest = bindings.iter().rev().find(|b| b.expires > now)?;
        Some(Reach {
            uri: newest.uri.clone(),
            flow: newest.flow.clone().map(|flow| (flow, newest.behind_nat)),
        })
    }
}

impl Binding {
    fn record(&self) -> BindingRecord {
        BindingRecord {
            contact: self.text.clone(),
            way: self.flow.as_ref().map(WayRecord::from),
            behind_nat: self.behind_nat,
            expires: record::since_epoch(self.expires),
            call_id: self.call_id.clone(),
            seq: self.seq,
        }
    }
}

impl BindingRecord {
    fn binding(self, core: &Core) -> Option<Binding> {
        let expires = record::instant(self.expires);
        let expires = match self.way {
            Some(way) if way.is_websocket() => expires.min(Instant::now() + RETURN_GRACE),
            _ => expires,
        };
        Some(Binding {
            uri: Uri::try_from(self.contact.as_str()).ok()?,
            flow: self
                .way
                .filter(|way| way.is_websocket() || !way.is_stream())
                .and_then(|way| way.flow(core)),
            text: self.contact,
            behind_nat: self.behind_nat,
            expires,
            call_id: self.call_id,
            seq: self.seq,
        })
    }
}

impl PhoneState {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Binding>> {
        // A panic elsewhere leaves the list whole: it changes by single pushes and removals.
        self.bindings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the bindings, and reports when the first came or the last went. The lock is held for that, so that
    /// reports come in the order of the changes.
    fn change<T>(&self, core: &Core, change: impl FnOnce(&mut Vec<Binding>) -> T) -> T {
        let mut bindings = self.lock();
        let before = bindings.len();
        let result = change(&mut bindings);
        let after = bindings.len();
        core.metrics.registrations.add(after as i64 - before as i64);
        core.keep_phone(&self.user, || bindings.iter().map(Binding::record).collect());
        if self.fixed.is_some() || (before == 0) == (after == 0) {
            return result;
        }
        if after > 0 {
            tracing::info!(owner = ?self.owner, user = self.user, "phone registered");
        } else {
            tracing::info!(owner = ?self.owner, user = self.user, "phone unregistered");
        }
        if let PhoneOwner::Operator(operator) = self.owner {
            core.emit(match after {
                0 => SipEvent::PhoneUnregistered { operator },
                _ => SipEvent::PhoneRegistered { operator },
            });
        }
        result
    }

    fn operator(&self) -> Option<OperatorId> {
        match self.owner {
            PhoneOwner::Operator(operator) => Some(operator),
            PhoneOwner::Supervisor => None,
        }
    }
}

impl Core {
    /// Handles a REGISTER outside any dialog.
    pub(crate) async fn register(&self, incoming: Incoming) -> Result<(), Refusal> {
        let request = &incoming.request;
        let phones = &self.registrar;
        let signed_in = match self.web_user(&incoming.flow) {
            Some(WebUser::Operator(operator)) => phones.of_operator(operator),
            Some(WebUser::Guest) | None => None,
        };
        let user = match signed_in {
            Some(phone) => phone.user.clone(),
            None => self.authenticate(request, |user| phones.phone(user).map(|p| p.secret.as_str()))?,
        };
        let record = message::header(&request.headers, "To").and_then(message::uri);
        let phone = phones.phone(&user).ok_or(Refusal::new(403, "bad_credentials"))?;
        // One phone may not register another's address (RFC 3261 §10.3 item 4).
        if record.as_ref().and_then(|uri| uri.user()) != Some(user.as_str()) {
            return Err(Refusal::new(403, "foreign_record"));
        }
        let change = self.asked(request)?;
        let headers = self.apply(phone, change, &incoming)?;
        let response = self.response(
            &incoming.request,
            200,
            Some(&format!("{:016x}", self.local_tag(incoming.key_text(), ""))),
            headers,
            None,
        );
        // The credentials are used up: from here on a repeat must find the transaction.
        let mut transaction = incoming.begin(self);
        if let Err(error) = transaction.respond(response).await {
            tracing::debug!(%error, "could not answer a REGISTER");
        }
        Ok(())
    }

    /// Reads contacts and lifetimes out of a REGISTER.
    fn asked(&self, request: &Request) -> Result<Change, Refusal> {
        let seconds = |text: &str| text.trim().parse::<u32>().map(|s| Duration::from_secs(s.into()));
        let bad = |_| Refusal::new(400, "number");
        let expires = message::header(&request.headers, "Expires")
            .map(seconds)
            .transpose()
            .map_err(bad)?;
        let contacts: Vec<&str> = message::list(&request.headers, "Contact").collect();
        if contacts.contains(&"*") {
            let alone = contacts.len() == 1 && expires == Some(Duration::ZERO);
            return if alone {
                Ok(Change::RemoveAll)
            } else {
                Err(Refusal::new(400, "contact"))
            };
        }
        if contacts.is_empty() {
            return Ok(Change::Query);
        }
        let bounds = self.config.registration;
        let mut changes = Vec::with_capacity(contacts.len());
        for contact in contacts {
            let own = message::param(contact, "expires")
                .map(seconds)
                .transpose()
                .map_err(bad)?;
            let asked = own.or(expires).unwrap_or(bounds.default);
            if !asked.is_zero() && asked < bounds.min {
                let min = bounds.min.as_secs().to_string();
                return Err(Refusal::new(423, "interval_too_brief").with("Min-Expires", min));
            }
            let uri = message::uri(contact)
                .filter(|u| u.scheme.is_some())
                .ok_or(Refusal::new(400, "contact"))?;
            changes.push((message::uri_text(contact).to_owned(), uri, asked.min(bounds.max)));
        }
        Ok(Change::Update(changes))
    }

    /// Carries out what was asked; gives the Contact headers of the response.
    fn apply(&self, phone: &PhoneState, change: Change, incoming: &Incoming) -> Result<Vec<Header>, Refusal> {
        let request = &incoming.request;
        let call_id = message::header(&request.headers, "Call-ID").unwrap_or_default();
        let seq = message::cseq(&request.headers).unwrap_or(0);
        let now = Instant::now();
        let max = self.config.limits.contacts_max;
        phone.change(self, |bindings| {
            bindings.retain(|b| b.expires > now);
            // RFC 3261 §10.3 item 7: an older request of the same phone that arrives late changes nothing.
            if bindings.iter().any(|b| b.call_id == call_id && b.seq >= seq) {
                return Err(Refusal::new(500, "late_register"));
            }
            match change {
                Change::Query => {}
                Change::RemoveAll => bindings.clear(),
                Change::Update(changes) => {
                    for (text, uri, lifetime) in changes {
                        bindings.retain(|b| b.text != text);
                        if lifetime.is_zero() {
                            continue;
                        }
                        // The oldest gives way: a phone that restarts again and again leaves contacts behind.
                        if bindings.len() >= max && !bindings.is_empty() {
                            bindings.remove(0);
                        }
                        bindings.push(Binding {
                            uri,
                            text,
                            flow: Some(incoming.flow.clone()),
                            behind_nat: behind_nat(request, incoming.flow.remote.ip()),
                            expires: now + lifetime,
                            call_id: call_id.to_owned(),
                            seq,
                        });
                    }
                }
            }
            let contact = |b: &Binding| {
                let left = b.expires.saturating_duration_since(now).as_secs_f64().ceil();
                Header::Contact(format!("<{}>;expires={left}", b.text).into())
            };
            Ok(bindings.iter().map(contact).collect())
        })
    }

    /// Each operator's phone, and whether there is a way to it: a contact, or a fixed one.
    pub(crate) fn phones(&self) -> Vec<(OperatorId, bool)> {
        let reachable = |phone: &PhoneState| phone.fixed.is_some() || !phone.lock().is_empty();
        let phones = self.registrar.phones.iter();
        phones
            .filter_map(|phone| Some((phone.operator()?, reachable(phone))))
            .collect()
    }

    /// Brings a phone's contacts back, those apart whose time is over.
    pub(crate) fn restore_phone(&self, user: &str, records: Vec<BindingRecord>) {
        let Some(phone) = self.registrar.phone(user) else {
            return tracing::info!(user, "a phone of the last run is not configured any more");
        };
        let now = Instant::now();
        let bindings = records.into_iter().filter_map(|record| record.binding(self));
        let bindings: Vec<Binding> = bindings.filter(|b| b.expires > now).collect();
        self.metrics.registrations.add(bindings.len() as i64);
        *phone.lock() = bindings;
    }

    /// Reports the phones that are always dialled at a fixed contact: they are there from the start.
    pub(crate) fn report_fixed(&self) {
        let fixed = self.registrar.phones.iter().filter(|phone| phone.fixed.is_some());
        for operator in fixed.filter_map(PhoneState::operator) {
            self.emit(SipEvent::PhoneRegistered { operator });
        }
    }

    /// Drops the contacts that came by a connection which has ended.
    pub(crate) fn drop_contacts_of(&self, ended: &Flow) {
        let by_it = |b: &Binding| b.flow.as_ref().is_some_and(|flow| flow.serial == ended.serial);
        for phone in &self.registrar.phones {
            let any = phone.lock().iter().any(by_it);
            if any {
                phone.change(self, |bindings| bindings.retain(|b| !by_it(b)));
            }
        }
    }

    /// Drops contacts whose time is over.
    pub(crate) fn expire_contacts(&self, now: Instant) {
        for phone in &self.registrar.phones {
            let lapsed = phone.lock().iter().any(|b| b.expires <= now);
            if lapsed {
                phone.change(self, |bindings| bindings.retain(|b| b.expires > now));
            }
        }
    }
}

impl Incoming {
    fn key_text(&self) -> &str {
        message::header(&self.request.headers, "Call-ID").unwrap_or_default()
    }
}
