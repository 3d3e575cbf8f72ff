#!/usr/bin/env python3
"""Drift's processes against PyTorch's on one machine, in turn, and the ratios: what synchronising costs (bench_sync and
pytorch_sync.py) or, with --collectives, the mean itself (bench_collectives and gloo_all_reduce.py).

Run it with a Python that has PyTorch, as compare_step.py. Drift is timed before and after PyTorch, so that a change in
the machine's mood shows. Exits 9 when a check failed.
"""
import argparse
import pathlib
import sys
import tempfile

from in_turn import run

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def compare_steps(before, torch, after):
    print(f"\nPyTorch {torch['torch']}, the better of two layouts\n")
    print("| model | H | Drift, images/s | again | PyTorch, images/s | ratio |\n|---|---:|---:|---:|---:|---:|")
    for first, second in zip(before["rows"], after["rows"]):
        model, period = first["model"], first["H"]
        peers = [row for row in torch["rows"] if row["model"] == model and row["H"] == period]
        best = max(row["images_per_second"] for row in peers)
        mine = [first["images_per_second"], second["images_per_second"]]
        print(f"| {model} | {period or 'never'} | {mine[0]:.1f} | {mine[1]:.1f} | {best:.1f} | "
              f"{sum(mine) / 2 / best:.2f} |")


def compare_collectives(before, torch, after):
    print(f"\nPyTorch {torch['torch']}\n")
    print("| bytes | mean, us | again | --reduce fast, us | MPI_Allreduce, us | Gloo, us | copy, us | "
          "from another, us |\n|---:|---:|---:|---:|---:|---:|---:|---:|")
    gloo = {row["bytes"]: row["gloo_s"] for row in torch["rows"]}
    for first, second in zip(before["rows"], after["rows"]):
        keys = ("fast_s", "mpi_allreduce_s", "memcpy_s", "copy_from_s")
        fast, mpi, copy, copy_from = ((first[key] + second[key]) / 2 for key in keys)
        print(f"| {first['bytes']} | {1e6 * first['mean_s']:.1f} | {1e6 * second['mean_s']:.1f} | "
              f"{1e6 * fast:.1f} | {1e6 * mpi:.1f} | "
              f"{1e6 * gloo[first['bytes']]:.1f} | {1e6 * copy:.1f} | "
              f"{1e6 * copy_from:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build", help="the build folder")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--collectives", action="store_true")
    args = parser.parse_args()
    program, peer = ("bench_collectives", "gloo_all_reduce") if args.collectives else ("bench_sync", "pytorch_sync")
    samples = ["--samples", str(args.samples)]
    with tempfile.TemporaryDirectory() as folder:
        drift = [str(ROOT / "tests/support/mpirun.sh"), "mpirun", str(args.processes), f"{args.build}/bin/{program}"]
        torch = [sys.executable, str(HERE / f"{peer}.py"), "--processes", str(args.processes), *samples]
        reports = [run([*drift, *samples], f"{folder}/before.json"), run(torch, f"{folder}/torch.json"),
                   run([*drift, *samples], f"{folder}/after.json")]
    (compare_collectives if args.collectives else compare_steps)(*reports)


if __name__ == "__main__":
    main()
