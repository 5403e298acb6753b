"""The language of the repository follows its rules: no retired words, no headless openings, verbs first, live links."""

from __future__ import annotations

import pytest

from guide import language

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def findings() -> list[language.Finding]:
    """Return the findings of the whole repository, from one walk for all rules."""
    return list(language.find_all())


@pytest.mark.parametrize("rule", ["headless opening", "retired word", "retired name", "no verb", "dead link"])
def test_no_passage_breaks_a_rule(rule: str, findings: list[language.Finding]) -> None:
    found = [str(one) for one in findings if one.rule == rule]
    assert not found, f"{len(found)} places:\n" + "\n".join(found[:40])


def test_names_comments_docs_and_changelog_keep_their_bounds(findings: list[language.Finding]) -> None:
    figures = language.measure_repository(findings)
    assert figures.one_word <= 0.35 * figures.functions
    assert figures.comment_lines >= 0.03 * (figures.code_lines + figures.comment_lines)
    assert figures.docs_words <= 55_000
    assert figures.changelog_lines <= 75


@pytest.mark.parametrize(("source", "rule"), [
    ('"""Who hangs up while waiting was served."""\n', "headless opening"),
    ('x = 1\n"""Ends. What comes later stays."""\n', "headless opening"),
    ('# The caller goes to the safety net after a minute.\n', "retired word"),
    ('introducer = 1\n', "retired name"),
    ('def end() -> None:\n    """The end of it."""\n', "no verb"),
])
def test_a_planted_fault_is_found(source: str, rule: str) -> None:
    found = [*language.find_headless("a.py", source), *language.find_retired("a.py", source),
             *language.find_verbless("a.py", source)]
    assert [one.rule for one in found] == [rule] and found[0].advice


@pytest.mark.parametrize("source", [
    '"""Who is there? Return the agent who answered."""\n',
    'def end_talk() -> None:\n    """End the talk."""\n',
    '# `safety net` between backticks is a quotation.\n',
])
def test_good_language_passes(source: str) -> None:
    assert not [*language.find_headless("a.py", source), *language.find_retired("a.py", source),
                *language.find_verbless("a.py", source)]


def test_a_dead_link_is_found() -> None:
    assert [one.rule for one in language.find_dead_links("README.md", "[a](docs/none.md)\n[b](#none)\n")] == [
        "dead link", "dead link"]
