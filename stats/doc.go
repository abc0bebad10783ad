// Package stats holds estimators to compare networks with: what an exact likelihood, a Fisher matrix or a χ² of spectra makes
// of the same maps.
//
// Likelihoods are -2 ln L up to a constant, which is the same for all models of one data set. Spectra are C_l from l = 0, in
// the square of the maps' unit.
package stats
