//! A figure among those of other tenants, told so that no tenant can be recognised: published figures, and quartiles.

use super::exact::Exact;

/// The fewest tenants whose figures make quartiles.
pub const FEWEST: usize = 5;
/// The largest share of the volume that one tenant may have: a quarter.
const LARGEST: i128 = 4;
/// How many figures on either side of a quartile make it, with the one that it falls on: their mean is nobody's own.
const BESIDE: usize = 1;

/// A figure that somebody published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The KPI that it is about.
    pub kpi: String,
    /// Markets' countries that it is about, lower case; all if empty.
    pub regions: Vec<String>,
    /// The figure, or the range's lower end, in the KPI's unit.
    pub low: String,
    /// The upper end; the figure again if it is one.
    pub high: String,
    /// Who published it, and where.
    pub source: String,
    /// When.
    pub published: String,
    /// Of whom and of when it is.
    pub covers: String,
    /// How it differs from the KPI.
    pub note: String,
}

/// Why quartiles are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// Fewer than five tenants share a figure, or so many of theirs are the same that a quartile would be the own figure of each.
    TooFew,
    /// One tenant has more than a quarter of the volume.
    Dominated,
}

/// Quartiles of tenants' figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quartiles {
    /// How many tenants.
    pub tenants: usize,
    /// Lower quartile, median and upper quartile, to two significant digits.
    pub texts: [String; 3],
}

impl Quartiles {
    /// The same, unless they are the own figures of those that make them: a mean at a bound is of figures that all are there, and
    /// three equal ones leave little room between. `whole` is the most that a figure can be in its unit, such as 100 percent.
    ///
    /// # Errors
    /// They are withheld, for the same reason as those of few, so that the reason does not tell the figures.
    pub fn of_nobody(self, whole: Option<i64>) -> Result<Self, Withheld> {
        let [lower, median, upper] = &self.texts;
        let bounds: Vec<String> = [Some(0), whole, whole.map(|whole| -whole)]
            .into_iter()
            .flatten()
            .map(|bound| two_digits(bound as f64))
            .collect();
        let own = (lower == median && median == upper) || self.texts.iter().any(|text| bounds.contains(text));
        if own { Err(Withheld::TooFew) } else { Ok(self) }
    }
}

/// The quartiles of figures with their volumes. Each is the mean of the three figures around it, or of the four where it falls in the
/// middle between two, to two significant digits.
///
/// # Errors
/// Why they are withheld.
pub fn quartiles(mut figures: Vec<(Exact, Exact)>) -> Result<Quartiles, Withheld> {
    if figures.len() < FEWEST {
        return Err(Withheld::TooFew);
    }
    let total = figures.iter().try_fold(Exact::ZERO, |sum, (_, volume)| sum.add(*volume)).ok_or(Withheld::Dominated)?;
    let dominates = |(_, volume): &(Exact, Exact)| {
        let rest = volume.multiply(Exact::whole(LARGEST)).and_then(|four| total.subtract(four));
        rest.is_none_or(|rest| rest.numerator() < 0)
    };
    if figures.iter().any(dominates) {
        return Err(Withheld::Dominated);
    }
    figures.sort_by(|(a, _), (b, _)| a.approximate().total_cmp(&b.approximate()));
    let last = figures.len() - 1;
    let quartile = |quarters: usize| {
        // Places between two figures go to the nearer one; one in the middle belongs to both.
        let (below, above) = ((last * quarters + 1) / 4, (last * quarters + 2) / 4);
        let around = (above + BESIDE).min(last).saturating_sub(below.saturating_sub(BESIDE)) + 1;
        let window = figures.iter().skip(below.saturating_sub(BESIDE)).take(around);
        let sum: f64 = window.map(|(value, _)| value.approximate()).sum();
        two_digits(sum / around as f64)
    };
    Ok(Quartiles { tenants: figures.len(), texts: [quartile(1), quartile(2), quartile(3)] })
}

/// To two significant digits.
fn two_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let digits = 1 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    format!("{rounded:.*}", usize::try_from(digits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(figures: &[(i128, i128)]) -> Result<Quartiles, Withheld> {
        quartiles(figures.iter().map(|(value, volume)| (Exact::whole(*value), Exact::whole(*volume))).collect())
    }

    #[test]
    fn quartiles_are_means_of_three_and_coarse() {
        let found = of(&[(50, 10), (10, 10), (40, 10), (20, 10), (33, 10)]).unwrap();
        // Sorted: 10, 20, 33, 40, 50. Means of the first, the middle and the last three.
        assert_eq!(found, Quartiles { tenants: 5, texts: ["21".into(), "31".into(), "41".into()] });
        let nine: Vec<(i128, i128)> = (1..=9).map(|n| (n * 10, 1)).collect();
        assert_eq!(of(&nine).unwrap().texts, ["30", "50", "70"]);
        // The median of six falls between the third and the fourth: of the second to the fifth, and no figure weighs more above it
        // than below.
        let six: Vec<(i128, i128)> = (1..=6).map(|n| (n * 10, 1)).collect();
        assert_eq!(of(&six).unwrap().texts, ["20", "35", "50"]);
        let seven: Vec<(i128, i128)> = (1..=7).map(|n| (n * 10, 1)).collect();
        assert_eq!(of(&seven).unwrap().texts, ["25", "40", "55"]);
    }

    #[test]
    fn few_or_large_tenants_are_not_told() {
        assert_eq!(of(&[(1, 1), (2, 1), (3, 1), (4, 1)]), Err(Withheld::TooFew));
        assert_eq!(of(&[(1, 26), (2, 19), (3, 19), (4, 18), (5, 18)]), Err(Withheld::Dominated));
        assert!(of(&[(1, 25), (2, 19), (3, 19), (4, 19), (5, 18)]).is_ok(), "a quarter is not more than a quarter");
        assert_eq!(of(&[]), Err(Withheld::TooFew));
        assert_eq!(of(&[(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]).map(|found| found.tenants), Ok(5), "no volume at all");
    }

    #[test]
    fn quartiles_that_are_somebodys_own_figures_are_told_as_such() {
        let told = |figures: [i128; 5], whole| {
            of(&figures.map(|value| (value, 10))).unwrap().of_nobody(whole) == Err(Withheld::TooFew)
        };
        assert!(told([0, 0, 0, 0, 0], None), "every tenant's figure is 0");
        assert!(told([0, 0, 0, 4, 9], None), "the lower three are");
        assert!(told([100, 100, 100, 100, 100], Some(100)) && told([20, 50, 100, 100, 100], Some(100)));
        assert!(told([7, 7, 7, 7, 7], None), "all are the same");
        assert!(!told([0, 10, 20, 30, 40], Some(100)) && !told([100, 110, 120, 130, 140], None));
    }

    #[test]
    fn digits_are_two() {
        let texts = [0.0, 0.012_34, 9.96, 12.6, 99.6, 1_234.0, -0.55].map(two_digits);
        assert_eq!(texts, ["0", "0.012", "10.0", "13", "100", "1200", "-0.55"]);
    }
}
