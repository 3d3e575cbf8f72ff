#!/usr/bin/env python3
"""Writes what other programs make of weights, for tests/: pickles of every protocol (tests/fuzz/corpus/pickle/).

    make_golden_weights.py
"""

import collections
import pathlib
import pickle

TESTS = pathlib.Path(__file__).resolve().parent.parent / "tests"

VALUES = {
    "numbers": [1, 300, -3, 70000, 2**40, -(2**63), 2.5, None, True, False],
    "tuples": [(), (1,), (1, 2, 3), (1, 2, 3, 4)],
    "same": "text",
    "again": "text",
    "nested": {"x": []},
}

# What Python 2 and NumPy 1 make of {"data": array of 2x3 bytes, "labels": [6, 9]}, as in CIFAR-10's Python version.
PYTHON2_ARRAY = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87"
    b"Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xff"
    b"J\xff\xff\xff\xffK\x00tb\x89U\x06abcdefq\x08tbU\x06labelsq\x09]q\x0a(K\x06K\x09eu."
)


def write_pickles(directory):
    directory.mkdir(parents=True, exist_ok=True)
    ordered = collections.OrderedDict(VALUES)
    ordered._metadata = {"": {"version": 1}}
    contents = {f"protocol_{protocol}": pickle.dumps(VALUES, protocol) for protocol in range(6)}
    contents |= {
        "python2_array": PYTHON2_ARRAY,
        "ordered_dict": pickle.dumps(ordered, 2),
        "strings": b"(lS'a\\n\\x41'\naS\"b\"\naVtext\na.",
        "persistent": b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000tQ.",
        "contains_itself": b"]q\x00h\x00a.",
        "deep": b"]" * 101 + b"a" * 100 + b".",
        "other_global": b"cposix\nsystem\n(U\x02lstR.",
        "object": b"ccollections\nOrderedDict\n)\x81.",
    }
    for name, content in contents.items():
        (directory / name).write_bytes(content)


def main():
    write_pickles(TESTS / "fuzz/corpus/pickle")


if __name__ == "__main__":
    main()
