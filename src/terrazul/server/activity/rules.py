"""What stands in the activity log, and how refusals are counted. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.core.ids import without_tokens
from terrazul.server.identity.rules import Action, Principal

RECORDING = frozenset(
    {Action.RUN_WRITE, Action.RUN_EXECUTE, Action.CONTENT_WRITE, Action.DATA_WRITE, Action.ENDPOINT_SERVE}
)
"""What runs, their runners and supervisors of web services do many times a second: metrics, logs, files, heartbeats.

A line for each would bury all others, and cost more than the thing itself. The runs, experiments and logged models
that are made by them do have lines.
"""

COUNTED = frozenset({Action.DATA_WRITE})
"""Of what ``RECORDING`` leaves out, that which people do too, file by file: theirs is counted, and told of together."""

LOOKING = frozenset({Action.WORKSPACE_RESOLVE})
"""What every client does to find its way; where that makes something, the thing has a line."""

CREDENTIALS = frozenset(
    {
        Action.ENDPOINT_READ_KEYS,
        Action.TOKEN_WRITE,
        Action.SECRET_READ,
        Action.RUN_READ_SECRETS,
    }
)
"""Reading by these shows credentials, or what is known of them, so it has lines too."""

REFUSED = frozenset({401, 403, 429})
"""The statuses of refusals."""
FIRST_ERROR = 400
_READS_ONLY = frozenset({"GET", "HEAD", "OPTIONS"})
_TEXT_LIMIT = 300
_ID_LIMIT = 256
_PARAMETER = re.compile(r"(?P<type>\w+)_(?:id|name)\Z")
_KNOWN = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})\Z")
_WITHOUT_OBJECT = frozenset({"workspace_id", "path", "file_path", "tag_key"})
_MLFLOW = "mlflow_"
MINUTE = 60_000_000


def is_kept(method: str, action: Action | None) -> bool:
    """Whether a request has a line also where it is not refused: when it changes something, or shows credentials."""
    if action in RECORDING or action in LOOKING:
        return False
    if method in _READS_ONLY:
        return action in CREDENTIALS
    return action is None or action.value.rpartition("/")[2] != "read" or action in CREDENTIALS


def is_counted(action: Action | None, principal: Principal | None) -> bool:
    """Whether all that is done by an action within a minute has a line together: what people do of ``COUNTED``."""
    return action in COUNTED and kind_of(principal) == "user"


class Thing(NamedTuple):
    """The object of an act."""

    type: str = ""
    id: str = ""


def thing_of_address(parameters: Mapping[str, object], operation: str, action: str) -> Thing:
    """The innermost thing that an address names; the workspace where it names nothing within one."""
    for name in reversed(list(parameters)):
        match = _PARAMETER.match(name)
        if name in _WITHOUT_OBJECT or not (match or name in {"name", "digest"}):
            continue
        kind = match["type"] if match else "content" if name == "digest" else action.partition("/")[0]
        if kind == "model" and operation.startswith(_MLFLOW):
            kind = "logged_model"
        return Thing(kind, told_id(str(parameters[name])))
    workspace_id = parameters.get("workspace_id")
    return Thing("workspace", told_id(str(workspace_id))) if workspace_id else Thing()


def thing_of_message(message: object, action: Action) -> Thing | None:
    """The thing that a message of MLflow's protocol is about; None where it names none that there is."""
    kind = action.value.partition("/")[0]
    names = {"model": ("name",), "run": ("run_id", "run_uuid"), "experiment": ("experiment_id",)}.get(kind, ())
    value = next(filter(None, (getattr(message, name, None) for name in names)), None)
    if value is None:
        return None
    version = getattr(message, "version", None) if kind == "model" else None
    return Thing(kind, told_id(f"{value}:{version}" if version else str(value)))


def by_any_way(deed: Deed) -> Deed:
    """A deed that is counted, the same whether the server did it or gave leave to do it at a store."""
    return replace(deed, method="", operation="")


def told(text: str) -> str:
    """A text as it is kept: short, without tokens, and without what would steer a terminal or cannot be stored."""
    short = without_tokens(text)[:_TEXT_LIMIT]
    return short if short.isprintable() else "".join(each if each.isprintable() else "?" for each in short)


def told_id(text: str) -> str:
    """As ``told``, of an id that a request gave."""
    return told(text)[:_ID_LIMIT]


def kind_of(principal: Principal | None) -> str:
    """The kind of who calls, as a line tells it."""
    if principal is None:
        return "nobody"
    if principal.webservice is not None:
        return "webservice"
    return "run" if principal.is_run else "user"


def through(principal: Principal | None) -> str:
    """By what they call: the id of a user's token or session, the run, or the web service."""
    if principal is None:
        return ""
    return principal.webservice or principal.run_id or principal.token_id or principal.session_id or ""


def cell(value: object) -> str:
    """A value in a CSV file: never a formula, whatever program opens it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


RESULTS = ("done", "refused", "failed")


def check_result(result: str | None) -> None:
    """Raise ``InvalidInput`` for a result that there is not."""
    if result is not None and result not in RESULTS:
        raise InvalidInput(f"{result[:80]!r} is no result.", target="result", hint=f"Use {', '.join(RESULTS)}.")


def read_known(text: str | None) -> dict[int, str]:
    """``number:hash`` as both. Raises ``InvalidInput``."""
    match = None if text is None else _KNOWN.match(text)
    if text is not None and match is None:
        raise InvalidInput(f"{text[:80]!r} is not of the form number:hash.", target="known")
    return {} if match is None else {int(match[1]): match[2]}


@dataclass(frozen=True)
class Deed:
    """What a line says besides its number and its time; equal refusals have equal ones."""

    address: str
    user: str
    kind: str
    through: str
    workspace_id: str | None
    action: str
    thing: Thing
    method: str
    operation: str
    status: int
    reason: str
    change: str = ""


class Counted(NamedTuple):
    """A deed, and how often it is to be told of."""

    deed: Deed
    times: int


class Counting:
    """Counts equal deeds of a minute in one line, so that who tries many tokens or ids does not fill the disk.

    The first of its kind has a line at once, the others of the same minute have one together when it is over. Where an
    address brings many different ones, those after it are equal whatever they name; where very many come from
    everywhere, all are equal.
    """

    def __init__(self, of_an_address: int = 50, of_all: int = 2000) -> None:
        self._of_an_address = of_an_address
        self._of_all = of_all
        self._began = 0
        self._further: dict[Deed, int] = {}
        self._by_address: Counter[str] = Counter()

    def take(self, refusal: Deed, now: int) -> list[Counted]:
        """Count a refusal; returns what is to be told now."""
        due = self.due(now)
        if not self._further:
            self._began = now
        for form in (refusal, _whatever_it_names(refusal), _whoever_it_is(refusal)):
            if form in self._further:
                self._further[form] += 1
                return due
            if self._has_room(form, refusal):
                self._further[form] = 0
                self._by_address[form.address] += 1
                return [*due, Counted(form, 1)]
        return due

    def due(self, now: int, *, closing: bool = False) -> list[Counted]:
        """What was counted, once its minute is over."""
        if not closing and 0 <= now - self._began < MINUTE:
            return []
        due = [Counted(refusal, count) for refusal, count in self._further.items() if count]
        self._further.clear()
        self._by_address.clear()
        return due

    def _has_room(self, form: Deed, given: Deed) -> bool:
        if form == _whoever_it_is(given):
            return True
        if len(self._further) >= self._of_all:
            return False
        return form == _whatever_it_names(given) or self._by_address[given.address] < self._of_an_address


def _whatever_it_names(refusal: Deed) -> Deed:
    return replace(refusal, workspace_id=None, thing=Thing(), reason="", through="")


def _whoever_it_is(refusal: Deed) -> Deed:
    return Deed("", "", "nobody", "", None, "", Thing(), "", "", refusal.status, "Of many kinds, from anywhere.")
