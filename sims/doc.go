// Package sims simulates skies to train on and to test with: Gaussian fields of a spectrum, with beam, pixel window, noise,
// templates and a mask, whose parameters are drawn from a prior.
//
// A simulation is a function of the seed and of its index alone: the same sky, up to the rounding of the last digits, on any
// machine, in any order and on any number of cores. Its parts have random numbers of their own, so that another noise leaves
// the sky behind it as it was.
//
// Maps are in RING order. Units are the user's; where there are defaults they are µK and spectra C_l in µK².
package sims
