"""Reading YAML text."""

from __future__ import annotations

import re
from typing import Any, Dict, List, NoReturn, Optional

from terrazul.core.errors import InvalidInput
from terrazul.sdk.yaml_text.scalar import resolve

_END = "\0"
_BLANK = " \t\n\0"
_FLOW = ",[]{}"
_REFUSED = {
    "&": "anchors ('&') are not read",
    "*": "aliases ('*') are not read",
    "!": "tags ('!') are not read",
    "%": "a text that starts with '%' needs quotes",
    "@": "a text that starts with '@' needs quotes",
    "`": "a text that starts with a back-tick needs quotes",
    ",": "a comma is not expected",
    "]": "']' without '['",
    "}": "'}' without '{'",
}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_ESCAPE_WIDTHS = {"x": 2, "u": 4, "U": 8}
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_BLOCK_HEADER = re.compile(r"[|>](?:([-+])([1-9])?|([1-9])([-+])?)?[ \t]*(?:(?<=[ \t])#[^\n]*)?\n")
_DOCUMENT_MARK = re.compile(r"(?:---|\.\.\.)(?=[ \t\n\0])")
_DEPTH_LIMIT = 100


def load(text: str, source: str = "The YAML text") -> Any:
    """The value that a YAML text stands for; ``None`` for one without content.

    ``source`` names the text in messages. Raises ``InvalidInput`` with the line and the reason.
    """
    return _Reader(text, source).document()


class _Reader:
    """Walks through the text once; ``_at`` is where it stands."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._at = 0
        self._depth = 0
        self._text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        self._length = len(self._text)
        self._text += "" if self._text.endswith("\n") else "\n"
        unprintable = _UNPRINTABLE.search(self._text)
        if unprintable:
            self._at = unprintable.start()
            self._refuse(f"the character {unprintable.group()!r} is not allowed in YAML")

    def document(self) -> Any:
        """The only document of the text."""
        self._skip_directives()
        value = self._block(-1)
        self._skip_to_content()
        if self._at_document_mark():
            self._at += 3
            self._skip_to_content()
        if self._peek() != _END:
            self._refuse("only one document with one value is read, and there is more")
        return value

    def _skip_directives(self) -> None:
        self._skip_to_content()
        while self._peek() == "%" and self._column() == 0:
            self._at = self._text.index("\n", self._at)
            self._skip_to_content()
        if self._text.startswith("---", self._at) and self._at_document_mark():
            self._at += 3

    # -- where we stand

    def _peek(self, offset: int = 0) -> str:
        at = self._at + offset
        return self._text[at] if at < len(self._text) else _END

    def _column(self) -> int:
        return self._at - (self._text.rfind("\n", 0, self._at) + 1)

    def _at_document_mark(self) -> bool:
        return self._column() == 0 and bool(_DOCUMENT_MARK.match(self._text, self._at))

    def _at_end(self) -> bool:
        return self._peek() == _END or self._at_document_mark()

    def _at_indicator(self, character: str) -> bool:
        return self._peek() == character and self._peek(1) in _BLANK

    def _refuse(self, reason: str) -> NoReturn:
        line = self._text.count("\n", 0, self._at) + 1
        message = f"{self._source} cannot be read: line {line}: {reason}."
        raise InvalidInput(message, target=self._source, hint="Mend the line, or write the text in quotes.")

    def _skip_spaces(self) -> None:
        while self._peek() in " \t":
            self._at += 1

    def _skip_to_content(self) -> None:
        """Go to the next character that is neither space, comment nor line break."""
        while True:
            line_start = self._at == 0 or self._text[self._at - 1] == "\n"
            while self._peek() == " ":
                self._at += 1
            if self._peek() == "\t":
                self._skip_tab(line_start=line_start)
            elif self._peek() == "#" and (self._at == 0 or self._text[self._at - 1] in " \t\n"):
                self._at = self._text.index("\n", self._at)
            elif self._peek() == "\n":
                self._at += 1
            else:
                return

    def _skip_tab(self, *, line_start: bool) -> None:
        self._skip_spaces()
        if line_start and self._peek() not in "\n#":
            self._refuse("lines are indented with spaces, not with tabs")

    # -- blocks

    def _block(self, parent: int) -> Any:
        """The value on the following lines, indented more than ``parent``; ``None`` where there is none."""
        self._skip_to_content()
        if self._at_end() or self._column() <= parent:
            return None
        return self._content(parent, collections=True)

    def _content(self, parent: int, *, collections: bool) -> Any:
        """The value that starts here; ``collections`` tells whether block maps and lists may start on this line."""
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            self._refuse(f"the nesting is deeper than {_DEPTH_LIMIT}")
        value = self._collection() if collections else None
        if value is None:
            value = self._leaf(parent)
        self._depth -= 1
        return value

    def _collection(self) -> Any:
        if self._at_indicator("-"):
            return self._sequence(self._column())
        if self._key_ahead():
            return self._mapping(self._column())
        return None

    def _leaf(self, parent: int) -> Any:
        character = self._peek()
        if character in "|>":
            return self._block_text(parent)
        value = self._flow_or_quoted(character) if character in "[{\"'" else self._plain_value(parent, flow=False)
        self._expect_end_of_line()
        return value

    def _expect_end_of_line(self) -> None:
        before = self._at
        self._skip_spaces()
        character = self._peek()
        if character == ":":
            self._refuse("a 'key: value' is not expected here")
        if character not in "\n\0" and (character != "#" or self._at == before):
            self._refuse(f"{character!r} is not expected after the value")

    def _sequence(self, indent: int) -> List[Any]:
        items = []
        while self._at_indicator("-") and self._column() == indent:
            self._at += 1
            items.append(self._after_indicator(indent, collections=True))
            self._skip_to_content()
            if self._at_end():
                break
        self._expect_dedent(indent, "a list item ('- ')")
        return items

    def _mapping(self, indent: int) -> Dict[Any, Any]:
        values: Dict[Any, Any] = {}
        while self._column() == indent and self._key_ahead():
            key = self._key()
            values[key] = self._after_indicator(indent, collections=False)
            self._skip_to_content()
            if self._at_end():
                break
        if self._at_indicator("-") and self._column() == indent:
            self._refuse("a list item is not expected here")
        self._expect_dedent(indent, "a 'key: value'")
        return values

    def _expect_dedent(self, indent: int, expected: str) -> None:
        if self._at_end() or self._column() < indent:
            return
        if self._column() == indent and expected.startswith("a list"):
            return
        self._refuse(f"the indentation does not fit, or {expected} is expected")

    def _after_indicator(self, indent: int, *, collections: bool) -> Any:
        """The value after ``- `` or ``key: ``, on this line or on the following ones."""
        self._skip_spaces()
        if self._peek() not in "\n#\0":
            return self._content(indent, collections=collections)
        self._skip_to_content()
        if not collections and self._column() == indent and self._at_indicator("-") and not self._at_end():
            return self._sequence(indent)
        return self._block(indent)

    def _key_ahead(self) -> bool:
        """True when a ``key:`` stands here."""
        character = self._peek()
        if self._at_indicator("?"):
            self._refuse("complex keys ('? ') are not read")
        if character in "\"'":
            end = self._quoted_end(character)
            while self._text[end] in " \t":
                end += 1
            return self._text[end] == ":" and self._text[end + 1] in _BLANK
        if character in "[{|>#" or character in _REFUSED:
            return False
        line = self._text[self._at : self._text.find("\n", self._at)]
        colon = re.search(r":(?=[ \t]|\Z)", line)
        comment = re.search(r"[ \t]#", line)
        return bool(colon) and (comment is None or colon.start() < comment.start())  # type: ignore[union-attr]  # bool above

    def _quoted_end(self, quote: str) -> int:
        """Where the quoted text that starts here ends, or the end of its line."""
        at = self._at + 1
        while self._text[at] != "\n":
            escape = "\\" if quote == '"' else "''"
            if self._text.startswith(escape, at):
                at += 1
            elif self._text[at] == quote:
                return at + 1
            at += 1
        return at

    def _key(self) -> Any:
        if self._peek() in "\"'":
            key = self._flow_or_quoted(self._peek())
            self._skip_spaces()
        else:
            match = re.compile(r"(.*?)[ \t]*(?=:(?:[ \t\n]))").match(self._text, self._at)
            if match is None:
                self._refuse("a 'key: value' is expected")
            self._at = match.end()
            key = self._resolve(match[1])
        self._at += 1
        return key

    def _resolve(self, text: str) -> Any:
        try:
            return resolve(text)
        except ValueError:
            self._refuse(f"{text!r} is not a valid number or time")

    # -- texts

    def _plain_value(self, parent: int, *, flow: bool) -> Any:
        character = self._peek()
        if character in _REFUSED:
            self._refuse(_REFUSED[character])
        if self._peek(1) in _BLANK and character in "-?:":
            self._refuse(f"{character!r} is not expected here")
        if flow and character in "?:":
            self._refuse(f"{character!r} is not expected here")
        return self._resolve(self._plain(parent, flow=flow))

    def _plain(self, parent: int, *, flow: bool) -> str:
        chunks: List[str] = []
        between = ""
        end = self._at
        while self._peek() != "#" or not chunks:
            start = self._at
            while not self._ends_plain(flow=flow):
                self._at += 1
            if self._at == start:
                break
            end = self._at
            chunks += [between, self._text[start:end]]
            between = self._folded_space()
            if not between or self._at_end() or (not flow and self._column() <= parent):
                break
        self._at = end
        return "".join(chunks)

    def _ends_plain(self, *, flow: bool) -> bool:
        character = self._peek()
        if character in _BLANK:
            return True
        if character == ":":
            return self._peek(1) in _BLANK or (flow and self._peek(1) in _FLOW)
        return flow and character in ",?[]{}"

    def _folded_space(self) -> str:
        """Skip white space between two pieces of a text; what it counts as: itself, a space, or line breaks."""
        start = self._at
        self._skip_spaces()
        if self._peek() != "\n":
            return self._text[start : self._at]
        breaks = -1
        while self._peek() in " \t\n":
            breaks += self._peek() == "\n"
            self._at += 1
            if self._at_document_mark():
                break
        return "\n" * breaks if breaks else " "

    def _flow_or_quoted(self, character: str) -> Any:
        if character == "[":
            return self._flow_sequence()
        if character == "{":
            return self._flow_mapping()
        return self._single_quoted() if character == "'" else self._double_quoted()

    def _single_quoted(self) -> str:
        chunks = []
        self._at += 1
        while True:
            start = self._at
            while self._peek() not in "' \t\n\0":
                self._at += 1
            chunks.append(self._text[start : self._at])
            if self._peek() != "'":
                chunks.append(self._space_in_quotes())
            elif self._peek(1) == "'":
                chunks.append("'")
                self._at += 2
            else:
                self._at += 1
                return "".join(chunks)

    def _double_quoted(self) -> str:
        chunks = []
        self._at += 1
        while True:
            start = self._at
            while self._peek() not in '"\\ \t\n\0':
                self._at += 1
            chunks.append(self._text[start : self._at])
            if self._peek() == "\\":
                chunks.append(self._escape())
            elif self._peek() == '"':
                self._at += 1
                return "".join(chunks)
            else:
                chunks.append(self._space_in_quotes())

    def _space_in_quotes(self) -> str:
        space = self._folded_space()
        if self._at_end():
            self._refuse("a quoted text is not closed")
        return space

    def _escape(self) -> str:
        code = self._peek(1)
        self._at += 2
        if code == "\n":
            self._at -= 1
            breaks = self._folded_space()
            return "" if breaks == " " else breaks
        if code in _ESCAPES:
            return _ESCAPES[code]
        width = _ESCAPE_WIDTHS.get(code)
        if width is None:
            self._refuse(f"the escape '\\{code.strip()}' is not known")
        digits = self._text[self._at : self._at + width]
        if len(digits) < width or not _HEX.match(digits) or int(digits, 16) > 0x10FFFF:  # noqa: PLR2004  # Unicode's end
            self._refuse(f"'\\{code}' needs {width} hexadecimal digits")
        self._at += width
        return chr(int(digits, 16))

    def _block_text(self, parent: int) -> str:
        header = _BLOCK_HEADER.match(self._text, self._at)
        if header is None:
            self._refuse("after '|' or '>' only '-', '+' and a digit from 1 to 9 are read")
        chomp = header[1] or header[4] or ""
        digit = header[2] or header[3]
        folded = self._peek() == ">"
        self._at = header.end()
        indent = max(parent, 0) + int(digit) if digit else self._indent_of_block_text(parent)
        return self._block_lines(indent, folded=folded, chomp=chomp)

    def _indent_of_block_text(self, parent: int) -> int:
        widest = max(parent + 1, 1)
        for line in re.compile(r"( *)(\n|[^\n])").finditer(self._text, self._at):
            if line.start() and self._text[line.start() - 1] != "\n":
                continue
            widest = max(widest, len(line[1]))
            if line[2] != "\n":
                break
        return widest

    def _block_lines(self, indent: int, *, folded: bool, chomp: str) -> str:
        chunks: List[str] = []
        previous: Optional[str] = None
        last_break = ""
        breaks = self._breaks_of_block_text(indent)
        while self._column() == indent and self._peek() != _END:
            end = self._text.index("\n", self._at)
            line = self._text[self._at : end]
            if previous is not None:
                foldable = folded and previous[0] not in " \t" and line[0] not in " \t"
                chunks.append((" " if not breaks else "") if foldable else "\n")
            chunks += [breaks, line]
            previous = line
            last_break = "\n" if end < self._length else ""
            self._at = end + 1
            breaks = self._breaks_of_block_text(indent)
        tail = {"-": "", "": last_break, "+": last_break + breaks}[chomp]
        return "".join(chunks) + tail

    def _breaks_of_block_text(self, indent: int) -> str:
        """Skip the indentation of the next line and the empty lines before it; the line breaks that these count as."""
        breaks = ""
        while True:
            start = self._at
            while self._peek() == " " and self._at - start < indent:
                self._at += 1
            if self._peek() != "\n":
                return breaks
            breaks += "\n" if self._at < self._length else ""
            self._at += 1

    # -- flow

    def _flow_sequence(self) -> List[Any]:
        items: List[Any] = []
        self._open_flow()
        while self._peek() != "]":
            item = self._flow_value()
            items.append({item: self._flow_pair_value()} if self._peek() == ":" else item)
            self._next_in_flow("]")
        self._close_flow()
        return items

    def _flow_mapping(self) -> Dict[Any, Any]:
        values: Dict[Any, Any] = {}
        self._open_flow()
        while self._peek() != "}":
            key = self._flow_value()
            if isinstance(key, (list, dict)):
                self._refuse("a list or a map cannot be a key")
            values[key] = self._flow_pair_value() if self._peek() == ":" else None
            self._next_in_flow("}")
        self._close_flow()
        return values

    def _open_flow(self) -> None:
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            self._refuse(f"the nesting is deeper than {_DEPTH_LIMIT}")
        self._at += 1
        self._skip_in_flow()

    def _close_flow(self) -> None:
        self._depth -= 1
        self._at += 1

    def _skip_in_flow(self) -> None:
        while self._peek() in " \t\n" or (self._peek() == "#" and self._text[self._at - 1] in " \t\n"):
            self._at = self._text.index("\n", self._at) if self._peek() == "#" else self._at + 1
        if self._at_end():
            self._refuse("a '[' or '{' is not closed")

    def _next_in_flow(self, closing: str) -> None:
        if self._peek() == ",":
            self._at += 1
            self._skip_in_flow()
        elif self._peek() != closing:
            self._refuse(f"',' or '{closing}' is expected")

    def _flow_pair_value(self) -> Any:
        self._at += 1
        self._skip_in_flow()
        return None if self._peek() in ",]}" else self._flow_value()

    def _flow_value(self) -> Any:
        character = self._peek()
        value = self._flow_or_quoted(character) if character in "[{\"'" else self._plain_value(-1, flow=True)
        self._skip_in_flow()
        return value
