"""Polarisation of WMAP through the network for the optical depth, and into a picture: tau.py MAP MODEL PICTURE."""

# %% The map: Q and U by healpy, averaged down to what the network reads, in its unit.
import sys

import healpy
import numpy as np

import astronnx

path, model_path, picture = sys.argv[1:]
model = astronnx.Model(model_path)
print(model)
nside, unit = int(model.metadata["astronnx.map.nside"]), model.metadata["astronnx.map.unit"]
fine = healpy.read_map(path, field=(1, 2), dtype=None)
coarse = np.array([healpy.ud_grade(m, nside) for m in fine], dtype="float32")
seen = coarse > -1e30
coarse[seen] *= 1000  # WMAP's mK

# %% The estimate, and what it is worth: noise that the network has never seen makes it mean nothing.
mean, sigma = (float(x.squeeze()) for x in model(coarse))
rms, trained = coarse[seen].std(), float(model.metadata["astronnx.map.rms"])
print(f"tau = {mean:.4f} ± {sigma:.2g}; the map's rms is {rms:.3g} {unit}, that of the skies the network learned from {trained:.3g} {unit}")
if rms > 2 * trained:
    print("This map is noise to the network: the estimate and its error mean nothing.")

# %% The same number of the same map with no more noise than the network has seen: smaller, and still no measurement.
quiet = np.where(seen, coarse * (trained / rms), healpy.UNSEEN).astype("float32")
small, error = (float(x.squeeze()) for x in model(quiet))
print(f"of the map at the rms of those skies, tau = {small:.4f} ± {error:.2g}")

# %% A picture, without a screen.
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

pyplot.figure(figsize=(6, 9))
for k, (name, values) in enumerate(zip("QU", coarse)):
    healpy.mollview(values, title=f"{name} at nside {nside}, in {unit}", sub=(3, 1, 1 + k))
axes = pyplot.axes([0.2, 0.06, 0.7, 0.18])
axes.errorbar([mean, small], [1, 0], xerr=[sigma, error], fmt="o", color="black")
axes.set(xlabel="tau", yticks=[0, 1], yticklabels=["rms of the skies\nlearned from", "as it is"], ylim=(-0.5, 1.5))
pyplot.savefig(picture, dpi=80, bbox_inches="tight")
