"""Diagnostics are accepted and never sent."""

import logging

import pytest

from terrazul.sdk import telemetry


def test_wish_to_collect_is_answered_and_changes_nothing(capsys: pytest.CaptureFixture[str]):
    telemetry.set_diagnostics_collection(send_diagnostics=True, verbosity=logging.DEBUG)
    assert "sends none" in capsys.readouterr().out
    telemetry.set_diagnostics_collection(False)
    assert capsys.readouterr().out == ""
    assert telemetry.get_diagnostics_collection_info() == (False, None)
    assert telemetry.is_diagnostics_collection_info_available()


def test_events_and_records_go_nowhere(capsys: pytest.CaptureFixture[str]):
    telemetry.add_diagnostics_properties({"a": "b"})
    telemetry.set_diagnostics_properties({"a": "b"})
    events = telemetry.get_event_logger(instrumentation_key="key")
    assert events.log_event("event") == events.log_metric("metric", ["name"]) == ""
    events.flush()
    handler = telemetry.get_telemetry_log_handler("key", component_name="component")
    handler.handle(logging.makeLogRecord({"msg": "a secret"}))
    assert capsys.readouterr() == ("", "")
