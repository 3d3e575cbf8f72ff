#!/usr/bin/env python3
"""Writes a stand-in for every function of libcuda: generate_stubs.py NM LIBCUDA OUTPUT.

LIBCUDA is the toolkit's stub library; only its list of symbols is used. The stand-ins are weak, so that what
fake_driver.cpp defines takes their place, and they return success. The table at the end is what cuGetProcAddress
searches.
"""

import re
import subprocess
import sys


def driver_functions(nm: str, library: str) -> list[str]:
    listing = subprocess.run([nm, "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    names = {line.split()[-1].split("@")[0] for line in listing.splitlines() if line.strip()}
    return sorted(name for name in names if re.fullmatch(r"cu[A-Z]\w*", name))


def source(names: list[str]) -> str:
    lines = ["// Made by generate_stubs.py.", "int emulator_driver_stub(const char* name);", 'extern "C" {']
    lines += [f'__attribute__((weak)) int {name}() {{ return emulator_driver_stub("{name}"); }}' for name in names]
    lines += ["}", "struct DriverFunction {", "  const char* name;", "  void* address;", "};"]
    lines += ["extern const DriverFunction driver_functions[] = {"]
    lines += [f'    {{"{name}", reinterpret_cast<void*>({name})}},' for name in names]
    lines += ["    {nullptr, nullptr},", "};", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    names = driver_functions(*arguments[:2])
    if not names:
        print(f"{arguments[1]} holds no functions of the CUDA driver", file=sys.stderr)
        return 1
    with open(arguments[2], "w", encoding="utf-8") as file:
        file.write(source(names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
