//! How much better one model is than another in balanced accuracy, evaluated on the same images, and how sure that is.

use crate::predictions::Predictions;
use crate::tagged::MultilabelPredictions;

/// Disagreements that are added to those seen: with none in n images, their share may still be 3 / n (the rule of three:
/// J. A. Hanley and A. Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249 (1983),
/// <https://doi.org/10.1001/jama.1983.03330370053031>).
const UNSEEN: f64 = 3.0;
/// Images of the overall share of disagreement that are added to each class, so that a class of two images on which the
/// models agree by chance does not count as one on which they always agree.
const SHARED: f64 = 4.0;

/// What two models made of the images of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassPair {
    /// Number of images of the class.
    pub images: u64,
    /// Those that only the first model classified correctly.
    pub gained: u64,
    /// Those that only the second model classified correctly.
    pub lost: u64,
}

impl ClassPair {
    /// How much less recall the first model has than the second.
    pub fn drop(&self) -> f64 {
        if self.images == 0 { 0.0 } else { (self.lost as f64 - self.gained as f64) / self.images as f64 }
    }

    /// One-sided p value of the exact sign test: how often, were both models equally good at the class, the first would
    /// lose at least so many of the images on which they differ.
    pub fn p_worse(&self) -> f64 {
        upper_tail(self.gained + self.lost, self.lost)
    }
}

/// What two models made of the same images, by class.
///
/// The bound is that of a stratified paired comparison: the variance of a class's part is its share of disagreement over
/// its images (an upper bound, A. Agresti, Categorical Data Analysis, 3rd edition 2013, section 11.1.2), pulled towards
/// the overall share. It is what a paired bootstrap within classes would find, which sees no variance at all in a class of
/// few images; McNemar's test compares accuracy, in which large classes count more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<ClassPair>);

impl Pairs {
    /// Of two models, of which the first is asked about. Images stand in the same order in both.
    pub fn new(first: &Predictions, second: &Predictions) -> Self {
        let images = 0..first.len().min(second.len());
        let correct = images.map(|i| (first.truth(i), first.is_correct(i), second.is_correct(i)));
        Self::of_correct(first.classes().len(), correct)
    }

    /// Of images of which no more is known than their class, an index below `classes`, and whether the first and the second
    /// model classified them correctly. Those of other classes are left out.
    pub fn of_correct(classes: usize, correct: impl IntoIterator<Item = (usize, bool, bool)>) -> Self {
        let mut pairs = Self(vec![ClassPair::default(); classes]);
        for (class, first, second) in correct {
            if let Some(pair) = pairs.0.get_mut(class) {
                pair.count(first, second);
            }
        }
        pairs
    }

    /// As [`Pairs::new`], where an image may have several classes: of a class, whether it was said of those that have it.
    pub fn tagged(first: &MultilabelPredictions, second: &MultilabelPredictions) -> Self {
        let classes = first.classes().len().min(second.classes().len());
        let mut pairs = Self(vec![ClassPair::default(); classes]);
        for i in 0..first.len().min(second.len()) {
            for class in (0..classes).filter(|class| first.has(i, *class)) {
                pairs.0[class].count(first.says(i, class), second.says(i, class));
            }
        }
        pairs
    }

    /// By class index.
    pub fn classes(&self) -> &[ClassPair] {
        &self.0
    }

    fn with_images(&self) -> impl Iterator<Item = &ClassPair> {
        self.0.iter().filter(|class| class.images > 0)
    }

    /// Balanced accuracy of the first less that of the second. None without images.
    pub fn difference(&self) -> Option<f64> {
        let classes = self.with_images().count();
        (classes > 0).then(|| -self.with_images().map(ClassPair::drop).sum::<f64>() / classes as f64)
    }

    /// What [`Pairs::difference`] truly is at least, with confidence `1 − level`; `level` lies between 0 and 1, and at a half
    /// nothing is taken off. None without images.
    pub fn lower_bound(&self, level: f64) -> Option<f64> {
        let difference = self.difference()?;
        let sum = |of: fn(&ClassPair) -> u64| self.with_images().map(of).sum::<u64>() as f64;
        let images = sum(|class| class.images);
        let share = (sum(|class| class.gained + class.lost) + UNSEEN) / (images + UNSEEN);
        let variance = |class: &ClassPair| {
            let n = class.images as f64;
            ((class.gained + class.lost) as f64 + SHARED * share) / (n + SHARED) / n
        };
        let classes = self.with_images().count() as f64;
        let error = self.with_images().map(variance).sum::<f64>().sqrt() / classes;
        // Half an image, because images are whole.
        let off = normal_quantile(1.0 - level) * error + if level < 0.5 { 0.5 / images } else { 0.0 };
        Some(difference - off)
    }
}

impl ClassPair {
    fn count(&mut self, first: bool, second: bool) {
        self.images += 1;
        self.gained += u64::from(first && !second);
        self.lost += u64::from(second && !first);
    }
}

/// How often `n` fair coins show at least `k` heads.
fn upper_tail(n: u64, k: u64) -> f64 {
    // From the logarithm of 2⁻ⁿ on, so that nothing underflows before the end.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for i in 0..=n {
        if i >= k {
            sum += log_term.exp();
        }
        log_term += ((n - i) as f64 / (i + 1) as f64).ln();
    }
    f64::min(sum, 1.0)
}

/// Below which a standard normal number lies with probability `p`, between 0 and 1, to within 5e-9 or so.
///
/// P. J. Acklam's rational approximation; relative error 1.15e-9:
/// <https://web.archive.org/web/20151030215612/http://home.online.no/~pjacklam/notes/invnorm/>.
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0];
    const TAIL: f64 = 0.02425;
    let polynomial = |of: &[f64], x: f64| of.iter().fold(0.0, |sum, c| sum * x + c);
    if p < TAIL {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    } else if p > 1.0 - TAIL {
        -normal_quantile(1.0 - p)
    } else {
        let q = p - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balanced_accuracy::balanced_accuracy;

    /// Images of two classes classified correctly or not by two models.
    fn two(images: &[(usize, bool, bool)]) -> [Predictions; 2] {
        let mut models = [0, 1].map(|_| Predictions::new(vec!["a".to_owned(), "b".to_owned()]));
        for (truth, first, second) in images {
            for (model, right) in models.iter_mut().zip([first, second]) {
                let said = if *right { *truth } else { 1 - truth };
                model.push(*truth, &[f32::from(said == 0), f32::from(said == 1)]).unwrap();
            }
        }
        models
    }

    #[test]
    fn differences_are_those_of_balanced_accuracy() {
        let [first, second] = two(&[
            (0, true, false),
            (0, true, true),
            (0, false, false),
            (0, true, false),
            (1, false, true),
            (1, true, true),
        ]);
        let pairs = Pairs::new(&first, &second);
        assert_eq!(pairs.classes()[0], ClassPair { images: 4, gained: 2, lost: 0 });
        assert_eq!((pairs.classes()[1].drop(), pairs.classes()[0].drop()), (0.5, -0.5));
        let expected = balanced_accuracy(&first).unwrap() - balanced_accuracy(&second).unwrap();
        assert!((pairs.difference().unwrap() - expected).abs() < 1e-12);
        assert_eq!(Pairs::default().difference(), None);
        assert_eq!(Pairs::default().lower_bound(0.05), None);
    }

    /// By hand: two classes of 50, each with 4 gained and 6 lost. Share (20 + 3) / 103; a class's variance
    /// (10 + 4 · 0.2233) / 54 / 50 = 0.004034; error √0.008069 / 2 = 0.04491; 1.6449 of it and 0.005 off −0.04.
    #[test]
    fn the_bound_is_the_formula() {
        let class = ClassPair { images: 50, gained: 4, lost: 6 };
        let pairs = Pairs(vec![class, ClassPair::default(), class]);
        let bound = pairs.lower_bound(0.05).unwrap();
        assert!((bound - (-0.04 - 0.005 - 1.644_854 * 0.044_913)).abs() < 1e-5, "{bound}");
        assert!((pairs.lower_bound(0.5).unwrap() + 0.04).abs() < 1e-9, "at a half, the difference itself");
    }

    #[test]
    fn tails_are_those_of_coins_and_of_the_normal_distribution() {
        // scipy.stats.binom.sf(k - 1, n, 0.5); scipy.stats.norm.ppf(p)
        for (gained, lost, p) in [(0, 3, 0.125), (1, 8, 0.019_531_25), (0, 0, 1.0), (5, 5, 0.623_046_875)] {
            let found = ClassPair { images: 99, gained, lost }.p_worse();
            assert!((found - p).abs() < 1e-12, "{gained} {lost}: {found}");
        }
        assert!(ClassPair { images: 9999, gained: 1400, lost: 1500 }.p_worse() < 0.04);
        for (p, z) in [(0.5, 0.0), (0.95, 1.644_853_627), (0.01, -2.326_347_874), (0.999, 3.090_232_306)] {
            assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}: {}", normal_quantile(p));
        }
    }
}
