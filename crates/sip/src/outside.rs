//! Phones outside the house: where they are, and as whom we call them.
//!
//! Owns the trunks' ways out and the places that calls are forwarded to, read once at start. What happens on such a leg
//! is that of any leg that we dial.

use crate::config::{Account, SipConfig, WayOut};
use crate::core::Core;
use crate::inviting::Asking;
use crate::{SipError, SrtpPolicy};
use acd::{CallerNumber, Destination, LegId, TrunkId};
use rsipstack::sip::uri::Auth;
use rsipstack::sip::{Scheme, Uri};
use std::collections::BTreeMap;
use std::sync::Arc;
use tracing::warn;

/// All of them, made for dialling.
pub(crate) struct Outside {
    ways: BTreeMap<TrunkId, Provider>,
    places: Vec<Uri>,
}

/// A trunk's way out.
struct Provider {
    uri: Uri,
    from_user: String,
    account: Option<Account>,
    srtp: SrtpPolicy,
}

impl Outside {
    pub(crate) fn new(config: &SipConfig) -> Result<Self, SipError> {
        let provider = |(trunk, way): (&TrunkId, &WayOut)| {
            let provider = Provider {
                uri: sip_uri("the way out of a trunk", &way.uri)?,
                from_user: way.from_user.clone(),
                account: way.account.clone(),
                srtp: usize::try_from(trunk.0)
                    .ok()
                    .and_then(|index| config.trunks.get(index))
                    .map_or(SrtpPolicy::Off, |trunk| trunk.srtp),
            };
            Ok::<_, SipError>((*trunk, provider))
        };
        let place = |uri: &String| sip_uri("the place to forward calls to", uri);
        Ok(Self {
            ways: config.ways_out.iter().map(provider).collect::<Result<_, _>>()?,
            places: config.forwards.iter().map(place).collect::<Result<_, _>>()?,
        })
    }

    /// Where to dial, and what to say there. `None` if there is no way.
    fn ask(&self, to: Destination, caller: CallerNumber, trunk: TrunkId) -> Option<(Uri, Asking)> {
        let provider = self.ways.get(&trunk);
        match to {
            Destination::Caller | Destination::Number(_) => {
                let number = match to {
                    Destination::Number(number) => number,
                    _ => caller,
                };
                let provider = provider.filter(|_| !number.is_withheld())?;
                let number = Auth {
                    user: number.reveal().to_owned(),
                    password: None,
                };
                let asking = Asking {
                    from: Some(CallerNumber::new(&provider.from_user)),
                    account: provider.account.clone(),
                    srtp: provider.srtp,
                    ..Asking::default()
                };
                let mut target = provider.uri.clone();
                target.auth = Some(number);
                Some((target, asking))
            }
            Destination::Forward(place) => {
                let target = self.places.get(usize::try_from(place).ok()?)?;
                // A password is for its own provider alone: others could find it out from our answers.
                let same = provider.filter(|p| p.uri.host_with_port == target.host_with_port);
                let asking = Asking {
                    from: Some(caller),
                    diverted: provider.map(|p| p.from_user.clone()),
                    account: same.and_then(|p| p.account.clone()),
                    srtp: same.map_or(SrtpPolicy::Off, |p| p.srtp),
                    ..Asking::default()
                };
                Some((target.clone(), asking))
            }
        }
    }
}

fn sip_uri(what: &'static str, text: &str) -> Result<Uri, SipError> {
    let uri = Uri::try_from(text).ok();
    uri.filter(|uri| uri.scheme == Some(Scheme::Sip))
        .ok_or_else(|| SipError::Outside {
            what,
            uri: text.to_owned(),
        })
}

impl Core {
    /// Has a phone outside rung for a call.
    pub(crate) fn dial_out(
        self: &Arc<Self>,
        id: LegId,
        to: Destination,
        caller: CallerNumber,
        trunk: TrunkId,
    ) {
        let Some((target, asking)) = self.outside.ask(to, caller, trunk) else {
            warn!(call = %id.call, leg = id.leg, trunk = trunk.0, ?to, "there is no way to dial out");
            return self.cannot_ring(id);
        };
        match self.way_by_address(id, target) {
            Some(way) => self.ring(id, way, asking, None),
            None => self.cannot_ring(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside() -> Outside {
        let way = WayOut {
            uri: "sip:192.0.2.1:5070;transport=tcp".into(),
            from_user: "12345".into(),
            account: Some(Account {
                user: "u".into(),
                secret: "s".into(),
            }),
        };
        let config = SipConfig {
            ways_out: [(TrunkId(1), way)].into(),
            forwards: vec!["sip:desk@192.0.2.9".into(), "sip:desk@192.0.2.1:5070".into()],
            ..SipConfig::default()
        };
        Outside::new(&config).expect("good URIs")
    }

    #[test]
    fn each_is_asked_at_its_own_address_and_passwords_stay_with_their_provider() {
        let number = CallerNumber::new("+86 138@x");
        for (to, trunk, target, from, diverted, account) in [
            (
                Destination::Caller,
                1,
                "sip:+86%20138%40x@192.0.2.1:5070;transport=tcp",
                "12345",
                None,
                true,
            ),
            (
                Destination::Number(CallerNumber::new("+8610")),
                1,
                "sip:+8610@192.0.2.1:5070;transport=tcp",
                "12345",
                None,
                true,
            ),
            (
                Destination::Forward(0),
                1,
                "sip:desk@192.0.2.9",
                "+86 138@x",
                Some("12345"),
                false,
            ),
            (
                Destination::Forward(0),
                0,
                "sip:desk@192.0.2.9",
                "+86 138@x",
                None,
                false,
            ),
            (
                Destination::Forward(1),
                1,
                "sip:desk@192.0.2.1:5070",
                "+86 138@x",
                Some("12345"),
                true,
            ),
        ] {
            let (uri, asking) = outside().ask(to, number, TrunkId(trunk)).expect("a way");
            assert_eq!(uri.to_string().to_lowercase(), target);
            assert_eq!(asking.from.expect("somebody").reveal(), from);
            assert_eq!(asking.diverted.as_deref(), diverted);
            assert_eq!((asking.account.is_some(), asking.inside), (account, false));
        }
    }

    #[test]
    fn some_cannot_be_dialled() {
        let number = CallerNumber::new("138");
        for (to, caller, trunk) in [
            (Destination::Caller, number, 0),
            (Destination::Caller, CallerNumber::withheld(), 1),
            (Destination::Number(number), number, 0),
            (Destination::Number(CallerNumber::withheld()), number, 1),
            (Destination::Forward(2), number, 1),
        ] {
            assert!(
                outside().ask(to, caller, TrunkId(trunk)).is_none(),
                "{to:?} {trunk}"
            );
        }
    }

    #[test]
    fn what_is_no_sip_uri_keeps_the_edge_from_starting() {
        for uri in ["", "192.0.2.1", "tel:+86138", "sips:192.0.2.1", "sip:"] {
            let config = SipConfig {
                forwards: vec![uri.into()],
                ..SipConfig::default()
            };
            assert!(Outside::new(&config).is_err(), "{uri:?}");
        }
    }
}
