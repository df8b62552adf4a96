"""The words for states that filters may use: v1's, and MLflow's, which are fewer."""

from __future__ import annotations

import re

from terrazul.server.run.search.tree import Operator, Value
from terrazul.wire.run import RunState

_MLFLOW = {
    "SCHEDULED": (
        RunState.NOT_STARTED,
        RunState.QUEUED,
        RunState.PREPARING,
        RunState.PROVISIONING,
        RunState.STARTING,
    ),
    "RUNNING": (RunState.RUNNING, RunState.FINALIZING, RunState.CANCEL_REQUESTED),
    "FINISHED": (RunState.COMPLETED,),
    "FAILED": (RunState.FAILED,),
    "KILLED": (RunState.CANCELED,),
}
STATE_WORDS = (*(state.value for state in RunState), *_MLFLOW)
_OURS = {state.value.upper(): (state,) for state in RunState}
_WORDS_OF = {
    state: (state.value, next(word for word, states in _MLFLOW.items() if state in states)) for state in RunState
}


def states_named(word: str) -> tuple[RunState, ...]:
    """The states that a word means; none for a word that means no state.

    MLflow's words are capitals: ``RUNNING`` is more than v1's ``Running``, which ``running`` means too.
    """
    return _MLFLOW.get(word) or _OURS.get(word.upper()) or _MLFLOW.get(word.upper()) or ()


def states_of(operator: Operator, words: tuple[Value, ...]) -> list[RunState]:
    """The states that compare with the words as EQUAL, IN, LIKE or ILIKE says."""
    texts = [str(word) for word in words]
    if operator in {Operator.LIKE, Operator.ILIKE}:
        return _alike(texts[0], re.IGNORECASE if operator is Operator.ILIKE else 0)
    return list({state: None for text in texts for state in states_named(text)})


def _alike(pattern: str, flags: int) -> list[RunState]:
    # never more than one ".*" in a row, and words of 20 letters: no pattern takes long
    text = "".join({"%": ".*", "_": "."}.get(each, re.escape(each)) for each in re.sub("%+", "%", pattern))
    form = re.compile(text, flags | re.DOTALL)
    return [state for state, words in _WORDS_OF.items() if any(form.fullmatch(word) for word in words)]
