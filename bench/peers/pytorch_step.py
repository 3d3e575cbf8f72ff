#!/usr/bin/env python3
"""The work of bench_step in PyTorch: one training step of a network on the CPU, in every way PyTorch offers. ResNet-18,
34, 50, 101 and 152 are torchvision's.

Tries NCHW and channels_last, fp32 and bf16 autocast, eager and torch.compile; checks that the loss starts near
ln(classes) and falls; prints images/s (median) for each and the best per precision. --json FILE writes them too.
"""
import argparse
import importlib
import json
import math
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn


class Shortcut(nn.Module):
    """Option A: every second pixel, channels zero-padded on both sides."""

    def __init__(self, pad):
        super().__init__()
        self.pad = pad

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = Shortcut(channels // 4) if stride == 2 else nn.Identity()

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, depth):
        super().__init__()
        blocks, channels = [], 16
        for width in (16, 32, 64):
            for i in range((depth - 2) // 6):
                blocks.append(Block(channels, width, 2 if i == 0 and width > 16 else 1))
                channels = width
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(*blocks)
        self.linear = nn.Linear(64, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.normal_(self.linear.weight, 0, 0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        out = self.blocks(F.relu(self.bn1(self.conv1(x))))
        return self.linear(out.mean((2, 3)))


class Vgg16(nn.Module):
    """The paper's: no batch norm, SiLU, average pools, one linear layer."""

    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, 1, 1), nn.SiLU()]
                channels = width
            layers.append(nn.AvgPool2d(2))
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(512, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


IMAGENET = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def make_model(name, classes):
    """The network and the side of its images."""
    if name in IMAGENET:
        return getattr(importlib.import_module("torchvision.models"), name)(num_classes=classes), 224
    return (Vgg16() if name == "vgg16" else ResNet(int(name.removeprefix("resnet")))), 32


def measure(name, classes, batch, samples, channels_last, bf16, compiled):
    torch.manual_seed(1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model, side = make_model(name, classes)
    model = model.to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    images = torch.randn(batch, 3, side, side).to(memory_format=layout)
    labels = torch.arange(batch) % classes
    forward = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(forward(images).float(), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(3)]
    assert abs(losses[0] - math.log(classes)) < 0.7 and losses[2] < losses[0], losses
    seconds = []
    for _ in range(samples):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return batch / statistics.median(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet56", help="vgg16, resnetD with D = 6n + 2, or torchvision's")
    parser.add_argument("--classes", type=int, default=10, help="10, or any number with torchvision's")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, default=7)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out (it takes minutes)")
    parser.add_argument("--json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"PyTorch {torch.__version__}, {args.threads} threads, {args.model}, batch {args.batch}", flush=True)
    results = []
    for bf16 in (False, True):
        for channels_last in (False, True):
            for compiled in (False,) if args.no_compile else (False, True):
                entry = {"precision": "bf16" if bf16 else "fp32", "compile": compiled,
                         "layout": "channels_last" if channels_last else "NCHW"}
                try:
                    speed = measure(args.model, args.classes, args.batch, args.samples, channels_last, bf16, compiled)
                    entry["images_per_second"] = speed
                    rate = f"{speed:8.1f} images/s"
                except Exception as error:  # torch.compile may lack what it needs: say so and go on with the others
                    entry["error"] = str(error).splitlines()[0]
                    rate = f"failed: {entry['error']}"
                how = "compiled" if compiled else "eager"
                print(f"  {entry['precision']}  {entry['layout']:<14}{how:<10}{rate}", flush=True)
                results.append(entry)
    best = {}
    for precision in ("fp32", "bf16"):
        best[precision] = max(r.get("images_per_second", 0) for r in results if r["precision"] == precision)
        print(f"best {precision}: {best[precision]:.1f} images/s")
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"torch": torch.__version__, "results": results, "best": best}, out, indent=2)


if __name__ == "__main__":
    main()
