"""Computes the CMB spectra of a grid of optical depths with CAMB, for package sims: camb_tau.npz, and camb_tau_check.npz of
depths between those of the grid for tests, with Fisher's sigma of tau = 0.06 from EE at l = 2 to 47, full sky, without noise and
with 0.5 µK a pixel of nside 16.

usage: camb_tau.py FOLDER    (PyPI: camb, numpy)

Cosmology: that of github.com/antolonappan/taunet, H0 67.32, ombh2 0.02237, omch2 0.1201, ns 0.9651, mnu 0.06, with As 2.1e-9
fixed and no tensors. The spectra are lensed C_l in µK², TT, EE, BB, TE from l = 0. They are computed to l = 1000, as CAMB loses
accuracy at low l where it is asked for little more.
"""
import sys

import camb
import numpy as np

LMAX = 191


def spectra(tau):
    p = camb.set_params(H0=67.32, ombh2=0.02237, omch2=0.1201, ns=0.9651, As=2.1e-9, mnu=0.06, tau=tau, lmax=1000)
    p.WantTransfer = False
    cl = camb.get_results(p).get_lensed_scalar_cls(lmax=LMAX, CMB_unit="muK", raw_cl=True)
    print(f"tau {tau:.4f}", flush=True)
    return cl.T


def table(name, taus, **more):
    np.savez_compressed(f"{sys.argv[1]}/{name}.npz", tau=taus, cl=np.array([spectra(t) for t in taus]), **more)


l = np.arange(2, 48)
low, mid, high = (spectra(t)[1, 2:48] for t in (0.059, 0.06, 0.061))
fisher = [np.sum((2 * l + 1) / 2 * ((high - low) / 0.002 / (mid + sigma**2 * 4 * np.pi / 3072)) ** 2) ** -0.5 for sigma in (0, 0.5)]
table("camb_tau_check", np.array([0.0325, 0.0578, 0.1175]), fisher=np.array(fisher))
table("camb_tau", np.linspace(0.01, 0.13, 25))
