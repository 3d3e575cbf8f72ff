#!/usr/bin/env python3
"""Drift's processes against PyTorch's on one machine, in turn, and the ratios: what synchronising costs (bench_sync and
pytorch_sync.py) or, with --collectives, the mean itself (bench_collectives and gloo_all_reduce.py).

Run it with a Python that has PyTorch, as compare_step.py. Drift is timed before and after PyTorch, so that a change in
the machine's mood shows. With --links the same over slower networks: Drift's is emulated (--link); PyTorch's processes
talk over a loopback device of their own, which the kernel shapes to twice the rate, since both directions share it
(unshare, ip, tc), and to no latency. Exits 9 when a check failed.
"""
import argparse
import pathlib
import re
import sys
import tempfile

from in_turn import run

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def shaped(link, command):
    """The command in a network of its own, whose loopback device has the rate of the link in each direction."""
    rate = re.match(r"([0-9.]+)(kbit|Mbit|Gbit),", link, re.IGNORECASE)
    if not rate:
        sys.exit(f"--links {link}: a rate and a latency such as 10Gbit,50us")
    shape = (f"ip link set lo up && tc qdisc add dev lo root tbf rate {2 * float(rate[1]):g}{rate[2].lower()} "
             'burst 128kb latency 100ms && exec "$@"')
    return ["env", "GLOO_SOCKET_IFNAME=lo", "unshare", "--net", "--map-root-user", "sh", "-c", shape, "sh", *command]


def compare_steps(before, torch, after):
    print(f"\nPyTorch {torch['torch']}, the better of its layouts; {before['link'] or 'no link'}\n")
    print("| model | H | waits for averages, ms, overlap off | on | Drift, images/s, off | on | PyTorch, images/s | "
          "ratio of on |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    rows = {}
    for report in (before, after):
        for row in report["rows"]:
            rows.setdefault((row["model"], row["H"]), {}).setdefault(row["overlap"], []).append(row)
    for (model, period), ways in rows.items():
        best = max(row["images_per_second"] for row in torch["rows"] if row["model"] == model and row["H"] == period)
        mean = {way: {key: sum(row[key] for row in two) / len(two) for key in ("images_per_second", "comm_seconds")}
                for way, two in ways.items()}
        off, on = mean[False], mean.get(True, mean[False])
        print(f"| {model} | {period or 'never'} | {1e3 * off['comm_seconds']:.1f} | {1e3 * on['comm_seconds']:.1f} | "
              f"{off['images_per_second']:.1f} | {on['images_per_second']:.1f} | {best:.1f} | "
              f"{on['images_per_second'] / best:.2f} |", flush=True)


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
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--periods", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--models", nargs="+", default=["resnet20", "resnet56"])
    parser.add_argument("--links", nargs="+", default=["none"], help="none, or 1Gbit,50us, ...")
    parser.add_argument("--collectives", action="store_true")
    args = parser.parse_args()
    program, peer = ("bench_collectives", "gloo_all_reduce") if args.collectives else ("bench_sync", "pytorch_sync")
    drift = [str(ROOT / "tests/support/mpirun.sh"), "mpirun", str(args.processes), f"{args.build}/bin/{program}"]
    torch = [sys.executable, str(HERE / f"{peer}.py"), "--processes", str(args.processes)]
    both = ["--samples", str(args.samples)]
    if not args.collectives:
        both += ["--steps", str(args.steps), "--periods", *map(str, args.periods)]
        drift += ["--models", *args.models]
        torch += ["--depths", *(name.removeprefix("resnet") for name in args.models)]
    with tempfile.TemporaryDirectory() as folder:
        for link in args.links:
            mine = drift if link == "none" else [*drift, "--link", link]
            theirs = [*torch, *both]
            reports = [run([*mine, *both], f"{folder}/before.json"),
                       run(theirs if link == "none" else shaped(link, theirs), f"{folder}/torch.json"),
                       run([*mine, *both], f"{folder}/after.json")]
            (compare_collectives if args.collectives else compare_steps)(*reports)


if __name__ == "__main__":
    main()
