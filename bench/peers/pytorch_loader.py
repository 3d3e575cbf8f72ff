#!/usr/bin/env python3
"""The work of bench_loader in torchvision: batches of random resized crops, mirrored every other time, as uint8.

Two ways of reading an image folder through a DataLoader: Pillow (whichever Python finds: Pillow-SIMD serves too) with
transforms of its images, and torchvision's own JPEG decoder with transforms of tensors; each in the main process and in
workers that persist. Each must read every image once. CPU time is that of the main process and the workers.
"""
import collections
import multiprocessing
import pathlib
import statistics
import time

import loader_peer
import numpy
import PIL
import torch
import torchvision
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_jpeg, read_file
from torchvision.transforms import v2


def as_tensor(image):
    return torch.from_numpy(numpy.array(image))  # [H,W,3]; what networks read in place of it would cost a copy


def pillow(folder, side):
    crop = [v2.RandomResizedCrop(side), v2.RandomHorizontalFlip(), as_tensor]
    return ImageFolder(folder, transform=v2.Compose(crop))


def tensors(folder, side):
    crop = v2.Compose([v2.RandomResizedCrop(side, antialias=True), v2.RandomHorizontalFlip()])
    return ImageFolder(folder, transform=crop, loader=lambda path: decode_jpeg(read_file(path), ImageReadMode.RGB))


def cpu_seconds(processes):
    """Of this process and of others while they run: Linux has a clock for each."""
    return time.process_time() + sum(time.clock_gettime((~process.pid << 3) | 2) for process in processes)


def check(dataset, batch, workers, side):
    """Every image once, bytes of the right shape."""
    labels, mean = [], 0.0
    for images, some in DataLoader(dataset, batch, shuffle=True, num_workers=workers):
        assert images.dtype == torch.uint8 and sorted(images.shape[1:]) == [3, side, side], images.shape
        labels += some.tolist()
        mean += images.float().mean().item() * len(some) / len(dataset)
    assert collections.Counter(labels) == collections.Counter(dataset.targets)
    assert 20 < mean < 235, mean
    return mean


def measure(dataset, batch, workers, samples):
    """Medians over epochs, after one that warms up."""
    loader = DataLoader(dataset, batch, shuffle=True, drop_last=True, num_workers=workers,
                        persistent_workers=workers > 0)
    cpu, wall = [], []
    for _ in range(samples + 1):
        started = time.perf_counter()
        before = cpu_seconds(multiprocessing.active_children())
        images = sum(len(labels) for _, labels in loader)
        cpu.append((cpu_seconds(multiprocessing.active_children()) - before) / images)
        wall.append((time.perf_counter() - started) / images)
    return 1 / statistics.median(cpu[1:]), 1 / statistics.median(wall[1:]) / max(workers, 1)


def ways(args):
    torch.set_num_threads(1)
    versions = f"torchvision {torchvision.__version__}"
    for name, make in ((f"{versions}, Pillow {PIL.__version__}", pillow), (f"{versions}, decode_jpeg", tensors)):
        dataset = make(str(pathlib.Path(args.data) / "train"), args.image_size)
        yield (name,
               lambda workers, dataset=dataset: check(dataset, args.batch, workers, args.image_size),
               lambda workers, dataset=dataset: measure(dataset, args.batch, workers, args.samples))


if __name__ == "__main__":
    loader_peer.run(__doc__, ([0, 1, 2], "workers"), ways)
