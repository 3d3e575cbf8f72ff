"""Who may include and link whom: a folder uses only lower folders, and each vendor's headers have one home.

    0 core <- 1 kernels <- 2 engine, comm, data <- 3 models <- 4 train <- 5 analysis <- 6 apps    tests, bench: anything
    train:  config <- schedule <- step <- checkpoint <- the files of train/ itself;  runs: core and train/config only
"""

import re
from pathlib import PurePosixPath

from .tree import Tree

# What a folder may include beside itself: whole folders, or single headers.
ALLOWED = {
    "core": set(),
    "kernels": {"core"},
    "engine": {"core", "kernels"},
    "comm": {"core", "kernels/device.h", "kernels/device_watch.h", "kernels/backend.h"},
    "data": {"core", "kernels/crop.h"},
    "models": {"core", "kernels", "engine"},
    "train": {"core", "kernels", "engine", "comm", "data", "models"},
    "analysis": {"core", "kernels", "engine", "comm", "data", "models", "train"},
    "apps": {"core", "kernels", "engine", "comm", "data", "models", "train", "analysis"},
}
FREE = {"tests", "bench"}  # may use anything; nothing may use them

# The rooms of train/: which others each may include. The files of train/ itself may include all of them.
ROOMS = {
    "train/config": set(),
    "train/schedule": {"train/config"},
    "train/step": {"train/config", "train/schedule"},
    "train/checkpoint": {"train/config", "train/schedule", "train/step"},
    "train/runs": {"train/config"},
}
# Rooms that see less of the other folders than train/ as a whole does.
ROOM_SEES = {"train/runs": {"core"}}

# Header name -> the only folder, with those below it, that may include it.
HOMES = [
    (re.compile(r"^(oneapi/)?dnnl|^(cuda|cudnn|cublas|nvrtc|nvToolsExt|nvtx3/)"), "kernels"),
    (re.compile(r"^(mpi|nccl)\.h$"), "comm"),
    (re.compile(r"^(stb/)?stb_|^(turbo)?jpeg"), "data"),
    (re.compile(r"^archive(_entry)?\.h$"), "data"),
    (re.compile(r"^curl/|^md5\.h$"), "data/fetch"),
    (re.compile(r"^omp\.h$"), "kernels"),
    (re.compile(r"^zip(conf)?\.h$"), "train"),
]
# What is done in one place only, and said so of all others: (pattern, place, what is done there).
PLACES = [
    (re.compile(r"#\s*pragma\s+omp\b|\bthreadIdx\b|\b__shfl_\w+"), "kernels/launch/", "threads are spread"),
    # Whoever opens by name asks first whether it is a file.
    (re.compile(r"\bstd::[io]?fstream\b|\bfopen\s*\(|\bopen\s*\(.*\bO_[A-Z]"), "core/", "files are opened"),
    # The system may refuse one, and others may wait for it.
    (re.compile(r"\bstd::(j?thread\s*\(|async\b)|<std::j?thread>"), "core/", "threads are started"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TARGET = re.compile(r"\bdrift_(" + "|".join(ALLOWED) + r")\b")


def folder_of(path: str) -> str:
    return PurePosixPath(path).parts[0]


def room_of(path: str) -> str:
    return PurePosixPath(path).parent.as_posix()


def check_room(path: str, header: str) -> str | None:
    """The order inside train/."""
    room, target = room_of(path), room_of(header)
    if room not in ROOMS or room == target:
        return None
    if folder_of(header) == "train":
        allowed, inside = ROOMS[room], target in ROOMS[room]
    else:
        allowed = ROOM_SEES.get(room)
        inside = allowed is None or folder_of(header) in allowed
    return None if inside else f'{room}/ may not include "{header}" (allowed: {", ".join(sorted(allowed)) or "none"})'


def check_include(path: str, quote: str, header: str, project: Tree) -> str | None:
    folder = folder_of(path)
    if quote == "<":
        homes = [home for pattern, home in HOMES if pattern.search(header)]
        if homes and folder not in FREE and not path.startswith(homes[0] + "/"):
            return f"<{header}> is at home in {homes[0]}/ only"
        return None
    if header not in project.names:
        return f'"{header}" is no file of the project; write folder/file.h, or <...> for a library'
    target = folder_of(header)
    if folder in FREE or target == folder or target in ALLOWED[folder] or header in ALLOWED[folder]:
        return check_room(path, header)
    return f'{folder}/ may not include "{header}" (allowed: {", ".join(sorted(ALLOWED[folder])) or "core only"})'


def check_file(path: str, text: str, project: Tree) -> list[str]:
    if folder_of(path) not in ALLOWED and folder_of(path) not in FREE:
        return [f"{path}:1: {folder_of(path)}/ has no place in the order of folders (scripts/checks/layers.py)"]
    findings = []
    for number, line in enumerate(text.splitlines(), start=1):
        include = INCLUDE.match(line)
        problem = check_include(path, include[1], include[2], project) if include else None
        code = line.split("//")[0]
        for pattern, place, what in PLACES:
            if pattern.search(code) and folder_of(path) not in FREE and not path.startswith(place):
                problem = f"{what} in {place} only"
        if problem:
            findings.append(f"{path}:{number}: {problem}")
    return findings


def check_links(path: str, text: str) -> list[str]:
    """A folder's CMakeLists.txt names no target of a folder it may not use."""
    folder = folder_of(path)
    if folder not in ALLOWED:
        return []
    usable = {folder} | {entry.split("/")[0] for entry in ALLOWED[folder]}
    findings = []
    for number, line in enumerate(text.splitlines(), start=1):
        for name in TARGET.findall(line.split("#")[0]):
            if name not in usable:
                findings.append(f"{path}:{number}: {folder}/ may not link drift_{name}")
    return findings


def check(project: Tree) -> list[str]:
    findings = []
    for path, text in project.text.items():
        if path in project.cpp():
            findings += check_file(path, text, project)
        elif PurePosixPath(path).name == "CMakeLists.txt" and "/" in path:
            findings += check_links(path, text)
    return findings
