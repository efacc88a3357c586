//! The database as the thread has it: opened when it is needed, given up when it fails, tried again after a while.

use crate::Refused;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A database that could not be used is tried again after this.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// How often it is said that the records cannot be written.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

pub(crate) struct Base {
    path: PathBuf,
    journal: u32,
    metrics: Metrics,
    store: Option<Store>,
    /// When it failed last, until something could be written.
    failed: Option<Instant>,
    complained: Option<Instant>,
}

impl Base {
    pub(crate) fn new(path: PathBuf, journal: u32, metrics: Metrics) -> Self {
        Self {
            path,
            journal,
            metrics,
            store: None,
            failed: None,
            complained: None,
        }
    }

    /// Whether it could not be used of late.
    pub(crate) fn fails(&self) -> bool {
        self.failed.is_some()
    }

    /// Does something with it.
    ///
    /// # Errors
    /// [`Refused::Unavailable`], which was said in the log.
    pub(crate) fn with<T>(
        &mut self,
        act: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, Refused> {
        if self.store.is_none() && self.failed.is_some_and(|at| at.elapsed() < RETRY_EVERY) {
            return Err(Refused::Unavailable);
        }
        let mut store = match self.store.take() {
            Some(store) => store,
            None => match Store::open(&self.path, self.journal) {
                Ok(store) => store,
                Err(error) => return Err(self.complain(&error)),
            },
        };
        match act(&mut store) {
            Ok(done) => {
                self.store = Some(store);
                Ok(done)
            }
            // Opened anew next time: the file may have been put right meanwhile.
            Err(error) => Err(self.complain(&error)),
        }
    }

    fn complain(&mut self, error: &StoreError) -> Refused {
        self.failed = Some(Instant::now());
        self.metrics.failing.set(1);
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            self.complained = Some(Instant::now());
            tracing::error!(
                %error,
                path = %self.path.display(),
                "the records cannot be used: calls go on, and what happens is written when they can be; make room on the \
                 disk, end what locks the file, or move it away and a new one is made"
            );
        }
        Refused::Unavailable
    }

    /// Something could be written.
    pub(crate) fn works(&mut self) {
        if self.failed.take().is_some() {
            self.complained = None;
            self.metrics.failing.set(0);
            tracing::warn!("the records are written again");
        }
    }
}
