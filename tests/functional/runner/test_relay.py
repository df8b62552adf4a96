"""What a script is answered by its relay."""

import pytest

from terrazul.testing.submission import TALKATIVE, Submitter


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic x"])
def test_relay_answers_only_its_run(submit_shared: Submitter, authorization: str | None):
    run = submit_shared(
        "import os, urllib.request, urllib.error\n"
        "request = urllib.request.Request(os.environ['AZUREML_SERVICE_ENDPOINT'] + '/health')\n"
        f"header = {authorization!r}\n"
        "if header: request.add_header('Authorization', header)\n"
        "try: urllib.request.urlopen(request)\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    assert run.wait()["state"] == "Completed"
    assert run.log() == "401\n"


def test_relay_passes_reads_on_after_what_was_written(submit_shared: Submitter):
    run = submit_shared(
        TALKATIVE + "for number in range(20):\n"
        "    log('x', number)\n"
        "    found = call('GET', '/runs/' + run_id + '/metrics', None)\n"
        "    assert found[0]['metrics'][0]['values'] == list(range(number + 1)), found\n"
        "print(call('GET', '/runs/' + run_id, None)['state'])\n"
    )
    assert run.wait()["state"] == "Completed", run.log()
    assert run.log() == "Running\n"


def test_what_the_server_refuses_is_told(submit_shared: Submitter):
    run = submit_shared(
        TALKATIVE + "for value in 'ab':\n    write(changes=[{'run_id': run_id, 'add_properties': {'p': value}}])\n"
        "log('after', 1)"
    )
    ended = run.wait()
    assert ended["state"] == "Completed"
    assert ended["properties"]["p"] == "a", ended
    assert "'p'" in "".join(ended["warnings"])
    assert run.metrics["after"] == [1]


def test_relay_takes_bytes_in_every_form(submit_shared: Submitter):
    """A body in chunks, a pack, a wrong digest; then large bytes come back through it, whole and in part."""
    run = submit_shared(
        TALKATIVE
        + """
import http.client, struct
host = os.environ['AZUREML_SERVICE_ENDPOINT'][7:]
base = '/api/v1/workspaces/' + os.environ['AZUREML_WORKSPACE_ID']
token = {'Authorization': 'Bearer ' + os.environ['AZUREML_RUN_TOKEN']}
relay = http.client.HTTPConnection(host)
def ask(method, path, body=None, headers={}, chunked=False):
    relay.request(method, base + path, body=body, headers={**token, **headers}, encode_chunked=chunked)
    answer = relay.getresponse()
    return answer.status, answer.read(), answer
def digest_of(data):
    return hashlib.sha256(data).hexdigest()
large = bytes(range(256)) * 20000
chunks = (large[start:start + 70000] for start in range(0, len(large), 70000))
status, _, _ = ask('PUT', '/contents/' + digest_of(large), chunks, {'Transfer-Encoding': 'chunked'}, chunked=True)
assert status == 200, status
parts = [b'', b'one', b'two' * 100000]
pack = b''.join(struct.pack('>32sQ', bytes.fromhex(digest_of(part)), len(part)) + part for part in parts)
status, body, _ = ask('POST', '/contents', pack)
assert json.loads(body) == {'digests': [digest_of(part) for part in parts]}, body
for digest, wrong in ((digest_of(b'a'), large), ('..%2Fx', b'b'), ('A' * 64, b'')):
    status, body, _ = ask('PUT', '/contents/' + digest, wrong)
    assert status == 400, (digest, status, body)
status, body, _ = ask('POST', '/contents', pack[:-1])
assert status == 400, status
for bad in (b'', b'[]', b'{"writer": 1}', b'nonsense', b'[' * 100000):
    status, body, _ = ask('POST', '/writes', bad)
    assert (status, json.loads(body)['code']) == (400, 'invalid_input'), (bad[:20], status)
write(artifacts=[{'run_id': run_id, 'path': 'large.bin', 'digest': digest_of(large), 'size': len(large), 'time': 1}])
status, body, answer = ask('GET', '/runs/' + run_id + '/artifact?path=large.bin')
assert (status, body == large, answer.getheader('Content-Length')) == (200, True, str(len(large)))
status, body, _ = ask('GET', '/runs/' + run_id + '/artifact?path=large.bin', headers={'Range': 'bytes=256-511'})
assert (status, body) == (206, bytes(range(256)))
status, body, _ = ask('GET', '/runs/another')
assert (status, json.loads(body)['code']) == (404, 'not_found') or status == 403, (status, body)
print('all answered')
"""
    )
    assert run.wait()["state"] == "Completed", run.log()
    assert run.log() == "all answered\n"
    assert run.get()["warnings"] == []


def test_batch_that_is_none_is_refused_at_once_and_holds_up_no_other(submit_shared: Submitter):
    run = submit_shared(
        TALKATIVE
        + """
for bad in (b'{"run_id": "x"}', b'{"run_id": 1, "name": "n", "value": 1, "time": 1}',
            b'{"run_id": "x", "name": "n", "value": NaN, "time": 1}',
            b'{"run_id": "x", "name": "\\\\ud800", "value": 1, "time": 1}',
            b'{"run_id": "x", "name": "n", "value": 1, "time": "now"}'):
    try:
        call('POST', '/writes', b'{"writer": "bad", "sequence": 1, "metrics": [' + bad + b']}')
    except urllib.error.HTTPError as error:
        print(error.code)
log('after', 1)
"""
    )
    assert run.wait()["state"] == "Completed", run.log()
    assert run.log() == "400\n" * 5
    assert run.metrics == {"after": [1]}


def test_batch_that_only_the_server_refuses_holds_up_no_other(submit: Submitter):
    """An administrator's limit is smaller than the batch; the next ones of the same writer are taken."""
    submit.server.stop()
    submit.server._options = ("--body-limit", "100000")
    submit.server.start()
    run = submit(
        TALKATIVE
        + "log('before', 1)\nwrite(changes=[{'run_id': run_id, 'description': 'x' * 200000}])\nlog('after', 2)"
    )
    ended = run.wait()
    assert ended["state"] == "Completed", run.log()
    assert run.metrics == {"before": [1], "after": [2]}
    assert "refused" in "".join(ended["warnings"])
