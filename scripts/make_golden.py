#!/usr/bin/env python3
"""Writes tests/golden/files/: what PyTorch computes for Drift's ops and for two tiny ResNets, in double precision.

    make_golden.py [DIRECTORY [BLOCKS]]        needs torch and numpy

BLOCKS: per stage of the ResNets, 1 (ResNet-8) for the files of the tests; 9 is ResNet-56, and
DRIFT_GOLDEN_RESNET=DIRECTORY/resnet56.safetensors makes golden_tests compare with that.

Inputs are float32 numbers; everything is computed in float64 and stored as float32 (losses and norms as float64), in
Drift's layouts: images [N,H,W,C], convolution weights [O,k,k,I]. The files are safetensors; what a case is lies in the
metadata. Run again on the same machine with the same torch it writes the same bytes.
"""

import json
import math
import pathlib
import struct
import sys
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

VERSION = 1
SEED = 20240601
SAFETENSORS_TYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "uint8": "U8"}


def write_safetensors(path, tensors, metadata):
    """Eight bytes of header length, the header in JSON, the bytes of the tensors."""
    header, offset = {"__metadata__": metadata}, 0
    for name, array in tensors.items():
        end = offset + array.nbytes
        dtype = SAFETENSORS_TYPES[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())
    print(f"{path}: {path.stat().st_size} bytes")


def random(*shape, mean=0.0, std=1.0):
    """Float32 numbers in a float64 tensor."""
    return (mean + std * torch.randn(*shape)).float().double()


def leaf(tensor):
    return tensor.clone().requires_grad_()


def drift_layout(tensor):
    """[N,C,H,W] -> [N,H,W,C], also weights [O,I,k,k] -> [O,k,k,I]; others as they are."""
    tensor = tensor.detach()
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor


def stored(tensor):
    array = np.ascontiguousarray(drift_layout(tensor).numpy())
    return array.astype(np.float32) if array.dtype == np.float64 else array


class OpCases:
    """Collects the cases: their tensors under CASE/OPERAND, their options for the metadata."""

    def __init__(self):
        self.tensors, self.cases = {}, []

    def add(self, name, op, operands, **options):
        self.cases.append({"name": name, "op": op, **options})
        for operand, value in operands.items():
            self.tensors[f"{name}/{operand}"] = value if isinstance(value, np.ndarray) else stored(value)

    def add_differentiable(self, name, op, function, inputs, others=None, **options):
        """y = function(*inputs), and the gradient of sum(dy * y) as d<input> for each of them."""
        leaves = {key: leaf(value) for key, value in inputs.items()}
        y = function(*leaves.values())
        dy = random(*y.shape)
        y.backward(dy)
        gradients = {f"d{key}": value.grad for key, value in leaves.items()}
        self.add(name, op, {**leaves, "y": y, "dy": dy, **gradients, **(others or {})}, **options)


def window(size, stride, pad):
    return {"size": size, "stride": stride, "pad": pad}


def add_convolutions(cases):
    for name, shape, outputs, w in (
        ("conv_3x3", (2, 3, 7, 6), 5, window(3, 1, 1)),
        ("conv_3x3_stride2", (2, 4, 9, 7), 6, window(3, 2, 1)),
        ("conv_1x1_stride2", (1, 8, 5, 6), 3, window(1, 2, 0)),
        ("conv_7x7_stride2", (1, 3, 11, 12), 4, window(7, 2, 3)),
    ):
        inputs = {"x": random(*shape), "w": random(outputs, shape[1], w["size"], w["size"]), "bias": random(outputs)}
        conv2d = partial(F.conv2d, stride=w["stride"], padding=w["pad"])
        cases.add_differentiable(name, "conv2d", conv2d, inputs, window=w)


def add_linear(cases):
    inputs = {"x": random(4, 17), "w": random(10, 17), "bias": random(10)}
    cases.add_differentiable("linear", "linear", F.linear, inputs)


def packed_mask(y):
    """[N,C,H,W] -> uint8 [rows, ceil(C/8)]: bit c%8 of byte c/8 is 1 where y > 0."""
    bits = drift_layout(y).reshape(-1, y.shape[1]).numpy() > 0
    return np.packbits(bits, axis=1, bitorder="little")


def add_batch_norm(cases):
    for name, shape, residual, relu in (
        ("batch_norm", (3, 5, 4, 5), False, False),
        ("batch_norm_relu", (2, 17, 3, 5), False, True),
        ("batch_norm_add_relu", (2, 16, 5, 3), True, True),
    ):
        channels = shape[1]
        x = leaf(random(*shape, mean=0.5, std=2))
        gamma, beta = leaf(random(channels, mean=1, std=0.3)), leaf(random(channels))
        z = leaf(random(*shape))
        running_mean, running_var = random(channels), random(channels, mean=5, std=0.5)
        before = {"running_mean": running_mean.clone(), "running_var": running_var.clone()}
        eval_y = F.batch_norm(x, *before.values(), gamma, beta, training=False, eps=1e-5)
        y = F.batch_norm(x, running_mean, running_var, gamma, beta, training=True, momentum=0.1, eps=1e-5)
        y, eval_y = (y + z, eval_y + z) if residual else (y, eval_y)
        y, eval_y = (F.relu(y), F.relu(eval_y)) if relu else (y, eval_y)
        dy = random(*shape)
        y.backward(dy)
        mean, var = x.detach().mean(dim=(0, 2, 3)), x.detach().var(dim=(0, 2, 3), unbiased=False)
        operands = {"x": x, "gamma": gamma, "beta": beta, **before, "y": y, "inference_y": eval_y,
                    "mean": mean, "inv_std": (var + 1e-5).rsqrt(),
                    "running_mean.after": running_mean, "running_var.after": running_var,
                    "dy": dy, "dx": x.grad, "dgamma": gamma.grad, "dbeta": beta.grad}
        if residual:
            operands |= {"z": z, "dz": z.grad}
        if relu:
            operands["mask"] = packed_mask(y)
        cases.add(name, "batch_norm", operands, relu=relu, residual=residual)


def add_group_norm(cases):
    for name, shape, groups in (("group_norm_2", (2, 6, 3, 5), 2), ("group_norm_8", (3, 16, 4, 3), 8)):
        channels = shape[1]
        inputs = {"x": random(*shape, mean=0.5, std=2), "gamma": random(channels, mean=1, std=0.3)}
        inputs["beta"] = random(channels)
        grouped = inputs["x"].reshape(shape[0], groups, -1)
        statistics = {"mean": grouped.mean(dim=2), "inv_std": (grouped.var(dim=2, unbiased=False) + 1e-5).rsqrt()}

        def group_norm(x, gamma, beta, groups=groups):
            return F.group_norm(x, groups, gamma, beta, eps=1e-5)

        cases.add_differentiable(name, "group_norm", group_norm, inputs, statistics, groups=groups)


def add_activations(cases):
    for name, function in (("relu", F.relu), ("silu", F.silu)):
        x = random(2, 5, 4, 3, std=4)
        cases.add_differentiable(name, name, function, {"x": x}, {"saved": x if name == "silu" else F.relu(x)})


def option_a(x, stride, channels):
    front = (channels - x.shape[1]) // 2
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, front, channels - x.shape[1] - front))


def add_shortcuts(cases):
    for name, shape, channels, stride in (("shortcut", (2, 4, 5, 6), 8, 2), ("shortcut_channels", (1, 3, 2, 3), 7, 1)):
        shortcut = partial(option_a, stride=stride, channels=channels)
        cases.add_differentiable(name, "shortcut", shortcut, {"x": random(*shape)}, stride=stride)


def place_in_window(flat, width, w):
    """PyTorch's index of the winner in its image -> its place in the window."""
    rows, columns = torch.meshgrid(torch.arange(flat.shape[2]), torch.arange(flat.shape[3]), indexing="ij")
    h = flat // width - (rows * w["stride"] - w["pad"])
    column = flat % width - (columns * w["stride"] - w["pad"])
    return (h * w["size"] + column).to(torch.uint8)


def add_pools(cases):
    for name, shape, w in (("2x2", (2, 3, 6, 4), window(2, 2, 0)), ("3x3_stride2", (1, 5, 7, 8), window(3, 2, 1))):
        x = random(*shape)
        arguments = {"kernel_size": w["size"], "stride": w["stride"], "padding": w["pad"]}
        index = place_in_window(F.max_pool2d(x, **arguments, return_indices=True)[1], shape[3], w)
        max_pool, average_pool = partial(F.max_pool2d, **arguments), partial(F.avg_pool2d, **arguments)
        cases.add_differentiable(f"max_pool_{name}", "max_pool", max_pool, {"x": x}, {"index": index}, window=w)
        cases.add_differentiable(f"average_pool_{name}", "average_pool", average_pool, {"x": x}, window=w)
    x = random(2, 5, 3, 4)
    cases.add_differentiable("global_average_pool", "global_average_pool", lambda x: x.mean(dim=(2, 3)), {"x": x})


def add_loss(cases, name, samples, classes, **options):
    logits = leaf(random(samples, classes, std=3))
    labels = torch.randint(classes, (samples,))
    loss = F.cross_entropy(logits, labels, **options)
    loss.backward()
    top = logits.detach().topk(min(5, classes)).indices
    hits = [(top[:, :k] == labels[:, None]).sum().double() for k in (1, 5)]
    operands = {"logits": logits, "labels": labels.int(), "dlogits": logits.grad}
    operands["result"] = torch.stack([loss.detach(), *hits])
    cases.add(name, "softmax_cross_entropy", operands, **options)


def add_losses(cases):
    add_loss(cases, "cross_entropy", 6, 10)
    add_loss(cases, "cross_entropy_4_classes", 5, 4)


def add_smoothed_losses(cases):
    """Without a trace in the numbers that are drawn afterwards."""
    with torch.random.fork_rng():
        add_loss(cases, "cross_entropy_smoothed", 6, 10, label_smoothing=0.1)
        add_loss(cases, "cross_entropy_smoothed_17_classes", 5, 17, label_smoothing=0.75)


def add_sgd(cases):
    for name, momentum, nesterov in (("sgd", 0.9, False), ("sgd_nesterov", 0.75, True)):
        options = {"lr": 0.125, "momentum": momentum, "weight_decay": 0.25, "nesterov": nesterov}
        w, v, g = leaf(random(33)), random(33), random(33)
        operands = {"w": w.detach().clone(), "v": v.clone(), "g": g}
        optimizer = torch.optim.SGD([w], **options)
        optimizer.state[w]["momentum_buffer"] = v
        w.grad = g.clone()
        optimizer.step()
        operands |= {"w.after": w, "v.after": optimizer.state[w]["momentum_buffer"]}
        cases.add(name, "sgd_update", operands, **options)


class Block(torch.nn.Module):
    def __init__(self, inputs, outputs, stride, norm):
        super().__init__()
        self.conv1, self.bn1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), norm(outputs)
        self.conv2, self.bn2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), norm(outputs)
        self.stride, self.outputs = stride, outputs

    def forward(self, x, act):
        y = self.bn2(self.conv2(act(self.bn1(self.conv1(x)))))
        return act(y + option_a(x, self.stride, self.outputs))


class ResNet(torch.nn.Module):
    """A CIFAR ResNet: with batch norm and ReLU, or with group norm (8 groups) and SiLU."""

    def __init__(self, kind, blocks):
        super().__init__()
        norm = torch.nn.BatchNorm2d if kind == "batch" else lambda channels: torch.nn.GroupNorm(8, channels)
        self.act = F.relu if kind == "batch" else F.silu
        self.conv1, self.bn1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False), norm(16)
        for name, inputs, outputs, stride in (("layer1", 16, 16, 1), ("layer2", 16, 32, 2), ("layer3", 32, 64, 2)):
            others = [Block(outputs, outputs, 1, norm) for _ in range(blocks - 1)]
            setattr(self, name, torch.nn.ModuleList([Block(inputs, outputs, stride, norm), *others]))
        self.linear = torch.nn.Linear(64, 10)

    def forward(self, x):
        x = self.act(self.bn1(self.conv1(x)))
        for layer in (self.layer1, self.layer2, self.layer3):
            for block in layer:
                x = block(x, self.act)
        return self.linear(x.mean(dim=(2, 3)))


def draw_parameters(blocks):
    """For both networks, whose parameters have the same names and shapes: nothing is at its neutral value."""
    parameters = {}
    for name, parameter in ResNet("batch", blocks).named_parameters():
        shape = parameter.shape
        if len(shape) == 4:
            parameters[name] = random(*shape, std=math.sqrt(2 / (shape[1] * 9)))
        elif len(shape) == 2:
            parameters[name] = random(*shape, std=0.1)
        else:
            parameters[name] = random(*shape, mean=0.0 if name.endswith("bias") else 1.0, std=0.1)
    return parameters


# At this rate no ReLU comes so close to its kink within these steps that rounding decides; at 0.02 one does, and losses
# part by 1e-4.
STEPS, BATCH, LR, MOMENTUM, WEIGHT_DECAY = 20, 8, 0.01, 0.9, 5e-4
SAMPLES = 64  # entries of each gradient that are stored
RUNS = 16  # with noise, see golden_run


def train(net, start, images, labels, dtype, gradient_noise=None):
    """Two batches in turn. Returns logits and gradients of the first step, all losses, and the buffers at the end.

    gradient_noise: per parameter the relative size of noise added to its gradient at every step.
    """
    net = net.to(dtype)
    net.load_state_dict({name: value.to(dtype) for name, value in start.items()}, strict=False)
    decayed = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others}]
    optimizer = torch.optim.SGD(groups, lr=LR, momentum=MOMENTUM)
    losses, first = [], {}
    for step in range(STEPS):
        batch = slice(step % 2 * BATCH, (step % 2 + 1) * BATCH)
        logits = net(images[batch].to(dtype))
        loss = F.cross_entropy(logits, labels[batch])
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            gradients = {name: p.grad.clone() for name, p in net.named_parameters()}
            first = {"logits": logits.detach(), "gradients": gradients}
        losses.append(loss.item())
        if gradient_noise:
            for name, p in net.named_parameters():
                p.grad += torch.randn_like(p) * gradient_noise[name] * p.grad.norm() / math.sqrt(p.numel())
        optimizer.step()
    buffers = {name: value for name, value in net.named_buffers() if value.dim() == 1}
    return first["logits"], first["gradients"], np.array(losses), buffers


def sampled(gradient):
    """SAMPLES entries at even distances in Drift's order, all of a short one."""
    flat = stored(gradient).reshape(-1)
    count = min(SAMPLES, flat.size)
    return flat[np.arange(count) * flat.size // count]


def relative_deviation(got, want):
    return ((got.double() - want).norm() / want.norm()).item()


def golden_run(kind, blocks, start, images, labels):
    """The tensors of one network: PyTorch's results, and beside them how far a float32 engine may be off.

    One step: how far PyTorch's own float32 is from its float64. Later steps: the largest deviation over RUNS float64
    runs whose gradients carry noise of that size, because one float32 run may be lucky at the kinks of the ReLU.
    """
    network = partial(ResNet, kind, blocks)
    logits, gradients, losses, buffers = train(network(), start, images, labels, torch.float64)
    logits32, gradients32, losses32, _ = train(network(), start, images, labels, torch.float32)
    print(f"{kind}: losses of float32 are off by at most {np.abs(losses32 - losses).max():.1e} in {STEPS} steps")
    noise = {name: relative_deviation(gradients32[name], gradient) for name, gradient in gradients.items()}
    noisy = [train(network(), start, images, labels, torch.float64, noise) for _ in range(RUNS)]
    tensors = {"logits": stored(logits), "losses": losses}
    tensors |= {f"gradient/{name}": sampled(gradient) for name, gradient in gradients.items()}
    tensors |= {f"buffer/{name}": stored(value) for name, value in buffers.items()}
    tensors["gradient_norms"] = np.array([gradient.norm().item() for gradient in gradients.values()])
    tensors["logits_deviation"] = np.array([relative_deviation(logits32, logits)])
    tensors["gradient_deviations"] = np.array(list(noise.values()))
    tensors["loss_deviations"] = np.max([np.abs(run[2] - losses) for run in noisy], axis=0)
    if buffers:
        deviations = [[relative_deviation(run[3][name], value) for name, value in buffers.items()] for run in noisy]
        tensors["buffer_deviations"] = np.max(deviations, axis=0)
    return {f"{kind}/{name}": tensor for name, tensor in tensors.items()}


def resnet_tensors(blocks):
    start = draw_parameters(blocks)
    images, labels = random(2 * BATCH, 3, 16, 16), torch.randint(10, (2 * BATCH,))
    tensors = {f"init/{name}": stored(value) for name, value in start.items()}
    tensors |= {"images": stored(images), "labels": stored(labels.int())}
    for kind in ("batch", "group"):
        tensors |= golden_run(kind, blocks, start, images, labels)
    return tensors


def main(directory, blocks):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    metadata = {"script": f"make_golden.py version {VERSION}", "torch": torch.__version__, "seed": str(SEED)}
    cases = OpCases()
    for add in (add_convolutions, add_linear, add_batch_norm, add_group_norm, add_activations, add_shortcuts, add_pools,
                add_losses, add_sgd, add_smoothed_losses):
        add(cases)
    directory.mkdir(parents=True, exist_ok=True)
    write_safetensors(directory / "ops.safetensors", cases.tensors, {**metadata, "cases": json.dumps(cases.cases)})
    options = {"steps": STEPS, "batch": BATCH, "groups": 8}
    options |= {"lr": LR, "momentum": MOMENTUM, "weight_decay": WEIGHT_DECAY}
    metadata["options"] = json.dumps(options)
    write_safetensors(directory / f"resnet{6 * blocks + 2}.safetensors", resnet_tensors(blocks), metadata)


if __name__ == "__main__":
    default = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "files"
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
