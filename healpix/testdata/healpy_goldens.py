"""Prints what healpy says about random pixels and directions: one JSON object a line, for TestAgainstHealpy.

usage: healpy_goldens.py SEED COUNT NSIDE...
"""
import json
import sys

import healpy as hp
import numpy as np

seed, count, nsides = int(sys.argv[1]), int(sys.argv[2]), [int(a) for a in sys.argv[3:]]
rng = np.random.default_rng(seed)


def directions():
    """Uniform on the sphere, then a third of them within 0.01 of a pole, down to 1e-9."""
    theta = np.arccos(rng.uniform(-1, 1, count))
    near = count // 3
    theta[:near] = 10.0 ** rng.uniform(-9, -2, near)
    theta[: near // 2] = np.pi - theta[: near // 2]
    return theta, rng.uniform(-1, 8, count)


def on_grid(nside, nest):
    npix = 12 * nside**2
    pix = rng.integers(0, npix, count)
    edge = min(count // 4, npix)
    pix[:edge] = np.arange(edge)  # and both caps
    pix[-edge:] = npix - 1 - np.arange(edge)
    theta, phi = directions()
    interp_pix, interp_weight = hp.get_interp_weights(nside, theta, phi, nest=nest)
    return dict(
        kind="grid", nside=nside, nest=nest, pix=pix, theta=theta, phi=phi,
        ang2pix=hp.ang2pix(nside, theta, phi, nest=nest),
        vec=np.array(hp.ang2vec(theta, phi)), vec2pix=hp.vec2pix(nside, *hp.ang2vec(theta, phi).T, nest=nest),
        pix2ang=np.array(hp.pix2ang(nside, pix, nest=nest)).T,
        pix2vec=np.array(hp.pix2vec(nside, pix, nest=nest)).T,
        neighbours=hp.get_all_neighbours(nside, pix, nest=nest).T,
        other=(hp.nest2ring if nest else hp.ring2nest)(nside, pix) if nside & (nside - 1) == 0 else None,
        interp_pix=interp_pix.T, interp_weight=interp_weight.T,
        boundary=np.transpose(hp.boundaries(nside, pix[::8], 3, nest=nest), (0, 2, 1)),
    )


def graded(nside, to, nest, nest_out, pess, power, dtype):
    m = rng.normal(size=12 * nside**2).astype(dtype)
    if power is None:
        m[rng.random(m.size) < 0.3] = hp.UNSEEN
        m[: nside**2 // 4] = hp.UNSEEN
    name = {False: "RING", True: "NESTED"}
    out = hp.ud_grade(m, to, pess=pess, order_in=name[nest], order_out=name[nest_out], power=power, dtype=np.float64)
    return dict(kind="grade", nside=nside, to=to, nest=nest, nest_out=nest_out, pess=pess, power=power or 0, map=m, graded=out)


def emit(case):
    print(json.dumps({k: v.tolist() if hasattr(v, "tolist") else v for k, v in case.items()}))


for nside in nsides:
    for nest in (False, True):
        if not nest or nside & (nside - 1) == 0:
            emit(on_grid(nside, nest))
for nside, to in ((8, 2), (4, 4), (2, 8), (16, 8), (1, 2), (4, 1)):
    for nest, nest_out in ((False, False), (True, False), (False, True), (True, True)):
        for pess in (False, True):
            for power in (None, -2, 0.5):
                emit(graded(nside, to, nest, nest_out, pess, power, np.float64))
