#!/usr/bin/env python3
"""Registers, stack and static shared memory of every CUDA kernel in a built library, against a committed table.

    scripts/check_kernels.py build/kernels/libdrift_kernels.a [--update]

Any kernel that spills (has a stack) or whose block does not fit into the register file is an error. With the toolkit
that made the table, the numbers must also equal it; another toolkit may allocate registers differently. The numbers are
read from the machine code itself (the ELF images inside the library), so nothing is compiled again.
"""
import argparse
import pathlib
import re
import struct
import subprocess
import sys

TABLE = pathlib.Path(__file__).resolve().parent.parent / "tests/kernels/ptxas_table.txt"
EM_CUDA = 190
REGISTER_FILE = 65536  # 32-bit registers of a multiprocessor, from sm_70 on
# Attributes in .nv.info sections: two bytes name format and attribute, two the size of the payload.
SIZED_VALUE, MAX_THREADS, FRAME_SIZE, REGISTER_COUNT = 4, 0x05, 0x11, 0x2F


def text_at(data, start):
    return data[start : data.index(b"\0", start)].decode()


class Image:
    """One cubin: the code of one source file for one architecture."""

    def __init__(self, data):
        self.data = data
        flags, abi = struct.unpack_from("<I", data, 48)[0], data[8]
        self.arch = (flags >> 8 if abi >= 8 else flags) & 0xFF
        offset = struct.unpack_from("<Q", data, 40)[0]
        count, names = struct.unpack_from("<HH", data, 60)
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + 64 * i) for i in range(count)]
        self.sections = {}  # name -> (offset, size)
        for section in sections:
            self.sections[text_at(data, sections[names][4] + section[0])] = section[4:6]

    def attributes(self, section):
        """(attribute, payload) of a .nv.info section."""
        start, size = self.sections.get(section, (0, 0))
        position = start
        while position < start + size:
            kind, attribute, length = struct.unpack_from("<BBH", self.data, position)
            position += 4
            if kind == SIZED_VALUE:
                yield attribute, self.data[position : position + length]
                position += length

    def symbol(self, index):
        symbols, strings = self.sections[".symtab"][0], self.sections[".strtab"][0]
        return text_at(self.data, strings + struct.unpack_from("<I", self.data, symbols + 24 * index)[0])

    def kernels(self):
        """name -> {registers, stack, shared, threads}"""
        found = {name[6:]: {} for name in self.sections if name.startswith(".text.")}
        for attribute, payload in self.attributes(".nv.info"):
            if attribute in (FRAME_SIZE, REGISTER_COUNT):
                index, value = struct.unpack("<II", payload)
                kernel = found.get(self.symbol(index), {})  # not there: a subroutine, such as 64-bit division
                kernel["stack" if attribute == FRAME_SIZE else "registers"] = value
        for name, kernel in found.items():
            kernel["shared"] = self.sections.get(".nv.shared." + name, (0, 0))[1]
            for attribute, payload in self.attributes(".nv.info." + name):
                if attribute == MAX_THREADS:
                    x, y, z = struct.unpack("<III", payload)
                    kernel["threads"] = x * y * z
        return found


def images(data):
    position = data.find(b"\x7fELF")
    while position >= 0:
        if data[position + 4] == 2 and struct.unpack_from("<H", data, position + 18)[0] == EM_CUDA:
            yield Image(data[position:])
        position = data.find(b"\x7fELF", position + 4)


def short_names(mangled):
    """"row_packets<true, AddMap<float>>" for each mangled name."""
    lines = subprocess.run(["c++filt"], input="\n".join(mangled), text=True, capture_output=True, check=True).stdout
    names = {}
    for name, line in zip(mangled, lines.splitlines()):
        line = re.sub(r"\b(\w+::)+", "", line.removeprefix("void "))
        names[name] = line[: line.rindex("(")].replace(" >", ">").replace("> >", ">>")
    return names


def read_library(path):
    """(toolkit, {"sm_80 name": kernel})"""
    data = path.read_bytes()
    kernels = {}  # the same kernel from several source files counts once
    for image in images(data):
        found = image.kernels()
        names = short_names(list(found)) if found else {}
        for name, kernel in found.items():
            kernels[f"sm_{image.arch} {names[name]}"] = kernel
    version = re.search(rb"Cuda compilation tools, release [\d.]+, V([\d.]+)", data)
    if not kernels or not version:
        sys.exit(f"{path}: no CUDA machine code in it")
    return version[1].decode(), kernels


def row(name, kernel):
    return f"{name}: {kernel['registers']} registers, {kernel['shared']} bytes shared"


def problems(kernels):
    for name, kernel in kernels.items():
        missing = {"registers", "stack", "threads"} - kernel.keys()
        if missing:
            yield f"{name}: the machine code does not say {', '.join(sorted(missing))}"
        elif kernel["stack"] != 0:
            yield f"{name}: {kernel['stack']} bytes of stack: it spills, or subscripts an array while running"
        elif kernel["registers"] * kernel["threads"] > REGISTER_FILE:
            yield f"{name}: {kernel['registers']} registers x {kernel['threads']} threads exceed {REGISTER_FILE}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--update", action="store_true", help="write the table instead of comparing with it")
    parser.add_argument("--table", type=pathlib.Path, default=TABLE)
    arguments = parser.parse_args()
    toolkit, kernels = read_library(arguments.library)
    wrong = list(problems(kernels))
    if wrong:
        sys.exit("\n".join(wrong))
    lines = [f"toolkit {toolkit}"] + sorted(row(name, kernel) for name, kernel in kernels.items())
    if arguments.update:
        arguments.table.write_text("\n".join(lines) + "\n")
    committed = arguments.table.read_text().splitlines()
    compared = "as in the table"
    if lines[0] != committed[0]:
        compared = f"not compared with the table, which is of {committed[0]}"
    elif lines != committed:
        was, now = sorted(set(committed) - set(lines)), sorted(set(lines) - set(committed))
        sys.exit("\n".join(["in the table:", *was, "built:", *now, "If this is meant: check_kernels.py --update"]))
    print(f"{len(kernels)} kernels of toolkit {toolkit}, no stack, {compared}")


if __name__ == "__main__":
    main()
