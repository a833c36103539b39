use super::*;

fn options() -> ProbeOptions {
    ProbeOptions::default()
}

#[test]
fn two_classes_are_told_apart() {
    let features: Vec<Vec<f32>> = (0..40).map(|i| vec![i as f32 / 20.0 - 1.0, 0.3]).collect();
    let targets: Vec<u32> = (0..40).map(|i| u32::from(i >= 20)).collect();
    let head = fit(&features, &targets, &[1.0; 40], 2, &options()).unwrap();
    assert!(head.converged() && head.iterations() > 0);
    assert!(head.probabilities(&[-1.0, 0.3])[0] > 0.8);
    assert!(head.probabilities(&[1.0, 0.3])[1] > 0.8);
    assert!((head.probabilities(&[1.0, 0.3]).iter().sum::<f32>() - 1.0).abs() < 1e-6);
    assert_eq!((head.dimensions(), head.classes(), head.weights(1).len(), head.weights(2).len()), (2, 2, 2, 0));
}

#[test]
fn a_weight_of_two_is_the_row_twice_and_of_zero_none() {
    let features: Vec<Vec<f32>> = (0..30).map(|i| vec![(i % 7) as f32, (i % 5) as f32 - 2.0]).collect();
    let targets: Vec<u32> = (0..30).map(|i| (i * i) % 3).collect();
    let weights: Vec<f32> = (0..30).map(|i| (i % 3) as f32).collect();
    let mut repeated = (Vec::new(), Vec::new());
    for i in 0..30 {
        for _ in 0..i % 3 {
            repeated.0.push(features[i].clone());
            repeated.1.push(targets[i]);
        }
    }
    let exact = ProbeOptions { tolerance: 1e-7, ..options() };
    let a = fit(&features, &targets, &weights, 3, &exact).unwrap();
    let b = fit(&repeated.0, &repeated.1, &vec![1.0; repeated.0.len()], 3, &exact).unwrap();
    for row in &features {
        for (a, b) in a.probabilities(row).iter().zip(b.probabilities(row)) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
}

#[test]
fn a_class_that_no_row_is_of_is_never_seen() {
    let features = [vec![1.0], vec![-1.0], vec![0.5]];
    let head = fit(&features, &[0, 3, 0], &[1.0; 3], 5, &options()).unwrap();
    let seen = head.probabilities(&[0.2]);
    assert_eq!([seen[1], seen[2], seen[4]], [0.0; 3]);
    let alone = fit(&features, &[1; 3], &[1.0; 3], 2, &options()).unwrap();
    assert_eq!(alone.probabilities(&[7.0]), [0.0, 1.0]);
}

#[test]
fn the_same_numbers_however_many_threads() {
    let number = |i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0;
    let features: Vec<Vec<f32>> = (0..501).map(|row| (0..33).map(|i| number(row * 33 + i)).collect()).collect();
    let targets: Vec<u32> = (0..501).map(|row| (row * row) as u32 % 4).collect();
    let fit = || fit(&features, &targets, &[1.0; 501], 4, &options()).unwrap();
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(fit);
    assert_eq!(with(1), with(3));
}

#[test]
fn what_is_wrong_is_named() {
    let fit = |features: &[Vec<f32>], targets: &[u32], weights: &[f32]| {
        fit(features, targets, weights, 2, &options()).unwrap_err().to_string()
    };
    assert!(fit(&[], &[], &[]).contains("nothing to learn from"));
    assert!(fit(&[vec![1.0]], &[0], &[0.0]).contains("nothing to learn from"));
    assert!(fit(&[vec![1.0]], &[], &[1.0]).contains("classes: 0 of them for 1 rows"));
    assert!(fit(&[vec![1.0]], &[0], &[]).contains("weights: 0 of them for 1 rows"));
    assert!(fit(&[vec![1.0], vec![]], &[0, 1], &[1.0; 2]).contains("row 1 has 0 features, the first row has 1"));
    assert!(fit(&[vec![f32::NAN]], &[0], &[1.0]).contains("row 0 has a feature that is not"));
    assert!(fit(&[vec![1.0]], &[2], &[1.0]).contains("row 0 is of class 2"));
    assert!(fit(&[vec![1.0]], &[0], &[-1.0]).contains("row 0 has a weight that is negative"));
}

#[test]
fn rows_without_features_give_the_shares_of_the_classes() {
    let head = fit(&vec![vec![]; 4], &[0, 0, 0, 1], &[1.0; 4], 2, &options()).unwrap();
    assert!((head.probabilities(&[])[0] - 0.75).abs() < 1e-3);
}
