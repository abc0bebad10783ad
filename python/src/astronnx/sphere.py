"""Pixels of the sphere, by healpy's names. Angles are in radians; nest says that pixels are numbered NESTED instead of RING."""

from __future__ import annotations

from typing import Tuple, Union

import numpy as np
from numpy.typing import ArrayLike

from ._library import call, lib


Pixels = Union[np.ndarray, np.int64]
"""What numbers of pixels come out as: an array, or a number where a number went in."""


def _pixels(ipix: ArrayLike) -> np.ndarray:
    pixels = np.asarray(ipix)
    if not np.issubdtype(pixels.dtype, np.integer) and pixels.size:
        raise TypeError(f"pixels are integers, got {pixels.dtype}")
    return np.ascontiguousarray(pixels, np.int64).reshape(pixels.shape)


def _order(nest: bool) -> int:
    return 2 if nest else 1


def _convert(f, nside: int, ipix: ArrayLike) -> Pixels:
    pixels = _pixels(ipix)
    result = np.empty_like(pixels)
    call(f, nside, pixels.size, pixels.ctypes.data, result.ctypes.data)
    return result[()]


def ring2nest(nside: int, ipix: ArrayLike) -> Pixels:
    """NESTED numbers of pixels numbered RING, in their shape."""
    return _convert(lib.astronnx_ring2nest, nside, ipix)


def nest2ring(nside: int, ipix: ArrayLike) -> Pixels:
    """RING numbers of pixels numbered NESTED, in their shape."""
    return _convert(lib.astronnx_nest2ring, nside, ipix)


def ang2pix(nside: int, theta: ArrayLike, phi: ArrayLike, nest: bool = False) -> Pixels:
    """Pixels that contain directions: theta is the colatitude, 0 to π from the north pole, phi the longitude. Shapes broadcast."""
    theta, phi = (np.ascontiguousarray(a) for a in np.broadcast_arrays(np.asarray(theta, float), np.asarray(phi, float)))
    shape = np.broadcast_shapes(theta.shape, phi.shape)
    result = np.empty(theta.shape, np.int64)
    call(lib.astronnx_ang2pix, nside, _order(nest), theta.size, theta.ctypes.data, phi.ctypes.data, result.ctypes.data)
    return result.reshape(shape)[()]


def pix2ang(nside: int, ipix: ArrayLike, nest: bool = False) -> Tuple[np.ndarray, np.ndarray]:
    """Colatitude theta and longitude phi of the centres of pixels, in their shape."""
    pixels = _pixels(ipix)
    theta, phi = np.empty(pixels.shape), np.empty(pixels.shape)
    call(lib.astronnx_pix2ang, nside, _order(nest), pixels.size, pixels.ctypes.data, theta.ctypes.data, phi.ctypes.data)
    return theta[()], phi[()]


def get_all_neighbours(nside: int, ipix: ArrayLike, nest: bool = False) -> np.ndarray:
    """Neighbours SW, W, NW, N, NE, E, SE, S of pixels, in the shape (8, *ipix.shape); -1 where there is none."""
    pixels = _pixels(ipix)
    result = np.empty((*pixels.shape, 8), np.int64)
    call(lib.astronnx_neighbours, nside, _order(nest), pixels.size, pixels.ctypes.data, result.ctypes.data)
    return np.moveaxis(result, -1, 0)
