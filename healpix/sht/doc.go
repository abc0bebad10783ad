// Package sht holds spherical harmonic transforms of HEALPix maps in RING order, of spin 0 (temperature) and spin 2
// (polarisation), and what goes with them: angular power spectra, Gaussian alm, beams, rotations.
//
// Conventions are HEALPix's and healpy's. The harmonics carry the Condon-Shortley phase; alm are those of real maps, m ≥ 0, in
// the order of [Index]; Q and U are of HEALPix's polarisation convention, "COSMO". A spectrum is C_l from l = 0, never D_l.
//
// A transform is two steps (Górski et al. 2005, ApJ 622, 759, section 5; Reinecke & Seljebotn 2013, A&A 554, A112): sums over
// l of Wigner d-functions, by a recursion in l that keeps its range by powers of 2^600, and Fourier sums along rings. nside is
// any that RING order has, lmax is free.
package sht
