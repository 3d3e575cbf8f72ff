"""clang-format in check mode over every C++ file. Only version 14 counts: others format the same style differently."""

import re
import shutil
import subprocess

from . import tree

VERSION = 14


def find_clang_format() -> str:
    for name in (f"clang-format-{VERSION}", "clang-format"):
        program = shutil.which(name)
        if program is None:
            continue
        found = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
        match = re.search(r"version (\d+)", found)
        if match and int(match[1]) == VERSION:
            return program
    raise tree.Skipped(f"needs clang-format {VERSION} (package clang-format-{VERSION})")


def check(project: tree.Tree) -> list[str]:
    files = sorted(project.cpp())
    if not files:
        return []
    command = [find_clang_format(), "--dry-run", "-Werror", "--style=file", *files]
    errors = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True).stderr
    wrong = sorted(set(re.findall(r"^(.+?):\d+:\d+: error:", errors, re.MULTILINE)))
    return [f"{path}: not formatted; run clang-format-{VERSION} -i {path}" for path in wrong]
