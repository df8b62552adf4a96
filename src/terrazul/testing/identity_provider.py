"""A real provider of OpenID Connect for tests, made of Authlib's server side.

It asks nobody for a password: whoever comes is the person that the test has named last. What it says of them, and how
it signs that, a test can change. PKCE, single use of codes, the redirect address and the client's secret are checked by
Authlib.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer  # type: ignore[import-untyped]  # it has no types
from authlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]  # it has no types
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants  # type: ignore[import-untyped]  # it has no types
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]  # it has no types
from authlib.oidc.core.grants import OpenIDCode  # type: ignore[import-untyped]  # it has no types
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

from terrazul.core.dataclass import dataclass

Claims = dict[str, Any]
_LIFETIME_SECONDS = 300
_CALLBACK = re.compile(r"https?://(127\.0\.0\.1|localhost):\d+/sign-in/callback\Z")


@dataclass
class _Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """This server, as the provider knows it."""

    client_id: str
    secret: str

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return _CALLBACK.match(redirect_uri) is not None

    def check_client_secret(self, secret: str) -> bool:
        return bool(self.secret) and secret == self.secret

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in ({"client_secret_basic", "client_secret_post"} if self.secret else {"none"})

    def check_response_type(self, response_type: str) -> bool:
        return bool(response_type == "code")

    def check_grant_type(self, grant_type: str) -> bool:
        return bool(grant_type == "authorization_code")


@dataclass
class _Code(AuthorizationCodeMixin):  # type: ignore[misc]  # as above
    code: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    person: Claims
    auth_time: int = field(default_factory=lambda: int(time.time()))

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class IdentityProvider:
    """Answers on a port of the loopback, which it keeps over ``stop`` and ``start``; ``with`` ends it."""

    def __init__(self) -> None:
        os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # on loopback, and in tests
        self.client_id = "terrazul"
        self.client_secret = secrets.token_urlsafe(32)
        self.redeemed = 0
        """How many codes it was asked to take back."""
        self.codes: dict[str, _Code] = {}
        self._people: dict[str, Claims] = {}
        self.person: Claims = {}
        self._claims: Callable[[Claims], Claims] | None = None
        self._signed: Callable[[dict[str, Any], Claims, IdentityProvider], str | None] | None = None
        self._key: RSAKey | ECKey = RSAKey.generate_key(2048)
        self._app = _app_of(self)
        self._server: Any = None
        self._port = 0
        self.start()
        self.description = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
        }

    def __enter__(self) -> IdentityProvider:  # noqa: PYI034  # nobody makes a subclass of it
        """Itself; it answers already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Answer."""
        self._server = make_server("127.0.0.1", self._port, self._app, threaded=True, request_handler=_Silent)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Answer no more, as one that is away."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def name(self) -> str:
        """How people know it."""
        return urlsplit(self.issuer).netloc

    def options(self, folder: Path) -> list[str]:
        """The options of a server that knows it, with the file of the secret in a folder."""
        file = folder / "oidc-secret"
        file.write_text(f"{self.client_secret}\n")
        file.chmod(0o600)
        return [
            "--oidc-issuer",
            self.issuer,
            "--oidc-client-id",
            self.client_id,
            "--oidc-client-secret-file",
            str(file),
        ]

    def public_options(self) -> list[str]:
        """As ``options``, of a server that has no secret."""
        return ["--oidc-issuer", self.issuer, "--oidc-client-id", "public"]

    def client(self, client_id: str) -> _Client | None:
        """The client of an id."""
        return {self.client_id: _Client(client_id, self.client_secret), "public": _Client(client_id, "")}.get(client_id)

    def knows(self, subject: str, **claims: Any) -> None:
        """Whoever comes next is this person; an address counts as verified unless it is said otherwise."""
        verified = {"email_verified": True} if "email" in claims else {}
        self.person = {"sub": subject, **verified, **claims}

    @contextlib.contextmanager
    def telling(
        self,
        claims: Callable[[Claims], Claims] | None = None,
        signed: Callable[[dict[str, Any], Claims, IdentityProvider], str | None] | None = None,
    ) -> Iterator[None]:
        """Tell other claims than are right (one that is None is left out), or sign them in another way."""
        self._claims, self._signed = claims, signed
        try:
            yield
        finally:
            self._claims = self._signed = None

    def exchange_keys(self) -> None:
        """Sign with a new key, of another kind, from now on."""
        self._key = ECKey.generate_key("P-256")

    @property
    def algorithm(self) -> str:
        """With which it signs."""
        return "ES256" if isinstance(self._key, ECKey) else "RS256"

    @property
    def keys(self) -> dict[str, Any]:
        """What it tells of its keys: among others one of a kind that nobody knows."""
        self._key.ensure_kid()
        return {"keys": [{"kty": "new", "kid": "x"}, {**self._key.as_dict(private=False), "use": "sig"}]}

    @property
    def public_key(self) -> str:
        """What everybody can know of the key."""
        return self._key.as_pem(private=False).decode()

    def token_of(self, header: dict[str, Any], claims: Claims) -> str | None:
        """The token that says who somebody is."""
        told = self._claims(claims) if self._claims else claims
        told = {name: value for name, value in told.items() if value is not None}
        return self._signed(header, told, self) if self._signed else self._sign(header, told, self._key)

    def signed_by_another_key(self, header: dict[str, Any], claims: Claims, *, within: bool = False) -> str:
        """A token by a key that is not its own, under the id of its own; ``within`` the token names the key itself."""
        other = RSAKey.generate_key(2048)
        named = {"jwk": other.as_dict(private=False)} if within else {}
        return self._sign({**header, "alg": "RS256", **named}, claims, other)

    def signed_otherwise(self, header: dict[str, Any], claims: Claims) -> str:
        """A token whose claims are others than those that were signed."""
        begin, _, end = self._sign(header, claims, self._key).split(".")
        _, other, _ = self._sign(header, {**claims, "sub": "1"}, self._key).split(".")
        return f"{begin}.{other}.{end}"

    def _sign(self, header: dict[str, Any], claims: Claims, key: RSAKey | ECKey) -> str:
        return jwt.encode(header, claims, key, algorithms=["RS256", "ES256"])


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        """Say nothing."""


def _app_of(provider: IdentityProvider) -> flask.Flask:
    app = flask.Flask(__name__)
    tokens: dict[str, Claims] = {}

    def keep(token: dict[str, Any], request: Any) -> None:
        tokens[token["access_token"]] = request.user

    server = AuthorizationServer(app, query_client=provider.client, save_token=keep)
    server.init_app(app, query_client=provider.client, save_token=keep)
    server.register_grant(_grant_of(provider), [_open_id_of(provider), CodeChallenge(required=True)])

    def authorize() -> Any:
        if flask.request.args.get("code_challenge_method") != "S256":
            flask.abort(400, "PKCE is demanded")
        try:
            grant = server.get_consent_grant(end_user=provider.person)
        except OAuth2Error as problem:
            flask.abort(400, str(problem))
        return server.create_authorization_response(grant=grant, grant_user=provider.person)

    def redeem() -> Any:
        provider.redeemed += 1
        return server.create_token_response()

    def tell() -> Any:
        return tokens.get(flask.request.headers.get("Authorization", "").removeprefix("Bearer ")) or ("", 401)

    app.add_url_rule("/.well-known/openid-configuration", "describe", lambda: provider.description)
    app.add_url_rule("/keys", "keys", lambda: provider.keys)
    app.add_url_rule("/authorize", "authorize", authorize)
    app.add_url_rule("/token", "token", redeem, methods=["POST"])
    app.add_url_rule("/me", "me", tell)
    return app


def _grant_of(provider: IdentityProvider) -> type:
    class Grant(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")

        def save_authorization_code(self, code: str, request: Any) -> None:
            asked = request.payload.data
            provider.codes[code] = _Code(
                code,
                request.client.client_id,
                request.payload.redirect_uri,
                request.payload.scope,
                asked["nonce"],
                asked["code_challenge"],
                asked["code_challenge_method"],
                request.user,
            )

        def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
            found = provider.codes.get(code)
            return found if found is not None and found.client_id == client.client_id else None

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            provider.codes.pop(authorization_code.code, None)

        def authenticate_user(self, authorization_code: _Code) -> Claims:
            return authorization_code.person

    return Grant


def _open_id_of(provider: IdentityProvider) -> object:
    class OpenId(OpenIDCode):  # type: ignore[misc]  # as above
        def exists_nonce(self, nonce: str, _request: Any) -> bool:
            return any(each.nonce == nonce for each in provider.codes.values())

        def get_client_algorithm(self, _client: _Client) -> str:
            return provider.algorithm

        def encode_id_token(self, token: dict[str, Any], request: Any) -> str | None:
            now = int(time.time())
            claims = {
                "iss": provider.issuer,
                "aud": request.client.client_id,
                "iat": now,
                "exp": now + _LIFETIME_SECONDS,
                **self.get_authorization_code_claims(request.authorization_code),
                **request.user,
            }
            kid = provider.keys["keys"][-1]["kid"]
            return provider.token_of({"alg": provider.algorithm, "kid": kid}, claims) if token else None

    return OpenId(require_nonce=True)
