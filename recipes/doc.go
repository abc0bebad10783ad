// Package recipes makes networks that measure parameters of the microwave sky, from the simulation to the report: it trains on
// simulated skies, exports, and judges the file on skies that it has not seen, beside exact likelihoods.
//
// The first three recipes are the tests of Krachmalnicoff & Tomasi 2019, A&A 628, A129; the last follows Wolz, Krachmalnicoff &
// Pagano 2023, A&A 676, A30.
package recipes
