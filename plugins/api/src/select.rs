//! Some rows of a column.

use arrow::array::{Array, ArrowPrimitiveType, LargeBinaryArray, PrimitiveArray, StringArray};

/// A column from which rows can be taken.
pub trait Select {
    /// The rows of these numbers, which are in order, each once, and less than the column's length. When they are all
    /// of its rows, nothing is copied.
    #[must_use]
    fn select(&self, rows: &[usize]) -> Self;
}

impl Select for StringArray {
    fn select(&self, rows: &[usize]) -> Self {
        if rows.len() == self.len() {
            return self.clone();
        }
        rows.iter().map(|&row| self.is_valid(row).then(|| self.value(row))).collect()
    }
}

impl Select for LargeBinaryArray {
    fn select(&self, rows: &[usize]) -> Self {
        if rows.len() == self.len() {
            return self.clone();
        }
        rows.iter().map(|&row| self.is_valid(row).then(|| self.value(row))).collect()
    }
}

impl<T: ArrowPrimitiveType> Select for PrimitiveArray<T> {
    fn select(&self, rows: &[usize]) -> Self {
        if rows.len() == self.len() {
            return self.clone();
        }
        rows.iter().map(|&row| self.is_valid(row).then(|| self.value(row))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    #[test]
    fn rows_are_taken_in_order_with_their_nulls() {
        let text = StringArray::from(vec![Some("a"), None, Some("c")]);
        assert_eq!(text.select(&[1, 2]), StringArray::from(vec![None, Some("c")]));
        let numbers = Int64Array::from(vec![1, 2, 3]);
        assert_eq!(numbers.select(&[0, 2]), Int64Array::from(vec![1, 3]));
        assert_eq!(numbers.select(&[]).len(), 0);
        let bytes = LargeBinaryArray::from_iter_values([b"x", b"y"]);
        assert_eq!(bytes.select(&[1]).value(0), b"y");
    }

    #[test]
    fn all_rows_are_not_copied() {
        let bytes = LargeBinaryArray::from_iter_values([b"x", b"y"]);
        assert_eq!(bytes.select(&[0, 1]).value_data().as_ptr(), bytes.value_data().as_ptr());
    }
}
