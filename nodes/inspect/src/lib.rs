//! `inspect`: looks through the data set and writes `dataset/report.html`.
