"""Prints what a HealpixConv with spin_pairs gives, by healpy and numpy: one JSON object a line, for TestSpin and the operator's cases.

usage: spin.py

Neighbours are healpy's; Q and U of each are turned by two rotations that lay it and the centre on the equator, where frames agree.
"""
import json

import healpy as hp
import numpy as np


def turned(nside, q, u):
    """Q + iU of the windows in the frame of their centres, [P, 9], taps N NE E NW C SE W SW S, RING."""
    out = np.zeros((12 * nside**2, 9), complex)
    for p in range(len(out)):
        around = hp.get_all_neighbours(nside, p)[[3, 4, 5, 2, 0, 6, 1, 0, 7]]
        around[4] = p
        lon, lat = hp.pix2ang(nside, p, lonlat=True)
        for k, r in enumerate(around):
            if r < 0:
                continue
            _, y, z = hp.Rotator(rot=[lon, lat])(hp.pix2vec(nside, r))
            rot = hp.Rotator(rot=[lon, lat, np.degrees(np.arctan2(z, y))])
            angle = rot.angle_ref(hp.pix2vec(nside, r)) - rot.angle_ref(hp.pix2vec(nside, p))
            out[p, k] = (q[r] + 1j * u[r]) * np.exp(2j * angle)
    return out


def emit(nside, x, w=None):
    case = dict(nside=nside, x=x.ravel().tolist())
    if w is not None:
        g = turned(nside, *x)
        y = g.real @ w[:, 0].T + g.imag @ w[:, 1].T
        case.update(w=w.ravel().tolist(), y=y.T.ravel().tolist())
    print(json.dumps(case))


emit(1, np.arange(24.0).reshape(2, 12), np.arange(1.0, 19).reshape(1, 2, 9))
# E alone at l = 2 and 3: a map without features as small as a window, but for those of the frames.
rng = np.random.default_rng(7)
e = np.zeros(hp.Alm.getsize(3), complex)
l, m = hp.Alm.getlm(3)
e[l > 1] = rng.normal(size=(l > 1).sum()) + 1j * rng.normal(size=(l > 1).sum()) * (m[l > 1] > 0)
for nside in (4, 8):
    emit(nside, np.array(hp.alm2map_spin([e, 0 * e], nside, 2, 3)), rng.normal(size=(2, 2, 9)) if nside == 4 else None)
