"""The files a check looks at: what git tracks or would track, read once. Tests of the checks make a Tree by hand."""

import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
CPP_SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}
SCRIPT_SUFFIXES = {".py", ".sh", ".cmake", ".toml"}
MADE = {"build", "runs"}  # top folders left out where there is no git


class Skipped(Exception):
    """A check cannot run on this machine; the text says why."""


@dataclass(frozen=True)
class Tree:
    """Text by path, relative to the root and with '/'; `names` has every file, also those that are not text of ours."""

    text: dict[str, str]
    names: frozenset[str]

    def cpp(self) -> dict[str, str]:
        return {path: text for path, text in self.text.items() if PurePosixPath(path).suffix in CPP_SUFFIXES}


def is_text(path: str) -> bool:
    pure = PurePosixPath(path)
    return (
        pure.suffix in CPP_SUFFIXES | SCRIPT_SUFFIXES | {".md"}
        or pure.name == "CMakeLists.txt"
        or path in ("scripts/check", ".ci/run")
    )


def listed(root: Path) -> list[str]:
    if (root / ".git").exists():
        # safe.directory: the tree may belong to another user than the one who tests it.
        command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--cached", "--others"]
        output = subprocess.run(command + ["--exclude-standard"], check=True, capture_output=True, text=True).stdout
        return [name for name in output.split("\0") if name]
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return [
        path.as_posix()
        for path in files
        if path.parts[0] not in MADE and not path.parts[0].startswith("build-") and "__pycache__" not in path.parts
    ]


def project(root: Path = ROOT) -> Tree:
    names = [name for name in listed(root) if (root / name).is_file()]
    text = {name: (root / name).read_text(encoding="utf-8") for name in sorted(names) if is_text(name)}
    return Tree(text, frozenset(names))
