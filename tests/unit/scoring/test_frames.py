"""Frames between front and worker hold what was put into them, however the socket cuts them."""

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrazul.scoring.worker import frames
from terrazul.scoring.worker.frames import Answer, Channel, Kind

answers = st.builds(
    Answer,
    st.integers(100, 599),
    st.binary(),
    st.integers(0, 15),
    st.floats(0, 1e9),
    st.lists(st.tuples(st.text(), st.text())).map(tuple),
)


@given(answers)
def test_answers(answer: Answer):
    assert frames.decode_answer(frames.encode_answer(answer)) == answer


@given(st.lists(st.binary()))
def test_several_payloads(parts: list[bytes]):
    assert frames.decode_many(frames.encode_many(parts)) == parts


@given(st.dictionaries(st.text(), st.text() | st.integers()), st.binary())
def test_requests_with_their_facts(facts: dict[str, object], body: bytes):
    assert frames.decode_whole(frames.encode_whole(facts, body)) == (facts, body)


@pytest.mark.parametrize("size", [0, 1, 65_527, 65_528, 65_536, 65_537, 3_000_000])
def test_channel_gives_frames_of_any_size_one_after_another(size: int):
    ours, theirs = socket.socketpair()
    payloads = [b"a", b"x" * size, b"z"]
    data = b"".join(frames.HEAD.pack(len(each), number, Kind.SCORE) + each for number, each in enumerate(payloads))
    with ours, theirs:
        sending = threading.Thread(target=ours.sendall, args=(data,))
        sending.start()
        channel = Channel(theirs)
        received = [channel.receive() for _ in payloads]
        sending.join()
        assert [(kind, number, bytes(payload)) for kind, number, payload in received] == [
            (Kind.SCORE, number, payload) for number, payload in enumerate(payloads)
        ]
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(EOFError):
            channel.receive()


def test_channel_notices_an_end_within_a_frame():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(frames.HEAD.pack(1_000_000, 1, Kind.SCORE) + b"x")
        ours.close()
        with pytest.raises(EOFError):
            Channel(theirs).receive()
