//! Embeds the built console, if there is one: makes a table of the files under `console/dist/page` for `page.rs`, each as it is
//! and gzipped. In place of a console that was not built there is a page that says how to build it.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The folder is always there, so that cargo can watch it; what `make console` builds is a folder in it.
const WATCHED: &str = "../../console/dist";

/// Stands in for a console that was not built.
const NOT_BUILT: &str = "src/not-built.html";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={WATCHED}");
    println!("cargo::rerun-if-changed={NOT_BUILT}");
    let root = Path::new(WATCHED).join("page");
    let mut files = Vec::new();
    if root.is_dir() {
        collect(&root, &mut files)?;
    }
    files.sort();
    let mut named = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).map_err(io::Error::other)?;
        named.push((path.display().to_string(), file.as_path()));
    }
    if named.is_empty() {
        named.push(("index.html".to_owned(), Path::new(NOT_BUILT)));
    }
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    let out = Path::new(&out);
    fs::write(out.join("assets.rs"), table(&named, out)?)
}

/// The files with their addresses, as a Rust expression; the gzipped ones are put into `out`.
fn table(files: &[(String, &Path)], out: &Path) -> io::Result<String> {
    let mut table = String::from("[\n");
    for (n, (path, file)) in files.iter().enumerate() {
        let (plain, content_type) = (fs::canonicalize(file)?, content_type(file)?);
        let gzipped = out.join(format!("{n}.gz"));
        fs::write(&gzipped, gzip(&fs::read(file)?)?)?;
        let _ = writeln!(
            table,
            "    Asset {{ path: \"/{path}\", content_type: \"{content_type}\", plain: include_bytes!({plain:?}), \
             gzipped: include_bytes!({gzipped:?}) }},"
        );
    }
    table.push_str("]\n");
    Ok(table)
}

/// The same octets each time: without a name or moment in the head.
fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
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
