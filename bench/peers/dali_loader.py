#!/usr/bin/env python3
"""The work of bench_loader in NVIDIA DALI on the CPU: batches of random resized crops, mirrored every other time.

In two ways: its decoder decodes the drawn crop alone, or the whole image; each by one and two threads. Each must read
every image once. CPU time is that of the process.
"""
import pathlib
import statistics
import time

import loader_peer
import nvidia.dali
from nvidia.dali import fn, pipeline_def, types

AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
LINEAR = {"interp_type": types.INTERP_LINEAR, "antialias": True}


@pipeline_def
def pipeline(files, side, crop_in_decoder):
    encoded, number = fn.readers.file(files=files, labels=list(range(len(files))), random_shuffle=True, name="files")
    if crop_in_decoder:
        images = fn.decoders.image_random_crop(encoded, device="cpu", random_area=AREA, random_aspect_ratio=RATIO)
        images = fn.resize(images, resize_x=side, resize_y=side, **LINEAR)
    else:
        images = fn.decoders.image(encoded, device="cpu")
        images = fn.random_resized_crop(images, size=side, random_area=AREA, random_aspect_ratio=RATIO, **LINEAR)
    return fn.flip(images, horizontal=fn.random.coin_flip()), number


def make(files, side, crop_in_decoder, batch, threads):
    made = pipeline(files, side, crop_in_decoder, batch_size=batch, num_threads=threads, device_id=None, seed=1)
    made.build()
    return made


def check(files, side, crop_in_decoder, threads):
    """Every image once, bytes of the right shape."""
    images, numbers = make(files, side, crop_in_decoder, len(files), threads).run()
    pixels = images.as_array()
    assert pixels.dtype == "uint8" and pixels.shape == (len(files), side, side, 3), pixels.shape
    assert sorted(numbers.as_array().ravel().tolist()) == list(range(len(files)))
    assert 20 < pixels.mean() < 235, pixels.mean()
    return pixels.mean()


def measure(files, side, crop_in_decoder, batch, threads, samples):
    """Medians over samples of as many batches as an epoch has, after one that warms up."""
    made = make(files, side, crop_in_decoder, batch, threads)
    steps = len(files) // batch
    cpu, wall = [], []
    for _ in range(samples + 1):
        started, before = time.perf_counter(), time.process_time()
        for _ in range(steps):
            images, _ = made.run()
            images.as_array()
        cpu.append((time.process_time() - before) / (steps * batch))
        wall.append((time.perf_counter() - started) / (steps * batch))
    return 1 / statistics.median(cpu[1:]), 1 / statistics.median(wall[1:]) / threads


def ways(args):
    files = sorted(str(path) for path in (pathlib.Path(args.data) / "train").rglob("*") if path.is_file())
    for crop_in_decoder in (True, False):
        kind = (files, args.image_size, crop_in_decoder)
        yield (f"DALI {nvidia.dali.__version__}, decodes " + ("the crop" if crop_in_decoder else "all"),
               lambda threads, kind=kind: check(*kind, threads),
               lambda threads, kind=kind: measure(*kind, args.batch, threads, args.samples))


if __name__ == "__main__":
    loader_peer.run(__doc__, ([1, 2], "threads"), ways)
