"""Writes pytorch.json: gradients that PyTorch gives, in float64, of single ONNX operators.

    /usr/bin/python3 pytorch.py >pytorch.json

made it with PyTorch 1.13.1 (Debian's python3-torch); pytorch_test.go reads it, and needs no Python. Each line is a
case: an operator with its attributes and inputs, and for every input the derivative of sum(dy*y), where dy = sin(1),
sin(2), ... over the elements of y; null stands for an input that is not differentiated. Points are general ones, and
those where a derivative has to be chosen: ties, corners, zeros, borders.

How PyTorch chooses among equal elements depends on the operator, and ONNX's follow it so:

    torch.amax, amin          all share evenly          ReduceMax, ReduceMin
    torch.maximum, minimum    both get half             Max, Min
    torch.max(x, dim), topk   the first takes it all    TopK
    max_pool, adaptive_max    the first in the window   MaxPool, GlobalMaxPool

(An export of torch.max(x, dim) holds ReduceMax, so that its gradient at ties is that of amax.)
"""

import json
import sys

import numpy
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def f32(x):
    """A float attribute as ONNX stores it."""
    return float(numpy.float32(x))


def wave(*shape, phase=0.0, scale=1.5):
    """General numbers, no two alike."""
    n = int(numpy.prod(shape))
    return (torch.sin(0.7 + 1.3 * torch.arange(n) + phase) * scale * 1000).round().div(1000).reshape(shape)


def vec(*x):
    return torch.tensor([float(v) for v in x])


def ints(*x):
    return torch.tensor(x, dtype=torch.int64)


def number(x):
    return int(x) if float(x).is_integer() and abs(x) < 1e6 else float(x)


def plain(t):
    if t is None:
        return None
    if t.is_floating_point():
        return {"shape": list(t.shape), "data": [number(v) for v in t.detach().flatten().tolist()]}
    kind = "bool" if t.dtype == torch.bool else "i64"
    return {"shape": list(t.shape), "type": kind, "data": [int(v) for v in t.flatten().tolist()]}


def case(name, op, f, *inputs, opset=21, outputs=1, given=None, **attrs):
    """f computes the operator's first output from its inputs, absent ones included. The first given inputs, or all, are
    differentiated."""
    leaves = [t.detach().clone().requires_grad_() if t is not None and t.is_floating_point() else t for t in inputs]
    y = f(*leaves)
    dy = torch.sin(torch.arange(y.numel()) + 1.0).reshape(y.shape)
    inexact = [i for i, t in enumerate(leaves) if t is not None and t.is_floating_point()][:given]
    grads = torch.autograd.grad((y * dy).sum(), [leaves[i] for i in inexact], allow_unused=True)
    back = [None] * len(inputs)
    for i, g in zip(inexact, grads):
        back[i] = [number(v) for v in (torch.zeros_like(leaves[i]) if g is None else g).flatten().tolist()]
    line = {"name": name, "op": op, "opset": opset, "outputs": outputs, "attrs": attrs,
            "in": [plain(t) for t in inputs], "grad": back}
    print(json.dumps(line, separators=(",", ":")))


def kinks():
    x = vec(-2, -0.5, 0, 0.5, 2)
    case("zero", "Relu", F.relu, x)
    case("zero", "LeakyRelu", lambda x: F.leaky_relu(x, 0.25), x, alpha=0.25)
    case("zero", "PRelu", lambda x, s: torch.where(x > 0, x, x * s), x, vec(0.25, 0.5, 0.75, 1.5, 2))
    case("channels", "PRelu", lambda x, s: F.prelu(x, s.flatten()), torch.cat([wave(2, 3, 4), torch.zeros(1, 3, 4)]),
         wave(3, 1))
    case("zero", "Elu", lambda x: F.elu(x, 0.5), x, alpha=0.5)
    case("zero", "Celu", lambda x: F.celu(x, 0.5), x, alpha=0.5)
    case("zero", "Selu",
         lambda x: f32(1.0507009873554804934193349852946) * F.elu(x, f32(1.6732632423543772848170429916717)), x)
    # F.hardsigmoid, which computes with 1/6 in float32, is flat at its ends.
    case("ends", "HardSigmoid", lambda x: torch.where(x.abs() < 2, 0.25 * x + 0.5, x.detach()),
         vec(-3, -2, -1, 0, 1, 2, 3), alpha=0.25, beta=0.5)
    case("ends", "HardSwish", F.hardswish, vec(-4, -3, -1, 0, 1, 3, 4))
    case("ends", "Clip", lambda x, a, b: torch.clamp(x, a, b), vec(-2, -1, 0, 1, 2), torch.tensor(-1.0),
         torch.tensor(1.0))
    case("lower", "Clip", lambda x, a: torch.clamp(x, min=a), vec(-2, -1, 0), torch.tensor(-1.0))
    case("crossed", "Clip", lambda x, a, b: torch.clamp(x, a, b), vec(-2, -1, 0, 1, 2), torch.tensor(1.0),
         torch.tensor(-1.0))
    case("ends", "ThresholdedRelu", lambda x: F.threshold(x, 0.5, 0), vec(-1, 0.5, 0.75, 2), alpha=0.5)
    case("hard", "Shrink", lambda x: F.hardshrink(x, 0.5), x, lambd=0.5, bias=0.0)
    case("soft", "Shrink", lambda x: F.softshrink(x, 0.5), x, lambd=0.5, bias=0.5)
    case("zero", "Abs", torch.abs, x)
    case("zero", "Sign", torch.sign, x)
    case("zero", "Softsign", F.softsign, x)
    case("steps", "Round", torch.round, x)
    case("exact", "Gelu", F.gelu, vec(-6, -1, 0, 0.5, 7))
    case("tanh", "Gelu", lambda x: F.gelu(x, approximate="tanh"), vec(-6, -1, 0, 0.5, 7), approximate="tanh")
    case("far", "Softplus", F.softplus, vec(-700, -20, -1, 0, 1, 19))
    case("far", "Sigmoid", torch.sigmoid, vec(-700, -20, 0, 1, 40))
    case("far", "Tanh", torch.tanh, vec(-400, -1, 0, 0.5, 20))
    case("far", "Mish", F.mish, vec(-30, -1, 0, 0.5, 19))
    case("zeros", "Pow", torch.pow, vec(0, 0, 0, 0, 2, 2), vec(0, 1, 2, 3.5, 0, -1.5))
    case("scalar", "Pow", torch.pow, vec(-1.5, 0, 2), torch.tensor(2))
    case("ties", "Max", torch.maximum, vec(1, 2, 3), vec(2, 2, 1))
    case("ties", "Min", torch.minimum, vec(1, 2, 3), vec(2, 2, 1))
    case("three", "Max", lambda *x: torch.stack(x).amax(0), vec(1, 2, 3), vec(1, 2, 1), vec(0, 2, 3))
    case("broadcast", "Max", torch.maximum, vec(1, 2, 3), torch.tensor([[2.0], [1.0]]))
    case("broadcast", "Div", torch.div, wave(2, 3), wave(3, phase=1))
    case("fmod", "Mod", torch.fmod, vec(5.5, -5.5, 7), vec(2, 2, -3), fmod=1)
    case("ties", "Where", torch.where, torch.tensor([True, False, True]), vec(1, 1, 2), vec(1, 1, 3))


def reductions():
    tied = torch.tensor([[3.0, 1, 3, 0], [2, 2, 2, 2]])
    case("ties", "ReduceMax", lambda x, a: x.amax(1), tied, ints(1), keepdims=0)
    case("ties", "ReduceMin", lambda x, a: x.amin(1), tied, ints(1), keepdims=0)
    case("all", "ReduceMax", lambda x: x.amax(), tied, keepdims=0)
    case("axes", "ReduceMin", lambda x, a: x.amin((0, 2), keepdim=True), wave(2, 3, 2), ints(0, -1))
    zeros = torch.tensor([[2.0, 0, 3, -1], [0, 0, 3, 1], [1.5, 2, 3, -4]])
    case("zeros", "ReduceProd", lambda x, a: x.prod(1), zeros, ints(1), keepdims=0)
    case("zeros all", "ReduceProd", lambda x: x.prod(), zeros, keepdims=0)
    case("mean", "ReduceMean", lambda x, a: x.mean((0, 2), keepdim=True), wave(2, 3, 4), ints(0, 2))
    case("zeros", "ReduceL1", lambda x, a: x.abs().sum(1), zeros, ints(1), keepdims=0)
    case("zeros", "ReduceL2", lambda x, a: x.norm(2, 1), torch.cat([zeros, torch.zeros(1, 4)]), ints(1), keepdims=0)
    case("squares", "ReduceSumSquare", lambda x, a: x.square().sum(0), zeros, ints(0), keepdims=0)
    case("far", "ReduceLogSumExp", lambda x, a: x.logsumexp(1), torch.tensor([[900.0, 899, 0], [1, 1, 1]]), ints(1),
         keepdims=0)
    case("forward", "CumSum", lambda x, a: x.cumsum(1), wave(2, 4), torch.tensor(1))
    case("shifted", "CumSum", lambda x, a: (x.flip(0).cumsum(0) - x.flip(0)).flip(0), wave(3, 2), torch.tensor(0),
         exclusive=1, reverse=1)
    case("zeros", "CumProd", lambda x, a: x.cumprod(1), zeros, torch.tensor(1), opset=26)
    case("rows", "Softmax", lambda x: x.softmax(-1), wave(2, 3, 4))
    case("middle", "Softmax", lambda x: x.softmax(1), wave(2, 3, 4), axis=1)
    case("far", "LogSoftmax", lambda x: x.log_softmax(1), torch.tensor([[900.0, 0, -900], [1, 1, 1]]), axis=1)
    labels = ints(2, 0, -1, 1)
    case("ignoring", "SoftmaxCrossEntropyLoss", lambda x, t: F.cross_entropy(x, t, ignore_index=-1), wave(4, 3),
         labels, ignore_index=-1, reduction="mean")
    case("planes", "NegativeLogLikelihoodLoss", lambda x, t: F.nll_loss(x, t, reduction="sum"), wave(2, 3, 2),
         torch.tensor([[0, 2], [1, 1]]), reduction="sum")


def indices():
    repeated = torch.tensor([[0, 2], [2, -1]])
    case("repeated", "Gather", lambda x, i: x[:, i % 3], wave(2, 3, 2), repeated, axis=1)
    case("scalar", "Gather", lambda x, i: x[i], wave(3, 2), torch.tensor(-1), axis=0)
    case("repeated", "GatherElements", lambda x, i: x.gather(1, i), wave(2, 3),
         torch.tensor([[0, 0, 2, 0], [1, 1, 1, 2]]), axis=1)
    case("repeated", "GatherND", lambda x, i: x[i[:, 0], i[:, 1]], wave(2, 3, 2),
         torch.tensor([[0, 1], [1, 2], [0, 1]]))
    case("added", "ScatterElements", lambda x, i, u: x.scatter_add(1, i, u), wave(2, 3),
         torch.tensor([[0, 0], [1, 2]]), wave(2, 2, phase=1), axis=1, reduction="add")
    case("replaced", "ScatterElements", lambda x, i, u: x.scatter(0, i, u), wave(3, 2), torch.tensor([[2, 0]]),
         wave(1, 2, phase=1), axis=0)
    case("largest", "TopK", lambda x, k: x.topk(2, 1)[0], wave(3, 4), ints(2), axis=1, outputs=2)
    case("smallest", "TopK", lambda x, k: x.topk(2, 0, largest=False)[0], wave(4, 2), ints(2), axis=0, largest=0,
         outputs=2)
    case("ties", "TopK", lambda x, k: x.max(1, keepdim=True)[0], torch.tensor([[1.0, 3, 3], [2, 2, 2]]), ints(1),
         axis=1, outputs=2)
    case("lower", "Trilu", lambda x: x.tril(0), wave(2, 3, 3), upper=0)
    case("repeats", "Tile", lambda x, r: x.repeat(2, 3), wave(2, 2), ints(2, 3))
    case("strided", "Slice", lambda x, *_: x[:, 1::2].flip(0), wave(3, 5), ints(-1, 1), ints(-100, 100), ints(0, 1),
         ints(-1, 2))


def padding():
    for mode, torchs in ("constant", "constant"), ("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular"):
        case(mode + " 1", "Pad", lambda x, p: F.pad(x, (2, 1), torchs), wave(1, 2, 4), ints(0, 0, 2, 0, 0, 1),
             mode=mode)
        case(mode + " 2", "Pad", lambda x, p: F.pad(x, (2, 1, 1, 2), torchs), wave(1, 1, 3, 4),
             ints(0, 0, 1, 2, 0, 0, 2, 1), mode=mode)
        case(mode + " 3", "Pad", lambda x, p: F.pad(x, (1, 0, 0, 1, 1, 1), torchs), wave(1, 1, 2, 3, 2),
             ints(0, 0, 1, 0, 1, 0, 0, 1, 1, 0), mode=mode)
    case("value", "Pad", lambda x, p, v: torch.cat([v.reshape(1), x, v.reshape(1)]), wave(3), ints(1, 1),
         torch.tensor(0.5))
    case("crop", "Pad", lambda x, p: F.pad(x, (-1, 2)), wave(2, 4), ints(0, -1, 0, 2))


def resizing():
    modes = {1: "linear", 2: "bilinear", 3: "trilinear"}
    shapes = {1: [(4,), (7,), (3,)], 2: [(3, 4), (5, 7), (2, 3)], 3: [(2, 3, 2), (3, 5, 4), (1, 2, 2)]}
    for dims, (shape, *sizes) in shapes.items():
        for size in sizes:
            x, to = wave(1, 2 if dims == 1 else 1, *shape), ints(1, 2 if dims == 1 else 1, *size)
            way = "x".join(map(str, size))
            case("nearest " + way, "Resize", lambda x, r, s, z: F.interpolate(x, size, mode="nearest"), x, None, None,
                 to, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
            case("nearest-exact " + way, "Resize", lambda x, r, s, z: F.interpolate(x, size, mode="nearest-exact"), x,
                 None, None, to, mode="nearest", coordinate_transformation_mode="half_pixel",
                 nearest_mode="round_prefer_ceil")
            for align, how in (False, "half_pixel"), (True, "align_corners"):
                case(f"linear {way} {how}", "Resize", lambda x, r, s,
                     z: F.interpolate(x, size, mode=modes[dims], align_corners=align), x, None, None, to,
                     mode="linear", coordinate_transformation_mode=how)
    for align, how in (False, "half_pixel"), (True, "align_corners"):
        case(f"cubic {how}", "Resize", lambda x, r, s,
             z: F.interpolate(x, (5, 7), mode="bicubic", align_corners=align), wave(1, 1, 3, 4), None, None,
             ints(1, 1, 5, 7), mode="cubic", coordinate_transformation_mode=how)
    case("scales", "Resize", lambda x, r, s: F.interpolate(x, scale_factor=2, mode="bilinear"), wave(1, 2, 2, 3),
         None, vec(1, 1, 2, 2), mode="linear")
    for align in 0, 1:
        for mode, torchs in ("linear", "bilinear"), ("nearest", "nearest"), ("cubic", "bicubic"):
            for border in "zeros", "border", "reflection":
                if mode == "cubic" and border == "border":
                    continue  # ONNX moves the point to the border, PyTorch the pixels around it
                case(f"2 {mode} {border} {align}", "GridSample", lambda x,
                     g: F.grid_sample(x, g, mode=torchs, padding_mode=border, align_corners=bool(align)),
                     wave(1, 2, 3, 3), wave(1, 2, 3, 2, phase=0.4, scale=1.3), mode=mode, padding_mode=border,
                     align_corners=align)
    for border, align in ("zeros", 0), ("border", 1), ("reflection", 0):
        case(f"3 linear {border} {align}", "GridSample", lambda x,
             g: F.grid_sample(x, g, mode="bilinear", padding_mode=border, align_corners=bool(align)),
             wave(1, 1, 2, 3, 2), wave(1, 1, 2, 2, 3, phase=0.4, scale=1.3), mode="linear", padding_mode=border,
             align_corners=align)
    case("corners", "GridSample", lambda x, g: F.grid_sample(x, g, padding_mode="border", align_corners=True),
         wave(1, 1, 3, 3), torch.tensor([[[[-1.0, -1], [0, 0], [1, 1], [0.5, -1]]]]), mode="linear",
         padding_mode="border", align_corners=1)


def convolutions():
    convs, backs = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}, {
        1: F.conv_transpose1d,
        2: F.conv_transpose2d,
        3: F.conv_transpose3d,
    }
    for d, shape in (1, (7,)), (2, (5, 4)), (3, (4, 3, 3)):
        for name, s, p, l, g in (
            ("plain", 1, 0, 1, 1),
            ("strided", 2, 1, 1, 1),
            ("dilated", 1, 2, 2, 1),
            ("grouped", 2, 1, 1, 2)):
            k = (2,) * d if d == 3 else (3,) * d
            at = dict(strides=[s] * d, pads=[p] * 2 * d, dilations=[l] * d, group=g)
            case(f"{d} {name}", "Conv", lambda x, w, b: convs[d](x, w, b, s, p, l, g), wave(1, 2, *shape),
                 wave(2, 2 // g, *k, phase=0.3), vec(0.5, -1), **at)
            small = shape[:1] + (2,) * (d - 1)
            case(f"{d} {name}", "ConvTranspose", lambda x, w, b: backs[d](x, w, b, s, min(p, 1), s - 1, g, l),
                 wave(1, 2, *small), wave(2, 2 // g, *k, phase=0.3), vec(0.5, -1), output_padding=[s - 1] * d,
                 **{**at, "pads": [min(p, 1)] * 2 * d})
    case("depthwise", "Conv", lambda x, w: F.conv2d(x, w, None, (2, 1), (0, 1), 1, 3), wave(2, 3, 4, 3),
         wave(3, 1, 2, 3, phase=0.3), strides=[2, 1], pads=[0, 1, 0, 1], group=3)


def pools():
    x = wave(1, 2, 7)
    case("overlap 1", "MaxPool", lambda x: F.max_pool1d(x, 3, 1, 1), x, kernel_shape=[3], strides=[1], pads=[1, 1])
    case("overlap 2", "MaxPool", lambda x: F.max_pool2d(x, 3, 2, 1), wave(1, 2, 5, 4), kernel_shape=[3, 3],
         strides=[2, 2], pads=[1] * 4)
    case("overlap 3", "MaxPool", lambda x: F.max_pool3d(x, 2, 1), wave(1, 1, 3, 3, 3), kernel_shape=[2, 2, 2],
         strides=[1, 1, 1])
    case("apart 2", "MaxPool", lambda x: F.max_pool2d(x, 2), wave(1, 2, 4, 5), kernel_shape=[2, 2], strides=[2, 2])
    case("dilated", "MaxPool", lambda x: F.max_pool2d(x, 2, 1, 0, 2), wave(1, 1, 4, 4), kernel_shape=[2, 2],
         dilations=[2, 2])
    case("ceil", "MaxPool", lambda x: F.max_pool1d(x, 3, 2, ceil_mode=True), wave(1, 1, 6), kernel_shape=[3],
         strides=[2], ceil_mode=1)
    tied = torch.tensor([[1.0, 2, 2, 1], [2, 2, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0]]).reshape(1, 1, 4, 4)
    case("ties", "MaxPool", lambda x: F.max_pool2d(x, 2), tied, kernel_shape=[2, 2], strides=[2, 2])
    case("ties overlap", "MaxPool", lambda x: F.max_pool2d(x, 3, 1, 1), tied, kernel_shape=[3, 3], pads=[1] * 4)
    case("ties", "GlobalMaxPool", lambda x: F.adaptive_max_pool2d(x, 1), torch.cat([tied, tied.flip(3)]))
    for include in 0, 1:
        case(f"padded {include}", "AveragePool", lambda x: F.avg_pool2d(x, 3, 2, 1, False, bool(include)),
             wave(1, 2, 5, 4), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, count_include_pad=include)
    case("ceil", "AveragePool", lambda x: F.avg_pool1d(x, 3, 2, 0, True), wave(1, 1, 6), kernel_shape=[3],
         strides=[2], ceil_mode=1)
    case("3", "AveragePool", lambda x: F.avg_pool3d(x, 2), wave(1, 1, 2, 4, 2), kernel_shape=[2, 2, 2],
         strides=[2, 2, 2])
    case("mean", "GlobalAveragePool", lambda x: F.adaptive_avg_pool2d(x, 1), wave(1, 2, 3, 2))
    case("power", "LpPool", lambda x: F.lp_pool1d(x, 2, 2, 2), wave(1, 2, 6), kernel_shape=[2], strides=[2], p=2)


def norms():
    e = f32(1e-5)
    x = wave(2, 4, 3, 2)
    case("2", "InstanceNormalization", lambda x, s, b: F.instance_norm(x, weight=s, bias=b, eps=e), x, wave(4),
         wave(4, phase=1), epsilon=e)
    case("3", "InstanceNormalization", lambda x, s, b: F.instance_norm(x, weight=s, bias=b, eps=e),
         wave(1, 2, 2, 2, 2), wave(2), wave(2, phase=1), epsilon=e)
    case("constant", "InstanceNormalization", lambda x, s, b: F.instance_norm(x, weight=s, bias=b, eps=e),
         torch.cat([torch.ones(1, 1, 3), wave(1, 1, 3)], 1), wave(2), wave(2, phase=1), epsilon=e)
    case("groups", "GroupNormalization", lambda x, s, b: F.group_norm(x, 2, s, b, e), x, wave(4), wave(4, phase=1),
         num_groups=2, epsilon=e)
    case("last", "LayerNormalization", lambda x, s, b: F.layer_norm(x, (4,), s, b, e), wave(2, 3, 4), wave(4),
         wave(4, phase=1), epsilon=e)
    case("two", "LayerNormalization", lambda x, s, b: F.layer_norm(x, (3, 4), s, b, e), wave(2, 3, 4),
         wave(3, 4, phase=2), wave(3, 4, phase=1), axis=1, epsilon=e)
    still = wave(4), wave(4, phase=1), wave(4, phase=2), wave(4, phase=3).abs() + 0.5
    case("training", "BatchNormalization", lambda x, s, b, m, v: F.batch_norm(x, None, None, s, b, True, 0.1, e), x,
         *still, epsilon=e, training_mode=1, momentum=0.5, outputs=3)
    case("frozen", "BatchNormalization", lambda x,
         *p: F.batch_norm(x, *[t.detach() for t in p[2:]], *p[:2], False, 0.1, e), x, *still, epsilon=e, given=3)
    case("lines", "LRN", lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2.0), x, size=3, alpha=0.5, beta=0.75,
         bias=2.0)


def products():
    case("batch", "MatMul", torch.matmul, wave(2, 1, 2, 3), wave(3, 3, 2, phase=1))
    case("vector", "MatMul", torch.matmul, wave(2, 3, 4), wave(4, phase=1))
    case("turned", "Gemm", lambda a, b, c: 0.5 * a.T @ b.T + 2 * c, wave(3, 2), wave(4, 3, phase=1), wave(4, phase=2),
         alpha=0.5, beta=2.0, transA=1, transB=1)
    for equation in "bij,bjk->bik", "ij,kj->", "ijk,k->ji", "i,j,ij->j":
        size = {"b": 2, "i": 2, "j": 3, "k": 2}
        terms = equation.split("->")[0].split(",")
        case(equation, "Einsum", lambda *x: torch.einsum(equation, *x),
             *[wave(*[size[c] for c in t], phase=i) for i, t in enumerate(terms)], equation=equation)
    case("ii->i", "Einsum", lambda x: torch.einsum("ii->i", x), wave(3, 3), equation="ii->i")
    case("...ij->...ji", "Einsum", lambda x: torch.einsum("...ij->...ji", x), wave(2, 3, 2), equation="...ij->...ji")


def recurrent():
    T, N, I, H = 3, 2, 2, 2
    lstm = [0, 2, 3, 1]  # PyTorch's gates i f g o in ONNX's i o f c
    gru = [1, 0, 2]  # PyTorch's r z n in ONNX's z r h

    def gates(w, order):
        return torch.cat([w.chunk(len(order))[k] for k in order])

    for directions, way in (1, "forward"), (1, "reverse"), (2, "bidirectional"):

        def weights(k, phase):
            return [
                wave(directions, k * H, I, phase=phase, scale=0.8),
                wave(directions, k * H, H, phase=phase + 1, scale=0.8),
                wave(directions, 2 * k * H, phase=phase + 2, scale=0.4),
            ]

        def params(w, r, b, order):
            out = []
            for d in range(directions):
                wb, rb = b[d].chunk(2)
                out += [gates(v, order) for v in (w[d], r[d], wb, rb)]
            return out

        def flipped(t):
            return t.flip(0) if way == "reverse" else t

        def shaped(y):
            return flipped(y).reshape(T, N, directions, H).transpose(1, 2)

        start = wave(directions, N, H, phase=4)
        case(way, "LSTM", lambda x, w, r, b, s, h, c: shaped(torch._VF.lstm(flipped(x), (h, c), params(w, r, b, lstm),
             True, 1, 0.0, True, directions == 2, False)[0]), wave(T, N, I), *weights(4, 0.5), None, start,
             wave(directions, N, H, phase=5), hidden_size=H, direction=way)
        case(way, "GRU", lambda x, w, r, b, s, h: shaped(torch._VF.gru(flipped(x), h, params(w, r, b, gru), True, 1,
             0.0, True, directions == 2, False)[0]), wave(T, N, I), *weights(3, 0.5), None, start, hidden_size=H,
             direction=way, linear_before_reset=1)
    case("tanh", "RNN", lambda x, w, r, b, s, h: torch._VF.rnn_tanh(x, h, [w[0], r[0], b[0][:H], b[0][H:]], True, 1,
         0.0, True, False, False)[0] .reshape(T, N, 1, H) .transpose(1, 2), wave(T, N, I), wave(1, H, I, phase=1),
         wave(1, H, H, phase=2), wave(1, 2 * H, phase=3), None, wave(1, N, H, phase=4), hidden_size=H)


if __name__ == "__main__":
    for group in kinks, reductions, indices, padding, resizing, convolutions, pools, norms, products, recurrent:
        group()
    sys.stdout.flush()
