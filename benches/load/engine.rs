//! What the kernel says of the engine's process.

use std::fs;

/// Seconds of CPU a process has taken, in user and kernel mode.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold blanks; the fields after it are counted from state = 3.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<f64>().ok());
    Some((ticks(14)? + ticks(15)?) / TICKS_A_SECOND)
}

/// `USER_HZ`, which Linux fixes at 100 for everything it shows in /proc.
const TICKS_A_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    #[test]
    fn our_own_time_can_be_read() {
        assert!(super::cpu_seconds(std::process::id()).is_some());
        assert!(super::cpu_seconds(u32::MAX).is_none());
    }
}
