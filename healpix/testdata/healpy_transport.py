"""Prints what healpy says about frames of neighbouring pixels, one JSON object a line, for TestTransport.

usage: healpy_transport.py NSIDE...

A rotation that lays both centres on the equator leaves nothing to turn between them; what it does to the frame of each is told by
Rotator.angle_ref, by which healpy rotates Q and U.
"""
import json
import sys

import healpy as hp
import numpy as np

for nside in map(int, sys.argv[1:]):
    pix = np.arange(12 * nside**2)
    if nside > 8:
        pix = np.r_[pix[:60], pix[len(pix) // 2 : len(pix) // 2 + 60], pix[-60:]]
    for p in pix:
        for q in hp.get_all_neighbours(nside, p):
            if q < 0:
                continue
            to, start = np.array(hp.pix2vec(nside, p)), np.array(hp.pix2vec(nside, q))
            lon, lat = hp.pix2ang(nside, p, lonlat=True)
            _, y, z = hp.Rotator(rot=[lon, lat])(start)  # with to at (1, 0, 0)
            rot = hp.Rotator(rot=[lon, lat, np.degrees(np.arctan2(z, y))])
            assert abs(rot(start)[2]) + abs(rot(to)[2]) < 1e-12
            angle = rot.angle_ref(start) - rot.angle_ref(to)
            print(json.dumps(dict(nside=nside, start=int(q), to=int(p), cos=np.cos(2 * angle), sin=np.sin(2 * angle))))
