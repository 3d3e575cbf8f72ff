"""What pages name exists: links, paths, types, functions, constants, flags, variables; and what they quote is the code.

Looked at is what stands in `backticks`, in links and in fenced blocks of *.md; plain words are not. A block that opens
with ```cpp FOLDER/FILE quotes that file: its lines stand there, one behind the other, but for what a line `...` leaves
out. One with ```text is what a program printed. Names that are not ours stand in OTHERS. Where sources name a page, it
exists.
"""

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from .tree import CPP_SUFFIXES, Tree

LINE_COLUMNS = 120  # but for rows of tables and addresses of the web
CELL_CHARACTERS = 200

# Written like names of ours, but other programs' or a reader's own.
OTHERS = {"cublas_v2.h", "valley.cpp"}
# Flags of mpirun, srun, sbatch and torchrun.
OTHERS_FLAGS = {"bind-to", "cpus-per-task", "hostfile", "job-name", "list", "mca", "mpi", "nodes", "ntasks-per-node"}
OTHERS_FLAGS |= {"nnodes", "no-python", "nproc-per-node", "oversubscribe", "rdzv-backend", "rdzv-endpoint", "requeue"}
OTHERS_FLAGS |= {"signal"}
OTHERS_FLAGS |= {"capture-range-end", "cuda-graph-trace", "graph-profiling", "nvtx", "nvtx-include"}  # nsys, ncu
OTHERS_FLAGS |= {"profile-from-start", "set"}
EXEMPT = ("scripts/checks/", "tests/scripts/")  # they name what they look for
MADE = {"best", "build", "ckpt", "runs"}  # folders that builds and runs make
SOURCE_SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".md", ".cmake"}

FENCE = re.compile(r"^\s*```(.*)$")
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
PAGE = re.compile(r"\bdocs/[\w/.-]+\.md\b")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
FLAG = re.compile(r"(?<![\w-])--(?:\[no-\])?([a-z][a-z0-9-]*)")
VARIABLE = re.compile(r"(?:(?<=-D)|(?<!\w))(?:DRIFT|EMU)_[A-Z0-9_]+")
PATH = re.compile(r"[A-Za-z_.][\w.*-]*(?:/[\w.*-]+)*/?")
TYPE = re.compile(r"(?=\w*[a-z])[A-Z][A-Za-z0-9]+")
MEMBER = re.compile(r"([A-Z]\w*)::(\w+)(?:\(.*\))?")
CALL = re.compile(r"(?:\w+[.:]+)*([a-z]\w*)\(.*\)")
WORD = re.compile(r"k[A-Z]\w+|[a-z]\w*_\w+")
# `A`, `B` (`file.h`) and `A` in `file.h`: the file declares them.
HOME = re.compile(r"((?:`[A-Z]\w+`(?:, )?)+) (?:\(|in )`([\w/.-]+\.(?:h|cpp))`")

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
DECLARED = re.compile(r"\b(?:class|struct|union|enum(?: class)?|using|concept)\s+(\w+)\b(?!\s*;)|#define (\w+)")
OPTION_ROW = re.compile(r'\b(?:row|with_alias)\(\s*"([\w-]+)"')
OPTION_CALL = re.compile(r'\badd_(?:value|required_value|switch|option|flag|argument)\(\s*"([^"]+)"')


def is_cpp(path: str) -> bool:
    return PurePosixPath(path).suffix in CPP_SUFFIXES


def flags_of(path: str, content: str) -> set[str]:
    """The flags that a file defines, or that a script or a list of targets passes on."""
    if path.endswith((".sh", ".cmake", "CMakeLists.txt")):
        return set(FLAG.findall(content))
    found = set(OPTION_ROW.findall(content)) if is_cpp(path) else set()
    return found.union(*(FLAG.findall(names) for names in OPTION_CALL.findall(content)))


@dataclass
class Sources:
    """What pages may name, gathered once from everything that is no page."""

    names: frozenset[str]
    pages: dict[str, str]
    code: dict[str, str]  # C++ by path, without comments
    folders: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=lambda: {"help", "version"} | OTHERS_FLAGS)
    declared: dict[str, set[str]] = field(default_factory=dict)  # type or macro -> files that declare it

    @staticmethod
    def of(project: Tree) -> "Sources":
        pages = {path: text for path, text in project.text.items() if path.endswith(".md")}
        code = {path: COMMENT.sub("", text) for path, text in project.cpp().items()}
        result = Sources(project.names, pages, code)
        result.folders = {str(parent) for name in project.names for parent in PurePosixPath(name).parents}
        for path, text in project.text.items():
            if path not in pages:
                result.words.update(re.findall(r"\w+", text))
                result.flags |= flags_of(path, text)
        for path, text in code.items():
            for kind, macro in DECLARED.findall(text):
                result.declared.setdefault(kind or macro, set()).add(path)
        return result

    def has_path(self, target: str, page: str) -> bool:
        """From the root, from the page's folder, or the end of a path, as `missing/` is."""
        wanted = target.rstrip("/")
        places = [wanted, resolve(PurePosixPath(page).parent, wanted), f"*/{wanted}"]
        return any(fnmatch.fnmatchcase(name, place) for place in places for name in self.names | self.folders)

    def calls(self, name: str) -> bool:
        return any(re.search(rf"\b{name}(?:<[^<>()]*>)?\(", text) for text in self.code.values())


def resolve(here: PurePosixPath, target: str) -> str:
    parts: list[str] = []
    for part in (here / target).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."


def anchors(page: str) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page)}


def check_path(target: str, page: str, sources: Sources) -> list[str]:
    made = PurePosixPath(target).parts[0] in MADE
    bare = "/" not in target and PurePosixPath(target).suffix not in SOURCE_SUFFIXES
    if made or bare or target in OTHERS or sources.has_path(target, page):
        return []
    return [f"there is no {target}"]


def check_name(name: str, sources: Sources) -> list[str]:
    """`name` is a whole span."""
    if name in OTHERS:
        return []
    if member := MEMBER.fullmatch(name):
        owners = sources.declared.get(member[1], set())
        known = any(re.search(rf"\b{member[2]}\b", sources.code[path]) for path in owners)
    elif TYPE.fullmatch(name):
        known = name in sources.declared
    elif call := CALL.fullmatch(name):
        known = sources.calls(call[1])
    else:
        known = not WORD.fullmatch(name) or name in sources.words
    return [] if known else [f"nothing in the sources is called {name}"]


def check_words(text: str, sources: Sources) -> list[str]:
    """Flags and variables anywhere in a piece of code."""
    flags = [flag for flag in FLAG.findall(text) if not {flag, flag.removeprefix("no-")} & sources.flags]
    variables = [name for name in VARIABLE.findall(text) if name not in sources.words]
    return [f"no command has the flag --{flag}" for flag in flags] + [f"nothing reads {name}" for name in variables]


def check_link(target: str, anchor: str, page: str, sources: Sources) -> list[str]:
    resolved = resolve(PurePosixPath(page).parent, target) if target else page
    if resolved not in sources.names | sources.folders:
        return [f"the link to {target} leads nowhere"]
    if anchor and anchor not in anchors(sources.pages.get(resolved, "")):
        return [f"{resolved} has no heading for #{anchor}"]
    return []


def check_prose(line: str, page: str, sources: Sources) -> list[str]:
    findings = ["a code span that does not end on its line"] if line.count("`") % 2 else []
    for target, anchor in LINK.findall(line):
        findings += check_link(target, anchor, page, sources)
    for span in SPAN.findall(line):
        if PATH.fullmatch(span):
            findings += check_path(span, page, sources)
        findings += check_name(span, sources) + check_words(span, sources)
    for spans, home in HOME.findall(line):
        strangers = [name for name in SPAN.findall(spans) if home not in sources.declared.get(name, set())]
        findings += [f"{home} does not declare {name}" for name in strangers if home in sources.names]
    return findings


def check_block(line: str, page: str, sources: Sources) -> list[str]:
    """A line of commands: what lies in a folder of ours must be there."""
    findings = check_words(line, sources)
    for word in re.split(r"[\s=,;()'\"]+", line):
        if PATH.fullmatch(word) and "/" in word and word.split("/")[0] in sources.folders:
            findings += check_path(word, page, sources)
    return findings


def squeezed(lines: list[str]) -> list[tuple[int, str]]:
    """Numbers and texts of lines of code, without comments and what white space adds."""
    texts = [(number, " ".join(COMMENT.sub("", line).split())) for number, line in enumerate(lines, start=1)]
    return [(number, text) for number, text in texts if text]


def check_quote(block: list[str], source: str, sources: Sources) -> tuple[int, str] | None:
    """The line of the block, from 1, with which it parts from the source, and what is wrong."""
    own = [text for _, text in squeezed(sources.code.get(source, "").splitlines())]
    places = list(range(len(own)))  # where the next line may stand
    for number, text in squeezed(block):
        if text == "...":
            places = list(range(min(places, default=0), len(own)))
            continue
        places = [place + 1 for place in places if place < len(own) and own[place] == text]
        if not places:
            return number, f"{source} does not go on with '{text}'"
    return None


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)] if line.startswith("|") else []


def check_shape(line: str, above: str) -> list[str]:
    if row := cells(line):
        longest, columns = max(len(cell) for cell in row), len(cells(above)) or len(row)
        findings = [f"a cell of {longest} characters; at most {CELL_CHARACTERS}"] if longest > CELL_CHARACTERS else []
        return findings + ([f"{len(row) - 2} cell(s) below {columns - 2}"] if len(row) != columns else [])
    wide = len(line) > LINE_COLUMNS and "://" not in line
    return [f"{len(line)} columns; at most {LINE_COLUMNS}"] if wide else []


def check_page(page: str, sources: Sources) -> list[str]:
    findings = []
    kind = None  # the words behind ``` while in a block
    lines = sources.pages[page].splitlines()
    start = 0  # of the block, the number of the line with ```
    for number, line in enumerate(lines, start=1):
        fence = FENCE.match(line)
        if kind == ["text"] and not fence:
            continue
        problems = check_shape(line, lines[number - 2] if number > 1 else "")
        if fence and kind is None:
            kind, start = fence[1].split(), number
        elif fence:
            quotes = kind[:1] == ["cpp"] and len(kind) > 1
            parting = check_quote(lines[start : number - 1], kind[1], sources) if quotes else None
            findings += [f"{page}:{start + parting[0]}: {parting[1]}"] if parting else []
            kind = None
        elif kind is None:
            problems += check_prose(line, page, sources)
        elif kind[:1] != ["cpp"]:
            problems += check_block(line, page, sources)
        findings += [f"{page}:{number}: {problem}" for problem in problems]
    return findings


def check(project: Tree) -> list[str]:
    sources = Sources.of(project)
    findings = [finding for page in sources.pages for finding in check_page(page, sources)]
    for path, text in project.text.items():
        if path not in sources.pages and not path.startswith(EXEMPT):
            findings += [f"{path}: there is no {page}" for page in PAGE.findall(text) if page not in project.names]
    return findings
