//! A test's own place: a folder for files, and loopback addresses nobody else uses.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

/// A folder that goes with the test, and a block of addresses in 127.0.0.0/8.
pub struct Place {
    dir: PathBuf,
    block: [u8; 3],
    next: AtomicU8,
    crowd: AtomicU8,
}

/// Addresses of a block for single peers; as many more are for crowds.
const SINGLE: u8 = 32;

impl Place {
    /// A new place. Its addresses follow from the process and the number of places it has made.
    pub fn new() -> Self {
        static PLACES: AtomicU8 = AtomicU8::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let dir = std::env::temp_dir().join(format!("holdfast-test-{process}-{number}"));
        // What an earlier process of the same number left behind is in the way.
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("the temporary folder can be written");
        // 127.0.0.x and 127.1.x.x are left to others; a place takes 127.a.b.(64 * n ...) with a from 2.
        let block = [2 + (process >> 8) as u8 % 250, process as u8, (number % 3) * 64];
        Self {
            dir,
            block,
            next: AtomicU8::new(1),
            crowd: AtomicU8::new(0),
        }
    }

    /// An address of its own for one more peer.
    pub fn address(&self) -> IpAddr {
        let offset = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(offset < SINGLE, "a place has {SINGLE} addresses of its own");
        self.at(offset)
    }

    /// An address for one more of a crowd that tells its members apart by their ports.
    pub fn shared_address(&self) -> IpAddr {
        self.at(SINGLE + self.crowd.fetch_add(1, Ordering::Relaxed) % SINGLE)
    }

    fn at(&self, offset: u8) -> IpAddr {
        let [a, b, first] = self.block;
        IpAddr::V4(Ipv4Addr::new(127, a, b, first + offset))
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.join(name);
        std::fs::write(&path, text).expect("the temporary folder can be written");
        path
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what the peers wrote is in {}", self.dir.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
