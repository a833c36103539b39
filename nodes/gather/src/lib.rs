//! `gather`: look-alikes of the seeds, from the pool to `candidates/<class>/`.
