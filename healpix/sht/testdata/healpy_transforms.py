"""Writes transforms by healpy of random alm and of WMAP maps to an .npz file, for TestAgainstHealpy.

usage: healpy_transforms.py OUT WMAP_MAP NSIDE:LMAX...
"""
import sys

import healpy as hp
import numpy as np

out, wmap, sizes = sys.argv[1], sys.argv[2], [tuple(int(n) for n in a.split(":")) for a in sys.argv[3:]]
rng = np.random.default_rng(20260)
arrays = {}


def random_alm(lmax):
    a = rng.normal(size=hp.Alm.getsize(lmax)) + 1j * rng.normal(size=hp.Alm.getsize(lmax))
    a[: lmax + 1] = a[: lmax + 1].real
    return a


def keep(**new):
    arrays.update({k: (v.view(np.float64) if np.iscomplexobj(v) else v) for k, v in new.items()})


for nside, lmax in sizes:
    name = f"_{nside}_{lmax}"
    t, e, b = (random_alm(lmax) for _ in range(3))
    for a in (e, b):
        for l in range(min(2, lmax + 1)):
            a[[hp.Alm.getidx(lmax, l, m) for m in range(l + 1)]] = 0
    m = hp.alm2map(t, nside, lmax=lmax, pol=False)
    q, u = hp.alm2map_spin([e, b], nside, 2, lmax)
    noise = rng.normal(size=(3, 12 * nside**2))
    keep(**{"alm" + name: np.array([t, e, b]), "map" + name: np.array([m, q, u]), "noise" + name: noise})
    for i in (0, 1, 3):
        keep(**{f"iter{i}{name}": np.array([hp.map2alm(noise[0], lmax=lmax, iter=i),
                                           *hp.map2alm([noise[0] * 0, *noise[1:]], lmax=lmax, iter=i)[1:]])})

iqu = hp.read_map(wmap, field=(0, 1, 2), dtype=np.float64)
for weights in (False, True):
    w = "_weights" if weights else ""
    keep(**{"wmap_alm" + w: np.array(hp.map2alm(iqu, lmax=95, iter=3, use_weights=weights)),
            "wmap_cl" + w: np.array(hp.anafast(iqu, lmax=95, iter=3, use_weights=weights))})

alm = arrays["wmap_alm"].view(complex)[0]
keep(wmap_g2e=hp.Rotator(coord=["G", "E"]).rotate_alm(alm), wmap_g2c=hp.Rotator(coord=["G", "C"]).rotate_alm(alm))
turned = alm.copy()
hp.rotate_alm(turned, 0.3, 0.5, 0.7)
keep(wmap_turned=turned, beam=hp.gauss_beam(np.radians(5), lmax=60, pol=True).T)
smooth = hp.smoothing(iqu, fwhm=np.radians(10), lmax=95)
keep(wmap_smooth=np.array(smooth))
np.savez(out, **arrays)
