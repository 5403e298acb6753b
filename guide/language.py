"""Measure and check the language of this repository: names, docstrings, comments, docs and the changelog.

`python -m guide.language` prints the figures. `tests/unit/guide/test_language.py` fails on each finding.
The rules stand in `CONTRIBUTING.md`, the terms in `docs/glossary.md`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from guide.vocabulary import RETIRED_IDENTIFIERS, RETIRED_PHRASES, VERBS

ROOT = Path(__file__).resolve().parents[1]

NOT_PRODUCT = ("tests/", "guide/", "bench/")
"""Folders whose functions are not counted: tests, and tools that are not installed."""

UNCHECKED = ("guide/vocabulary.py", "tests/unit/guide/test_language.py", "docs/glossary.md", "LICENSE", "tests/wire/",
             "CHANGELOG.md")
"""Files that must name retired words, or that hold recorded bytes. The changelog is checked for its length."""

HEADLESS = re.compile(r"(?:Who|Whoever|Whom|Whomever|Whose|What|Whatever)\s+[a-z]")
"""A sentence that begins with a relative pronoun without a noun. Questions are allowed."""

SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n\s*\n|\n(?=\s*[-*|#>])|\s\|\s?|\|$")

CODE_BLOCK = re.compile(r"```.*?```|~~~.*?~~~|^(?: {4}|\t)[^\n]*$", re.MULTILINE | re.DOTALL)

CODE_SPAN = re.compile(r"`[^`\n]*`")

WORD = re.compile(r"\S*\w\S*")
"""A word has a letter or a digit, so the bars of a table do not count."""

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


class Finding(NamedTuple):
    """A place that breaks a rule."""

    file: str
    line: int
    rule: str
    text: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.text.strip()[:90]!r} -> {self.advice}"


class Figures(NamedTuple):
    """Counts of the whole repository."""

    functions: int
    one_word: int
    code_lines: int
    comment_lines: int
    headless: int
    retired: int
    verbless: int
    dead_links: int
    docs_words: int
    changelog_lines: int


def list_files(*endings: str) -> list[str]:
    """Return the tracked and new files with one of these endings, in order."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.splitlines()
    return sorted({name for name in listed if name.endswith(endings) and (ROOT / name).is_file()})


def is_product(file: str) -> bool:
    """Return whether the file belongs to the installed product."""
    return file.endswith(".py") and not file.startswith(NOT_PRODUCT)


def iterate_functions(tree: ast.AST, public: bool = True,
                      inside: bool = False) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Yield each function with whether it is public. Functions inside functions are not public."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, public and not inside and not node.name.startswith("_")
            yield from iterate_functions(node, public, True)
        elif isinstance(node, ast.ClassDef):
            yield from iterate_functions(node, public and not node.name.startswith("_"), inside)
        else:
            yield from iterate_functions(node, public, inside)


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a decorator makes an attribute of the function."""
    return any(word in ast.unparse(one) for one in node.decorator_list for word in ("property", ".setter"))


def is_override(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether the function says that a base class names it."""
    return any("override" in ast.unparse(one) for one in node.decorator_list)


def count_lines(source: str) -> tuple[int, int]:
    """Return the lines of code, without docstrings and blank lines, and the lines that are only a comment."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documented.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    code: set[int] = set()
    comments: set[int] = set()
    silent = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.type not in silent:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - documented), len(comments - code)


def iterate_prose(file: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield each passage of prose with its first line: docstrings, comments, long strings of code, or a page."""
    if not file.endswith(".py"):
        blank = CODE_BLOCK.sub(lambda found: "\n" * found[0].count("\n"), source)
        yield 1, blank
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") >= 2:
            yield node.lineno, node.value
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if last and token.start[0] > last + 1:
                yield first, " ".join(block)
                block = []
            first = first if block else token.start[0]
            last = token.start[0]
            block.append(token.string.lstrip("# "))
    if block:
        yield first, " ".join(block)


def find_headless(file: str, source: str) -> Iterator[Finding]:
    """Yield sentences that begin with Who, Whoever, Whom, Whose or What and are no question."""
    for line, text in iterate_prose(file, source):
        start = 0
        for part in [*SENTENCE_END.finditer(text), None]:
            end = len(text) if part is None else part.start()
            sentence = text[start:end]
            begin = start + len(sentence) - len(sentence.lstrip(" \n#>*-|\t\"'"))
            if HEADLESS.match(text, begin) and not text[begin:end].rstrip().endswith("?"):
                yield Finding(file, line + text.count("\n", 0, begin), "headless opening", text[begin:end],
                              "begin with a noun: The caller who …, A contact that …")
            start = end if part is None else part.end()


def find_retired(file: str, source: str) -> Iterator[Finding]:
    """Yield retired words in prose, and retired identifiers in code."""
    for line, text in iterate_prose(file, source):
        spoken = CODE_SPAN.sub(lambda found: " " * len(found[0]), text)
        for pattern, better in RETIRED_PHRASES:
            for found in pattern.finditer(spoken):
                yield Finding(file, line + text.count("\n", 0, found.start()), "retired word", found[0], better)
    if not file.endswith(".py"):
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and (instead := RETIRED_IDENTIFIERS.get(token.string.strip("_"))):
            yield Finding(file, token.start[0], "retired name", token.string, instead)


def find_verbless(file: str, source: str) -> Iterator[Finding]:
    """Yield public functions of the product whose docstring does not begin with a verb."""
    for node, public in iterate_functions(ast.parse(source)):
        text = ast.get_docstring(node)
        if not public or text is None or is_property(node) or node.name.startswith("__"):
            continue
        word = re.split(r"[\s.,:;]", text, maxsplit=1)[0].lower()
        if not {word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)} & VERBS:
            yield Finding(file, node.lineno, "no verb", f"{node.name}: {text.splitlines()[0]}",
                          "begin with a verb: Return …, Move …, Raise …")


def find_dead_links(file: str, source: str) -> Iterator[Finding]:
    """Yield links of a page to files or headings of this repository that do not exist."""
    for found in LINK.finditer(CODE_BLOCK.sub(lambda one: "\n" * one[0].count("\n"), source)):
        target, _, anchor = found[1].partition("#")
        if ":" in target:
            continue
        path = (ROOT / file).parent / target if target else ROOT / file
        line = source.count("\n", 0, max(source.find(found[0]), 0)) + 1
        if not path.exists():
            yield Finding(file, line, "dead link", found[1], "name a file that exists")
        elif anchor and path.suffix == ".md" and anchor not in list_anchors(path.read_text(encoding="utf-8")):
            yield Finding(file, line, "dead link", found[1], "name a heading that exists")


def list_anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as the site and the usual forges make them."""
    headings = re.findall(r"^#+\s+(.*)$", CODE_BLOCK.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", one)).strip().lower().replace(" ", "-") for one in headings}


def find_all() -> list[Finding]:
    """Return all findings of the repository, ordered by file and line."""
    found: list[Finding] = []
    for file in list_files(".py", ".md"):
        if file.startswith(UNCHECKED):
            continue
        source = (ROOT / file).read_text(encoding="utf-8")
        found += find_headless(file, source)
        found += find_retired(file, source)
        if is_product(file):
            found += find_verbless(file, source)
        if file.endswith(".md"):
            found += find_dead_links(file, source)
    return sorted(set(found))


def measure_repository(findings: list[Finding]) -> Figures:
    """Return the figures of the whole repository, with the counts of its findings."""
    functions = one_word = code = comments = 0
    for file in list_files(".py"):
        if not is_product(file):
            continue
        source = (ROOT / file).read_text(encoding="utf-8")
        lines, commented = count_lines(source)
        code += lines
        comments += commented
        for node, _ in iterate_functions(ast.parse(source)):
            if node.name.startswith("__") or is_property(node) or is_override(node):
                continue
            functions += 1
            one_word += "_" not in node.name.strip("_")
    rules = [one.rule for one in findings]
    words = sum(len(WORD.findall((ROOT / name).read_text(encoding="utf-8")))
                for name in list_files(".md") if name.startswith("docs/"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count("\n")
    return Figures(functions, one_word, code, comments, rules.count("headless opening"),
                   rules.count("retired word") + rules.count("retired name"), rules.count("no verb"),
                   rules.count("dead link"), words, changelog)


def print_figures(figures: Figures) -> None:
    """Print the figures with their goals."""
    share = 100.0 * figures.one_word / figures.functions
    comments = 100.0 * figures.comment_lines / (figures.code_lines + figures.comment_lines)
    for name, value, goal in (
            ("functions and methods", f"{figures.functions}", ""),
            ("of one word", f"{share:.1f} %", "at most 35 %"),
            ("lines of code", f"{figures.code_lines}", ""),
            ("comment lines in code", f"{comments:.2f} %", "at least 3 %"),
            ("headless openings", f"{figures.headless}", "0"),
            ("retired words", f"{figures.retired}", "0"),
            ("public docstrings without a verb", f"{figures.verbless}", "0"),
            ("dead links", f"{figures.dead_links}", "0"),
            ("words in docs/", f"{figures.docs_words}", "at most 55,000"),
            ("lines of CHANGELOG.md", f"{figures.changelog_lines}", "at most 75")):
        sys.stdout.write(f"{name:34}{value:>10}   {goal}\n")


if __name__ == "__main__":
    if "--findings" in sys.argv:
        wanted = [one for one in sys.argv[1:] if not one.startswith("-")]
        sys.stdout.writelines(f"{one}\n" for one in find_all() if not wanted or one.file.startswith(tuple(wanted)))
    else:
        print_figures(measure_repository(find_all()))
