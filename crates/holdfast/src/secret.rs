//! `holdfast hash-secret`: a secret typed unseen, and its hash printed.

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead, IsTerminal, Stdin, Write};

/// The shortest secret that is taken, in bytes.
const LENGTH_MIN: usize = 8;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Nothing can be read or written.
    #[error("cannot ask for the secret: {0}; pipe it in instead")]
    Terminal(#[from] io::Error),
    /// Easily guessed.
    #[error("a secret needs at least {LENGTH_MIN} bytes; `openssl rand -base64 18` prints a good one")]
    TooShort,
    /// A typing mistake.
    #[error("the two are not the same; begin again")]
    Different,
    /// See [`feed::HashError`].
    #[error(transparent)]
    Hash(#[from] feed::HashError),
}

/// Reads a secret from standard input and prints its hash.
///
/// # Errors
/// See [`SecretError`].
pub fn run() -> Result<(), SecretError> {
    let input = io::stdin();
    let secret = if input.is_terminal() {
        let secret = ask(&input, "secret: ")?;
        if secret != ask(&input, "again:  ")? {
            return Err(SecretError::Different);
        }
        secret
    } else {
        line(&input)?
    };
    if secret.len() < LENGTH_MIN {
        return Err(SecretError::TooShort);
    }
    writeln!(io::stdout(), "{}", feed::hash_secret(&secret)?)?;
    Ok(())
}

/// Asks for a secret that is not shown while it is typed.
pub(crate) fn ask(input: &Stdin, prompt: &str) -> io::Result<String> {
    let mut out = io::stderr();
    write!(out, "{prompt}")?;
    out.flush()?;
    let _unseen = Unseen::new(input)?;
    let secret = line(input);
    writeln!(out)?;
    secret
}

fn line(input: &Stdin) -> io::Result<String> {
    let mut text = String::new();
    input.lock().read_line(&mut text)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// As long as it lives, the terminal does not show what is typed.
struct Unseen<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Unseen<'a> {
    fn new(terminal: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &unseen)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing put back.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
