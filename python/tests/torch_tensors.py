"""PyTorch's tensors as inputs: torch_tensors.py MODEL, which computes y = 2x + 1 over float32 (N, 1, 48). Run where PyTorch is installed."""

import sys

import numpy as np
import torch

import astronnx

model = astronnx.Model(sys.argv[1], threads=1)
x = torch.arange(96, dtype=torch.float32).reshape(2, 1, 48)
for _ in range(3):
    y = model.run({"x": x})["y"]
    np.testing.assert_array_equal(y, 2 * x.numpy() + 1)
np.testing.assert_array_equal(model(x.double()[0]), y[:1])
np.testing.assert_array_equal(model.run({"x": x.repeat_interleave(2, dim=2)[:, :, ::2]})["y"], y)
back = torch.from_dlpack(y)  # shares the result's memory
back += 1
np.testing.assert_array_equal(y, 2 * x.numpy() + 2)
into = torch.empty_like(x)
model.run({"x": x}, out={"y": into.numpy()})
assert torch.equal(into, 2 * x + 1)

wrong = {"requires_grad": x.clone().requires_grad_(), "bfloat16": x.bfloat16(), "meta": x.to("meta")}
if torch.cuda.is_available():
    wrong["cuda"] = x.cuda()
for name, tensor in wrong.items():
    try:
        model.run({"x": tensor})
    except astronnx.Error as error:
        assert error.code == "input" and error.hint, name
        print(f"{name}: {error}")
    else:
        raise AssertionError(f"{name} was taken")
