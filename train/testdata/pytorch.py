"""Writes what PyTorch says of training: six small networks, each as NAME.onnx and NAME.npz, and the pieces of a step
as pieces.json.

    go run ./tools/obtain torch-debian
    .cache/torch-debian/bin/python train/testdata/pytorch.py .cache/python/bin/python

made them with PyTorch 1.13.1; the second Python has healpy, for the neighbours of pixels.

NAME.onnx is torch.onnx.export of the untrained network in inference mode. The sphere has none: it is models.NNHealpix
of nside 4 (RING, 1 map, 6 filters, hidden 12, 2 outputs), and its weights are in the .npz as param.NAME. NAME.npz has

    x, t          one batch, float32, and its targets, float32; the dense network's are classes, int64
    grad.NAME     the gradient of the loss in the initial parameter, training mode, float64
    loss64        the loss of the batch before each of 20 steps of Adam(1e-3) on it, training mode, float64
    loss32        the same in float32
    stat.NAME     running statistics after the steps, float64; momentum 0.1 on the new value, unbiased variance

where NAME is an initializer of the model. The loss is the mean squared error over all elements, of the dense network
cross-entropy of its outputs. Weights, inputs and targets are float32 numbers in both precisions.
"""

import json
import os
import subprocess
import sys

import numpy
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)

# The attributes of an ONNX file are float32; so are these, that results in float64 agree to the end.
E, M, SLOPE = float(numpy.float32(1e-5)), 1 - float(numpy.float32(0.9)), float(numpy.float32(0.2))
here = os.path.dirname(os.path.abspath(__file__))


class Sphere(nn.Module):
    """NNhealpix: nine taps gathered in its order (the pixel, then SW, W, NW, N, NE, E, SE, S), the missing ones 0."""

    def __init__(self, python, nside, filters, hidden, outputs):
        super().__init__()
        self.names, self.tables, channels, n = [], [], 1, nside
        while n > 1:
            taps, children = healpy_tables(python, n)
            self.tables.append((torch.tensor(taps), torch.tensor(children)))
            self.param("conv.weight", torch.randn(filters, channels, 9) / (9 * channels) ** 0.5)
            channels, n = filters, n // 2
        for i, o in (12 * channels, hidden), (hidden, outputs):
            self.param("dense.weight", torch.randn(i, o) / i**0.5)
            self.param("dense.bias", 0.1 * torch.randn(o))

    def param(self, name, value):
        same = sum(n.split("_")[0] == name for n in self.names)
        self.names.append(name if same == 0 else f"{name}_{same}")
        self.register_parameter(self.names[-1].replace(".", "-"), nn.Parameter(value))

    def named(self):
        return {n: getattr(self, n.replace(".", "-")) for n in self.names}

    def forward(self, x):
        *convs, w0, b0, w1, b1 = self.named().values()
        for w, (taps, children) in zip(convs, self.tables):
            gathered = F.pad(x, (0, 1)).index_select(2, taps.flatten())
            x = F.relu(F.conv1d(gathered, w, stride=9))
            x = F.max_pool1d(x.index_select(2, children.flatten()), 4)
        x = F.relu(x.transpose(1, 2).flatten(1) @ w0 + b0)
        return x @ w1 + b1


def healpy_tables(python, nside):
    """The nine taps of each RING pixel, the pixel count for one that is missing, and the children of each parent."""
    script = f"""
import healpy, json, numpy
n = {nside}
p = numpy.arange(12 * n * n)
taps = numpy.vstack([p, healpy.get_all_neighbours(n, p)]).T
taps[taps < 0] = len(p)
parents = healpy.ring2nest(n // 2, numpy.arange(3 * n * n))
print(json.dumps([taps.tolist(), healpy.nest2ring(n, 4 * parents[:, None] + numpy.arange(4)).tolist()]))
"""
    return json.loads(subprocess.check_output([python, "-c", script], env={}))


def dense():
    return nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 3))


def strided():
    return nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8, E, M), nn.LeakyReLU(SLOPE),
                         nn.Conv2d(8, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16, E, M), nn.LeakyReLU(SLOPE),
                         nn.Flatten(), nn.Linear(256, 2))


def pooled():
    return nn.Sequential(nn.Conv2d(2, 8, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, 1, 1), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(108, 3))


def cubes():
    return nn.Sequential(nn.Conv3d(1, 6, 4, 2, 1, bias=False), nn.BatchNorm3d(6, E, M), nn.LeakyReLU(SLOPE),
                         nn.Conv3d(6, 6, 3, 1, 1, bias=False), nn.BatchNorm3d(6, E, M), nn.LeakyReLU(SLOPE),
                         nn.Flatten(), nn.Linear(384, 2))


def generator():
    return nn.Sequential(nn.ConvTranspose2d(8, 16, 4, 1, 0, bias=False), nn.BatchNorm2d(16, E, M), nn.ReLU(),
                         nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8, E, M), nn.ReLU(),
                         nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh())


def network(name, net, x, t, loss=F.mse_loss, free_batch=False):
    # General scales, shifts and statistics: at 1 and 0 a step that mixes them up could pass.
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for tensor, mean in (module.weight, 1), (module.bias, 0), (module.running_mean, 0):
                tensor.data.normal_(mean, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    out = {"x": x.numpy(), "t": t.numpy()}
    if isinstance(net, Sphere):
        out.update({f"param.{n}": p.detach().numpy().copy() for n, p in net.named().items()})
        named = net.named
    else:
        # Mode PRESERVE keeps BatchNorm apart from the convolution that it could be folded into.
        torch.onnx.export(net.eval(), x, os.path.join(here, f"{name}.onnx"), opset_version=17, input_names=["x"],
                          output_names=["y"], do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE,
                          dynamic_axes={"x": {0: "N"}, "y": {0: "N"}} if free_batch else None)
        named = lambda: dict(net.named_parameters())
    start = {n: v.clone() for n, v in net.state_dict().items()}
    for bits, dtype in (32, torch.float32), (64, torch.float64):
        net.to(dtype).train().load_state_dict(start)
        optimiser, losses = torch.optim.Adam(net.parameters(), 1e-3), []
        for step in range(20):
            optimiser.zero_grad()
            value = loss(net(x.to(dtype)), t if t.dtype == torch.int64 else t.to(dtype))
            value.backward()
            if bits == 64 and step == 0:
                out.update({f"grad.{n}": p.grad.numpy().copy() for n, p in named().items()})
            optimiser.step()
            losses.append(value.item())
        out[f"loss{bits}"] = numpy.array(losses, dtype=f"float{bits}")
    out.update({f"stat.{n}": b.numpy() for n, b in net.named_buffers() if "running" in n})
    numpy.savez_compressed(os.path.join(here, f"{name}.npz"), **out)


def networks(python):
    torch.manual_seed(1)
    network("dense", dense(), torch.randn(16, 10), torch.arange(16) * 5 % 3, F.cross_entropy, free_batch=True)
    network("strided", strided(), torch.randn(8, 1, 16, 16), torch.randn(8, 2))
    network("pooled", pooled(), torch.randn(8, 2, 12, 12), torch.randn(8, 3), free_batch=True)
    network("cubes", cubes(), torch.randn(4, 1, 8, 8, 8), torch.randn(4, 2))
    network("generator", generator(), torch.randn(6, 8, 1, 1), torch.rand(6, 1, 16, 16) * 2 - 1)
    network("sphere", Sphere(python, 4, 6, 12, 2), torch.randn(6, 1, 192), torch.randn(6, 2))


def plain(t):
    return {"shape": list(t.shape), "data": t.detach().flatten().tolist()}


def losses():
    """The value of each loss on its inputs, and the derivative in those named in grad."""
    cases = []

    def wave(*shape, phase=0.0):
        return torch.sin(0.7 + 1.3 * torch.arange(int(numpy.prod(shape))) + phase).reshape(shape)

    def case(name, f, attrs=None, differentiated=("x",), **inputs):
        leaves = {n: t.clone().requires_grad_(n in differentiated) for n, t in inputs.items()}
        value = f(*leaves.values())
        value.backward()
        cases.append({"name": name, "attrs": attrs or {}, "in": {n: plain(t) for n, t in inputs.items()},
                      "value": value.item(), "grad": {n: plain(leaves[n].grad) for n in differentiated}})

    x, t = 2 * wave(4, 3), 2 * wave(4, 3, phase=1)
    t[0] = x[0]  # met exactly
    t[1, 0], t[1, 1], t[1, 2] = x[1, 0] - 1, x[1, 1] + 1, x[1, 2] + 40
    case("mse", F.mse_loss, x=x, t=t)
    case("mae", F.l1_loss, x=x, t=t)
    corners = torch.tensor([[0, 0.5, -0.5, 1], [-1, 1.5, -1.5, 40]])
    case("huber", lambda x, t: F.huber_loss(x, t, delta=1.0), {"delta": 1.0}, x=corners, t=torch.zeros(2, 4))
    case("huber general", lambda x, t: F.huber_loss(x, t, delta=1.0), {"delta": 1.0}, x=x, t=t)
    mask = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    case("masked mse", lambda x, t, mask: ((x - t) ** 2 * mask).sum() / mask.sum(), x=x, t=t, mask=mask)
    hits = torch.tensor([[1.0, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0.25]])
    logits = 3 * wave(4, 3, phase=2)
    logits[0] = torch.tensor([0.0, 0, 800])
    logits[1] = torch.tensor([-800.0, -800, 800])
    case("bce logits", F.binary_cross_entropy_with_logits, x=logits, t=hits)
    weight = torch.tensor([0.5, 3, 1.25])
    case("bce logits pos_weight",
         lambda x, t, pos_weight: F.binary_cross_entropy_with_logits(x, t, pos_weight=pos_weight), x=logits, t=hits,
         pos_weight=weight)
    p = torch.sigmoid(wave(4, 3, phase=2))
    case("bce", F.binary_cross_entropy, x=p, t=hits)
    ends = p.clone()
    ends[0] = torch.tensor([1.0, 0, 1e-7])
    ends[1] = torch.tensor([0.0, 1, 1e-30])  # right and wrong with certainty: the logarithm stops at -100
    case("bce ends", F.binary_cross_entropy, x=ends, t=hits)
    scores = 3 * wave(5, 3)
    scores[0] = torch.tensor([900.0, -900, 0])
    scores[1] = torch.tensor([900.0, 900, 900])
    classes = torch.tensor([1, 2, 0, 2, 1])
    case("cross-entropy", F.cross_entropy, x=scores, t=classes)
    case("cross-entropy weights", F.cross_entropy, x=scores, t=classes, weight=weight)
    case("cross-entropy planes", F.cross_entropy, x=wave(2, 3, 4), t=torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1]]),
         weight=weight)
    var = wave(4, 3, phase=3).exp()
    case("gaussian nll", lambda x, t, var: F.gaussian_nll_loss(x, t, var, eps=1e-6), {"eps": 1e-6}, ("x", "var"), x=x,
         t=t, var=var)
    small = var.clone()
    small[0] = torch.tensor([0.0, 1e-6, 1e-9])
    small[1] = torch.tensor([1e-7, 1e-5, 1.0])
    case("gaussian nll eps", lambda x, t, var: F.gaussian_nll_loss(x, t, var, eps=1e-6), {"eps": 1e-6}, ("x", "var"),
         x=x, t=t, var=small)
    return cases


def optimisers():
    """Twenty steps of linear regression, MSE of x·Wᵀ + b: the parameters after each."""
    x = torch.tensor([[1, 0.5, -1], [0, 2, 0.25], [-1.5, 1, 1], [0.5, -0.5, 2]])
    t = torch.tensor([[1, 0.0], [2, -1], [-0.5, 0.5], [0, 3]])
    W, b = torch.tensor([[0.5, -0.25, 0], [1, 0.125, -2]]), torch.tensor([0.1, -0.2])
    o, cases = torch.optim, []
    for name, make, attrs in (
        ("sgd", o.SGD, {"lr": 0.05}),
        ("sgd decay", o.SGD, {"lr": 0.05, "weight_decay": 0.1}),
        ("momentum", o.SGD, {"lr": 0.05, "momentum": 0.9}),
        ("nesterov", o.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
        ("adam", o.Adam, {"lr": 0.05}),
        ("adam betas", o.Adam, {"lr": 0.05, "betas": [0.5, 0.99], "eps": 1e-3}),
        ("adam decay", o.Adam, {"lr": 0.05, "weight_decay": 0.1}),
        ("adamw", o.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
        ("rmsprop", o.RMSprop, {"lr": 0.02, "alpha": 0.99}),
        ("rmsprop momentum", o.RMSprop, {"lr": 0.02, "alpha": 0.99, "momentum": 0.9})):
        p = [W.clone().requires_grad_(), b.clone().requires_grad_()]
        optimiser, steps = make(p, **attrs), []
        for _ in range(20):
            optimiser.zero_grad()
            F.mse_loss(F.linear(x, *p), t).backward()
            optimiser.step()
            steps.append([q.detach().flatten().tolist() for q in p])
        cases.append({"name": name, "attrs": attrs, "W": [s[0] for s in steps], "b": [s[1] for s in steps]})
    return {"x": plain(x), "t": plain(t), "W": plain(W), "b": plain(b), "runs": cases}


def schedules():
    """The learning rate of steps 0 to 49. ReduceLROnPlateau sees a loss after each, the others the step's number."""
    s, cases = torch.optim.lr_scheduler, []
    seen = [1.0, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.79999, 0.8, 0.8, 0.7, 0.71, 0.72, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7,
            0.6, 0.5, 0.4, 0.4, 0.39999, 0.39998, 0.39997, 0.39996, 0.39995, 0.39994, 0.3, 0.31, 0.31, 0.31, 0.31,
            0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.31, 0.2]
    for name, make, attrs in (
        ("step", s.StepLR, {"step_size": 10, "gamma": 0.5}),
        ("exponential", s.ExponentialLR, {"gamma": 0.95}),
        ("cosine", s.CosineAnnealingLR, {"T_max": 50, "eta_min": 1e-5}),
        ("warm-up", s.LinearLR, {"start_factor": 0.1, "end_factor": 1.0, "total_iters": 10}),
        ("triangle", s.CyclicLR, {"base_lr": 1e-4, "max_lr": 1e-2, "step_size_up": 8, "step_size_down": 8}),
        ("skew triangle", s.CyclicLR, {"base_lr": 1e-4, "max_lr": 1e-2, "step_size_up": 5, "step_size_down": 15}),
        ("plateau", s.ReduceLROnPlateau, {"factor": 0.5, "patience": 3, "threshold": 1e-4}),
        ("plateau rest", s.ReduceLROnPlateau, {"factor": 0.1, "patience": 2, "threshold": 1e-4, "cooldown": 4,
                                               "min_lr": 2e-6})):
        optimiser, rates = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3), []
        more = {"cycle_momentum": False} if make is s.CyclicLR else {}
        schedule = make(optimiser, **attrs, **more)
        for i in range(50):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step(*[seen[i]] if make is s.ReduceLROnPlateau else [])
        case = {"name": name, "base": 1e-3, "attrs": attrs, "rates": rates}
        if make is s.ReduceLROnPlateau:
            case["losses"] = seen
        cases.append(case)
    return cases


def clips():
    """Gradients of two parameters, clipped together."""
    gradients, cases = [torch.tensor([[3.0, -4, 0], [0.5, 0.25, -0.125]]), torch.tensor([12.0, -0.5])], []
    for kind, clip, limit in (
        ("norm", nn.utils.clip_grad_norm_, 1.0),
        ("norm", nn.utils.clip_grad_norm_, 13.0),
        ("norm", nn.utils.clip_grad_norm_, 20.0),  # lies above it: nothing changes
        ("value", nn.utils.clip_grad_value_, 0.5)):
        p = [torch.zeros_like(g).requires_grad_() for g in gradients]
        for q, g in zip(p, gradients):
            q.grad = g.clone()
        norm = clip(p, limit)
        case = {"kind": kind, "limit": limit, "in": [plain(g) for g in gradients], "out": [plain(q.grad) for q in p]}
        if norm is not None:
            case["norm"] = norm.item()
        cases.append(case)
    return cases


if __name__ == "__main__":
    networks(sys.argv[1])
    torch.set_default_dtype(torch.float64)
    lines = {f.__name__: f() for f in (losses, optimisers, schedules, clips)}
    with open(os.path.join(here, "pieces.json"), "w") as f:
        f.write("{" + ",\n".join(f'"{n}":{json.dumps(v, separators=(",", ":"))}' for n, v in lines.items()) + "}\n")
