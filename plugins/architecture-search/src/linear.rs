//! Cholesky factors of small symmetric matrices, row after row.

/// The lower factor `L` of a positive definite matrix `A = L Lᵀ`.
#[derive(Clone, Debug)]
pub struct Cholesky {
    lower: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// Factors `matrix`, `size × size`; `None` when it is not positive definite.
    pub fn new(mut matrix: Vec<f64>, size: usize) -> Option<Self> {
        for column in 0..size {
            for row in column..size {
                let (of_row, of_column) = (row * size, column * size);
                let dot: f64 = (0..column).map(|k| matrix[of_row + k] * matrix[of_column + k]).sum();
                let value = matrix[of_row + column] - dot;
                matrix[of_row + column] = if row > column {
                    value / matrix[of_column + column]
                } else if value > 0.0 && value.is_finite() {
                    value.sqrt()
                } else {
                    return None;
                };
            }
        }
        Some(Self { lower: matrix, size })
    }

    /// `L⁻¹ b`.
    pub fn forward(&self, mut b: Vec<f64>) -> Vec<f64> {
        for row in 0..self.size {
            let dot: f64 = (0..row).map(|k| self.lower[row * self.size + k] * b[k]).sum();
            b[row] = (b[row] - dot) / self.lower[row * self.size + row];
        }
        b
    }

    /// `A⁻¹ b`.
    pub fn solve(&self, b: Vec<f64>) -> Vec<f64> {
        let mut x = self.forward(b);
        for row in (0..self.size).rev() {
            let dot: f64 = (row + 1..self.size).map(|k| self.lower[k * self.size + row] * x[k]).sum();
            x[row] = (x[row] - dot) / self.lower[row * self.size + row];
        }
        x
    }

    /// Inverse of the factored matrix, row-major.
    pub fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.size * self.size];
        for column in 0..self.size {
            let mut unit = vec![0.0; self.size];
            unit[column] = 1.0;
            for (row, value) in self.solve(unit).into_iter().enumerate() {
                inverse[row * self.size + column] = value;
            }
        }
        inverse
    }

    /// `ln |A|`.
    pub fn log_determinant(&self) -> f64 {
        (0..self.size).map(|k| 2.0 * self.lower[k * self.size + k].ln()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_solve_and_invert() {
        let matrix = vec![4.0, 2.0, 0.5, 2.0, 5.0, 1.0, 0.5, 1.0, 3.0];
        let factor = Cholesky::new(matrix.clone(), 3).unwrap();
        let x = factor.solve(vec![1.0, 2.0, 3.0]);
        for row in 0..3 {
            let back: f64 = (0..3).map(|k| matrix[row * 3 + k] * x[k]).sum();
            assert!((back - (row + 1) as f64).abs() < 1e-12);
        }
        let inverse = factor.inverse();
        let one: f64 = (0..3).map(|k| matrix[3 + k] * inverse[k * 3 + 1]).sum();
        assert!((one - 1.0).abs() < 1e-12);
        // 4 (15 - 1) - 2 (6 - 0.5) + 0.5 (2 - 2.5)
        assert!((factor.log_determinant().exp() - 44.75).abs() < 1e-9);
        assert!(Cholesky::new(vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
