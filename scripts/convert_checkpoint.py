#!/usr/bin/env python3
"""Converts weights between PyTorch's .pt or .pth and the .safetensors that drift reads; the endings say which way.

    convert_checkpoint.py resnet56.pt resnet56.safetensors
    convert_checkpoint.py runs/mine/ckpt/step-3000/model.safetensors mine.pt

A .pt file is a state dict, alone or under 'state_dict' or 'model'; a 'module.' before every name is dropped.
Needs torch, safetensors and numpy.
"""

import argparse
import os
import pathlib
import pickle
import re
import sys

import torch
from safetensors.torch import load_file, save_file

PICKLED = (".pt", ".pth")


def read_pickled(path, trusted):
    try:
        content = torch.load(path, map_location="cpu", weights_only=not trusted)
    except pickle.UnpicklingError:
        sys.exit(f"{path}: damaged, or holds more than tensors; if you trust its origin, try --trust")
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        sys.exit(f"{path}: no state dict (names and tensors), neither itself nor under 'state_dict' or 'model'")
    wrappers = re.match(r"(module\.|_orig_mod\.)*", os.path.commonprefix(list(content))).group()
    return {name.removeprefix(wrappers): value for name, value in content.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("destination", type=pathlib.Path)
    parser.add_argument("--trust", action="store_true", help="allow a .pt that runs code when read")
    args = parser.parse_args()

    endings = (args.source.suffix, args.destination.suffix)
    if endings[0] in PICKLED and endings[1] == ".safetensors":
        tensors = read_pickled(args.source, args.trust)
        # Tensors that share memory or are transposed views have no place in the format.
        tensors = {name: value.clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
        save_file(tensors, args.destination, metadata={"format": "pt"})
    elif endings[0] == ".safetensors" and endings[1] in PICKLED:
        tensors = load_file(args.source)
        torch.save(tensors, args.destination)
    else:
        parser.error(f"one of {args.source} and {args.destination} must end in .safetensors, the other in .pt or .pth")
    print(f"{args.destination}: {len(tensors)} tensors, {sum(value.numel() for value in tensors.values())} elements")


if __name__ == "__main__":
    main()
