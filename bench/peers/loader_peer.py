"""What pytorch_loader.py and dali_loader.py have in common: their options, what they print and what they write."""
import argparse
import json
import pathlib


def run(doc, workers, ways):
    """workers: (the default numbers of them, what they are called). ways(args): a name for each way of loading, what
    checks it by so many workers and returns the mean pixel, and what measures it by so many: images per CPU-second, and
    images/s per core."""
    numbers, called = workers
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the image folder")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, nargs="+", default=numbers, help=called)
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = []
    for name, check, measure in ways(args):
        for count in args.workers:
            mean = check(count)
            cpu_rate, wall_rate = measure(count)
            rows.append({"name": name, "workers": count, "images_per_cpu_second": cpu_rate,
                         "images_per_second_per_core": wall_rate})
            print(f"  {name}, {count} {called}: {cpu_rate:.0f} images per CPU-second, {wall_rate:.0f} images/s per "
                  f"core (mean {mean:.1f})", flush=True)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"rows": rows}, indent=2))
