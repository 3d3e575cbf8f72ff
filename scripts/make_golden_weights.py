#!/usr/bin/env python3
"""Writes what other programs make of weights, for tests: pickles of every protocol (tests/fuzz/corpus/pickle/) and
checkpoints of PyTorch (tests/fuzz/corpus/torch_file/).

    make_golden_weights.py        needs torch and numpy
"""

import argparse
import collections
import pathlib
import pickle
import zipfile

import numpy as np
import torch

TESTS = pathlib.Path(__file__).resolve().parent.parent / "tests"

VALUES = {
    "numbers": [1, 300, -3, 70000, 2**40, -(2**63), 2.5, None, True, False],
    "tuples": [(), (1,), (1, 2, 3), (1, 2, 3, 4)],
    "same": "text",
    "again": "text",
    "nested": {"x": []},
}

# What Python 2 and NumPy 1 make of {"data": array of 2x3 bytes, "labels": [6, 9]}, as in CIFAR-10's Python version.
PYTHON2_ARRAY = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87"
    b"Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xff"
    b"J\xff\xff\xff\xffK\x00tb\x89U\x06abcdefq\x08tbU\x06labelsq\x09]q\x0a(K\x06K\x09eu."
)


def write_pickles(directory):
    directory.mkdir(parents=True, exist_ok=True)
    ordered = collections.OrderedDict(VALUES)
    ordered._metadata = {"": {"version": 1}}
    contents = {f"protocol_{protocol}": pickle.dumps(VALUES, protocol) for protocol in range(6)}
    contents |= {
        "python2_array": PYTHON2_ARRAY,
        "ordered_dict": pickle.dumps(ordered, 2),
        "strings": b"(lS'a\\n\\x41'\naS\"b\"\naVtext\na.",
        "persistent": b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000tQ.",
        "contains_itself": b"]q\x00h\x00a.",
        "deep": b"]" * 101 + b"a" * 100 + b".",
        "other_global": b"cposix\nsystem\n(U\x02lstR.",
        "object": b"ccollections\nOrderedDict\n)\x81.",
    }
    for name, content in contents.items():
        (directory / name).write_bytes(content)


def tiny_state_dict(dtype=torch.float32):
    """Of a convolution, a batch norm and a linear layer: 0, 1/8, 2/8 and so on through all tensors."""
    shapes = {
        "conv.weight": (3, 2, 3, 3), "bn.weight": (3,), "bn.bias": (3,), "bn.running_mean": (3,),
        "bn.running_var": (3,), "fc.weight": (2, 3),
    }
    values, first = collections.OrderedDict(), 0
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        values[name] = ((torch.arange(count) + first) / 8).to(dtype).reshape(shape)
        first += count
    values["bn.num_batches_tracked"] = torch.tensor(27900)
    values._metadata = {"": {"version": 1}, "bn": {"version": 2}}
    return values


def strided(values):
    """The same values in other memory: one storage for all, a convolution in channels-last, a transposed matrix."""
    values["conv.weight"] = values["conv.weight"].contiguous(memory_format=torch.channels_last)
    values["fc.weight"] = values["fc.weight"].t().contiguous().t()
    norms = [name for name in values if name.startswith("bn.") and values[name].dtype == torch.float32]
    shared = torch.stack([values[name] for name in norms], dim=1)
    for column, name in enumerate(norms):
        values[name] = shared[:, column]
    return values


def prefixed(prefix, values):
    return collections.OrderedDict((prefix + name, value) for name, value in values.items())


def write_checkpoints(directory):
    directory.mkdir(parents=True, exist_ok=True)
    values = tiny_state_dict()
    layer = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    training = {"epoch": 3, "best_prec1": 93.5, "lr": [0.1, 0.01], "optimizer": optimizer.state_dict(), "name": None}
    contents = {
        "plain": values,
        "half": tiny_state_dict(torch.float16),
        "brain": tiny_state_dict(torch.bfloat16),
        "double": tiny_state_dict(torch.float64),
        "strided": strided(tiny_state_dict()),
        "parameters": {name: torch.nn.Parameter(value) for name, value in values.items() if value.is_floating_point()},
        "nested": training | {"state_dict": prefixed("module.", values)},
        "compiled": {"model": {"state_dict": prefixed("module._orig_mod.", values)}},
        "arguments": {"args": argparse.Namespace(lr=0.1), "state_dict": values},
        "numpy_scalar": {"accuracy": np.float64(0.93), "state_dict": values},
        "whole_module": layer,
        "no_state_dict": training,
    }
    for name, content in contents.items():
        torch.save(content, directory / f"{name}.pt")
    with zipfile.ZipFile(directory / "strided.pt") as archive:
        (directory / "pickle_strided").write_bytes(archive.read("strided/data.pkl"))
    torch.save({"a": torch.arange(16.0).reshape(4, 4).t()}, directory / "small.pt")
    with zipfile.ZipFile(directory / "small.pt") as archive:
        (directory / "pickle_small").write_bytes(archive.read("small/data.pkl"))
    torch.save(values, directory / "protocol_4.pt", pickle_protocol=4)
    torch.save(values, directory / "legacy.pt", _use_new_zipfile_serialization=False)


def main():
    write_pickles(TESTS / "fuzz/corpus/pickle")
    write_checkpoints(TESTS / "fuzz/corpus/torch_file")


if __name__ == "__main__":
    main()
