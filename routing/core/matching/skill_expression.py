"""Read conditions on the skills of an agent: `psikososyal >= 60 and (tr or en) and not stajyer`.

    expression = all { "or" all }              also "veya"
    all        = one { "and" one }             also "ve"
    one        = ["not"] part                  also "değil", before the part or after it (`stajyer değil`)
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

from routing.core.model.centre_model import Needs
from routing.core.model.errors import RoutingError
from routing.core.model.ids import SkillId

LENGTH_MAX = 500
"""Letters of an expression. Nobody reads a longer text."""

DEPTH_MAX = 20
"""Parentheses and `not` within each other. The limit bounds the recursion of everything here."""

PARSED_MAX = 1024
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

_MISSPELLINGS = {"=>": ">=", "=<": "<=", "&&": "and", "&": "and", "||": "or", "|": "or", "≥": ">=", "≤": "<=",
    "≠": "!=",
          "=": ">=", "!": "!="}
"""Signs from other languages, and what they mean here: `en = 50` is nearly always "at least"."""

_SIGNS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}
_RANKING = (">=", ">", "==")
"""Comparisons that ask for a level. More of the level is better."""

# Turkish and English words may be mixed: both appear in the files of real centres.
_WORDS = {"and": "and", "ve": "and", "or": "or", "veya": "or", "not": "not", "değil": "not"}
_TOKEN = re.compile(r"\s*(?:(?P<sign>>=|<=|==|!=|[<>=!()])|(?P<number>\d+)|(?P<word>[^\W\d][\w.-]*)|(?P<bad>\S))")


class _Token(NamedTuple):
    kind: str
    """`sign`, `number`, `word` (a skill), `end`, or `and`, `or`, `not`."""
    text: str
    column: int


@lru_cache(maxsize=PARSED_MAX)
def parse_expression(text: str) -> Expression:
    """Return the expression of a text. Raise `ExpressionError`, which names the column and the correction."""
    # One line with one character for each letter: only then do the columns of errors fit.
    text = " ".join(unicodedata.normalize("NFC", text).splitlines())
    if len(text) > LENGTH_MAX:
        raise ExpressionError(text[:LENGTH_MAX + 1], LENGTH_MAX + 1, f"longer than {LENGTH_MAX} letters",
                              "shorten it, or give the service more steps")
    return _Parser(text).parse_whole()


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._scan_tokens())
        self._at = 0
        self._depth = 0

    def _scan_tokens(self) -> Iterator[_Token]:
        at = 0
        while found := _TOKEN.match(self._text, at):
            kind, at = str(found.lastgroup), found.end()
            text, column = found.group(kind), found.start(kind) + 1
            if kind == "bad":
                raise self._misspelling_error(_Token(kind, text, column), "means nothing here",
                                  "an expression has skills, numbers, comparisons, and, or, not and parentheses")
            # Skills keep their spelling. Only the words of the language may be written in capitals.
            if kind == "word":
                kind = _WORDS.get(text, _WORDS.get(_lower_turkish(text), "word"))
            yield _Token(kind, text, column)
        yield _Token("end", "", len(self._text.rstrip()) + 1)

    def parse_whole(self) -> Expression:
        """Parse the text from its beginning to its end."""
        found = self._parse_any()
        token = self._tokens[self._at]
        if token.kind != "end":
            # The usual mistakes get an error that says how to correct them.
            if token.text == ")":
                raise self._build_error(token, "this parenthesis was never opened", "remove it")
            if token.text in _SIGNS:
                raise self._build_error(token, "a second comparison of the same skill",
                                  "name the skill again: skill >= 20 and skill <= 60")
            raise self._build_error(token, f"'{token.text}' follows without a word between",
                "put 'and' or 'or' before it")
        return found

    def _parse_any(self) -> Expression:
        parts = [self._parse_all()]
        while self._take_token("or"):
            parts.append(self._parse_all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _parse_all(self) -> Expression:
        parts = [self._parse_one()]
        while self._take_token("and"):
            parts.append(self._parse_one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _parse_one(self) -> Expression:
        token = self._tokens[self._at]
        if self._take_token("not"):
            self._enter_level(token)
            found: Expression = Not(self._parse_one())
            self._depth -= 1
            return found
        # Turkish puts `değil` after the part: `stajyer değil`.
        found = self._parse_part()
        if self._take_token("not"):
            found = Not(found)
        return found

    def _parse_part(self) -> Expression:
        token = self._tokens[self._at]
        # The end is never consumed, so that every later look at the token finds it.
        self._at += token.kind != "end"
        if token.text == "(":
            self._enter_level(token)
            found = self._parse_any()
            if self._tokens[self._at].text != ")":
                raise self._build_error(token, "this parenthesis is never closed", "put ')' where it ends")
            self._at += 1
            self._depth -= 1
            return found
        if token.kind == "word":
            return self._parse_skill(SkillId(token.text))
        if token.kind == "number":
            raise self._build_error(token, "a comparison begins with a skill",
                f"write it like: psikososyal >= {token.text}")
        if token.kind == "end":
            raise self._build_error(token, "something is missing here", "name a skill, or remove what stands before")
        raise self._build_error(token, f"'{token.text}' has nothing before it",
                          "write 'not'" if token.text == "!" else "name a skill here")

    def _parse_skill(self, skill: SkillId) -> Expression:
        sign = self._tokens[self._at]
        if sign.kind != "sign" or sign.text in "()":
            return Has(skill)
        if sign.text not in _SIGNS:
            raise self._misspelling_error(sign, "is no comparison", "comparisons are >= > <= < == !=")
        # The end token follows every sign, so there is a next token.
        level = self._tokens[self._at + 1]
        if level.kind != "number":
            raise self._build_error(level, f"a level must follow '{sign.text}'", f"write a whole number, 0-{LEVEL_MAX}")
        if len(level.text) > 3 or int(level.text) > LEVEL_MAX:
            raise self._build_error(level, f"there is no level {level.text[:9]}", f"levels go from 0 to {LEVEL_MAX}")
        self._at += 2
        return Compare(skill, sign.text, int(level.text))

    def _take_token(self, kind: str) -> bool:
        if self._tokens[self._at].kind != kind:
            return False
        self._at += 1
        return True

    def _enter_level(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._build_error(token, f"more than {DEPTH_MAX} parentheses and 'not' within each other",
                "simplify it")

    def _misspelling_error(self, token: _Token, what: str, mend: str) -> ExpressionError:
        """Return the error for a token that is unknown here.

        The error says `mend` unless the intended sign is plain.
        """
        at = token.column - 1
        # Two characters first, so that `&&` is not read as two mistakes.
        for written in (self._text[at:at + 2], self._text[at:at + 1]):
            if written in _MISSPELLINGS:
                return self._build_error(token, f"'{written}' {what}", f"write '{_MISSPELLINGS[written]}'")
        return self._build_error(token, f"'{token.text}' {what}", mend)

    def _build_error(self, token: _Token, what: str, mend: str) -> ExpressionError:
        return ExpressionError(self._text, token.column, what, mend)


def _lower_turkish(word: str) -> str:
    """Return the word in small letters, as Turkish has them."""
    return word.replace("İ", "i").lower()


def fits_skills(expression: Expression, skills: Mapping[SkillId, int]) -> bool:
    """Return whether an agent with these skills is what the expression asks for."""
    match expression:
        case Has(skill):
            return skill in skills
        case Compare(skill, sign, level):
            return skill in skills and _SIGNS[sign](skills[skill], level)
        case Not(part):
            return not fits_skills(part, skills)
        case All(parts):
            return all(fits_skills(part, skills) for part in parts)
        case Any(parts):
            return any(fits_skills(part, skills) for part in parts)


def ranking_level(expression: Expression, skills: Mapping[SkillId, int]) -> int:
    """Return the level that ranks an agent who fits.

    It is that of the first skill that is asked for (bare, `>=`, `>` or `==`) in a part that holds.
    Return 0 if there is none.
    """
    return _find_ranking_level(expression, skills) or 0


def _find_ranking_level(expression: Expression, skills: Mapping[SkillId, int]) -> int | None:
    # A part that does not hold, or that holds because a skill is missing, ranks nobody.
    if isinstance(expression, Not) or not fits_skills(expression, skills):
        return None
    if isinstance(expression, (All, Any)):
        return next((level for part in expression.parts if (level := _find_ranking_level(part, skills)) is not None),
            None)
    if isinstance(expression, Compare) and expression.sign not in _RANKING:
        return None
    return skills[expression.skill]


def asks_level(expression: Expression) -> bool:
    """Return whether a part asks for a skill that can rank an agent."""
    if isinstance(expression, (All, Any)):
        return any(asks_level(part) for part in expression.parts)
    return isinstance(expression, Has) or (isinstance(expression, Compare) and expression.sign in _RANKING)


def as_needs(expression: Expression) -> Needs | None:
    """Return the expression as needs, if it only asks for skills at levels that must all be there.

    Return None if the expression says more.
    """
    parts = expression.parts if isinstance(expression, All) else (expression,)
    found: dict[SkillId, int] = {}
    for part in parts:
        if isinstance(part, Has):
            least: Needs | None = ((part.skill, 0),)
        elif isinstance(part, Compare) and part.sign == ">=":
            least = ((part.skill, part.level),)
        elif isinstance(part, All):
            least = as_needs(part)
        else:
            return None
        if least is None:
            return None
        # A skill that is asked for twice must reach the higher level.
        for skill, level in least:
            found[skill] = max(level, found.get(skill, level))
    return tuple(found.items())


def named_skills(expression: Expression) -> frozenset[SkillId]:
    """Return every skill that the expression names."""
    match expression:
        case Has(skill) | Compare(skill, _, _):
            return frozenset((skill,))
        case Not(part):
            return named_skills(part)
        case All(parts) | Any(parts):
            return frozenset().union(*map(named_skills, parts))
