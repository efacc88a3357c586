//! Open files: each leg has two RTP sockets, and the usual soft limit of 1,024 would end at some 200 calls.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// RTP and RTCP of a caller and of the operator who talks to that caller.
const SOCKETS_PER_CALL: u64 = 4;

/// Journal, listeners, consoles of a usual house.
const OTHER_FILES: u64 = 512;

/// Raises this process's limit of open files as far as it may, and warns if that is too little for `calls_max`.
pub(crate) fn allow(calls_max: u32) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let Some(files) = getrlimit(Resource::Nofile).current else {
        return;
    };
    let enough_for = calls_within(files);
    if enough_for < u64::from(calls_max) {
        tracing::warn!(
            files,
            calls_max,
            enough_for,
            "the system allows too few open files for engine.calls_max calls: raise the limit \
             (systemd: LimitNOFILE, shell: ulimit -Hn) or lower calls_max"
        );
    }
}

/// How many talking calls so many open files allow.
fn calls_within(files: u64) -> u64 {
    files.saturating_sub(OTHER_FILES) / SOCKETS_PER_CALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        allow(1);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }

    #[test]
    fn four_sockets_a_call() {
        assert_eq!(
            (calls_within(0), calls_within(512), calls_within(65_536)),
            (0, 0, 16_256)
        );
    }
}
