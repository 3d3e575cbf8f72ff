#!/usr/bin/env python3
"""What drift predict says of steps beside what they take, over emulated links, for several H and ways to average.

Each round predicts once for each model (drift predict, which measures without a link) and then times all settings
(bench_sync); the table has the medians of the rounds. What else the machine does disturbs both: a sample is taken again
where other programs used more of the processors meanwhile than --disturbance, at most --tries times, and how often that
was is said at the end. Exits 9 when fewer settings than --need are within --within per cent.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


def busy_seconds():
    """Of all processors together, since the machine started, and of this program's children that have ended."""
    ticks = pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, ticks[:7])
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    all_of_it = (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    return all_of_it - own.ru_utime - own.ru_stime


class Sampler:
    """Runs programs while the machine does nothing else."""

    def __init__(self, disturbance, tries):
        self.disturbance, self.tries = disturbance, tries
        self.taken = self.disturbed = self.again = 0

    def run(self, command):
        self.taken += 1
        for attempt in range(self.tries):
            self.wait_for_quiet()
            busy, begin = busy_seconds(), time.monotonic()
            print("$", " ".join(command), file=sys.stderr, flush=True)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            others = (busy_seconds() - busy) / (time.monotonic() - begin) / os.cpu_count()
            if others <= self.disturbance:
                return
            print(f"disturbed: others used {100 * others:.0f} % of the processors", file=sys.stderr, flush=True)
            self.again += attempt + 1 < self.tries
        self.disturbed += 1

    def wait_for_quiet(self):
        for _ in range(300):
            busy = busy_seconds()
            time.sleep(1)
            if busy_seconds() - busy <= self.disturbance * os.cpu_count():
                return


def run(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def read(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def way_of(overlap, bucket):
    return f"overlap, {bucket:g} MB" if overlap else "no overlap"


def predict(args, model, folder, sampler):
    """Seconds of a step by (link, H, way), and half the range as a part of it."""
    drift = f"{args.build}/bin/drift"
    sampler.run([drift, "launch", "-n", "2", "--", "predict", "--model", model, "--data", "shapes:2048:16",
                 "--workers", "2", "--local-batch", str(args.batch), "--threads", "1", "--momentum", "0.9",
                 "--seconds", str(args.seconds), "--json", f"{folder}/measured.json"])
    predicted = {}
    for overlap, bucket in [(False, 0)] + [(True, bucket) for bucket in args.bucket_mb]:
        run([drift, "predict", "--from", f"{folder}/measured.json", "--processes", "2", "--periods",
             *map(str, args.periods), "--links", *args.links, "--bucket-mb", str(bucket),
             "--overlap" if overlap else "--no-overlap", "--json", f"{folder}/predicted.json"])
        for row in read(f"{folder}/predicted.json")["predictions"]:
            predicted[row["link"], row["H"], way_of(overlap, bucket)] = row
    return predicted


def measure(args, model, link, folder, sampler):
    """Rows of bench_sync by (link, H, way)."""
    sampler.run([str(ROOT / "tests/support/mpirun.sh"), "mpirun", "2", f"{args.build}/bin/bench_sync", "--models",
                 model, "--link", link, "--periods", *map(str, args.periods), "--bucket-mb",
                 *map(str, args.bucket_mb), "--batch", str(args.batch), "--samples", str(args.samples), "--json",
                 f"{folder}/measured_{model}.json"])
    return {(link, row["H"], way_of(row["overlap"], row["bucket_mb"])): row
            for row in read(f"{folder}/measured_{model}.json")["rows"]}


def compare(model, rounds):
    """Prints the table of a model; returns the errors in per cent."""
    errors = []
    for key in rounds[0][0]:
        link, period, way = key
        predicted = statistics.median(p[key]["step"] for p, _ in rounds)
        half = statistics.median((p[key]["high"] - p[key]["low"]) / 2 for p, _ in rounds)
        measured = statistics.median(m[key]["seconds"] for _, m in rounds)
        spread = [m[key]["seconds"] for _, m in rounds]
        errors.append(100 * (predicted / measured - 1))
        print(f"| {model} | {link} | {period} | {way} | {1e3 * predicted:.2f} ± {1e3 * half:.2f} | "
              f"{1e3 * measured:.2f} | {1e3 * min(spread):.2f} to {1e3 * max(spread):.2f} | {errors[-1]:+.1f} |",
              flush=True)
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build", help="the build folder")
    parser.add_argument("--models", nargs="+", default=["resnet20", "resnet56"])
    parser.add_argument("--links", nargs="+", default=["10Gbit,50us", "1Gbit,50us", "100Mbit,50us"])
    parser.add_argument("--periods", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--bucket-mb", type=float, nargs="+", default=[1, 4])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=1, help="of each setting in a round, 16 steps each")
    parser.add_argument("--seconds", type=int, default=10, help="that a prediction measures")
    parser.add_argument("--disturbance", type=float, default=0.05, help="part of the processors that others may use")
    parser.add_argument("--tries", type=int, default=4)
    parser.add_argument("--within", type=float, default=10)
    parser.add_argument("--need", type=int, default=12, help="settings that must be within that many per cent")
    args = parser.parse_args()
    rounds, sampler = {model: [] for model in args.models}, Sampler(args.disturbance, args.tries)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            for model in args.models:
                predicted, measured = predict(args, model, folder, sampler), {}
                for link in args.links:
                    measured |= measure(args, model, link, folder, sampler)
                rounds[model].append((predicted, measured))
    print("| model | link | H | averages | predicted, ms a step | measured | of rounds | error, % |\n"
          "|---|---|---:|---|---:|---:|---:|---:|")
    errors = [error for model in args.models for error in compare(model, rounds[model])]
    good = sum(abs(error) <= args.within for error in errors)
    print(f"\n{good} of {len(errors)} settings within {args.within:g} %; median of the errors' sizes "
          f"{statistics.median(map(abs, errors)):.1f} %, largest {max(map(abs, errors)):.1f} %")
    print(f"{sampler.taken} samples; {sampler.again} were disturbed and taken again, {sampler.disturbed} were "
          "disturbed to the end and are in the table")
    if good < args.need:
        sys.exit(9)


if __name__ == "__main__":
    main()
