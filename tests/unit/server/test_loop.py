"""A loop looks at once, when it is woken, and again after an error."""

import asyncio
import logging

import pytest

from terrazul.server.loop import Loop


def test_loop_looks_at_once_and_when_it_is_woken():
    async def work() -> int:
        looks = 0
        looked = asyncio.Event()

        async def look() -> float:
            nonlocal looks
            looks += 1
            looked.set()
            return 3600

        loop = Loop("test", look, 3600)
        loop.start()
        for _ in range(3):
            await looked.wait()
            looked.clear()
            loop.wake()
        await looked.wait()
        await loop.stop()
        loop.wake()
        return looks

    assert asyncio.run(work()) == 4


def test_error_is_logged_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture):
    async def work() -> None:
        again = asyncio.Event()
        failures = iter([ValueError("bad luck")])

        async def look() -> float:
            for failure in failures:
                raise failure
            again.set()
            return 3600

        loop = Loop("keeper", look, 0)
        loop.start()
        await again.wait()
        await loop.stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(work())
    assert "The keeper met an error and goes on" in caplog.text
    assert "bad luck" in caplog.text


def test_loop_that_was_never_started_can_be_stopped():
    async def look() -> float:
        return 0

    asyncio.run(Loop("test", look, 0).stop())
