"""House rules a machine can see: sizes, white space, a comment at each file's head, words."""

import ast
import re
from pathlib import PurePosixPath

from . import functions
from .tree import CPP_SUFFIXES, Tree

FILE_LINES = 400
LINE_COLUMNS = 120
FUNCTION_LINES = 70

# Word -> what to write instead (docs/glossary.md). Searched in code, not in the pages.
WORDS = {
    r"clients?": "worker",
    r"comm_rounds?": "round",
    r"iterations?|num_iters?|n_iters?": "step",
    r"using namespace std\b": "std:: where it is used",
    r"TODO|FIXME|XXX": "the finished thing",
}
PRINTING = re.compile(r"\bstd::cout\b|\bprintf\b|\bfmt::print\(")  # the last one throws what is no Error
MAY_PRINT = ("tests/", "bench/")
EXEMPT = ("scripts/checks/", "tests/scripts/")  # they name what they look for


def check_lines(path: str, lines: list[str]) -> list[str]:
    findings = []
    page = path.endswith(".md")  # how wide it may be: docs.py
    if len(lines) > FILE_LINES and not page:
        findings.append(f"{path}:{len(lines)}: {len(lines)} lines; at most {FILE_LINES}")
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_COLUMNS and not page:
            findings.append(f"{path}:{number}: {len(line)} columns; at most {LINE_COLUMNS}")
        if "\t" in line:
            findings.append(f"{path}:{number}: tab")
        if line != line.rstrip():
            findings.append(f"{path}:{number}: white space at the end of the line")
    return findings


def needs_head(path: str, names: frozenset[str]) -> bool:
    """All but lists of targets, tests, and sources whose header says it."""
    if path.endswith(("CMakeLists.txt", "_test.cpp")):
        return False
    return not path.endswith(".cpp") or path.removesuffix(".cpp") + ".h" not in names


def check_head(path: str, lines: list[str], names: frozenset[str]) -> list[str]:
    """The first line (after #!) starts the comment that says what the file is for; #pragma once guards a header."""
    first = next((line for line in lines if not line.startswith("#!")), "")
    cpp = PurePosixPath(path).suffix in CPP_SUFFIXES
    starts = ("//",) if cpp else ('"""', "# ")
    findings = []
    if needs_head(path, names) and not first.startswith(starts):
        findings.append(f"{path}:1: no comment at the head that says what the file is for")
    if path.endswith((".h", ".cuh")) and "#pragma once" not in lines:
        findings.append(f"{path}:1: no #pragma once")
    return findings


def check_words(path: str, lines: list[str]) -> list[str]:
    findings = []
    rules = [(re.compile(rf"\b(?:{pattern})\b"), f"write {better}") for pattern, better in WORDS.items()]
    if PurePosixPath(path).suffix in CPP_SUFFIXES and not path.startswith(MAY_PRINT):
        rules.append((PRINTING, "results: print() of apps/output.h, in apps/; the rest: core/log.h"))
    for number, line in enumerate(lines, start=1):
        for word, advice in rules:
            match = word.search(line)
            if match:
                findings.append(f"{path}:{number}: '{match[0]}': {advice}")
    return findings


def check_functions(path: str, text: str) -> list[str]:
    if path.endswith(".py"):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        found = [
            functions.Function(node.name, node.lineno, node.end_lineno - node.lineno + 1)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, kinds)
        ]
    elif PurePosixPath(path).suffix in CPP_SUFFIXES:
        found = functions.find(text)
    else:
        found = []
    return [
        f"{path}:{function.line}: {function.name} has {function.lines} lines; at most {FUNCTION_LINES}"
        for function in found
        if function.lines > FUNCTION_LINES
    ]


def check(project: Tree) -> list[str]:
    findings = []
    for path, text in project.text.items():
        lines = text.splitlines()
        findings += check_lines(path, lines)
        if text and not text.endswith("\n"):
            findings.append(f"{path}:{len(lines)}: no newline at the end")
        if path.endswith(".md"):
            continue
        findings += check_head(path, lines, project.names)
        findings += check_functions(path, text)
        if not path.startswith(EXEMPT):
            findings += check_words(path, lines)
    return findings
