"""What an agent must be, in words: `psikososyal >= 60 and (tr or en) and not stajyer`.

    expression = all { "or" all }              "veya" too
    all        = one { "and" one }             "ve" too
    one        = ["not"] part                  "değil" too, before the part or after it (`stajyer değil`)
    part       = "(" expression ")" | skill | skill (">=" ">" "<=" "<" "==" "!=") level

A level is a whole number, 0-100. A bare skill asks that the agent has it, on any level. An undefined skill is not 0:
every comparison with one is false, `!=` and `<` too (the rule of Wazo's skills). So `not (en >= 50)` holds for an agent
without `en`, and `en < 50` does not.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from routing.core.errors import RoutingError
from routing.core.ids import SkillId
from routing.core.model import Needs

LENGTH_MAX = 500
"""Letters of an expression. Nobody reads a longer text."""

DEPTH_MAX = 20
"""Parentheses and `not` within each other. The limit bounds the recursion of everything here."""

PARSED_KEPT = 1024
"""Parsed texts that are remembered: more than a centre has steps."""

LEVEL_MAX = 100


class ExpressionError(RoutingError, ValueError):
    """A text that is no expression. `column` counts from 1 in `text`, and the message marks it."""

    def __init__(self, text: str, column: int, what: str, mend: str) -> None:
        super().__init__(f"column {column}: {what}; {mend}\n    {text}\n    {' ' * (column - 1)}^")
        self.text, self.column, self.what, self.mend = text, column, what, mend


class Has(NamedTuple):
    """The agent has the skill."""

    skill: SkillId


class Compare(NamedTuple):
    """The agent has the skill, and its level compares as `sign` says."""

    skill: SkillId
    sign: str
    level: int


class Not(NamedTuple):
    """The part does not hold."""

    part: Expression


class All(NamedTuple):
    """Every part holds."""

    parts: tuple[Expression, ...]


class Any(NamedTuple):
    """At least one part holds."""

    parts: tuple[Expression, ...]


Expression = Has | Compare | Not | All | Any

_MEANT = {"=>": ">=", "=<": "<=", "&&": "and", "&": "and", "||": "or", "|": "or", "≥": ">=", "≤": "<=", "≠": "!=",
          "=": ">=", "!": "!="}
"""Signs from other languages, and what they mean here: `en = 50` is nearly always "at least"."""

_SIGNS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}
_RANKING = (">=", ">", "==")
"""Comparisons that ask for a level. More of the level is better."""

_WORDS = {"and": "and", "ve": "and", "or": "or", "veya": "or", "not": "not", "değil": "not"}
_TOKEN = re.compile(r"\s*(?:(?P<sign>>=|<=|==|!=|[<>=!()])|(?P<number>\d+)|(?P<word>[^\W\d][\w.-]*)|(?P<bad>\S))")


class _Token(NamedTuple):
    kind: str
    """`sign`, `number`, `word` (a skill), `end`, or `and`, `or`, `not`."""
    text: str
    column: int


@lru_cache(maxsize=PARSED_KEPT)
def parse(text: str) -> Expression:
    """Return the expression of a text. Raise `ExpressionError`, which names the column and the correction."""
    text = " ".join(unicodedata.normalize("NFC", text).splitlines())  # one line, one character a letter: columns fit
    if len(text) > LENGTH_MAX:
        raise ExpressionError(text[:LENGTH_MAX + 1], LENGTH_MAX + 1, f"longer than {LENGTH_MAX} letters",
                              "shorten it, or give the service more steps")
    return _Parser(text).whole()


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._scan())
        self._at = 0
        self._depth = 0

    def _scan(self) -> Iterator[_Token]:
        at = 0
        while found := _TOKEN.match(self._text, at):
            kind, at = str(found.lastgroup), found.end()
            text, column = found.group(kind), found.start(kind) + 1
            if kind == "bad":
                raise self._meant(_Token(kind, text, column), "means nothing here",
                                  "an expression has skills, numbers, comparisons, and, or, not and parentheses")
            if kind == "word":
                kind = _WORDS.get(text, _WORDS.get(_lower(text), "word"))
            yield _Token(kind, text, column)
        yield _Token("end", "", len(self._text.rstrip()) + 1)

    def whole(self) -> Expression:
        """Parse the text from its beginning to its end."""
        found = self._any()
        token = self._tokens[self._at]
        if token.kind != "end":
            if token.text == ")":
                raise self._error(token, "this parenthesis was never opened", "remove it")
            if token.text in _SIGNS:
                raise self._error(token, "a second comparison of the same skill",
                                  "name the skill again: skill >= 20 and skill <= 60")
            raise self._error(token, f"'{token.text}' follows without a word between", "put 'and' or 'or' before it")
        return found

    def _any(self) -> Expression:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self) -> Expression:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Expression:
        token = self._tokens[self._at]
        if self._take("not"):
            self._deeper(token)
            found: Expression = Not(self._one())
            self._depth -= 1
            return found
        found = self._part()
        if self._take("not"):  # as Turkish has it: `stajyer değil`
            found = Not(found)
        return found

    def _part(self) -> Expression:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        if token.text == "(":
            self._deeper(token)
            found = self._any()
            if self._tokens[self._at].text != ")":
                raise self._error(token, "this parenthesis is never closed", "put ')' where it ends")
            self._at += 1
            self._depth -= 1
            return found
        if token.kind == "word":
            return self._skill(SkillId(token.text))
        if token.kind == "number":
            raise self._error(token, "a comparison begins with a skill", f"write it like: psikososyal >= {token.text}")
        if token.kind == "end":
            raise self._error(token, "something is missing here", "name a skill, or remove what stands before")
        raise self._error(token, f"'{token.text}' has nothing before it",
                          "write 'not'" if token.text == "!" else "name a skill here")

    def _skill(self, skill: SkillId) -> Expression:
        sign = self._tokens[self._at]
        if sign.kind != "sign" or sign.text in "()":
            return Has(skill)
        if sign.text not in _SIGNS:
            raise self._meant(sign, "is no comparison", "comparisons are >= > <= < == !=")
        level = self._tokens[self._at + 1]
        if level.kind != "number":
            raise self._error(level, f"a level must follow '{sign.text}'", f"write a whole number, 0-{LEVEL_MAX}")
        if len(level.text) > 3 or int(level.text) > LEVEL_MAX:
            raise self._error(level, f"there is no level {level.text[:9]}", f"levels go from 0 to {LEVEL_MAX}")
        self._at += 2
        return Compare(skill, sign.text, int(level.text))

    def _take(self, kind: str) -> bool:
        if self._tokens[self._at].kind != kind:
            return False
        self._at += 1
        return True

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._error(token, f"more than {DEPTH_MAX} parentheses and 'not' within each other", "simplify it")

    def _meant(self, token: _Token, what: str, mend: str) -> ExpressionError:
        """Return the error for a token that is unknown here. The error says `mend` unless the intended sign is
        plain."""
        at = token.column - 1
        for written in (self._text[at:at + 2], self._text[at:at + 1]):
            if written in _MEANT:
                return self._error(token, f"'{written}' {what}", f"write '{_MEANT[written]}'")
        return self._error(token, f"'{token.text}' {what}", mend)

    def _error(self, token: _Token, what: str, mend: str) -> ExpressionError:
        return ExpressionError(self._text, token.column, what, mend)


def _lower(word: str) -> str:
    """Return the word in small letters, as Turkish has them."""
    return word.replace("İ", "i").lower()


def fits(expression: Expression, skills: Mapping[SkillId, int]) -> bool:
    """Return whether an agent with these skills is what the expression asks for."""
    match expression:
        case Has(skill):
            return skill in skills
        case Compare(skill, sign, level):
            return skill in skills and _SIGNS[sign](skills[skill], level)
        case Not(part):
            return not fits(part, skills)
        case All(parts):
            return all(fits(part, skills) for part in parts)
        case Any(parts):
            return any(fits(part, skills) for part in parts)


def rank(expression: Expression, skills: Mapping[SkillId, int]) -> int:
    """Return the level that ranks an agent who fits. It is that of the first skill in the text which is asked for
    (bare, `>=`, `>` or `==`) in a part that holds. Return 0 if there is none."""
    return _rank(expression, skills) or 0


def _rank(expression: Expression, skills: Mapping[SkillId, int]) -> int | None:
    if isinstance(expression, Not) or not fits(expression, skills):
        return None
    if isinstance(expression, (All, Any)):
        return next((level for part in expression.parts if (level := _rank(part, skills)) is not None), None)
    if isinstance(expression, Compare) and expression.sign not in _RANKING:
        return None
    return skills[expression.skill]


def asks(expression: Expression) -> bool:
    """Return whether a part asks for a skill that can rank an agent."""
    if isinstance(expression, (All, Any)):
        return any(asks(part) for part in expression.parts)
    return isinstance(expression, Has) or (isinstance(expression, Compare) and expression.sign in _RANKING)


def needs(expression: Expression) -> Needs | None:
    """Return the expression as needs, if it only asks for skills at levels that must all be there. Return None if the
    expression says more."""
    parts = expression.parts if isinstance(expression, All) else (expression,)
    found: dict[SkillId, int] = {}
    for part in parts:
        if isinstance(part, Has):
            least: Needs | None = ((part.skill, 0),)
        elif isinstance(part, Compare) and part.sign == ">=":
            least = ((part.skill, part.level),)
        elif isinstance(part, All):
            least = needs(part)
        else:
            return None
        if least is None:
            return None
        for skill, level in least:
            found[skill] = max(level, found.get(skill, level))
    return tuple(found.items())


def skills(expression: Expression) -> frozenset[SkillId]:
    """Return every skill that the expression names."""
    match expression:
        case Has(skill) | Compare(skill, _, _):
            return frozenset((skill,))
        case Not(part):
            return skills(part)
        case All(parts) | Any(parts):
            return frozenset().union(*map(skills, parts))
