"""Messages of webhooks, their signatures, and the pauses between attempts."""

import base64
import hashlib
import hmac
import json

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.server.model.event import of_change, of_registration
from terrazul.server.model.rules import ModelId
from terrazul.server.webhook import rules
from terrazul.wire.model import Model, ModelChange

MODEL = Model(
    "net:2", "net", 2, "what for", {"a": "1"}, {"p": "2"}, "", "", 1, 1, "", "", "", run_id="r",
    mlflow={"folder": "model"},
)  # fmt: skip


def test_message_is_that_of_mlflow():
    told = json.loads(rules.message_of(rules.tag_set("net", 2, "k", "ü\0"), 1_700_000_000_000_001))
    assert told == {
        "entity": "model_version_tag",
        "action": "set",
        "timestamp": "2023-11-14T22:13:20.000001+00:00",
        "data": {"name": "net", "version": "2", "key": "k", "value": "ü\0"},
    }


def test_signature_is_over_id_time_and_body():
    headers = rules.headers_of("the-id", 1_700_000_000_000_001, '{"a": 1}', "secret")
    signed = hmac.new(b"secret", b'the-id.1700000000.{"a": 1}', hashlib.sha256).digest()
    assert headers["X-MLflow-Signature"] == "v1," + base64.b64encode(signed).decode()
    assert (headers["X-MLflow-Delivery-Id"], headers["X-MLflow-Timestamp"]) == ("the-id", "1700000000")
    assert "X-MLflow-Signature" not in rules.headers_of("the-id", 1, "{}", None)


def test_pauses_double_up_to_a_bound_and_heed_a_wish():
    seconds = [rules.pause_after(number) // rules.SECOND for number in range(1, 14)]
    assert seconds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]
    assert rules.pause_after(10**9) == rules.pause_after(20)
    wishes = {"30": 30, "0": 1, "999999999": 3600, "-5": 1, "Wed, 21 Oct 2026 07:28:00 GMT": 1, "²": 1}
    assert {wish: rules.pause_after(1, wish) // rules.SECOND for wish in wishes} == wishes


def test_answers():
    assert [status for status in (200, 204, 299, 301, 302, 404, 500) if rules.is_delivered(status)] == [200, 204, 299]
    assert [status for status in (None, 200, 302, 400, 404, 408, 425, 429, 503) if rules.is_refused(status)] == [
        400,
        404,
    ]


def test_registration_tells_of_a_new_name_and_of_the_version():
    name, version = of_registration(MODEL, "", is_new_name=True)
    assert (name.kind, name.data["name"]) == ("registered_model.created", "net")
    assert version.data == {
        "name": "net", "version": "2", "source": "mlflow-artifacts:/registry/net/2/model", "run_id": "r",
        "tags": {"a": "1", "p": "2"}, "description": "what for",
    }  # fmt: skip
    (again,) = of_registration(MODEL, "runs:/r/model", is_new_name=False)
    assert (again.kind, again.data["source"]) == ("model_version.created", "runs:/r/model")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (ModelChange(set_tags={"b": "2"}), ["set b"]),
        (ModelChange(remove_tags=["a", "not there"]), ["deleted a"]),
        (ModelChange(remove_tags=["a"], set_tags={"a": "2"}), ["set a"]),
        (ModelChange(replace_tags={"c": "3"}), ["deleted a", "set c"]),
        (ModelChange(replace_tags={"c": "3", "d": "4"}, remove_tags=["d"], set_tags={"a": "5"}), ["set c", "set a"]),
        (ModelChange(description="x"), []),
    ],
)
def test_change_tells_of_tags(change: ModelChange, told: "list[str]"):
    found = of_change(ModelId("net", 2), {"a": "1"}, {}, change)
    assert [f"{each.kind.partition('.')[2]} {each.data['key']}" for each in found] == told


def test_property_is_told_as_a_tag():
    (found,) = of_change(ModelId("net", 2), {}, {"p": "1"}, ModelChange(add_properties={"p": "1", "there": "2"}))
    assert (found.kind, found.data["key"]) == ("model_version_tag.set", "p")


@pytest.mark.parametrize("kinds", [[], ["prompt.created"], ["model_version"], ["model_version.created", "x"]])
def test_events_that_do_not_happen_are_refused(kinds: "list[str]"):
    with pytest.raises(InvalidInput) as refused:
        rules.check_events(kinds)
    assert "model_version_alias.created" in str(refused.value)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a" * 64, "ä", "a\n"])
def test_names(name: str):
    rules.check_name("A.b_c-1")
    with pytest.raises(InvalidInput):
        rules.check_name(name)
