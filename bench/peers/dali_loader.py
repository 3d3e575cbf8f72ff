#!/usr/bin/env python3
"""The work of bench_loader in NVIDIA DALI on the CPU: batches of random resized crops, mirrored every other time.

In two ways: its decoder decodes the drawn crop alone, or the whole image; each by one and two threads. Each must read
every image once. CPU time is that of the process.
"""
import argparse
import json
import pathlib
import statistics
import time

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


def check(files, side, crop_in_decoder):
    """Every image once, bytes of the right shape."""
    images, numbers = make(files, side, crop_in_decoder, len(files), 1).run()
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the image folder")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="threads")
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--json")
    args = parser.parse_args()
    files = sorted(str(path) for path in (pathlib.Path(args.data) / "train").rglob("*") if path.is_file())
    rows = []
    for crop_in_decoder in (True, False):
        name = f"DALI {nvidia.dali.__version__}, decodes " + ("the crop" if crop_in_decoder else "all")
        mean = check(files, args.image_size, crop_in_decoder)
        for threads in args.workers:
            cpu_rate, wall_rate = measure(files, args.image_size, crop_in_decoder, args.batch, threads, args.samples)
            rows.append({"name": name, "workers": threads, "images_per_cpu_second": cpu_rate,
                         "images_per_second_per_core": wall_rate})
            print(f"  {name}, {threads} threads: {cpu_rate:.0f} images per CPU-second, {wall_rate:.0f} images/s per "
                  f"core (mean {mean:.1f})", flush=True)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"rows": rows}, indent=2))


if __name__ == "__main__":
    main()
