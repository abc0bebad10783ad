// Package dataset feeds networks: samples from memory, functions, arrays, maps and tables, split by group, shuffled, augmented and
// read ahead of whoever consumes them.
//
// A [Dataset] is a function of an index: the same index gives the same sample, whoever asks and however often. What changes from
// epoch to epoch, the order and the augmentation, belongs to the [Loader], and depends on its seed, the epoch and the index alone: a
// run that resumes in the middle of an epoch sees what it would have seen.
//
// Everything here is safe for concurrent use but a Loader, which serves one goroutine.
package dataset
