//! What somebody types to prove who they are, kept in plain text or, better, as a hash.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::fmt;
use subtle::ConstantTimeEq;

/// How a hash begins in the configuration (the PHC string format).
const HASH_PREFIX: &str = "$argon2";

/// The longest secret that is looked at, in bytes.
pub(crate) const SECRET_BYTES_MAX: usize = 1024;

/// What one check of a hash may cost at most: memory in KiB, passes over it, and lanes.
const COST_MAX: [(&str, u32); 3] = [("m", 256 * 1024), ("t", 16), ("p", 16)];

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It begins like a hash but is none.
    #[error("begins like a hash of Argon2 but cannot be read as one")]
    BrokenHash,
    /// Another kind than the one meant for passwords.
    #[error("is a hash by another variant of Argon2 than argon2id")]
    OtherVariant,
    /// It would take the engine too long to check.
    #[error("is a hash that costs too much to check: more than 256 MiB, 16 passes or 16 lanes")]
    TooCostly,
}

/// A secret. `Debug` hides it.
#[derive(Clone, Default)]
pub struct Secret(Kept);

#[derive(Clone)]
enum Kept {
    Plain(String),
    Hash(String),
}

impl Default for Kept {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

impl Secret {
    /// Keeps `text` as it is. An empty one matches nothing.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(Kept::Plain(text.into()))
    }

    /// Takes `text` for a hash if it begins like one (`$argon2id$…`), for a plain secret otherwise.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        if !text.starts_with(HASH_PREFIX) {
            return Ok(Self::plain(text));
        }
        let hash = PasswordHash::new(text).map_err(|_| SecretError::BrokenHash)?;
        if hash.algorithm.as_str() != "argon2id" {
            return Err(SecretError::OtherVariant);
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(SecretError::BrokenHash);
        }
        for (name, most) in COST_MAX {
            match hash.params.get_decimal(name) {
                Some(cost) if cost <= most => {}
                Some(_) => return Err(SecretError::TooCostly),
                None => return Err(SecretError::BrokenHash),
            }
        }
        Ok(Self(Kept::Hash(text.to_owned())))
    }

    /// Whether `typed` is this secret. For a hash this takes some tens of milliseconds of one core and 19 MiB at the
    /// usual cost; for a plain one it takes the same time wherever the first difference is.
    pub fn matches(&self, typed: &str) -> bool {
        match &self.0 {
            _ if typed.len() > SECRET_BYTES_MAX => false,
            Kept::Plain(secret) => {
                let same: bool = secret.as_bytes().ct_eq(typed.as_bytes()).into();
                same && !secret.is_empty()
            }
            Kept::Hash(text) => PasswordHash::new(text)
                .is_ok_and(|hash| Argon2::default().verify_password(typed.as_bytes(), &hash).is_ok()),
        }
    }

    /// Whether checking it is costly.
    pub(crate) const fn is_hashed(&self) -> bool {
        matches!(self.0, Kept::Hash(_))
    }

    /// What stands in the configuration.
    pub(crate) fn text(&self) -> &str {
        match &self.0 {
            Kept::Plain(text) | Kept::Hash(text) => text,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The hash of `secret` by Argon2id (RFC 9106) under a new random salt, as [`Secret::parse`] reads it.
///
/// # Errors
/// When the system gives no random numbers.
pub fn hash_secret(secret: &str) -> Result<String, HashError> {
    Argon2::default()
        .hash_password(secret.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| HashError(error.to_string()))
}

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash the secret: {0}")]
pub struct HashError(String);

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash that costs next to nothing, of "ocean".
    fn cheap() -> String {
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        argon2.hash_password(b"ocean").unwrap().to_string()
    }

    #[test]
    fn plain_or_hashed() {
        for secret in [
            Secret::plain("ocean"),
            Secret::parse("ocean").unwrap(),
            Secret::parse(&cheap()).unwrap(),
        ] {
            for (typed, expected) in [("ocean", true), ("Ocean", false), ("", false), ("ocean ", false)] {
                assert_eq!(secret.matches(typed), expected, "{typed:?}");
            }
        }
        assert!(!Secret::default().matches(""), "no secret is nobody's");
        assert!(!Secret::plain("x".repeat(2000)).matches(&"x".repeat(2000)));
    }

    #[test]
    fn what_is_hashed_matches_and_is_salted() {
        let (one, other) = (
            hash_secret("lighthouse").unwrap(),
            hash_secret("lighthouse").unwrap(),
        );
        assert_ne!(one, other);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(Secret::parse(&one).unwrap().matches("lighthouse"));
    }

    #[test]
    fn hashes_that_are_none() {
        let good = cheap();
        let table = [
            ("$argon2id$", SecretError::BrokenHash),
            ("$argon2id$v=19$m=8,t=1,p=1$", SecretError::BrokenHash),
            (&good[..good.len() / 2], SecretError::BrokenHash),
            (&good.replace("argon2id", "argon2d"), SecretError::OtherVariant),
            (&good.replace("m=8", "m=4194304"), SecretError::TooCostly),
            (&good.replace("t=1", "t=1000"), SecretError::TooCostly),
        ];
        for (text, expected) in table {
            assert_eq!(Secret::parse(text).map(drop), Err(expected), "{text}");
        }
    }

    #[test]
    fn nothing_shows_in_the_log() {
        assert_eq!(format!("{:?}", Secret::plain("ocean")), "Secret(…)");
    }
}
