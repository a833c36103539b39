//! The order in which a group is cut.

use crate::Image;
use plugin_api::names::natural_order;

/// Sorts images that are to be cut: by capture time where all have one, otherwise by path in natural order.
///
/// `at` gives the image of a number.
pub fn sort<'t, 'a: 't>(numbers: &mut [u32], at: impl Fn(u32) -> &'t Image<'a>) {
    if numbers.iter().all(|number| at(*number).captured_ms.is_some()) {
        numbers.sort_by(|a, b| {
            let (a, b) = (at(*a), at(*b));
            a.captured_ms.cmp(&b.captured_ms).then_with(|| natural_order(a.path, b.path)).then(a.key.cmp(b.key))
        });
    } else {
        numbers.sort_by(|a, b| {
            let (a, b) = (at(*a), at(*b));
            natural_order(a.path, b.path).then(a.key.cmp(b.key))
        });
    }
}
