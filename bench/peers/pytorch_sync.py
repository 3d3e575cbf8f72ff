#!/usr/bin/env python3
"""The work of bench_sync in PyTorch: processes with one thread each, gradients averaged at every step by DDP over Gloo
(H = 1), or parameters every H steps by PostLocalSGDOptimizer and PeriodicModelAverager. Each in NCHW and channels_last.

Checks that the parameters of all processes are equal after an average; prints images/s (median) for each and the best.
"""
import argparse
import json
import os
import statistics
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.distributed.algorithms.ddp_comm_hooks import post_localSGD_hook as post_local
from torch.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager
from torch.distributed.optim import PostLocalSGDOptimizer
from torch.nn.parallel import DistributedDataParallel

from pytorch_step import ResNet


class Run:
    """One of the ways, timed in turn with the others."""

    def __init__(self, depth, batch, period, channels_last):
        torch.manual_seed(1)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.name = f"ResNet-{depth} H {period or 'never'} {'channels_last' if channels_last else 'NCHW'}"
        self.depth, self.period, self.seconds = depth, period, []
        model = ResNet(depth).to(memory_format=layout)
        self.images = torch.randn(batch, 3, 32, 32).to(memory_format=layout)
        self.labels = torch.arange(batch) % 10
        if period == 0:
            self.model = model
        else:
            self.model = DistributedDataParallel(model)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
        if period > 1:
            state = post_local.PostLocalSGDState(
                process_group=None, subgroup=dist.new_group([dist.get_rank()], use_local_synchronization=True),
                start_localSGD_iter=0, post_local_gradient_allreduce=False)
            self.model.register_comm_hook(state, post_local.post_localSGD_hook)
            averager = PeriodicModelAverager(period=period, warmup_steps=0)
            self.optimizer = PostLocalSGDOptimizer(self.optimizer, averager)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(self.model(self.images), self.labels).backward()
        self.optimizer.step()

    def check(self):
        mine = torch.cat([p.detach().flatten() for p in self.model.parameters()])
        mean = mine.clone()
        dist.all_reduce(mean)
        mean /= dist.get_world_size()
        assert torch.allclose(mine, mean, rtol=1e-5, atol=1e-6), f"{self.name}: parameters differ after an average"


def work(rank, args):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(args.port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=args.processes)
    results = []
    for depth in args.depths:
        runs = [Run(depth, args.batch, period, layout) for period in [*args.periods, 0] for layout in (False, True)]
        for run in runs:
            # Its averager counts from 0 and averages before the count goes up: after 1, H + 1, 2H + 1, ... steps.
            for _ in range(args.steps + (1 if run.period > 1 else 0)):
                run.step()
            if run.period > 0:
                run.check()
        for _ in range(args.samples):
            for run in runs:
                dist.barrier()
                start = time.perf_counter()
                for _ in range(args.steps):
                    run.step()
                run.seconds.append(time.perf_counter() - start)
        for run in runs:
            rate = args.processes * args.batch * args.steps / statistics.median(run.seconds)
            results.append({"model": f"resnet{depth}", "H": run.period, "how": run.name, "images_per_second": rate})
            if rank == 0:
                print(f"{run.name:<40}{rate:8.1f} images/s", flush=True)
    if rank == 0 and args.json:
        with open(args.json, "w") as file:
            json.dump({"torch": torch.__version__, "rows": results}, file, indent=2)
    dist.barrier()
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--depths", type=int, nargs="+", default=[20, 56])
    parser.add_argument("--periods", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--batch", type=int, default=32, help="images of each process and step")
    parser.add_argument("--steps", type=int, default=16, help="of a sample; the periods must divide it")
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--port", type=int, default=29517)
    parser.add_argument("--json")
    args = parser.parse_args()
    torch.multiprocessing.spawn(work, (args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
