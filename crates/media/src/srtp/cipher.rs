//! One direction's session keys, and the transforms made of them: AES in counter mode with HMAC-SHA1 (RFC 3711 §4),
//! or AES in Galois/counter mode (RFC 7714).

use super::{MasterKey, RTCP_CLEAR, SrtpSuite};
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm, Nonce, Tag};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Octets of any tag, the shorter ones filled up.
pub(super) type AnyTag = [u8; 16];

/// Octets of HMAC-SHA1's session key (RFC 3711 §5.2).
const AUTHENTICATION_KEY: usize = 20;

/// RTP or RTCP of one direction.
pub(super) enum Cipher {
    Counter {
        aes: Aes128Enc,
        salt: [u8; 14],
        hmac: Hmac<Sha1>,
        tag_len: usize,
    },
    Gcm128 {
        gcm: Aes128Gcm,
        salt: [u8; 12],
    },
    Gcm256 {
        gcm: Aes256Gcm,
        salt: [u8; 12],
    },
}

/// Whether session keys are for RTP or for RTCP: the first of three labels (RFC 3711 §4.3.1, §4.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Rtp = 0,
    Rtcp = 3,
}

/// What the transforms take in besides the packet.
pub(super) struct Context {
    pub(super) ssrc: u32,
    /// 48 bits for RTP, 31 for RTCP.
    pub(super) index: u64,
    /// What is authenticated behind the packet: RTP's rollover counter, RTCP's index with its flag.
    pub(super) word: [u8; 4],
    pub(super) is_rtcp: bool,
}

impl Cipher {
    /// Derives the session keys (RFC 3711 §4.3, RFC 7714 §11). There is no key derivation rate: they never change.
    pub(super) fn derive(suite: SrtpSuite, master: &MasterKey, kind: For) -> Self {
        let derive = |label: u8, to: &mut [u8]| derive(suite, master, kind as u8 + label, to);
        let mut salt = [0; 14];
        derive(2, &mut salt[..suite.salt_len()]);
        let mut key = [0; 32];
        derive(0, &mut key[..suite.key_len()]);
        let mut authentication = [0; AUTHENTICATION_KEY];
        if !suite.is_aead() {
            derive(1, &mut authentication);
        }
        Self::of_session(suite, kind, &key, &authentication, salt)
    }

    /// From session keys. Of `key` the suite's length counts, and of `salt`.
    pub(super) fn of_session(
        suite: SrtpSuite,
        kind: For,
        key: &[u8; 32],
        authentication: &[u8; AUTHENTICATION_KEY],
        salt: [u8; 14],
    ) -> Self {
        let (half, _) = key.split_at(16);
        let half: [u8; 16] = half.try_into().unwrap_or_default();
        let [short @ .., _, _] = salt;
        match suite {
            SrtpSuite::AeadAes128Gcm => Cipher::Gcm128 {
                gcm: Aes128Gcm::new(&half.into()),
                salt: short,
            },
            SrtpSuite::AeadAes256Gcm => Cipher::Gcm256 {
                gcm: Aes256Gcm::new(&(*key).into()),
                salt: short,
            },
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 => Cipher::Counter {
                aes: Aes128Enc::new(&half.into()),
                salt,
                hmac: hmac_of(authentication),
                tag_len: match kind {
                    For::Rtp => suite.rtp_tag_len(),
                    For::Rtcp => suite.rtcp_tag_len(),
                },
            },
        }
    }

    /// Octets of a tag.
    pub(super) fn tag_len(&self) -> usize {
        match self {
            Cipher::Counter { tag_len, .. } => *tag_len,
            Cipher::Gcm128 { .. } | Cipher::Gcm256 { .. } => 16,
        }
    }

    /// Encrypts what follows the first `clear` octets, and gives the tag. `None` only when `clear` lies outside.
    pub(super) fn seal(&self, packet: &mut [u8], clear: usize, context: &Context) -> Option<AnyTag> {
        match self {
            Cipher::Counter { aes, salt, hmac, .. } => {
                keystream(aes, salt, context).apply_keystream(packet.get_mut(clear..)?);
                let code = authenticator(hmac, packet, context).finalize().into_bytes();
                code.first_chunk().copied()
            }
            Cipher::Gcm128 { gcm, salt } => seal_gcm(gcm, salt, packet, clear, context),
            Cipher::Gcm256 { gcm, salt } => seal_gcm(gcm, salt, packet, clear, context),
        }
    }

    /// Decrypts what follows the first `clear` octets, if the packet is authentic; otherwise it stays as it was.
    pub(super) fn open(&self, packet: &mut [u8], clear: usize, tag: &[u8], context: &Context) -> bool {
        match self {
            Cipher::Counter { aes, salt, hmac, .. } => {
                let authentic = authenticator(hmac, packet, context).verify_truncated_left(tag);
                match packet.get_mut(clear..) {
                    Some(body) if authentic.is_ok() => {
                        keystream(aes, salt, context).apply_keystream(body);
                        true
                    }
                    _ => false,
                }
            }
            Cipher::Gcm128 { gcm, salt } => open_gcm(gcm, salt, packet, clear, tag, context),
            Cipher::Gcm256 { gcm, salt } => open_gcm(gcm, salt, packet, clear, tag, context),
        }
    }
}

/// An HMAC takes keys of any length, so there is none that it refuses.
fn hmac_of(key: &[u8; AUTHENTICATION_KEY]) -> Hmac<Sha1> {
    match Hmac::<Sha1>::new_from_slice(key) {
        Ok(hmac) => hmac,
        Err(_) => unreachable!("HMAC takes keys of any length (RFC 2104)"),
    }
}

fn authenticator(hmac: &Hmac<Sha1>, packet: &[u8], context: &Context) -> Hmac<Sha1> {
    let mut hmac = hmac.clone();
    hmac.update(packet);
    hmac.update(&context.word);
    hmac
}

type Counter<C> = StreamCipherCoreWrapper<CtrCore<C, flavors::Ctr128BE>>;

/// The salt, with SSRC and index mixed in where RFC 3711 §4.1.1 says, and sixteen bits that count blocks.
fn keystream(aes: &Aes128Enc, salt: &[u8; 14], context: &Context) -> Counter<Aes128Enc> {
    let mut iv = [0; 16];
    let counted = (u128::from(context.ssrc) << 64) | (u128::from(context.index) << 16);
    iv[..14].copy_from_slice(salt);
    let iv = (u128::from_be_bytes(iv) ^ counted).to_be_bytes();
    Counter::from_core(CtrCore::inner_iv_init(aes.clone(), &iv.into()))
}

/// RFC 7714 §8.1 for RTP, §9.1 for RTCP: both are two zeros, SSRC and index in 48 bits, mixed with the salt.
fn nonce(salt: &[u8; 12], context: &Context) -> [u8; 12] {
    let [_, _, index @ ..] = context.index.to_be_bytes();
    let [a, b, c, d] = context.ssrc.to_be_bytes();
    let [i, j, k, l, m, n] = index;
    let counted = [0, 0, a, b, c, d, i, j, k, l, m, n];
    std::array::from_fn(|at| salt[at] ^ counted[at])
}

/// What is authenticated and not encrypted: RTP's header, or RTCP's with the index (RFC 7714 §8.2, §9.2).
fn associated<'a>(clear: &'a [u8], context: &Context, room: &'a mut [u8; RTCP_CLEAR + 4]) -> &'a [u8] {
    if !context.is_rtcp {
        return clear;
    }
    let (head, word) = room.split_at_mut(RTCP_CLEAR);
    if head.len() == clear.len() {
        head.copy_from_slice(clear);
    }
    word.copy_from_slice(&context.word);
    room
}

fn seal_gcm<G>(gcm: &G, salt: &[u8; 12], packet: &mut [u8], clear: usize, context: &Context) -> Option<AnyTag>
where
    G: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    let (clear, body) = packet.split_at_mut_checked(clear)?;
    let mut room = [0; RTCP_CLEAR + 4];
    let associated = associated(clear, context, &mut room);
    let nonce: Nonce<_> = nonce(salt, context).into();
    let tag = gcm.encrypt_inout_detached(&nonce, associated, body.into());
    tag.ok().map(Into::into)
}

fn open_gcm<G>(
    gcm: &G,
    salt: &[u8; 12],
    packet: &mut [u8],
    clear: usize,
    tag: &[u8],
    context: &Context,
) -> bool
where
    G: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    let (Some((clear, body)), Ok(tag)) = (packet.split_at_mut_checked(clear), AnyTag::try_from(tag)) else {
        return false;
    };
    let mut room = [0; RTCP_CLEAR + 4];
    let associated = associated(clear, context, &mut room);
    let nonce: Nonce<_> = nonce(salt, context).into();
    let tag: Tag = tag.into();
    gcm.decrypt_inout_detached(&nonce, associated, body.into(), &tag)
        .is_ok()
}

/// RFC 3711 §4.3.1 and §4.3.3; RFC 6188 for 256 bits. The shorter salt of Galois/counter mode is filled up with
/// zeros on its right (RFC 7714 §11).
fn derive(suite: SrtpSuite, master: &MasterKey, label: u8, to: &mut [u8]) {
    let (key, salt) = master.reveal(suite).split_at(suite.key_len());
    let mut iv = [0; 16];
    iv[..salt.len()].copy_from_slice(salt);
    iv[7] ^= label;
    to.fill(0);
    if let Ok(key) = <[u8; 16]>::try_from(key) {
        let aes = Aes128Enc::new(&key.into());
        Counter::from_core(CtrCore::inner_iv_init(aes, &iv.into())).apply_keystream(to);
    } else if let Ok(key) = <[u8; 32]>::try_from(key) {
        let aes = Aes256Enc::new(&key.into());
        Counter::from_core(CtrCore::inner_iv_init(aes, &iv.into())).apply_keystream(to);
    }
}
