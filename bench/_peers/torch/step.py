"""Takes training steps and runs with PyTorch, for bench: requests on the standard input, a line of JSON each, a line in
answer.

A request of kind "step" names a network, its weights and a batch; the first 20 losses go to the file "result", and the
memory layout and the Adam that are quickest here serve. One of kind "product" asks for a matrix product, which tells how
good the BLAS is. One of kind "estimate" runs the network for the optical depth over a batch and writes its outputs to
"result". An empty request repeats the last: a step or run of the network, "block" times over. Answers give the time of
one, the median of the block, in ns; the most memory that the process ever had, in bytes; and what did it.
"""

import gc
import json
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_interop_threads(1)


def load(file, dtype="<f4"):
    return torch.from_numpy(numpy.fromfile(file["path"], dtype).reshape(file["shape"]))


def blocks(net, weights):
    """Blocks of convolution, BatchNorm, LeakyReLU and perhaps pooling, then a dense layer."""
    conv, norm = ((nn.Conv2d, nn.BatchNorm2d), (nn.Conv3d, nn.BatchNorm3d))[net["dims"] - 2]
    layers, before, side = [], 1, net["side"]
    for channels in net["channels"]:
        layers += [conv(before, channels, net["kernel"], net["stride"], 1, bias=False), norm(channels),
                   nn.LeakyReLU(0.2)]
        side = (side + 2 - net["kernel"]) // net["stride"] + 1
        if net["pool"]:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        before = channels
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side ** net["dims"], 2))
    parameters = list(model.parameters())
    if len(parameters) != len(weights):
        raise ValueError(f"{len(weights)} weights for {len(parameters)} parameters")
    with torch.no_grad():
        for p, w in zip(parameters, weights):
            p.copy_(w)
    return model


class Sphere(nn.Module):
    """NNhealpix in NEST order: a table of nine taps before the weights of each convolution, the missing ones past the
    end; then the dense layers, the last of which are side by side. As people write it, maps are (N, C, P) for index_select and conv1d; as PyTorch is
    quickest, in a third of the time, they are (N, P, C) to gather and multiply."""

    def __init__(self, tensors, conv1d, outputs=1, mean=False):
        super().__init__()
        self.conv1d, self.mean = conv1d, mean
        dense = -2 * (1 + outputs)
        self.tables = [t.to(torch.int64).flatten() for t in tensors[:dense:2]]
        for t, tap in zip(tensors[:dense:2], self.tables):
            tap[tap < 0] = len(t)
        weights = tensors[1:dense:2]
        if not conv1d:
            weights = [w.permute(2, 1, 0).flatten(0, 1) for w in weights]
        self.convs = nn.ParameterList(map(nn.Parameter, weights))
        self.dense = nn.ModuleList()
        for w, b in zip(tensors[dense::2], tensors[dense + 1::2]):
            self.dense.append(nn.Linear(*w.shape))
            with torch.no_grad():
                self.dense[-1].weight.copy_(w.T)
                self.dense[-1].bias.copy_(b)

    def forward(self, x):
        x = F.relu(self.dense[0](self.features(x)))
        outputs = [layer(x) for layer in self.dense[1:]]
        return outputs[0] if len(outputs) == 1 else outputs

    def features(self, x):
        if self.conv1d:
            pool = F.avg_pool1d if self.mean else F.max_pool1d
            for taps, w in zip(self.tables, self.convs):
                x = F.conv1d(F.pad(x, (0, 1)).index_select(2, taps), w, stride=9)
                x = pool(F.relu(x), 4)
            return x.transpose(1, 2).flatten(1)
        x = x.transpose(1, 2)
        for taps, w in zip(self.tables, self.convs):
            batch, pixels, channels = x.shape
            x = F.pad(x, (0, 0, 0, 1)).index_select(1, taps).reshape(batch, pixels, 9 * channels) @ w
            x = F.relu(x).reshape(batch, pixels // 4, 4, -1)
            x = x.mean(2) if self.mean else x.max(2).values
        return x.flatten(1)


class Tau(nn.Module):
    """The network for the optical depth over maps in RING order: before the tensors of Sphere, the places of NEST's
    pixels."""

    def __init__(self, tensors, conv1d):
        super().__init__()
        self.order = tensors[0].to(torch.int64)
        self.sphere = Sphere(tensors[1:], conv1d, outputs=2, mean=True)

    def forward(self, x):
        mean, sigma = self.sphere(x.index_select(2, self.order))
        return mean, F.softplus(sigma)


def estimator(request, traced=False):
    """A function that runs the network and returns the mean and sigma of all maps."""
    files = request["tensors"]
    tensors = [load(f, "<i4" if i % 2 == (i > 0) and i < len(files) - 6 else "<f4") for i, f in enumerate(files)]
    model, x = Tau(tensors, request["conv1d"]).eval(), load(request["x"])
    with torch.inference_mode():
        if traced:
            model = torch.jit.freeze(torch.jit.trace(model, x))

    def run():
        with torch.inference_mode():
            return torch.cat(model(x))

    return run


def stepper(request, channels_last=False, **adam):
    """A function that takes a step and returns the loss before it."""
    net, x, t = request["net"], load(request["x"]), load(request["t"])
    if net["dims"]:
        model = blocks(net, [load(f) for f in request["tensors"]])
        if channels_last:
            layout = torch.channels_last if net["dims"] == 2 else torch.channels_last_3d
            model, x = model.to(memory_format=layout), x.contiguous(memory_format=layout)
    else:
        files = request["tensors"]
        tables = range(0, len(files) - 4, 2)
        tensors = [load(f, "<i4" if i in tables else "<f4") for i, f in enumerate(files)]
        model = Sphere(tensors, request["conv1d"])
    optimiser = torch.optim.Adam(model.parameters(), 1e-3, **adam)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = F.mse_loss(model(x), t)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def median(run, times):
    """The median of so many runs, or of as many as half a second allows, at least three. With one thread it is processor
    time, which is that of the clock on a quiet machine."""
    clock = time.process_time_ns if torch.get_num_threads() == 1 else time.perf_counter_ns
    taken, begin = [], time.monotonic()
    while len(taken) < times and (len(taken) < 3 or time.monotonic() < begin + 0.5):
        start = clock()
        run()
        taken.append(clock() - start)
    return sorted(taken)[len(taken) // 2]


def prepare(request):
    torch.set_num_threads(request["threads"])
    about = "PyTorch " + torch.__version__.split("+")[0].split("a")[0]
    if request["kind"] == "product":
        a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
        return lambda: a @ b, about
    if request["kind"] == "estimate":
        best = quickest(estimator, request, [{"traced": False}, {"traced": True}])
        run = estimator(request, **best)
        run().numpy().tofile(request["result"])
        about += ", index_select and conv1d" if request["conv1d"] else ", gather and matmul"
        return run, about + (", traced" if best["traced"] else "")
    best = quickest(stepper, request, [{"channels_last": False}, {"channels_last": True}] if request["net"]["dims"] else [{}])
    best = quickest(stepper, request, [best | adam for adam in ({"foreach": False}, {"foreach": True}, {"fused": True})])
    step = stepper(request, **best)
    numpy.array([step() for _ in range(20)], "<f4").tofile(request["result"])
    if request["conv1d"]:
        about += ", index_select and conv1d"
    return step, ", ".join([about] + [k.replace("_", " ") for k, v in best.items() if v])


def quickest(make, request, ways):
    """Which of the ways of doing the same suits this version and network; what a version has not is left out."""
    best = {}
    for way in ways:
        try:
            step = make(request, **way)
            for _ in range(3):
                step()
        except (TypeError, RuntimeError):
            continue
        best[median(step, 5)] = way
        step = None
        gc.collect()
    return best[min(best)]


def peak():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))


def main():
    run = about = None
    block = 1
    for line in sys.stdin:
        answer = {}
        try:
            request = json.loads(line)
            if "kind" in request:
                run = None
                block = request["block"]
                run, about = prepare(request)
            answer = {"ns": median(run, block), "peak": peak(), "about": about}
        except Exception as e:
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
