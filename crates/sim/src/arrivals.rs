//! When persons first call: a Poisson process whose rate follows the hour of the day.
//!
//! By thinning (P. A. W. Lewis and G. S. Shedler, "Simulation of nonhomogeneous Poisson processes by thinning", 1979):
//! candidates come at the highest rate of the day, and each is kept with the share its own hour's rate is of that.

use crate::calendar::Calendar;
use crate::dist::from_seconds;
use crate::rng::{Purpose, Stream};
use crate::scenario::Arrivals;
use acd::Timestamp;
use jiff::civil::Date;

/// The arrivals of `date`, the `day`-th of the run, in order.
pub fn of_day(
    arrivals: &Arrivals,
    calendar: &mut Calendar,
    seed: u64,
    day: u32,
    date: Date,
) -> Vec<Timestamp> {
    let rates = if calendar.is_workday(date) {
        &arrivals.workday
    } else {
        &arrivals.day_off
    };
    let rate_max = rates.iter().copied().fold(0.0, f64::max);
    let mut arrived = Vec::new();
    if rate_max <= 0.0 {
        return arrived;
    }
    let mut stream = Stream::new(seed, Purpose::Arrivals, u64::from(day));
    let mut at = calendar.midnight(date);
    let end = calendar.midnight(date.tomorrow().unwrap_or(Date::MAX));
    loop {
        at = at + from_seconds(3_600.0 / rate_max * stream.exponential());
        if at >= end {
            return arrived;
        }
        let rate = rates.get(calendar.hour_of_day(at)).copied().unwrap_or(0.0);
        if stream.chance(rate / rate_max) {
            arrived.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::schedule::Schedule;

    /// 400 days of a profile: each hour's mean is its rate, and its variance too, which is what makes it Poisson.
    #[test]
    fn every_hour_is_poisson_with_its_rate() {
        let mut workday = [0.0; 24];
        for (hour, rate) in [(7, 3.0), (8, 40.0), (9, 10.0), (17, 25.0)] {
            workday[hour] = rate;
        }
        let arrivals = Arrivals {
            workday,
            day_off: workday,
        };
        let schedule = Schedule {
            time_zone: "Asia/Shanghai".to_owned(),
            lines_otherwise: 1,
            windows: vec![],
            holidays: vec![],
            workdays: vec![],
        };
        let mut calendar = Calendar::new(&schedule).unwrap();
        let date = "2026-11-23".parse().unwrap();
        let days = 400;
        let mut counts = vec![[0.0f64; 24]; days];
        for (day, hours) in counts.iter_mut().enumerate() {
            for at in of_day(&arrivals, &mut calendar, 11, day as u32, date) {
                hours[calendar.hour_of_day(at)] += 1.0;
            }
        }
        for hour in 0..24 {
            let (n, rate) = (days as f64, workday[hour]);
            let mean = counts.iter().map(|c| c[hour]).sum::<f64>() / n;
            let variance = counts
                .iter()
                .map(|c| (c[hour] - mean) * (c[hour] - mean))
                .sum::<f64>()
                / (n - 1.0);
            // Four standard errors of a Poisson mean, and of its variance.
            assert!(
                (mean - rate).abs() <= 4.0 * (rate / n).sqrt(),
                "hour {hour}: mean {mean}, rate {rate}"
            );
            let spread = 4.0 * ((rate + 2.0 * rate * rate) / n).sqrt();
            assert!(
                (variance - rate).abs() <= spread,
                "hour {hour}: variance {variance}, rate {rate}"
            );
        }
    }
}
