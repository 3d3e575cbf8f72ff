#!/usr/bin/env python3
"""One training step of ResNet-56 or torchvision's ResNet-50 on a GPU in PyTorch, captured as a CUDA graph: milliseconds
(median) of each way that PyTorch offers. The batch lies on the device and is not augmented; channels_last, autocast in
bf16 or float32 without TF32, eager or torch.compile. Checks that the loss starts near ln of the classes and falls.
"""
import argparse
import contextlib
import json
import math
import statistics

import torch
import torch.nn.functional as F

from pytorch_step import ResNet


def network(name):
    """The model, the side of its images, its classes."""
    if name == "resnet56":
        return ResNet(56), 32, 10
    from torchvision.models import resnet50
    return resnet50(), 224, 1000


def measure(args, bf16, compiled):
    torch.manual_seed(1)
    model, side, classes = network(args.model)
    model = model.cuda().to(memory_format=torch.channels_last)
    forward = torch.compile(model) if compiled else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images = torch.randn(args.batch, 3, side, side, device="cuda").to(memory_format=torch.channels_last)
    labels = torch.randint(classes, (args.batch,), device="cuda")
    cast = torch.autocast("cuda", torch.bfloat16, cache_enabled=False) if bf16 else contextlib.nullcontext()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with cast:
            loss = F.cross_entropy(forward(images).float(), labels)
        loss.backward()
        optimizer.step()
        return loss

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        losses = [step().item() for _ in range(5)]
    assert abs(losses[0] - math.log(classes)) < 0.7 and losses[-1] < losses[0], losses
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for _ in range(20):
        graph.replay()
    times = []
    for _ in range(args.samples):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(args.steps):
            graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / args.steps)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("resnet56", "resnet50"), default="resnet56")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--steps", type=int, default=50, help="steps of a sample")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out (it takes minutes)")
    parser.add_argument("--json")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    print(f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, {torch.cuda.get_device_name()}, "
          f"{args.model}, batch {args.batch}", flush=True)
    results = []
    for compiled in (False,) if args.no_compile else (False, True):
        for bf16 in (True, False):
            milliseconds = measure(args, bf16, compiled)
            entry = {"precision": "bf16" if bf16 else "fp32", "compile": compiled, "ms": milliseconds,
                     "images_per_second": args.batch / milliseconds * 1e3}
            print(f"  {entry['precision']}  {'compiled' if compiled else 'eager':<10}{milliseconds:8.3f} ms a step"
                  f"{entry['images_per_second']:10.0f} images/s", flush=True)
            results.append(entry)
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"torch": torch.__version__, "device": torch.cuda.get_device_name(), "results": results}, out)


if __name__ == "__main__":
    main()
