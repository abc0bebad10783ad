// Package history writes down how a training goes, epoch by epoch: as a table and as TensorBoard events.
//
// A file holds whole epochs at any time: each is appended by one write, and taken back if that fails. Opening a file for an epoch cuts
// off that epoch and what follows, with what a killed run wrote half, so that a resumed run writes the file that it would have written
// uninterrupted.
package history
