#!/usr/bin/env python3
"""TensorBoard's own reader finds what a run wrote with --tensorboard, also after it was gone on with.

  read_by_tensorboard.py DRIFT

Exit status 77: the tensorboard package is not installed here.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
sys.path.append(os.path.join(CACHE, "drift", "tensorboard"))
try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    print("no tensorboard package here: scripts/fetch_tensorboard.sh gets it")
    sys.exit(77)


def main():
    with tempfile.TemporaryDirectory() as name:
        run = pathlib.Path(name) / "run"
        train = [sys.argv[1], "train", "-q"]
        small = ["--model", "cifar-resnet8", "--data", "shapes:64:32", "--local-batch", "8", "--steps", "12",
                 "--bn-stats", "local", "--checkpoint-every", "0.5", "--keep-checkpoints", "0", "--tensorboard"]
        subprocess.run([*train, *small, "--out", run], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*train, "--resume", run / "ckpt/step-4"], check=True, stdout=subprocess.DEVNULL)
        events = EventAccumulator(str(run / "tb"), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        steps = [line for line in lines if line["kind"] == "step"]
        losses = events.Scalars("train/loss")
        assert [event.step for event in losses] == [line["step"] + 1 for line in steps], losses
        for event, line in zip(losses, steps):
            assert abs(event.value - line["loss"]) < 1e-6 * line["loss"], (event, line)
        accuracies = events.Scalars("test/top1")
        assert [event.step for event in accuracies] == [line["step"] for line in lines if line["kind"] == "eval"]
        (tag,) = [tag for tag in events.Tags()["tensors"] if tag.startswith("config")]
        config = events.Tensors(tag)[0].tensor_proto.string_val[0]
        assert b'model = "cifar-resnet8"' in config, config
        print(f"{len(losses)} steps, {len(accuracies)} evaluations, tags {sorted(events.Tags()['scalars'])}")


if __name__ == "__main__":
    main()
