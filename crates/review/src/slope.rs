//! Robust slopes: the median of the slopes between all pairs of points (Theil and Sen), with an interval.
//!
//! Sources: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968), for the slope and its interval;
//! the variance of Kendall's statistic without ties is n (n - 1) (2 n + 5) / 18.

/// Quantile of the normal distribution for an interval of 95 %.
const Z: f64 = 1.959_964;

/// Slope of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slope {
    /// Median slope, in units of y for one of x.
    pub(crate) slope: f64,
    /// Lower end of the interval of 95 %.
    pub(crate) low: f64,
    /// Upper end.
    pub(crate) high: f64,
    /// Value at x = 0 of the line with the median slope.
    pub(crate) intercept: f64,
}

/// Computes the slope of points (x, y). `None` with fewer than three points of different x.
pub(crate) fn theil_sen(points: &[(f64, f64)]) -> Option<Slope> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, (x, y)) in points.iter().enumerate() {
        for (other_x, other_y) in &points[index + 1..] {
            if other_x != x {
                slopes.push((other_y - y) / (other_x - x));
            }
        }
    }
    slopes.sort_by(f64::total_cmp);
    if points.len() < 3 || slopes.len() < 3 {
        return None;
    }
    let n = points.len() as f64;
    let spread = Z * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let count = slopes.len() as f64;
    let at = |rank: f64| slopes[(rank.max(0.0) as usize).min(slopes.len() - 1)];
    let slope = median(&slopes);
    let mut rests: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    rests.sort_by(f64::total_cmp);
    Some(Slope {
        slope,
        low: at(((count - spread) / 2.0).floor() - 1.0),
        high: at(((count + spread) / 2.0).ceil()),
        intercept: median(&rests),
    })
}

/// Median of sorted values; 0 without any.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(slope: f64, noise: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
        (0..30).map(|day| (day as f64, 40.0 + slope * day as f64 + noise(day))).collect()
    }

    #[test]
    fn straight_line_has_its_slope_without_doubt() {
        let found = theil_sen(&line(0.5, |_| 0.0)).unwrap();
        assert_eq!((found.slope, found.low, found.high, found.intercept), (0.5, 0.5, 0.5, 40.0));
    }

    #[test]
    fn outliers_do_not_bend_the_line() {
        let found = theil_sen(&line(0.5, |day| if day % 7 == 3 { 300.0 } else { 0.0 })).unwrap();
        assert!((found.slope - 0.5).abs() < 0.2, "{found:?}");
    }

    #[test]
    fn interval_holds_the_true_slope_in_most_months() {
        let mut random = fastrand::Rng::with_seed(24);
        let mut normal = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let mut held = 0;
        for _ in 0..500 {
            let noise: Vec<f64> = (0..30).map(|_| normal()).collect();
            let found = theil_sen(&line(0.1, |day| noise[day])).unwrap();
            assert!(found.low <= found.slope && found.slope <= found.high);
            held += usize::from((found.low..=found.high).contains(&0.1));
        }
        // 95 % of 500, within four standard deviations.
        assert!((456..=495).contains(&held), "{held}");
    }

    #[test]
    fn too_few_points_have_no_slope() {
        assert_eq!(theil_sen(&[(0.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(theil_sen(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }
}
