"""What a file uses, it includes: itself, or by a header of the project that does.

Precompiled headers hide a missing include from most builds. This finds it before the one build without them does.
"""

import re

from .layers import INCLUDE
from .tree import Tree

# Header (or folder of headers, with '/') -> what is used of it.
USES = {
    "fmt/": r"\bfmt::",
    "algorithm": r"\bstd::(min|max|sort|clamp|all_of|any_of|find|find_if|copy|fill|equal|lower_bound|upper_bound)\(",
    "array": r"\bstd::array\b",
    "cmath": r"\bstd::(isnan|isfinite|sqrt|pow|exp|log|ceil|floor|l?lround)\(",
    "cstdint": r"\bu?int(8|16|32|64)_t\b",
    "cstring": r"\bstd::mem(cpy|cmp|set|move)\b",
    "filesystem": r"\bstd::filesystem\b",
    "functional": r"\bstd::function\b",
    "map": r"\bstd::map\b",
    "memory": r"\bstd::(unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared)\b",
    "optional": r"\bstd::(optional|nullopt)\b",
    "span": r"\bstd::span\b",
    "string": r"\bstd::(string|to_string)\b",
    "string_view": r"\bstd::string_view\b",
    "utility": r"\bstd::(move|pair|swap|exchange)\b",
    "vector": r"\bstd::vector\b",
}
PATTERNS = {header: re.compile(pattern) for header, pattern in USES.items()}


def reached(path: str, includes: dict[str, list[tuple[str, str]]]) -> set[str]:
    """The headers in <> that a file includes, itself and by headers of the project."""
    headers, seen, waiting = set(), {path}, [path]
    while waiting:
        for quote, header in includes[waiting.pop()]:
            if quote == "<":
                headers.add(header)
            elif header in includes and header not in seen:
                seen.add(header)
                waiting.append(header)
    return headers


def is_reached(header: str, headers: set[str]) -> bool:
    return any(name.startswith(header) for name in headers) if header.endswith("/") else header in headers


def check(project: Tree) -> list[str]:
    lines = {path: text.splitlines() for path, text in project.cpp().items()}
    includes = {path: [found.groups() for found in map(INCLUDE.match, text) if found] for path, text in lines.items()}
    findings = []
    for path, content in lines.items():
        headers = reached(path, includes)
        for header, pattern in PATTERNS.items():
            if is_reached(header, headers):
                continue
            numbers = (number for number, line in enumerate(content, start=1) if pattern.search(line.split("//")[0]))
            if first := next(numbers, None):
                findings.append(f"{path}:{first}: uses <{header}> without including it")
    return findings
