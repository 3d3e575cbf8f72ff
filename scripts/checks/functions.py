"""Finds the function definitions of a C++ file by its braces; strings, comments and initialisers are known.

It relies on clang-format's one habit that tells a body from an initialiser: a space stands before a body's brace.
"""

import re
from dataclasses import dataclass

SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|\bextern\s*$")
RAW_STRING = re.compile(r'R"([^()\\\s]{0,16})\((.*?)\)\1"', re.DOTALL)
NOISE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|^[ ]*\#(?:\\\n|[^\n])*""", re.DOTALL | re.MULTILINE
)
TEMPLATE = re.compile(r"^template\s*<[^{]*?>\s+(?=\w)")
ACCESS = re.compile(r"\s*(?:public|private|protected)\s*:$")
NAME = re.compile(r"([~\w:]+(?:<[^<>()]*>)?(?:\s*\(\))?|operator\s*\S+)\s*\(")


@dataclass(frozen=True)
class Function:
    name: str
    line: int
    lines: int


@dataclass
class Open:
    kind: str  # "scope", "function" or "other"
    head: str  # the text before the brace, since the last ; { or }
    line: int  # where that text starts


def blank(match: re.Match) -> str:
    """As many lines, no text: line numbers stay right. A string stays one, so that f("x") reads as a call."""
    return ('""' if match[0][0] in "\"'R" else "") + "\n" * match[0].count("\n")


def kind_of(head: str, inside: list[Open]) -> str:
    if head and not head[-1].isspace():
        return "other"  # T{...}, f({...})
    text = TEMPLATE.sub("", head.strip())
    if any(opened.kind != "scope" for opened in inside) or text.endswith(("=", ",", "(", "return")):
        return "other"
    if SCOPE.search(text) and "(" not in text:
        return "scope"
    return "function" if "(" in text else "scope"


def find(text: str) -> list[Function]:
    """Outermost functions only: a lambda counts as part of the function it stands in."""
    text = NOISE.sub(blank, RAW_STRING.sub(blank, text))
    found = []
    stack: list[Open] = []
    head, head_line, line = "", 1, 1
    for character in text:
        if character == "{":
            stack.append(Open(kind_of(head, stack), head, head_line))
            head = ""
        elif character == "}" and stack:
            opened = stack.pop()
            if opened.kind == "function":
                name = NAME.search(TEMPLATE.sub("", opened.head.strip()))
                found.append(Function(name[1] if name else "?", opened.line, line - opened.line + 1))
            # An initialiser does not end what it is part of: A::A() : b_{1}, c_{2} { ... }
            head, head_line = (opened.head + "{}", opened.line) if opened.kind == "other" else ("", line)
        elif character == ";":
            head = ""
        elif head or not character.isspace():
            if not head:
                head_line = line
            head += character
            if ACCESS.fullmatch(head):
                head = ""
        line += character == "\n"
    return found
