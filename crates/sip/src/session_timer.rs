//! Session timers (RFC 4028), the arithmetic of them: who refreshes, when, and when a session has lapsed. Pure.

use crate::config::SessionTimer;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Which side sends the refreshing requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refresher {
    /// We do, at half the interval.
    Us,
    /// The peer does; we hang up when it stops.
    Peer,
}

/// What was agreed for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreed {
    pub(crate) interval: Duration,
    pub(crate) refresher: Refresher,
}

impl Agreed {
    /// When something is due: our refresh, or the end of a session that the peer no longer refreshes. The latter
    /// comes a third of the interval, at most 32 s, before it runs out (RFC 4028 §10).
    pub(crate) fn due(&self) -> Duration {
        match self.refresher {
            Refresher::Us => self.interval / 2,
            Refresher::Peer => self.interval - (self.interval / 3).min(Duration::from_secs(32)),
        }
    }

    /// Whether the peer is the one to refresh.
    pub(crate) fn peer_refreshes(&self) -> bool {
        self.refresher == Refresher::Peer
    }

    /// The Session-Expires value of our response to the peer's request.
    pub(crate) fn as_server(&self) -> String {
        let refresher = if self.refresher == Refresher::Us {
            "uas"
        } else {
            "uac"
        };
        format!("{};refresher={refresher}", self.interval.as_secs())
    }

    /// The Session-Expires value of our own request. Roles stay as they were agreed (RFC 4028 §7.4).
    pub(crate) fn as_client(&self) -> String {
        let refresher = if self.refresher == Refresher::Us {
            "uac"
        } else {
            "uas"
        };
        format!("{};refresher={refresher}", self.interval.as_secs())
    }
}

/// A Session-Expires header: seconds, and who is asked to refresh by role in that request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionExpires {
    pub(crate) seconds: u32,
    pub(crate) uac: Option<bool>,
}

impl SessionExpires {
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split(';');
        let seconds = parts.next()?.trim().parse().ok()?;
        let uac = parts.find_map(|p| {
            let (name, role) = p.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("refresher")
                .then(|| role.trim().eq_ignore_ascii_case("uac"))
        });
        Some(Self { seconds, uac })
    }
}

/// As the server of an INVITE or UPDATE (RFC 4028 §9). `Err` carries the Min-SE of a 422.
pub(crate) fn as_server(
    config: &SessionTimer,
    asked: Option<SessionExpires>,
    peer_supports: bool,
) -> Result<Option<Agreed>, u64> {
    // A peer that does not know the extension could make nothing of a 422, nor refresh.
    if !peer_supports || config.interval.is_zero() {
        return Ok(None);
    }
    let interval = match asked {
        Some(asked) if u64::from(asked.seconds) < config.min.as_secs() => return Err(config.min.as_secs()),
        Some(asked) => Duration::from_secs(asked.seconds.into()).min(config.interval.max(config.min)),
        None => config.interval,
    };
    let refresher = match asked.and_then(|a| a.uac) {
        Some(false) => Refresher::Us,
        Some(true) | None => Refresher::Peer,
    };
    Ok(Some(Agreed { interval, refresher }))
}

/// As the client, from the 2xx to our INVITE or UPDATE (RFC 4028 §7.2). No header: the session never lapses.
pub(crate) fn as_client(answered: Option<SessionExpires>) -> Option<Agreed> {
    let answered = answered.filter(|a| a.seconds > 0)?;
    let refresher = if answered.uac == Some(false) {
        Refresher::Peer
    } else {
        Refresher::Us
    };
    Some(Agreed {
        interval: Duration::from_secs(answered.seconds.into()),
        refresher,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: SessionTimer = SessionTimer {
        interval: Duration::from_secs(1_800),
        min: Duration::from_secs(90),
    };

    fn server(asked: Option<&str>, supports: bool) -> String {
        match as_server(&CONFIG, asked.and_then(SessionExpires::parse), supports) {
            Ok(None) => "none".into(),
            Ok(Some(agreed)) => format!("{} due {}", agreed.as_server(), agreed.due().as_secs()),
            Err(min) => format!("422 Min-SE {min}"),
        }
    }

    #[test]
    fn a_server_takes_the_shorter_interval_and_the_asked_roles() {
        for (asked, supports, expect) in [
            (Some("600;refresher=uac"), true, "600;refresher=uac due 568"),
            (Some("600;refresher=uas"), true, "600;refresher=uas due 300"),
            (Some("600 ; Refresher = UAS"), true, "600;refresher=uas due 300"),
            (Some("7200"), true, "1800;refresher=uac due 1768"),
            (Some("90"), true, "90;refresher=uac due 60"),
            (Some("89"), true, "422 Min-SE 90"),
            (Some("89"), false, "none"),
            (None, true, "1800;refresher=uac due 1768"),
            (None, false, "none"),
        ] {
            assert_eq!(server(asked, supports), expect, "{asked:?} {supports}");
        }
    }

    #[test]
    fn a_client_follows_the_answer() {
        for (answered, expect) in [
            (None, None),
            (Some("0"), None),
            (Some("120;refresher=uac"), Some((Refresher::Us, 60))),
            (Some("120;refresher=uas"), Some((Refresher::Peer, 88))),
            (Some("120"), Some((Refresher::Us, 60))),
        ] {
            let agreed = as_client(answered.and_then(SessionExpires::parse));
            assert_eq!(
                agreed.map(|a| (a.refresher, a.due().as_secs())),
                expect,
                "{answered:?}"
            );
        }
    }

    #[test]
    fn numbers_out_of_range_are_no_session_expires() {
        for value in ["", "x", "-1", "4294967296", ";refresher=uac"] {
            assert_eq!(SessionExpires::parse(value), None, "{value:?}");
        }
    }
}
