"""The grammar of filters and orders: MLflow's, and OR, NOT and parentheses besides.

    filter     := conjunction { OR conjunction }
    conjunction:= negation { AND negation }
    negation   := { NOT } ( "(" filter ")" | comparison )
    comparison := field operator value | field [NOT] IN (value, ...) | field [NOT] LIKE text | field IS [NOT] NULL
    field      := [entity "."] key
    order      := field [ASC | DESC]

Everything is read in one pass from left to right, and within limits, so the time is proportional to the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terrazul.core.clock import from_text
from terrazul.core.errors import InvalidInput
from terrazul.server.run.search.fields import RUN_SCHEMA
from terrazul.server.run.search.state import STATE_WORDS, states_named
from terrazul.server.run.search.token import Token, TokenKind, tokenize, unreadable
from terrazul.server.run.search.tree import (
    And,
    Comparison,
    Entity,
    Field,
    Kind,
    Node,
    Not,
    Operator,
    Or,
    OrderTerm,
    Schema,
    Span,
    Value,
)

COMPARISON_LIMIT = 200
DEPTH_LIMIT = 50
LIST_LIMIT = 1000
KEY_LIMIT = 1000
PATTERN_LIMIT = 5000
ORDER_LIMIT = 10

_MILLISECOND = 1000
_LATEST = 2**62
_FILTER = "filter"
_ORDER = "order"
_KEYWORDS = {"AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE"}
_PATTERNS = {"LIKE": (Operator.LIKE, Operator.NOT_LIKE), "ILIKE": (Operator.ILIKE, Operator.NOT_ILIKE)}
_ORDERED = {Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST}
_WORDS_ONLY = {Kind.TEXT, Kind.STATE}
_TEXTS = {TokenKind.SINGLE, TokenKind.DOUBLE}
_NAMES = {TokenKind.DOUBLE, TokenKind.BACKTICK}


def parse(text: str, schema: Schema = RUN_SCHEMA) -> Node:
    """The tree of a filter; an empty one restricts nothing.

    Raises ``InvalidInput``, with the place and what was expected there.
    """
    return _Parser(tokenize(text, _FILTER), _FILTER, schema).filter()


def parse_order(texts: Sequence[str], schema: Schema = RUN_SCHEMA) -> list[OrderTerm]:
    """The terms of an order, the weightiest first; of several for one field the first counts.

    Raises ``InvalidInput``, with the place and what was expected there.
    """
    if len(texts) > ORDER_LIMIT:
        raise InvalidInput(
            f"An order has at most {ORDER_LIMIT} terms, not {len(texts)}.", target="order_by", hint="Leave some out."
        )
    terms: dict[Field, OrderTerm] = {}
    for text in texts:
        term = _Parser(tokenize(text, _ORDER), _ORDER, schema).order_term()
        terms.setdefault(term.field, term)
    return list(terms.values())


class _Parser:
    def __init__(self, tokens: list[Token], what: str, schema: Schema) -> None:
        self._tokens = tokens
        self._next = 0
        self._what = what
        self._schema = schema
        self._comparisons = 0

    def filter(self) -> Node:
        """The whole filter."""
        if self._token.kind is TokenKind.END:
            return And()
        found = self._alternatives(0)
        self._end("AND, OR or the end")
        return found

    def order_term(self) -> OrderTerm:
        """One term of an order."""
        found = self._field()
        direction = self._take_keyword("ASC", "DESC")
        self._end("ASC, DESC or the end")
        return OrderTerm(found, descending=direction == "DESC")

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._token
        self._next += 1
        return token

    def _take_keyword(self, *words: str) -> str:
        """The keyword that comes next, if it is one of these; else an empty text."""
        keyword = self._token.keyword
        if keyword not in words:
            return ""
        self._advance()
        return keyword

    def _take(self, kind: TokenKind, expected: str) -> Token:
        if self._token.kind is not kind:
            raise self._unexpected(expected)
        return self._advance()

    def _end(self, expected: str) -> None:
        if self._token.kind is not TokenKind.END:
            raise self._unexpected(expected)

    def _unexpected(self, expected: str, hint: str | None = None) -> InvalidInput:
        token = self._token
        return self._error(token, f"expected {expected}, found {token.shown}", hint)

    def _error(self, token: Token, why: str, hint: str | None = None) -> InvalidInput:
        return unreadable(self._what, token.place, why, hint)

    def _alternatives(self, depth: int) -> Node:
        parts = self._several("OR", self._conjunction, depth)
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self, depth: int) -> Node:
        parts = self._several("AND", self._negation, depth)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _several(self, keyword: str, read: Callable[[int], Node], depth: int) -> list[Node]:
        parts = [read(depth)]
        while self._take_keyword(keyword):
            parts.append(read(depth))
        return parts

    def _negation(self, depth: int) -> Node:
        negated = False
        while self._take_keyword("NOT"):
            negated = not negated
        found = self._group(depth + 1) if self._token.kind is TokenKind.OPEN else self._comparison()
        return Not(found) if negated else found

    def _group(self, depth: int) -> Node:
        opening = self._advance()
        if depth > DEPTH_LIMIT:
            raise self._error(opening, f"parentheses may stand {DEPTH_LIMIT} deep, and here is one more")
        found = self._alternatives(depth)
        self._take(TokenKind.CLOSE, "AND, OR or ')'")
        return found

    def _comparison(self) -> Node:
        begin = self._token
        self._comparisons += 1
        if self._comparisons > COMPARISON_LIMIT:
            raise self._error(begin, f"a filter has at most {COMPARISON_LIMIT} comparisons, and here is one more")
        field = self._field()
        if self._take_keyword("IS"):
            negated = bool(self._take_keyword("NOT"))
            if not self._take_keyword("NULL"):
                raise self._unexpected("NULL" if negated else "NULL or NOT NULL")
            return Comparison(field, Operator.IS_NOT_NULL if negated else Operator.IS_NULL, (), begin.place)
        negated = bool(self._take_keyword("NOT"))
        word = self._take_keyword("IN", "LIKE", "ILIKE")
        if word == "IN":
            operator = Operator.NOT_IN if negated else Operator.IN
            return Comparison(field, operator, self._list(field), begin.place)
        if word:
            return Comparison(field, _PATTERNS[word][negated], (self._pattern(field),), begin.place)
        if negated:
            raise self._unexpected("IN, LIKE or ILIKE")
        operator = self._operator(field)
        return Comparison(field, operator, (self._value(field),), begin.place)

    def _operator(self, field: Field) -> Operator:
        token = self._token
        if token.kind is not TokenKind.OPERATOR:
            raise self._unexpected("an operator (= != < <= > >= LIKE ILIKE IN IS NULL)")
        operator = Operator(token.text)
        if operator in _ORDERED and field.kind in _WORDS_ONLY:
            raise self._error(
                token, f"{_name(field)} is a text, and {token.text} compares numbers and times",
                "Texts are compared with = != LIKE ILIKE IN and IS NULL.",
            )  # fmt: skip
        self._advance()
        return operator

    def _list(self, field: Field) -> tuple[Value, ...]:
        if field.kind is Kind.TIME:
            raise self._error(self._token, "times are not compared with IN", "Use >= and <.")
        self._take(TokenKind.OPEN, "'('")
        values = [self._value(field)]
        while self._token.kind is TokenKind.COMMA:
            comma = self._advance()
            if len(values) == LIST_LIMIT:
                raise self._error(comma, f"a list has at most {LIST_LIMIT} values, and here is one more")
            values.append(self._value(field))
        self._take(TokenKind.CLOSE, "',' or ')'")
        return tuple(values)

    def _pattern(self, field: Field) -> str:
        token = self._token
        if field.kind not in _WORDS_ONLY:
            raise self._error(token, f"{_name(field)} is no text, so it has no pattern")
        if token.kind not in _TEXTS:
            raise self._unexpected("a pattern in quotes")
        if len(token.value) > PATTERN_LIMIT:
            raise self._error(token, f"a pattern has at most {PATTERN_LIMIT} characters")
        return self._advance().value

    def _value(self, field: Field) -> Value:
        token = self._token
        is_text, is_number = token.kind in _TEXTS, token.kind is TokenKind.NUMBER
        if field.kind in _WORDS_ONLY:
            if not is_text:
                hint = f"Write '{token.text}'." if token.kind in {TokenKind.WORD, TokenKind.NUMBER} else None
                raise self._unexpected(f"{field.kind.value} for {_name(field)}", hint)
            if field.kind is Kind.STATE and not states_named(token.value):
                raise self._error(token, f"{token.shown} is no state", f"States are {', '.join(STATE_WORDS)}.")
            return self._advance().value
        if field.kind is Kind.NUMBER and is_number:
            return float(self._advance().text)
        if field.kind is Kind.TIME and is_number:
            return _milliseconds(float(self._advance().text))
        if field.kind is Kind.TIME and is_text:
            return self._moment()
        raise self._unexpected(f"{field.kind.value} for {_name(field)}")

    def _moment(self) -> Span:
        try:
            moment = from_text(self._token.value.strip())
        except (ValueError, OverflowError):
            raise self._unexpected(Kind.TIME.value) from None
        self._advance()
        return Span(moment, moment + 1)

    def _field(self) -> Field:
        token = self._token
        if token.kind in _NAMES:
            return self._attribute(self._advance(), token.value)
        if token.kind is not TokenKind.WORD or token.keyword in _KEYWORDS:
            raise self._unexpected("the name of a field")
        self._advance()
        entity, dot, key = token.value.partition(".")
        if not dot:
            return self._attribute(token, token.value)
        quoted = self._token
        if not key and quoted.kind in _NAMES and quoted.place == token.place + len(token.text):
            key = self._advance().value
        return self._keyed(token, entity, key)

    def _keyed(self, token: Token, entity: str, key: str) -> Field:
        known = self._schema.entities.get(entity.lower())
        if known is None:
            raise self._error(
                token, f"{token.shown} begins with no kind of field", f"Kinds are {_listed(self._schema.entities)}."
            )
        if not 1 <= len(key) <= KEY_LIMIT:
            raise self._error(token, f"a key of 1 to {KEY_LIMIT} characters follows after {entity}")
        if known[0] is Entity.ATTRIBUTE:
            return self._attribute(token, key)
        allowed = self._schema.keys.get(known[0])
        if allowed and key not in allowed:
            raise self._error(token, f"{token.shown} is no field", f"Fields of {entity} are {_listed(allowed)}.")
        return self._schema.stand_ins.get((known[0], key)) or Field(known[0], key, known[1])

    def _attribute(self, token: Token, name: str) -> Field:
        found = self._schema.attributes.get(name.lower().replace(" ", "_"))
        if found is None:
            raise self._error(
                token,
                f"{token.shown} is no attribute",
                f"Attributes are {_listed(self._schema.attributes)}; others are written as metric.<key>, param.<key> "
                "or tag.<key>.",
            )
        return found


def _milliseconds(number: float) -> Span:
    """A time in milliseconds covers its millisecond."""
    bounded = max(-_LATEST, min(_LATEST, number * _MILLISECOND))
    first = int(bounded)
    return Span(first, first + _MILLISECOND)


def _name(field: Field) -> str:
    return field.key if field.entity is Entity.ATTRIBUTE else f"{field.entity.value}.{field.key}"[:80]


def _listed(names: object) -> str:
    return ", ".join(sorted(map(str, names))) if isinstance(names, (dict, tuple)) else str(names)
