//! Reads what offer and answer need out of a parsed session description (RFC 8866). Pure.

use crate::offer_answer::Direction;
use media::Codec;
use sdp_types::{Media, Session};
use std::net::{IpAddr, SocketAddr};

/// The address of a stream: its own `c=`, or the session's. `None` if it is a name or missing.
pub(crate) fn address(session: &Session, media: &Media) -> Option<IpAddr> {
    let connection = media.connections.first().or(session.connection.as_ref())?;
    // A multicast address may carry "/ttl" and "/count", which are of no use here.
    connection.connection_address.split('/').next()?.parse().ok()
}

/// Direction of a stream: its own attribute, or the session's, or both ways (RFC 8866 §6.7).
pub(crate) fn direction(session: &Session, media: &Media) -> Direction {
    let named = |attribute: &sdp_types::Attribute| match attribute.attribute.as_str() {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    };
    let own = media.attributes.iter().find_map(named);
    own.or_else(|| session.attributes.iter().find_map(named))
        .unwrap_or(Direction::SendRecv)
}

/// Payload types in the order of preference.
pub(crate) fn formats(media: &Media) -> impl Iterator<Item = u8> {
    media.fmt.split_whitespace().filter_map(|f| f.parse().ok())
}

/// Opus as its name stands in descriptions: always so, whatever is sent (RFC 7587 §7).
pub(crate) const OPUS: &str = "opus/48000/2";

/// Codecs of ours in the order of preference.
pub(crate) fn codecs(media: &Media) -> impl Iterator<Item = Codec> {
    let opus = opus(media);
    formats(media).filter_map(move |pt| match Codec::of_payload_type(pt) {
        None if Some(pt) == opus => Some(Codec::Opus),
        codec => codec,
    })
}

/// The payload type of Opus, if it is among the stream's formats.
pub(crate) fn opus(media: &Media) -> Option<u8> {
    named(media, OPUS)
}

/// The payload type of telephone-event (RFC 4733) with a clock of that rate, if it is among the stream's formats.
pub(crate) fn telephone_event(media: &Media, rate: u32) -> Option<u8> {
    named(media, &format!("telephone-event/{rate}"))
}

/// The dynamic payload type that stands for an encoding.
fn named(media: &Media, name: &str) -> Option<u8> {
    values(media, "rtpmap").find_map(|value| {
        let (pt, encoding) = value.trim().split_once(char::is_whitespace)?;
        let pt: u8 = pt.parse().ok()?;
        let fits = encoding.trim().eq_ignore_ascii_case(name);
        (fits && (96..128).contains(&pt) && formats(media).any(|f| f == pt)).then_some(pt)
    })
}

/// Packet time in milliseconds that the peer asks for, if it is one that we can send; 20 otherwise.
pub(crate) fn ptime(media: &Media) -> u8 {
    let number = |name| values(media, name).find_map(|v| v.trim().parse::<u8>().ok());
    let asked = number("ptime").unwrap_or(20);
    let most = number("maxptime").unwrap_or(u8::MAX);
    [60, 40, 20]
        .into_iter()
        .find(|&p| p == asked && p <= most)
        .unwrap_or(20)
}

/// Where `a=rtcp` (RFC 3605) says RTCP goes.
pub(crate) fn rtcp(media: &Media, ip: IpAddr) -> Option<SocketAddr> {
    let value = values(media, "rtcp").next()?;
    let mut words = value.split_whitespace();
    let port = words.next()?.parse().ok().filter(|&port: &u16| port != 0)?;
    match words.nth(2) {
        Some(address) => Some(SocketAddr::new(address.parse().ok()?, port)),
        None => Some(SocketAddr::new(ip, port)),
    }
}

fn values<'a>(media: &'a Media, name: &str) -> impl Iterator<Item = &'a str> {
    media
        .attributes
        .iter()
        .filter(move |a| a.attribute == name)
        .filter_map(|a| a.value.as_deref())
}
