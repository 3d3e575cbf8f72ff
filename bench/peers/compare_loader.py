#!/usr/bin/env python3
"""bench_loader and what others do of its work, in turn on the same machine and images, and their ratios.

Run it with a Python that has torchvision, and NVIDIA DALI if that is to be compared too:
  python3 -m venv VENV && VENV/bin/pip install torch torchvision nvidia-dali-cuda130
  VENV/bin/python bench/peers/compare_loader.py --data DIR
Drift is timed before and after the others, so that a change in the machine's mood shows. Images per CPU-second, the
mean of both Drift's over each other's best number of workers. Exits 9 when a check failed.
"""
import argparse
import importlib.util
import pathlib
import sys
import tempfile

from in_turn import run

HERE = pathlib.Path(__file__).resolve().parent


def rows_of(command, report):
    return run(command, report)["rows"]


def best_of(rows):
    """The fastest row of each name."""
    best = {}
    for row in sorted(rows, key=lambda row: row["images_per_cpu_second"]):
        best[row["name"]] = row
    return best


def drift_rates(rows):
    """By source, of one thread."""
    return {row["source"]: row["images_per_cpu_second"] for row in rows if row["threads"] == 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=HERE.parents[1] / "build/bin/bench_loader", help="the bench_loader program")
    parser.add_argument("--data", required=True, help="the image folder")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--samples", type=int, default=9)
    args = parser.parse_args()
    common = ["--image-size", str(args.image_size), "--batch", str(args.batch), "--samples", str(args.samples)]
    drift = [str(args.bench), "--data", f"imagefolder:{args.data}", *common]
    peers = ["pytorch_loader.py"]
    if importlib.util.find_spec("nvidia.dali"):
        peers.append("dali_loader.py")
    else:
        print("nvidia.dali is not installed: left out")
    with tempfile.TemporaryDirectory() as folder:
        before = rows_of(drift, f"{folder}/before.json")
        others = [row for peer in peers
                  for row in rows_of([sys.executable, str(HERE / peer), "--data", args.data, *common],
                                     f"{folder}/{peer}.json")]
        after = rows_of(drift, f"{folder}/after.json")
    first, second, best = drift_rates(before), drift_rates(after), best_of(others)
    print("\n| images per CPU-second | before, after | " + " | ".join(f"/ {name}" for name in best) + " |")
    print("|---|---|" + "---:|" * len(best))
    print("| | | " + " | ".join(f"{row['images_per_cpu_second']:.0f}" for row in best.values()) + " |")
    for source, rate in first.items():
        mean = (rate + second[source]) / 2
        ratios = " | ".join(f"{mean / row['images_per_cpu_second']:.2f}" for row in best.values())
        print(f"| {source} | {rate:.0f}, {second[source]:.0f} | {ratios} |")


if __name__ == "__main__":
    main()
