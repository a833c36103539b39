//! Steps that share memory.

use super::*;
use crate::convolution::tests::numbers;

const IMAGE: Map = Map { height: 6, width: 5, channels: 4 };
const PIXEL: Window = Window { kernel: [1, 1], stride: 1, dilation: 1, padding: [(0, 0); 2] };

fn convolution(map: Map, outputs: usize, seed: usize) -> Operation {
    let weight = numbers(map.channels * outputs, seed);
    Operation::Convolution(Box::new(
        Convolution::new(map, PIXEL, 1, &weight, &numbers(outputs, seed + 1), Clamp::RELU).unwrap(),
    ))
}

/// `mean(c(x) + b(a(x)) + x)`, the image itself being read last.
fn program() -> Program {
    let mut program = Program::new(IMAGE);
    let a = program.push(convolution(IMAGE, 9, 1), &[0]).unwrap();
    let c = program.push(convolution(IMAGE, 4, 5), &[0]).unwrap();
    let wide = program.map(a).unwrap();
    let b = program.push(convolution(wide, 4, 3), &[a, c]).unwrap();
    let sum = program.push(Operation::Clamp(Clamp::NONE), &[b, 0]).unwrap();
    program.push(Operation::Mean, &[sum]).unwrap();
    program.finish()
}

fn by_hand(image: &[f32]) -> Vec<f32> {
    let run = |operation: Operation, x: &[f32], other: Option<&[f32]>| {
        let Operation::Convolution(convolution) = operation else { unreachable!() };
        let mut y = vec![0.0; convolution.output.len()];
        convolution.run(x, other, &mut y);
        y
    };
    let a = run(convolution(IMAGE, 9, 1), image, None);
    let c = run(convolution(IMAGE, 4, 5), image, None);
    let b = run(convolution(Map { channels: 9, ..IMAGE }, 4, 3), &a, Some(&c));
    (0..4).map(|channel| (channel..image.len()).step_by(4).map(|at| b[at] + image[at]).sum::<f32>() / 30.0).collect()
}

#[test]
fn values_are_not_overwritten_before_they_are_read() {
    let program = program();
    assert!(program.buffers.iter().filter(|buffer| **buffer != usize::MAX).max() < Some(&4), "{:?}", program.buffers);
    let images = numbers(3 * IMAGE.len(), 8);
    // The second time buffers are full of the first.
    for _ in 0..2 {
        let found = program.run(&images).unwrap();
        assert_eq!(found.len(), 3 * 4);
        for (image, found) in images.chunks_exact(IMAGE.len()).zip(found.chunks_exact(4)) {
            for (found, expected) in found.iter().zip(by_hand(image)) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }
}

#[test]
fn an_image_among_others_is_the_image_alone() {
    let program = program();
    let images = numbers(5 * IMAGE.len(), 8);
    let together = program.run(&images).unwrap();
    for (image, expected) in images.chunks_exact(IMAGE.len()).zip(together.chunks_exact(4)) {
        assert_eq!(program.run(image).unwrap(), expected);
    }
    assert!(program.run(&[]).unwrap().is_empty());
    assert!(program.run(&images[1..]).is_err());
}

/// PyTorch: `max_pool2d(-(0..30).reshape(6, 5), 3, stride=2, padding=1)`.
#[test]
fn zeros_around_do_not_count_in_max_pooling() {
    let map = Map { channels: 1, ..IMAGE };
    let mut program = Program::new(map);
    let window = Window { kernel: [3, 3], stride: 2, dilation: 1, padding: [(1, 1); 2] };
    program.push(Operation::MaxPooling(window), &[0]).unwrap();
    let image: Vec<f32> = (0..30).map(|i| -(i as f32)).collect();
    assert_eq!(program.finish().run(&image).unwrap(), [0.0, -1.0, -3.0, -5.0, -6.0, -8.0, -15.0, -16.0, -18.0]);
}

#[test]
fn concatenation_keeps_channels_of_a_pixel_together() {
    let mut program = Program::new(IMAGE);
    let a = program.push(convolution(IMAGE, 3, 1), &[0]).unwrap();
    let all = program.push(Operation::Concatenation, &[a, 0, a]).unwrap();
    assert_eq!(program.map(all).unwrap().channels, 10);
    let image = numbers(IMAGE.len(), 8);
    let Operation::Convolution(first) = convolution(IMAGE, 3, 1) else { unreachable!() };
    let mut part = vec![0.0; 3 * 30];
    first.run(&image, None, &mut part);
    let found = program.finish().run(&image).unwrap();
    for ((found, part), pixel) in found.chunks_exact(10).zip(part.chunks_exact(3)).zip(image.chunks_exact(4)) {
        assert_eq!((&found[..3], &found[3..7], &found[7..]), (part, pixel, part));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut program = Program::new(IMAGE);
    assert!(program.push(convolution(Map { channels: 3, ..IMAGE }, 2, 1), &[0]).is_err());
    assert!(program.push(Operation::Mean, &[1]).is_err() && program.push(Operation::Mean, &[]).is_err());
    assert!(program.push(Operation::Mean, &[0, 0]).is_err());
    let mean = program.push(Operation::Mean, &[0]).unwrap();
    assert!(program.push(Operation::Clamp(Clamp::RELU), &[0, mean]).is_err());
    assert!(program.push(Operation::Concatenation, &[0, mean]).is_err());
}
