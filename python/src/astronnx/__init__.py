"""Neural networks on the sky: ONNX models over HEALPix maps, and their training.

    import astronnx

    model = astronnx.Model("bands.onnx")
    sky = astronnx.read_map("map.fits", nest=False)
    bands = model(sky[0])

    fit = astronnx.Fit("net.onnx", loss="mse", optimizer="adam", rate=1e-3)
    report = fit.run({"map": maps, "target": parameters}, epochs=20)
    fit.export("trained.onnx")

Arrays go in and out without a copy. A failure is an astronnx.Error, with a code, the node, and a hint. A process that was forked
after the import cannot use the package, and is told so: start workers with multiprocessing's "spawn" or "forkserver".
"""

from ._arrays import UNSEEN
from ._library import Error, lib
from .fit import Epoch, Fit, Progress, Report, Samples
from .model import Model, Port, find_library, register_ops
from .sky import Map, read_map
from .sphere import ang2pix, get_all_neighbours, nest2ring, pix2ang, ring2nest

__all__ = [
    "UNSEEN", "Epoch", "Error", "Fit", "Map", "Model", "Port", "Progress", "Report", "Samples", "ang2pix", "find_library",
    "get_all_neighbours", "nest2ring", "pix2ang", "read_map", "register_ops", "ring2nest", "version",
]


def version() -> str:
    """Which build of the library this is."""
    return lib.astronnx_version().decode()
