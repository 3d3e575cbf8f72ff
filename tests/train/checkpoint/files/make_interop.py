"""Writes interop.safetensors: a file as Python's safetensors library makes them, for safetensors_test.cpp."""
import pathlib

import torch
from safetensors.torch import save_file

tensors = {
    "conv.weight": torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2) / 8,
    "half": torch.tensor([1.5, -2.0, 65504.0, 2.0**-24, float("inf")], dtype=torch.float16),
    "brain": torch.tensor([1.5, -2.0, 3.0e38], dtype=torch.bfloat16),
    "double": torch.tensor([[0.1, -1e-3]], dtype=torch.float64),
    "bn.num_batches_tracked": torch.tensor(27900, dtype=torch.int64),
    "größe": torch.zeros(0, 4),
}
save_file(tensors, pathlib.Path(__file__).with_name("interop.safetensors"), metadata={"format": "pt"})
