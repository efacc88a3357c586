//! The commands as a person meets them: exit codes and what is printed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn holdfast(args: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(args)
        .current_dir(root)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of this test's own, gone when the test is over.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holdfast-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("a temporary file");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_shipped_configuration_passes_the_check() {
    let output = holdfast(&["check", "--config", "config/holdfast.toml"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(
        out.ends_with("config/holdfast.toml: 0 errors, 4 warnings\n"),
        "{out}"
    );
}

#[test]
fn a_mistake_is_named_with_line_key_and_remedy() {
    let file = File::new("mistake.toml", "[schedule]\nlines_otherwse = 4\n");
    let path = file.0.display().to_string();
    let output = holdfast(&["check", "--config", &path]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "{path}:2:1: error: schedule.lines_otherwse: there is no such key; did you mean `lines_otherwise`?\n"
    );
    assert!(out.contains(&expected), "{out}");
}

#[test]
fn a_file_that_is_not_there_is_another_matter() {
    let output = holdfast(&["check", "--config", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).starts_with("nowhere.toml: cannot be read: "));
}

#[test]
fn nothing_starts_with_a_wrong_configuration() {
    let file = File::new("wrong.toml", "[engine]\ncalls_max = 0\n");
    let output = holdfast(&["serve", "--config", &file.0.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let errors = text(&output.stderr);
    assert!(errors.contains("engine.calls_max: 0 is out of range"), "{errors}");
    assert!(errors.ends_with("has errors; nothing was started\n"), "{errors}");
}

#[test]
fn a_secret_is_hashed() {
    let hash = |secret: &str| {
        let file = File::new("secret", secret);
        Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .arg("hash-secret")
            .stdin(std::fs::File::open(&file.0).expect("the file"))
            .output()
            .expect("the binary runs")
    };
    let output = hash("lighthouse keeper\n");
    let phc = text(&output.stdout);
    let secret = feed::Secret::parse(phc.trim_end()).expect("a hash");
    assert!(
        phc.starts_with("$argon2id$") && secret.matches("lighthouse keeper"),
        "{phc}"
    );
    let output = hash("short\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("at least 8 bytes"));
}

#[test]
fn help_names_the_commands_and_version_the_version() {
    let help = text(&holdfast(&["--help"]).stdout);
    for command in ["serve", "check", "demo", "top"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    let version = text(&holdfast(&["--version"]).stdout);
    assert_eq!(version, format!("holdfast {}\n", env!("CARGO_PKG_VERSION")));
}
