//! `holdfast top`: the live queue in a terminal, over the same feed as every other console.
//!
//! Owns the screen and the keys. It knows of the engine what `docs/feed.md` tells a stranger, and nothing else.

mod link;
mod state;
mod view;
mod way;
mod words;

pub use link::LinkError;
pub use way::TrustError;

use crate::secret;
use jiff::tz::TimeZone;
use link::{Account, Link, Shown};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use view::{Sort, View};
use way::Way;
use words::Language;

/// How often running times are drawn anew.
const REDRAW_EVERY: Duration = Duration::from_millis(250);

/// How many screens a second are drawn at most when much happens.
const REDRAW_REST: Duration = Duration::from_millis(40);

/// Keys pressed faster than they are taken.
const KEYS_MAX: usize = 64;

/// The variable that may hold the secret, for scripts.
const SECRET_VARIABLE: &str = "HOLDFAST_SECRET";

/// What it is told on the command line.
#[derive(clap::Args)]
pub struct Options {
    /// The engine's web address; with https:// in front where the engine has a certificate.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    feed: String,
    /// Trust this authority, or this very certificate, and nobody else: a PEM file.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Sign in as this operator, or as `supervisor`. The secret is asked for, or taken from HOLDFAST_SECRET.
    #[arg(long = "as", value_name = "NAME")]
    account: Option<String>,
}

/// Why it ended.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// No terminal.
    #[error("this needs a terminal; for programs there is the feed itself, docs/feed.md")]
    NoTerminal,
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
    /// The feed will have none of it.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Shows the queue until `q` is pressed.
///
/// # Errors
/// See [`TopError`].
pub fn run(options: Options) -> Result<(), TopError> {
    if !io::stdout().is_terminal() {
        return Err(TopError::NoTerminal);
    }
    let way = Way::to(&options.feed, options.ca.as_deref())?;
    let account = options.account.map(account).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut terminal = ratatui::try_init()?;
    let ended = runtime.block_on(show(&mut terminal, way, account));
    ratatui::try_restore()?;
    ended
}

fn account(name: String) -> io::Result<Account> {
    let secret = match std::env::var(SECRET_VARIABLE) {
        Ok(secret) => secret,
        Err(_) => secret::ask(&io::stdin(), &format!("secret of {name}: "))?,
    };
    Ok(Account { name, secret })
}

async fn show(terminal: &mut DefaultTerminal, way: Way, account: Option<Account>) -> Result<(), TopError> {
    let (shown, mut changes) = watch::channel(Shown::default());
    let mut view = View {
        engine: way.authority.clone(),
        name: "Holdfast".to_owned(),
        time_zone: TimeZone::system(),
        language: Language::of_environment(),
        sort: Sort::Name,
        queue: None,
        scroll: 0,
    };
    if let Some(about) = link::about(&way).await {
        if let Some(name) = about["name"].as_str().filter(|name| !name.is_empty()) {
            view.name = name.to_owned();
        }
        if let Some(zone) = about["time_zone"]
            .as_str()
            .and_then(|zone| TimeZone::get(zone).ok())
        {
            view.time_zone = zone;
        }
    }
    let mut keys = keys();
    let mut follow = std::pin::pin!(Link::new(way, account, shown).follow());
    let mut tick = interval(REDRAW_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        terminal.draw(|frame| view.draw(frame, &changes.borrow_and_update()))?;
        tokio::select! {
            ended = &mut follow => return Err(ended.into()),
            key = keys.recv() => {
                let Some(key) = key else { return Ok(()) };
                if !press(&mut view, key, &changes.borrow()) {
                    return Ok(());
                }
            }
            _ = changes.changed() => tokio::time::sleep(REDRAW_REST).await,
            _ = tick.tick() => {}
        }
    }
}

/// Does what a key asks for. False: to end.
fn press(view: &mut View, key: KeyEvent, shown: &Shown) -> bool {
    let queues = shown.hello.as_ref().map_or(0, |hello| hello.queues.len());
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Char('s') => view.sort = view.sort.next(),
        KeyCode::Char('l') => view.language = view.language.other(),
        KeyCode::Char('f') => {
            view.queue = match view.queue {
                None if queues > 0 => Some(0),
                Some(index) if index + 1 < queues => Some(index + 1),
                _ => None,
            };
            view.scroll = 0;
        }
        KeyCode::Down | KeyCode::Char('j') => view.scroll = (view.scroll + 1).min(shown.state.calls.len()),
        KeyCode::Up | KeyCode::Char('k') => view.scroll = view.scroll.saturating_sub(1),
        KeyCode::Home => view.scroll = 0,
        _ => {}
    }
    true
}

/// The keys that are pressed, read on a thread of their own, since reading them blocks.
fn keys() -> mpsc::Receiver<KeyEvent> {
    let (pressed, keys) = mpsc::channel(KEYS_MAX);
    thread::spawn(move || {
        // An error means that the terminal is gone.
        while let Ok(event) = event::read() {
            match event {
                Event::Key(key)
                    if key.kind != KeyEventKind::Release && pressed.blocking_send(key).is_err() =>
                {
                    return;
                }
                // Drawn anew with the next tick.
                _ => {}
            }
        }
    });
    keys
}
