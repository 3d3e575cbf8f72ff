#!/usr/bin/env python3
"""PyTorch's all_reduce over Gloo, of the sizes of bench_collectives: median seconds. The result is checked first."""
import argparse
import json
import os
import statistics
import time

import torch
import torch.distributed as dist


def work(rank, args):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(args.port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=args.processes)
    rows = []
    size = args.smallest
    while size <= args.largest:
        values = (torch.arange(size // 4) % 97).float() + 2.0 * rank
        expected = (torch.arange(size // 4) % 97).float() * args.processes + args.processes * (args.processes - 1)
        dist.all_reduce(values)
        assert torch.equal(values, expected), size
        calls = max(1, int(4e6 / size))
        seconds = []
        for _ in range(args.samples + 2):
            dist.barrier()
            start = time.perf_counter()
            for _ in range(calls):
                dist.all_reduce(values)
            seconds.append((time.perf_counter() - start) / calls)
            values.zero_()
        rows.append({"bytes": size, "gloo_s": statistics.median(seconds[2:])})
        size *= 4
    if rank == 0:
        with open(args.json, "w") as file:
            json.dump({"torch": torch.__version__, "rows": rows}, file)
    dist.barrier()
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--smallest", type=int, default=4096, help="bytes")
    parser.add_argument("--largest", type=int, default=1 << 28)
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--port", type=int, default=29518)
    parser.add_argument("--json", required=True)
    torch.multiprocessing.spawn(work, (parser.parse_args(),), nprocs=parser.parse_args().processes)


if __name__ == "__main__":
    main()
