//! Dense row-major matrices of 32-bit floats: product, Cholesky factor, triangular solves.
//!
//! Products are cut into tiles of fixed size, each computed by one thread, so that every sum is made in the same order
//! however many threads there are.

use gemm::{Parallelism, gemm};
use rayon::prelude::*;

/// Rows of a tile of a product.
const TILE_ROWS: usize = 96;
/// Right-hand sides of a triangular system that are solved together.
const SOLVE_ROWS: usize = 64;
/// Order of the diagonal blocks of a Cholesky factor, which are factored without blocking.
const BLOCK: usize = 64;

/// A row-major matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// `rows × columns` numbers, row after row.
    pub values: Vec<f32>,
}

impl Matrix {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..(index + 1) * self.columns]
    }

    /// The matrix as an operand of a product.
    pub fn view(&self) -> View<'_> {
        View {
            rows: self.rows,
            columns: self.columns,
            row_stride: self.columns,
            column_stride: 1,
            values: &self.values,
        }
    }
}

/// A strided view of a matrix.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
    values: &'a [f32],
}

impl<'a> View<'a> {
    /// A view of row-major numbers.
    pub fn of(rows: usize, columns: usize, values: &'a [f32]) -> Self {
        debug_assert_eq!(values.len(), rows * columns);
        Self { rows, columns, row_stride: columns, column_stride: 1, values }
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.columns
    }

    /// Row `index` of a view that is not transposed.
    pub fn row(&self, index: usize) -> &'a [f32] {
        debug_assert_eq!(self.column_stride, 1);
        &self.values[index * self.row_stride..][..self.columns]
    }

    /// The transpose, without a copy.
    pub fn transposed(self) -> Self {
        let Self { rows, columns, row_stride, column_stride, values } = self;
        Self { rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride, values }
    }

    /// View of the rows `from..to`.
    pub fn rows(self, from: usize, to: usize) -> Self {
        let start = (from * self.row_stride).min(self.values.len());
        Self { rows: to - from, values: &self.values[start..], ..self }
    }

    /// View of the columns `from..to`.
    pub fn columns(self, from: usize, to: usize) -> Self {
        self.transposed().rows(from, to).transposed()
    }
}

/// `a · b`, of shape `[a.rows, b.columns]`.
pub fn product(a: View<'_>, b: View<'_>) -> Matrix {
    let mut out = Matrix::zeros(a.rows, b.columns);
    let columns = b.columns.max(1);
    out.values.par_chunks_mut(TILE_ROWS * columns).enumerate().for_each(|(tile, values)| {
        let from = tile * TILE_ROWS;
        add_product(values, columns, a.rows(from, from + values.len() / columns), b, 0.0, 1.0);
    });
    out
}

/// The lower triangle of `a · aᵀ`, of shape `[a.rows, a.rows]`. Above the diagonal it is partly filled: not to be read.
pub fn gram(a: View<'_>) -> Matrix {
    let mut out = Matrix::zeros(a.rows, a.rows);
    let columns = a.rows.max(1);
    out.values.par_chunks_mut(TILE_ROWS * columns).enumerate().for_each(|(tile, values)| {
        let (from, to) = (tile * TILE_ROWS, tile * TILE_ROWS + values.len() / columns);
        add_product(values, columns, a.rows(from, to), a.rows(0, to).transposed(), 0.0, 1.0);
    });
    out
}

/// `out = keep · out + scale · a · b` on one thread; `out` has rows of `stride` numbers.
#[allow(unsafe_code)]
fn add_product(out: &mut [f32], stride: usize, a: View<'_>, b: View<'_>, keep: f32, scale: f32) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    if m == 0 || n == 0 {
        return;
    }
    let last =
        |view: &View<'_>| (view.rows.max(1) - 1) * view.row_stride + (view.columns.max(1) - 1) * view.column_stride;
    assert!(k == b.rows && n <= stride && (m - 1) * stride + n <= out.len(), "shapes of a product");
    assert!(k == 0 || last(&a) < a.values.len() && last(&b) < b.values.len(), "operands of a product");
    // SAFETY: by the assertions every element that the strides reach lies inside its slice; `out` is borrowed exclusively.
    unsafe {
        gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride as isize,
            keep != 0.0,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            keep,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Lower triangular Cholesky factor.
#[derive(Clone, Debug, PartialEq)]
pub struct Cholesky {
    /// The factor; zeros above the diagonal.
    factor: Matrix,
}

impl Cholesky {
    /// A factor that was computed before: square, lower triangular.
    pub fn from_factor(factor: Matrix) -> Self {
        Self { factor }
    }

    /// The lower triangular factor.
    pub fn factor(&self) -> &Matrix {
        &self.factor
    }

    /// Factors a symmetric positive definite matrix, of which the lower triangle is read. `None` where it is not positive
    /// definite to the precision of 32-bit floats, or not finite.
    ///
    /// Blocked, left to right (Golub and Van Loan, Matrix Computations, algorithm 4.2.4).
    pub fn of(mut matrix: Matrix) -> Option<Self> {
        let order = matrix.rows;
        for start in (0..order).step_by(BLOCK) {
            let end = (start + BLOCK).min(order);
            let (head, tail) = matrix.values.split_at_mut(end * order);
            let block = &mut head[start * order..];
            factor_block(block, start, end - start, order)?;
            let width = end - start;
            let diagonal: Vec<f32> =
                (0..width).flat_map(|row| block[row * order + start..][..width].to_vec()).collect();
            // The panel below the block, each row by itself.
            tail.par_chunks_mut(order).for_each(|row| solve_row(&diagonal, width, &mut row[start..end]));
            let panel: Vec<f32> = tail.chunks(order).flat_map(|row| row[start..end].to_vec()).collect();
            let panel = View::of(order - end, width, &panel);
            tail.par_chunks_mut(TILE_ROWS * order).enumerate().for_each(|(tile, rows)| {
                let (from, to) = (tile * TILE_ROWS, tile * TILE_ROWS + rows.len() / order);
                let below = panel.rows(0, to).transposed();
                add_product(&mut rows[end..], order, panel.rows(from, to), below, 1.0, -1.0);
            });
        }
        for row in 0..order {
            matrix.values[row * order + row + 1..(row + 1) * order].fill(0.0);
        }
        Some(Self { factor: matrix })
    }

    /// `L⁻¹ · b` in place, for `b` of shape `[order, columns]`.
    pub fn solve_lower(&self, b: &mut Matrix) {
        let (order, columns) = (self.factor.rows, b.columns);
        for start in (0..order).step_by(BLOCK) {
            let end = (start + BLOCK).min(order);
            let (done, rest) = b.values.split_at_mut(start * columns);
            let lower = self.factor.view().rows(start, end);
            let solved = View::of(start, columns, done);
            let block = &mut rest[..(end - start) * columns];
            add_product(block, columns, lower.columns(0, start), solved, 1.0, -1.0);
            for row in 0..end - start {
                let (above, own) = block.split_at_mut(row * columns);
                let factors = &self.factor.row(start + row)[start..=start + row];
                eliminate(&mut own[..columns], above, factors.split_last());
            }
        }
    }

    /// `L⁻ᵀ · b` in place, for `b` of shape `[order, columns]`.
    pub fn solve_upper(&self, b: &mut Matrix) {
        let (order, columns) = (self.factor.rows, b.columns);
        for start in (0..order).step_by(BLOCK).rev() {
            let end = (start + BLOCK).min(order);
            let (head, done) = b.values.split_at_mut(end * columns);
            let upper = self.factor.view().rows(end, order).columns(start, end).transposed();
            let block = &mut head[start * columns..];
            add_product(block, columns, upper, View::of(order - end, columns, done), 1.0, -1.0);
            for row in (0..end - start).rev() {
                let (own, below) = block[row * columns..].split_at_mut(columns);
                for (offset, solved) in below.chunks_exact(columns.max(1)).enumerate() {
                    let factor = self.factor.row(start + row + 1 + offset)[start + row];
                    own.iter_mut().zip(solved).for_each(|(x, s)| *x -= factor * s);
                }
                let pivot = self.factor.row(start + row)[start + row];
                for x in own {
                    *x /= pivot;
                }
            }
        }
    }

    /// `rows · L⁻ᵀ`: each row `x` of the result is `L⁻¹ · x`, whose squared length is `xᵀ (L · Lᵀ)⁻¹ x`.
    pub fn whiten(&self, rows: View<'_>) -> Matrix {
        let order = self.factor.rows;
        let mut out = Matrix::zeros(rows.rows, order);
        out.values.par_chunks_mut(SOLVE_ROWS * order.max(1)).enumerate().for_each(|(chunk, values)| {
            let (from, count) = (chunk * SOLVE_ROWS, values.len() / order);
            let mut columns = transposed(rows.rows(from, from + count));
            self.solve_lower(&mut columns);
            values.copy_from_slice(&transposed(columns.view()).values);
        });
        out
    }

    /// `(L · Lᵀ)⁻¹ · b` in place, for `b` of shape `[order, columns]`.
    pub fn solve(&self, b: &mut Matrix) {
        self.solve_lower(b);
        self.solve_upper(b);
    }
}

/// A transposed copy.
pub fn transposed(a: View<'_>) -> Matrix {
    let mut out = Matrix::zeros(a.columns, a.rows);
    for row in 0..a.rows {
        for column in 0..a.columns {
            out.values[column * a.rows + row] = a.values[row * a.row_stride + column * a.column_stride];
        }
    }
    out
}

/// `own = (own − Σ factor · row of above) / pivot`.
fn eliminate(own: &mut [f32], above: &[f32], factors: Option<(&f32, &[f32])>) {
    let Some((pivot, factors)) = factors else { return };
    for (solved, factor) in above.chunks_exact(own.len().max(1)).zip(factors) {
        own.iter_mut().zip(solved).for_each(|(x, s)| *x -= factor * s);
    }
    for x in own {
        *x /= pivot;
    }
}

/// Factors the diagonal block that begins at column `start` of `block`, which has rows of `order` numbers.
fn factor_block(block: &mut [f32], start: usize, width: usize, order: usize) -> Option<()> {
    for row in 0..width {
        for column in 0..=row {
            let (left, right) = (&block[row * order + start..][..column], &block[column * order + start..][..column]);
            let sum: f64 = left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let rest = f64::from(block[row * order + start + column]) - sum;
            block[row * order + start + column] = if row == column {
                if !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
                rest.sqrt() as f32
            } else {
                (rest / f64::from(block[column * order + start + column])) as f32
            };
        }
    }
    Some(())
}

/// `row · L⁻ᵀ` in place, for the lower triangular `diagonal` of order `width`.
fn solve_row(diagonal: &[f32], width: usize, row: &mut [f32]) {
    for column in 0..width {
        let factors = &diagonal[column * width..][..column];
        let sum: f32 = factors.iter().zip(&*row).map(|(l, x)| l * x).sum();
        row[column] = (row[column] - sum) / diagonal[column * width + column];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of no pattern in -0.5 to 0.5.
    fn numbers(rows: usize, columns: usize) -> Matrix {
        let number = |i: usize| ((i as f32 * 12.9898).sin() * 43_758.547).fract() * 0.5;
        Matrix { rows, columns, values: (0..rows * columns).map(number).collect() }
    }

    fn naive(a: &Matrix, b: &Matrix) -> Matrix {
        let mut out = Matrix::zeros(a.rows, b.columns);
        for row in 0..a.rows {
            for column in 0..b.columns {
                out.values[row * b.columns + column] = (0..a.columns).map(|k| a.row(row)[k] * b.row(k)[column]).sum();
            }
        }
        out
    }

    fn distance(a: &Matrix, b: &Matrix) -> f32 {
        assert_eq!((a.rows, a.columns), (b.rows, b.columns));
        a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    /// `a · aᵀ` plus the identity.
    fn positive(order: usize) -> Matrix {
        let a = numbers(order, order + 3);
        let mut out = naive(&a, &transposed(a.view()));
        (0..order).for_each(|i| out.values[i * order + i] += 1.0);
        out
    }

    #[test]
    fn products_are_sums_of_products() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 2), (97, 64, 130), (200, 7, 1), (1, 33, 40)] {
            let (a, b) = (numbers(m, k), numbers(k, n));
            assert!(distance(&product(a.view(), b.view()), &naive(&a, &b)) < 1e-4, "{m} {k} {n}");
            let c = transposed(b.view());
            assert_eq!(product(a.view(), c.view().transposed()).rows, m);
            assert!(distance(&product(a.view(), c.view().transposed()), &naive(&a, &b)) < 1e-4);
        }
        assert_eq!(product(numbers(0, 4).view(), numbers(4, 2).view()).values, [0.0_f32; 0]);
    }

    #[test]
    fn products_ignore_the_number_of_threads() {
        let a = numbers(300, 170);
        let compute = || (product(a.view(), a.view().transposed()), Cholesky::of(positive(150)));
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool(1).install(compute), pool(3).install(compute));
    }

    #[test]
    fn cholesky_factors_give_the_matrix_back() {
        for order in [1, 2, 63, 64, 65, 200] {
            let matrix = positive(order);
            let cholesky = Cholesky::of(matrix.clone()).unwrap();
            let factor = cholesky.factor();
            let back = naive(factor, &transposed(factor.view()));
            assert!(distance(&back, &matrix) < 1e-3, "{order}: {}", distance(&back, &matrix));
            let b = numbers(order, 5);
            let mut x = b.clone();
            cholesky.solve(&mut x);
            assert!(distance(&naive(&matrix, &x), &b) < 1e-3, "{order}");
        }
    }

    #[test]
    fn whitened_lengths_are_mahalanobis_distances() {
        let (matrix, rows) = (positive(70), numbers(130, 70));
        let cholesky = Cholesky::of(matrix).unwrap();
        let white = cholesky.whiten(rows.view());
        let mut solved = transposed(rows.view());
        cholesky.solve(&mut solved);
        let solved = transposed(solved.view());
        for row in 0..130 {
            let squared: f32 = white.row(row).iter().map(|x| x * x).sum();
            let expected: f32 = rows.row(row).iter().zip(solved.row(row)).map(|(a, b)| a * b).sum();
            assert!((squared - expected).abs() < 1e-3 * expected.max(1.0), "{row}: {squared} {expected}");
        }
    }

    #[test]
    fn indefinite_matrices_have_no_factor() {
        let negative = Matrix { rows: 2, columns: 2, values: vec![1.0, 2.0, 2.0, 1.0] };
        assert_eq!(Cholesky::of(negative), None);
        let not_finite = Matrix { rows: 1, columns: 1, values: vec![f32::NAN] };
        assert_eq!(Cholesky::of(not_finite), None);
    }
}
