"""Maps of the sky."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref
from typing import Dict, List, Optional, Sequence, Union

import numpy as np

from . import _arrays as arrays
from ._library import MapInfo, Owner, call, lib


class Map:
    """Fields on the pixels of a HEALPix sphere, or of a part of it.

    m["TEMPERATURE"] and m[0] are columns, arrays (pixel,); numpy.asarray(m) is all of them, (column, pixel).

    Attributes:
        nside: resolution.
        nest: whether pixels are numbered NESTED instead of RING.
        columns: the arrays by name, float32 or float64, over memory of the library.
        units: units of the columns by name; empty where the file names none.
        pixels: numbers of the pixels of a partial sky, ascending; None: all 12 nside².
        coord: "C", "E", "G", or what the file says; empty where it says nothing.
    """

    def __init__(self, info: MapInfo, owner: Owner) -> None:
        self.nside: int = info.nside
        self.nest: bool = info.order == 2
        self.coord: str = info.coord.decode()
        n = info.n_pixels
        self.pixels: Optional[np.ndarray] = None
        if info.pixels:
            self.pixels = arrays.over(info.pixels, 8 * n, (n,), np.dtype(np.int64), owner)
        self.columns: Dict[str, np.ndarray] = {}
        self.units: Dict[str, str] = {}
        self._list: List[np.ndarray] = []
        for c in info.columns[: info.n_columns]:
            dtype = arrays.DTYPES[c.dtype]
            column = arrays.over(c.data, dtype.itemsize * n, (n,), dtype, owner)
            self._list.append(column)
            self.columns[c.name.decode()], self.units[c.name.decode()] = column, c.unit.decode()

    def __getitem__(self, column: Union[str, int]) -> np.ndarray:
        return self._list[column] if isinstance(column, int) else self.columns[column]

    def __len__(self) -> int:
        return len(self._list)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self._list, dtype=dtype)

    def __repr__(self) -> str:
        order = "NESTED" if self.nest else "RING"
        return f"<astronnx.Map nside {self.nside} {order}: {', '.join(f'{n} [{self.units[n]}]' for n in self.columns)}>"


def read_map(path: Union[str, os.PathLike], columns: Sequence[str] = (), *, nest: Optional[bool] = None, hdu: int = 0) -> Map:
    """Reads a HEALPix map from a FITS file, which may be compressed by gzip.

    Args:
        columns: names of the columns, case ignored; none: all that hold numbers.
        nest: the numbering of the result, NESTED or RING; None: as the file has it.
        hdu: number of the table; 0: the first that holds a map.

    Pixels without data keep the file's mark, UNSEEN or NaN.
    """
    names = (ctypes.c_char_p * len(columns))(*(c.encode() for c in columns))
    handle, info = ctypes.c_void_p(), ctypes.POINTER(MapInfo)()
    order = 0 if nest is None else 2 if nest else 1
    call(lib.astronnx_map_read, os.fsencode(path), names, len(columns), order, hdu, byref(handle), byref(info))
    return Map(info.contents, Owner(lib.astronnx_map_close, handle.value))
