#!/usr/bin/env python3
"""bench_step and pytorch_step.py in one go, in turn on the same machine, and their ratios.

Run it with a Python that has PyTorch:
  python3 -m venv VENV && VENV/bin/pip install torch && VENV/bin/python bench/peers/compare_step.py
(PyTorch's wheel from PyPI serves the CPU too; a CPU-only one is smaller.)
Drift is timed before and after PyTorch, so that a change in the machine's mood shows. Exits 9 when a check failed.
"""
import argparse
import pathlib
import sys
import tempfile

from in_turn import run

HERE = pathlib.Path(__file__).resolve().parent


def rate(report, precision):
    return next((s["images_per_second"] for s in report["steps"] if s["precision"] == precision), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=HERE.parents[1] / "build/bin/bench_step", help="the bench_step program")
    parser.add_argument("--model", default="resnet56", help="resnet20, resnet50, resnet56, ... or vgg16")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--samples", type=int, default=15)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    args = parser.parse_args()
    common = ["--model", args.model, "--classes", str(args.classes), "--threads", str(args.threads),
              "--batch", str(args.batch), "--samples", str(args.samples)]
    with tempfile.TemporaryDirectory() as folder:
        drift = [str(args.bench), *common]
        peer = [sys.executable, str(HERE / "pytorch_step.py"), *common]
        if args.no_compile:
            peer.append("--no-compile")
        before = run(drift, f"{folder}/before.json")
        torch = run(peer, f"{folder}/torch.json")
        after = run(drift, f"{folder}/after.json")
    print(f"\nDrift (oneDNN {before['onednn']}) against PyTorch {torch['torch']}, {args.model}, {args.threads} threads")
    for precision in ("fp32", "bf16"):
        first, second, best = rate(before, precision), rate(after, precision), torch["best"][precision]
        if first is None or best == 0:
            print(f"{precision}: not measured on both sides")
            continue
        ratio = (first + second) / 2 / best
        print(f"{precision}: Drift {first:.1f} and {second:.1f} images/s, PyTorch {best:.1f}: ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
