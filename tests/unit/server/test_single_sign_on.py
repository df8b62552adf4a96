"""What a provider must say, who somebody is by it, and whereto a sign-in may lead."""

import hashlib
from base64 import b64decode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from terrazul.core.errors import AuthenticationException, Forbidden, InvalidInput, Unavailable
from terrazul.server.identity.service.provider import secret_in
from terrazul.server.identity.single_sign_on import (
    Endpoints,
    Provider,
    Redemption,
    authorization_url,
    check_page,
    check_refusal,
    flow_of,
    is_state,
    is_subject,
    lacks,
    newcomer_name,
    not_taken_over,
    person_of,
    read_endpoints,
    token_request,
    with_more,
)

ISSUER = "https://login.example.com/realms/team"
PROVIDER = Provider(ISSUER, "terrazul", frozenset({"example.com"}), "email", "groups")
ENDPOINTS = Endpoints(f"{ISSUER}/auth", f"{ISSUER}/token", f"{ISSUER}/keys", "", takes_basic=True)
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": ENDPOINTS.authorization,
    "token_endpoint": ENDPOINTS.token,
    "jwks_uri": ENDPOINTS.keys,
}
CLAIMS = {"iss": ISSUER, "aud": "terrazul", "sub": "17", "email": "ana@example.com", "email_verified": True}
CALLBACK = "https://ml.example.com/sign-in/callback"


def name_of(provider: Provider = PROVIDER, **changed: object) -> str:
    return newcomer_name(person_of({**CLAIMS, **changed}, provider), provider)


@pytest.mark.parametrize("path", ["/", "/runs/a-b_c.1~2", "/experiments/12", "/runs/%C3%A9", "/a/../b"])
def test_page_of_ours_is_shown_at_the_end(path: str):
    assert check_page(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example", "evil.example", "//",
        "javascript:x", "/runs//evil.example", "/%2f%2fevil.example", "/%2Fevil", "/%5cevil.example", "/%09/x",
        "/\tevil", "/x\n", "/\r\nLocation: x", " /", "/x?next=//evil", "/x#y", "/x@evil.example", "/é",
        "/\u2215evil.example", ".//x", "/x;y",
    ],
)  # fmt: skip
def test_what_could_lead_elsewhere_is_refused(path: str):
    with pytest.raises(InvalidInput):
        check_page(path)


def test_what_binds_a_sign_in_differs_in_each_part_and_is_made_of_its_secret():
    flow = flow_of("secret")
    assert flow == flow_of("secret")
    assert not {*flow} & {*flow_of("other")}
    assert len({*flow, flow.challenge, "secret"}) == 5
    assert 43 <= len(flow.verifier) <= 128
    digest = hashlib.sha256(flow.verifier.encode()).digest()
    assert flow.challenge == urlsafe_b64encode(digest).decode().rstrip("=")


def test_state_belongs_to_one_secret():
    assert is_state(flow_of("secret").state, "secret")
    for wrong in ("", "x", "é", "\ud800", flow_of("other").state, flow_of("secret").nonce, "secret"):
        assert not is_state(wrong, "secret")


def test_browser_is_sent_with_what_binds_it_and_without_what_is_secret():
    url = urlsplit(authorization_url(PROVIDER, ENDPOINTS, flow_of("s"), CALLBACK))
    asked = {name: value for name, (value,) in parse_qs(url.query).items()}
    assert url.geturl().startswith(ENDPOINTS.authorization + "?")
    assert asked == {
        "response_type": "code",
        "client_id": "terrazul",
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": flow_of("s").state,
        "nonce": flow_of("s").nonce,
        "code_challenge": flow_of("s").challenge,
        "code_challenge_method": "S256",
    }
    with_query = ENDPOINTS._replace(authorization=f"{ISSUER}/auth?policy=x")
    assert "?policy=x&response_type=code" in authorization_url(PROVIDER, with_query, flow_of("s"), CALLBACK)


def test_server_names_itself_as_the_provider_takes_it():
    redemption = Redemption("c&d", CALLBACK, flow_of("s"))
    headers, form = token_request(PROVIDER, ENDPOINTS, "a:b c", redemption)
    assert b64decode(headers["Authorization"].partition(" ")[2]) == b"terrazul:a%3Ab%20c"
    told = {name: value for name, (value,) in parse_qs(form.decode()).items()}
    assert told == {
        "grant_type": "authorization_code",
        "code": "c&d",
        "redirect_uri": CALLBACK,
        "code_verifier": flow_of("s").verifier,
    }
    in_form = ENDPOINTS._replace(takes_basic=False)
    headers, form = token_request(PROVIDER, in_form, "a:b c", redemption)
    assert "Authorization" not in headers
    assert b"client_secret=a%3Ab+c" in form
    headers, form = token_request(PROVIDER, ENDPOINTS, "", redemption)
    assert ("Authorization" in headers, b"client_id=terrazul" in form, b"client_secret" in form) == (False, True, False)


def test_description_is_read():
    assert read_endpoints(DOCUMENT, PROVIDER) == ENDPOINTS
    more = {**DOCUMENT, "userinfo_endpoint": f"{ISSUER}/me", "token_endpoint_auth_methods_supported": ["none"]}
    assert read_endpoints(more, PROVIDER) == ENDPOINTS._replace(about=f"{ISSUER}/me", takes_basic=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", f"{ISSUER}/"), ("issuer", None), ("issuer", "https://evil.example"),
        ("token_endpoint", "http://login.example.com/token"), ("jwks_uri", "file:///etc/passwd"), ("jwks_uri", None),
        ("authorization_endpoint", "javascript:alert(1)"), ("authorization_endpoint", ["https://x.example"]),
        ("userinfo_endpoint", "http://169.254.169.254/"), ("token_endpoint", "https://user@login.example.com/"),
    ],
)  # fmt: skip
def test_description_that_does_not_fit_is_refused(name: str, value: object):
    with pytest.raises(Unavailable):
        read_endpoints({**DOCUMENT, name: value}, PROVIDER)


def test_plain_http_is_for_this_machine():
    local = {**DOCUMENT, "token_endpoint": "http://127.0.0.1:9/token", "jwks_uri": "http://[::1]:9/keys"}
    assert read_endpoints(local, PROVIDER).token == "http://127.0.0.1:9/token"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"}, {"iss": [ISSUER]}, {"azp": "another"}, {"aud": ["terrazul", "another"]},
        {"sub": ""}, {"sub": None}, {"sub": 17}, {"sub": "a\nb"}, {"sub": "x" * 256}, {"sub": "é"},
    ],
)  # fmt: skip
def test_claims_for_another_program_or_of_nobody_are_refused(changed: dict[str, object]):
    with pytest.raises(AuthenticationException, match="not valid"):
        person_of({**CLAIMS, **changed}, PROVIDER)


def test_several_audiences_need_to_name_this_program():
    claims = {**CLAIMS, "aud": ["terrazul", "another"], "azp": "terrazul"}
    assert person_of(claims, PROVIDER).subject == "17"
    assert person_of({**CLAIMS, "aud": ["terrazul"]}, PROVIDER).subject == "17"


def test_name_is_the_verified_address():
    assert name_of() == "ana@example.com"
    assert name_of(email="Ana@EXAMPLE.com") == "ana@example.com"


@pytest.mark.parametrize(
    "changed",
    [
        {"email": None}, {"email": ""}, {"email": 7}, {"email_verified": False}, {"email_verified": "true"},
        {"email_verified": None}, {"email": "ana@other.example"}, {"email": "ana@example.com.evil.example"},
        {"email": "ana"}, {"email": "ana@evil@example.com"}, {"email": "ana@@example.com"}, {"email": "@example.com"},
        {"email": " ana@example.com"}, {"email": "ana@example.com\n"}, {"email": "a na@example.com"},
        {"email": "bo\u017f@example.com"}, {"email": "\u212aim@example.com"}, {"email": "ana@ex\u00e4mple.com"},
        {"email": "a" * 100 + "@example.com"}, {"email": "'ana'@example.com"},
    ],
)  # fmt: skip
def test_name_that_the_provider_does_not_vouch_for_is_refused(changed: dict[str, object]):
    """Among them letters that are another one in lower case: whose address it is must not change."""
    with pytest.raises(Forbidden):
        name_of(**changed)


def test_name_from_another_claim_is_of_the_domain_of_the_verified_address():
    provider = PROVIDER._replace(name_claim="preferred_username")
    assert name_of(provider, preferred_username="Ana") == "ana"
    assert name_of(provider, preferred_username="ana@example.com", email=None) == "ana@example.com"
    for changed in ({"email_verified": False}, {"email": "ana@other.example"}, {"email": None}):
        with pytest.raises(Forbidden):
            name_of(provider, preferred_username="ana", **changed)
    with pytest.raises(Forbidden):
        name_of(provider, preferred_username="ana@other.example")


def test_without_domains_every_address_that_is_verified_counts():
    open_one = PROVIDER._replace(domains=frozenset())
    assert name_of(open_one, email="ana@other.example") == "ana@other.example"
    with pytest.raises(Forbidden):
        name_of(open_one, email_verified=False)


@pytest.mark.parametrize(
    ("told", "groups"),
    [
        (["Vision", " speech ", 7, None, {}, "bo\u017f"], {"vision", "speech"}),
        ("vision", {"vision"}),
        (None, set()),
        ({"vision": True}, set()),
    ],
)
def test_groups_are_those_of_the_claim(told: object, groups: set[str]):
    assert person_of({**CLAIMS, "groups": told}, PROVIDER).groups == groups
    assert person_of({**CLAIMS, "groups": told}, PROVIDER._replace(groups_claim="")).groups is None
    assert person_of(CLAIMS, PROVIDER).groups == set()


def test_display_name_is_short_and_printable():
    assert person_of({**CLAIMS, "name": "Ana P."}, PROVIDER).display_name == "Ana P."
    assert person_of({**CLAIMS, "name": "x" * 1000}, PROVIDER).display_name == "x" * 200
    for odd in (None, 7, "a\x1b[31m"):
        assert person_of({**CLAIMS, "name": odd}, PROVIDER).display_name == ""


def test_more_is_asked_where_something_is_missing():
    whole = {**CLAIMS, "groups": []}
    assert not lacks(whole, PROVIDER)
    for name in ("email", "email_verified", "groups"):
        assert lacks({key: value for key, value in whole.items() if key != name}, PROVIDER)
    assert not lacks(CLAIMS, PROVIDER._replace(groups_claim=""))


def test_what_more_is_told_is_of_the_same_person_and_replaces_nothing():
    told = {"sub": "17", "email": "boss@example.com", "email_verified": True, "groups": ["vision"], "iss": "x"}
    thin = {"iss": ISSUER, "sub": "17"}
    assert with_more(thin, told) == {**told, "iss": ISSUER}
    unverified = {**thin, "email": "ana@example.com"}
    assert with_more(unverified, told) == {**unverified, "groups": ["vision"]}
    for other in ("18", None):
        with pytest.raises(AuthenticationException, match="two people"):
            with_more(thin, {**told, "sub": other})


def test_error_of_the_provider_is_told_by_its_name_alone():
    check_refusal("", PROVIDER)
    for error, told in (
        ("access_denied", "not allowed"),
        ("server_error", "server_error"),
        ("<b>call 555</b>", "an error"),
    ):
        with pytest.raises(AuthenticationException, match=told) as refused:
            check_refusal(error, PROVIDER)
        assert "555" not in str(refused.value)


def test_command_that_is_to_be_copied_holds_no_other():
    assert "--subject '$(id)'" in str(not_taken_over("ana", "$(id)", "is an administrator"))
    assert is_subject("$(id)")


def test_secret_is_one_line_that_others_cannot_read(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("abc-123\n")
    file.chmod(0o600)
    assert secret_in(str(file)) == "abc-123"
    assert secret_in("") == ""


@pytest.mark.parametrize(("text", "mode"), [("abc", 0o640), ("abc", 0o604), ("", 0o600), ("a b", 0o600), ("é", 0o600)])
def test_secret_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path, text: str, mode: int):
    file = tmp_path / "secret"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(InvalidInput, match="secret"):
        secret_in(str(file))


def test_secret_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(InvalidInput, match="No such file"):
        secret_in(str(tmp_path / "none"))
