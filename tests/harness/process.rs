//! A child process that cannot outlive its test.

use crate::{Place, soon};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::process::{Child, Command};

/// Lines of a process's output that a failing test shows.
const TAIL_LINES: usize = 40;

/// A running process. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts `command` in the place's folder, its output going to a file there.
    pub fn start(place: &Place, name: &str, command: &mut Command) -> Process {
        let output = place.dir().join(format!("{name}.out"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&output)
            .expect("the folder can be written");
        let both = file.try_clone().expect("a file can be opened twice");
        let started = command
            .current_dir(place.dir())
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(both)
            .kill_on_drop(true)
            .spawn();
        let child =
            started.unwrap_or_else(|error| panic!("{name} cannot be started: {error}; run `make setup`"));
        Process {
            name: name.to_owned(),
            child,
            output,
        }
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pid(&self) -> u32 {
        self.child
            .id()
            .unwrap_or_else(|| panic!("{} has ended:\n{}", self.name, self.tail()))
    }

    /// Asks it to end (SIGTERM).
    pub async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Interrupts it, as Ctrl-C does (SIGINT).
    pub async fn interrupt(&self) {
        self.signal("-INT").await;
    }

    /// Ends it at once, without a chance to do anything (SIGKILL).
    pub async fn kill(&mut self) {
        self.signal("-KILL").await;
        self.ended().await;
    }

    async fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await;
        assert!(
            sent.is_ok_and(|status| status.success()),
            "{} cannot be signalled",
            self.name
        );
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let waited = soon(&format!("the end of {}", self.name), self.child.wait()).await;
        waited.expect("a child can be waited for")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The file its output goes to.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// The last lines of its output.
    pub fn tail(&self) -> String {
        let text = std::fs::read(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {} said:\n{}", self.name, self.tail());
        }
    }
}
