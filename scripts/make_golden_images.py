#!/usr/bin/env python3
"""Writes tests/golden/files/resize.safetensors, what Pillow makes of an image that is a formula; small images of every
kind for tests/fuzz/corpus/image/; and tests/golden/files/decode.safetensors, what Pillow decodes of them.

    make_golden_images.py [DIRECTORY [IMAGES]]        needs Pillow, and what make_golden.py needs

Each case is a size of the image, a box of it and a size that the box is brought to by Image.resize(BILINEAR). Pillow up
to version 12: it resizes rows first, columns then; later ones begin with columns where that is less work, and differ by
1 there.
"""

import json
import pathlib
import sys

import numpy as np
import PIL
from make_golden import VERSION, write_safetensors
from PIL import Image

CASES = [  # image, box (left, top, width, height), size
    ((37, 23), (0, 0, 37, 23), (16, 16)),
    ((37, 23), (5, 3, 20, 17), (24, 9)),
    ((5, 4), (0, 0, 5, 4), (23, 21)),
    ((40, 30), (1, 2, 16, 16), (16, 16)),
    ((64, 48), (0, 0, 64, 48), (32, 24)),
    ((1, 1), (0, 0, 1, 1), (7, 5)),
    ((1, 300), (0, 0, 1, 300), (3, 11)),
    ((300, 2), (0, 0, 300, 2), (11, 13)),
    ((200, 150), (13, 7, 180, 140), (10, 1)),
]


def formula(width, height):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + (x // 3 + y // 2) % 2 * 90) % 256).astype(np.uint8)


def write_images(directory):
    """17x11 pixels each, named by what is special about them."""
    rgb = formula(17, 11)
    image, grey = Image.fromarray(rgb), Image.fromarray(rgb[:, :, 1])
    deep = Image.fromarray(rgb[:, :, 1].astype(np.uint16) * 256 + rgb[:, :, 0])
    alpha = Image.fromarray(np.dstack([rgb, rgb[:, :, ::-1]])[:, :, :4])
    turned = Image.Exif()
    turned[0x0112] = 6
    images = {
        "rgb.png": image, "grey.png": grey, "grey16.png": deep, "alpha.png": alpha, "palette.png": image.quantize(16),
        "bits.png": grey.convert("1"), "rgb.jpg": image, "grey.jpg": grey, "cmyk.jpg": image.convert("CMYK"),
    }
    for name, picture in images.items():
        picture.save(directory / name, **({"quality": 85} if name.endswith("jpg") else {"optimize": True}))
    image.save(directory / "progressive.jpg", quality=85, progressive=True)
    image.save(directory / "whole_chroma.jpg", quality=85, subsampling=0)
    image.save(directory / "restarts.jpg", quality=85, restart_marker_blocks=1)
    image.save(directory / "turned.jpg", quality=85, exif=turned)


def main():
    here = pathlib.Path(__file__).resolve().parent
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "tests/golden/files"
    images = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here.parent / "tests/fuzz/corpus/image"
    write_images(images)
    decoded = {path.name: np.asarray(Image.open(path).convert("RGB")) for path in sorted(images.iterdir())}
    write_safetensors(directory / "decode.safetensors", decoded, {"version": str(VERSION), "pillow": PIL.__version__})
    tensors = {}
    for number, (image, (left, top, width, height), size) in enumerate(CASES):
        box = Image.fromarray(formula(*image)).crop((left, top, left + width, top + height))
        tensors[str(number)] = np.asarray(box.resize(size, Image.BILINEAR))
    cases = [{"image": i, "box": b, "size": s} for i, b, s in CASES]
    metadata = {"version": str(VERSION), "pillow": PIL.__version__, "cases": json.dumps(cases)}
    write_safetensors(directory / "resize.safetensors", tensors, metadata)


if __name__ == "__main__":
    main()
