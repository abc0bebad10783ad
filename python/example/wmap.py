"""A WMAP map through a network, and into a picture: wmap.py MAP MODEL PICTURE."""

# %% The map: healpy's and astronnx's readers give the same numbers.
import sys

import healpy
import numpy as np

import astronnx

path, model_path, picture = sys.argv[1:]
sky = astronnx.read_map(path, nest=False)
print(sky)
temperature = sky[0]
assert np.array_equal(temperature, healpy.read_map(path, field=0, dtype=None))

# %% The network splits the map into bands of angular scale, which add up to it again.
model = astronnx.Model(model_path)
print(model)
bands = model(temperature)
total = sum(band[0, 0].astype(float) for band in bands)
print("largest difference of the sum of the bands:", np.abs(total - temperature).max())
for port, band in zip(model.outputs, bands):
    print(f"{port.name}: standard deviation {band.std():.4f}")

# %% The same file in a stock onnxruntime, with our kernels.
import onnxruntime

options = onnxruntime.SessionOptions()
astronnx.register_ops(options)
session = onnxruntime.InferenceSession(model_path, options)
same = session.run(None, {model.inputs[0].name: temperature[None, None]})
print("largest difference from onnxruntime:", max(np.abs(a - b).max() for a, b in zip(bands, same)))

# %% A picture, without a screen.
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

pyplot.figure(figsize=(6, 3 * (1 + len(bands))))
for k, (title, values) in enumerate([("map", temperature), *((p.name, b[0, 0]) for p, b in zip(model.outputs, bands))]):
    healpy.mollview(values, title=title, unit=next(iter(sky.units.values())), sub=(1 + len(bands), 1, 1 + k))
pyplot.savefig(picture, dpi=80, bbox_inches="tight")
