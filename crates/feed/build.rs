//! Embeds the built console, if there is one: makes a table of the files under `console/dist/page` for `page.rs`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The folder is always there, so that cargo can watch it; what `make console` builds is a folder in it.
const WATCHED: &str = "../../console/dist";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={WATCHED}");
    let root = Path::new(WATCHED).join("page");
    let mut files = Vec::new();
    if root.is_dir() {
        collect(&root, &mut files)?;
    }
    files.sort();
    let mut table = String::from("[\n");
    for file in &files {
        let path = file.strip_prefix(&root).map_err(io::Error::other)?;
        let absolute = fs::canonicalize(file)?;
        let (content_type, path) = (content_type(path)?, path.display());
        let _ = writeln!(
            table,
            "    Asset {{ path: \"/{path}\", content_type: \"{content_type}\", body: include_bytes!({absolute:?}) }},"
        );
    }
    table.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("assets.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn content_type(path: &Path) -> io::Result<&'static str> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        _ => Err(io::Error::other(format!(
            "{}: give crates/feed/build.rs a content type for files of this kind",
            path.display()
        ))),
    }
}
