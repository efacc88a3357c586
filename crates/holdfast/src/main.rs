//! The `holdfast` command.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use holdfast::config::{Config, Severity};
use holdfast::{check, demo, logs, secret, serve, simulate, top};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// A call-center queue in which no place is ever lost and nobody is ever passed.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the engine: take calls, keep the queue, ring operators.
    ///
    /// SIGTERM or Ctrl-C ends it gracefully: new calls are refused, talking calls may end within
    /// `engine.drain_timeout`, the rest is hung up. A second signal hangs up at once.
    Serve {
        /// The configuration file.
        #[arg(short, long, value_name = "FILE", default_value = "config/holdfast.toml")]
        config: PathBuf,
    },
    /// Name every mistake in a configuration, with line, key and remedy.
    ///
    /// Exits with 0 if there is no error (warnings may be), 1 if there are errors, 2 if the file cannot be read.
    Check {
        /// The configuration file.
        #[arg(short, long, value_name = "FILE", default_value = "config/holdfast.toml")]
        config: PathBuf,
    },
    /// Turn a console's secret into a hash for the configuration.
    ///
    /// Asks for the secret on the terminal, without showing it, or reads the first line of standard input; prints what
    /// to write as `console_secret`. What phones sign in with cannot be hashed: SIP's digest
    /// needs it as it is.
    HashSecret,
    /// Run the engine with simulated callers and operators, who dial and register over real SIP and RTP.
    ///
    /// Nothing is kept: the journal lies in a temporary folder. Ctrl-C hangs up all calls and ends it.
    Demo(demo::Options),
    /// Show the live queue in this terminal: who waits, the lines, the operators.
    ///
    /// Watches the feed of a running engine, and reconnects by itself. Keys: q quits, s sorts the operators, f picks a
    /// queue, l changes the language.
    Top(top::Options),
    /// Simulate whole days of the queue in virtual time, and ask what if.
    ///
    /// The queue's own code runs under made-up callers and operators, from a seed: the same seed gives the same days
    /// on any machine. Every step is checked; exits with 1 if the queue broke a rule, 2 if an option or a file is
    /// wrong.
    Simulate(simulate::Options),
    /// Look at a journal, or cut it knowingly where it is damaged.
    #[command(subcommand)]
    Journal(logs::JournalCommand),
    /// Run a journal through the queue's code again, and report any difference from what was recorded.
    ///
    /// Changes nothing; the engine may be running. Exits with 0 if all agrees, 1 if something differs or could not be
    /// replayed (with --explain: if the call is not there), 2 if the journal cannot be read.
    Replay(logs::ReplayOptions),
    /// Prove or refute from the journal that nobody was served out of turn.
    ///
    /// For every line and operator given out, each older call that waited is looked at, by rules of the audit's own;
    /// those that were passed are named with the reason. Exits with 0 if the order is proven, 1 if it is not, 2 if the
    /// journal cannot be read.
    Audit(logs::AuditOptions),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve { config } => serve_file(config),
        Command::HashSecret => conclude(secret::run(), 2),
        Command::Demo(options) => conclude(demo::run(options), 1),
        Command::Top(options) => conclude(top::run(options), 1),
        Command::Simulate(options) => simulate::run(&options),
        Command::Journal(command) => logs::journal(&command),
        Command::Replay(options) => logs::replay(&options),
        Command::Audit(options) => logs::audit(&options),
        Command::Check { config } => {
            check::run(&config, &mut io::stdout().lock()).unwrap_or(ExitCode::from(2))
        }
    }
}

/// Says what went wrong, if anything did, and with which code the process ends then.
fn conclude<E: std::fmt::Display>(outcome: Result<(), E>, code: u8) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is gone.
            drop(writeln!(io::stderr(), "holdfast: {error}"));
            ExitCode::from(code)
        }
    }
}

fn serve_file(path: PathBuf) -> ExitCode {
    let mut errors = io::stderr();
    // Nobody is left to tell when standard error is gone.
    let mut complain = |text: &dyn std::fmt::Display| drop(writeln!(errors, "{text}"));
    let checked = match Config::load(&path) {
        Ok(checked) => checked,
        Err(error) => {
            complain(&format_args!(
                "{}: cannot be read: {error}; name the file with --config",
                path.display()
            ));
            return ExitCode::from(2);
        }
    };
    for finding in &checked.findings {
        if finding.severity == Severity::Error || checked.config.is_some() {
            complain(finding);
        }
    }
    let Some(config) = checked.config else {
        complain(&format_args!(
            "{}: has errors; nothing was started",
            path.display()
        ));
        return ExitCode::from(1);
    };
    match serve::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format_args!("holdfast: {error}"));
            ExitCode::from(1)
        }
    }
}
