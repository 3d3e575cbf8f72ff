#!/usr/bin/env python3
"""Writes tests/golden/files/imagenet.safetensors: logits and gradients of torchvision's ResNets in double precision.

    make_golden_imagenet.py [DIRECTORY]        needs torchvision, and what make_golden.py needs

Weights and images are a formula (value_of, the same in tests/golden/recipe.cpp), so none of them is stored. Of each
gradient the file has a row of numbers: its norm, its products with four vectors of random signs, in which every element
counts, and some elements. Beside them, how far PyTorch's own float32 is off, the larger of two forms of it.

A ReLU that comes so close to its kink that rounding decides would move gradients by a thousandth. So its inputs are
mostly positive (a norm has gamma 0.25 and beta 0.75, about), and images are drawn until none comes close.
"""

import itertools
import json
import math
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from make_golden import VERSION, drift_layout, relative_deviation, stored, write_safetensors

SEED, CLASSES, LABELS = 1, 10, [3, 7]
MARGIN = 4  # of the smallest input of a ReLU over the rounding errors there
PROJECTIONS, SAMPLES = 4, 16
CASES = [  # network, v1, size of the images, the first draw of them that is tried
    ("resnet18", False, 224, 0),
    ("resnet18", False, 97, 0),
    ("resnet50", False, 224, 99),
    ("resnet50", False, 97, 0),
    ("resnet50", True, 97, 0),
]


def philox(stream, count):
    """The first words of a stream of core/rng.h."""
    index = np.arange((count + 3) // 4, dtype=np.uint64)
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    x = [index & low, index >> shift, np.uint64(stream & 0xFFFFFFFF), np.uint64(stream >> 32)]
    key0, key1 = SEED, 0
    for _ in range(10):
        product0, product1 = np.uint64(0xD2511F53) * x[0], np.uint64(0xCD9E8D57) * x[2]
        x = [(product1 >> shift) ^ x[1] ^ np.uint64(key0), product1 & low,
             (product0 >> shift) ^ x[3] ^ np.uint64(key1), product0 & low]
        key0, key1 = (key0 + 0x9E3779B9) & 0xFFFFFFFF, (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(x, axis=1).reshape(-1)[:count]


def words_of(name, count):
    """A stream for each name: its number is FNV-1a's hash."""
    number = 2166136261
    for byte in name.encode():
        number = (number ^ byte) * 16777619 & 0xFFFFFFFF
    return philox(number, count)


def value_of(name, shape):
    """Uniform around a mean, float32 numbers in PyTorch's layout."""
    count = math.prod(shape)
    mean, deviation = 0.0, 0.1
    if name.startswith("images"):
        deviation = 1.0
    elif len(shape) > 1:
        deviation = math.sqrt((2 if len(shape) == 4 else 1) / (count // shape[0]))
    elif name.endswith("running_var"):
        mean, deviation = 2.0, 0.4
    elif name.endswith("weight"):
        mean, deviation = 0.25, 0.05
    elif name.endswith("bias") and not name.startswith("fc"):
        mean = 0.75
    bound = float(np.float32(deviation * math.sqrt(3)))
    uniform = (words_of(name, count) >> np.uint64(8)).astype(np.float64) * 2.0**-24
    values = (mean + bound * (2 * uniform - 1)).astype(np.float32)
    return torch.from_numpy(values.reshape(tuple(shape)))


def make_network(name, v1):
    network = getattr(torchvision.models, name)(num_classes=CLASSES)
    if v1:
        for layer in (network.layer2, network.layer3, network.layer4):
            layer[0].conv1.stride, layer[0].conv2.stride = layer[0].conv2.stride, layer[0].conv1.stride
    state = {key: value_of(key, value.shape) if value.dim() else value for key, value in network.state_dict().items()}
    network.load_state_dict(state)
    return network


def images_of(draw, size):
    return value_of(f"images {draw}", (len(LABELS), 3, size, size))


def inputs_of_relus(network, images, dtype):
    inputs, relus = [], [m for m in network.modules() if isinstance(m, torch.nn.ReLU)]
    hooks = [relu.register_forward_pre_hook(lambda _, x: inputs.append(x[0].double().clone())) for relu in relus]
    with torch.no_grad():
        network.to(dtype)(images.to(dtype))
    for hook in hooks:
        hook.remove()
    return inputs


def margin(name, v1, images, training):
    """The least |x| before a ReLU, in units of the root mean square of float32's errors there."""
    exact, rounded = (inputs_of_relus(make_network(name, v1).train(training), images, dtype)
                      for dtype in (torch.float64, torch.float32))
    return min((x.abs().min() / (x - y).square().mean().sqrt()).item() for x, y in zip(exact, rounded))


def draw_images(name, v1, size, first):
    for draw in itertools.count(first):
        margins = [margin(name, v1, images_of(draw, size), training) for training in (True, False)]
        print(f"{name} v1={v1} {size}: draw {draw} has margins {margins[0]:.1f}, {margins[1]:.1f}")
        if min(margins) >= MARGIN:
            return draw


def digest(name, gradient):
    """Norm, projections, samples; in Drift's order of elements."""
    flat = flat_in_drift_layout(gradient)
    words = words_of("signs/" + name, flat.size)
    row = [np.linalg.norm(flat)]
    for k in range(PROJECTIONS):
        row.append(np.dot(flat, 1.0 - 2.0 * ((words >> np.uint64(k)) & np.uint64(1)).astype(np.float64)))
    count = min(SAMPLES, flat.size)
    samples = np.zeros(SAMPLES)
    samples[:count] = flat[np.arange(count) * flat.size // count]
    return np.concatenate([row, samples])


def flat_in_drift_layout(gradient):
    return drift_layout(gradient).numpy().reshape(-1)


def compute(network, images, training, dtype):
    network = network.to(dtype).train(training)
    network.zero_grad()
    logits = network(images.to(dtype))
    F.cross_entropy(logits, torch.tensor(LABELS)).backward()
    return logits.detach(), {name: p.grad.clone() for name, p in network.named_parameters()}


def golden_case(name, v1, images, training):
    def run(dtype):
        return compute(make_network(name, v1), images, training, dtype)

    logits, gradients = run(torch.float64)
    runs = [run(torch.float32)]
    with torch.backends.mkldnn.flags(enabled=False):
        runs.append(run(torch.float32))
    # Not relative: some gradients are 0 but for rounding, as that of a shift that the next batch norm takes away.
    deviations = [max((run[1][key].double() - want).norm().item() for run in runs) for key, want in gradients.items()]
    rows = np.stack([digest(key, value) for key, value in gradients.items()])
    print(f"  training={training}: gradients of float32 are off by {np.median(deviations / rows[:, 0]):.1e}")
    return {"logits": stored(logits), "gradients": rows.astype(np.float32),
            "gradient_deviations": np.array(deviations, dtype=np.float32),
            "logits_deviation": np.array([max(relative_deviation(run[0], logits) for run in runs)])}


def main(directory):
    torch.use_deterministic_algorithms(True)
    tensors, cases = {}, {}
    for name, v1, size, first in CASES:
        case = f"{name}{'_v1' if v1 else ''}_{size}"
        draw = draw_images(name, v1, size, first)
        cases[case] = {"model": name, "v1": v1, "size": size, "images": f"images {draw}"}
        for mode in ("training", "evaluation"):
            golden = golden_case(name, v1, images_of(draw, size), mode == "training")
            tensors |= {f"{case}/{mode}/{key}": value for key, value in golden.items()}
    state_dicts = {name: [[key, list(value.shape)] for key, value in make_network(name, False).state_dict().items()]
                   for name in ("resnet18", "resnet50")}
    metadata = {"script": f"make_golden_imagenet.py version {VERSION}", "torch": torch.__version__,
                "torchvision": torchvision.__version__, "state_dicts": json.dumps(state_dicts, separators=(",", ":")),
                "options": json.dumps({"classes": CLASSES, "labels": LABELS, "cases": cases})}
    write_safetensors(directory / "imagenet.safetensors", tensors, metadata)


if __name__ == "__main__":
    default = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "files"
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default)
