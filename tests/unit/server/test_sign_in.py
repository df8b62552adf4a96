"""What a password must be, how wrong attempts are slowed down, and when a session ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from terrazul.core.clock import Microseconds
from terrazul.core.errors import AuthenticationException, InvalidInput, TooManyAttempts
from terrazul.server.identity.rules import Principal
from terrazul.server.identity.service.authentication import Given, Identities
from terrazul.server.identity.service.passwords import Hashes, Passwords
from terrazul.server.identity.service.sessions import Sessions
from terrazul.server.identity.service.users import Users
from terrazul.server.identity.sign_in import (
    DAY,
    MINUTE,
    SECOND,
    Lifetime,
    attempts_from,
    attempts_of_name,
    check_password,
    csrf_token_of,
    is_csrf_token,
)
from terrazul.server.sql.database import Database
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.server.sql.migration import migrate
from terrazul.wire.identity import NewUser
from terrazul.wire.session import NewPassword, NewSession

PASSWORD = "four green lamps"
OWNER = Principal("owner", is_admin=True)
HOUR = 60 * MINUTE


@pytest.mark.parametrize("password", ["four green lamps", "ana has a dog", "ünïcödé wörds", "a" * 20 + "bcd"])
def test_good_password_is_taken(password: str):
    check_password("ana", password)


@pytest.mark.parametrize(
    "password", ["", "eleven char", "ana-ana-ana-ana", "\ud800" * 400, "abababababababab", "a\tb" * 8]
)
def test_weak_or_odd_password_is_refused(password: str):
    with pytest.raises(InvalidInput):
        check_password("ana", password)


def test_pause_doubles_up_to_a_quarter_of_an_hour():
    name = attempts_of_name("ana")
    assert [name.pause(wrong) // SECOND for wrong in (1, 4, 5, 6, 7, 14, 15, 10_000)] == [0, 0, 1, 2, 4, 512, 900, 900]
    address = attempts_from("192.0.2.7")
    assert [address.pause(wrong) // SECOND for wrong in (29, 30, 31)] == [0, 1, 2]


def test_attempts_are_counted_by_what_somebody_has_one_of():
    assert attempts_from("2001:db8::1").subject == attempts_from("2001:db8::2:3").subject
    assert attempts_from("2001:db8::1").subject != attempts_from("2001:db8:0:1::1").subject
    assert attempts_from("::ffff:192.0.2.7").subject == attempts_from("192.0.2.7").subject
    assert attempts_from("").subject == attempts_from("a socket").subject
    assert "ana" not in attempts_of_name("ana").subject


def test_token_of_a_page_belongs_to_one_session():
    assert is_csrf_token(csrf_token_of("one"), "one")
    assert not is_csrf_token(csrf_token_of("one"), "other")
    assert not is_csrf_token("", "one")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * SECOND

    def __call__(self) -> Microseconds:
        return Microseconds(self.now)


class Installation:
    """Users, passwords and sessions over a database of their own, at a time that tests set."""

    def __init__(self, folder: Path) -> None:
        kind = SqliteDatabase(folder / "terrazul.db")
        migrate(kind)
        self.clock = Clock()
        self.database = Database(kind)
        lifetime, hashes = Lifetime(12 * HOUR, 7 * DAY), Hashes()
        self.identities = Identities(self.database, self.clock, lifetime)
        self.users = Users(self.database, self.identities, self.clock)
        self.passwords = Passwords(self.database, self.identities, hashes, self.clock)
        self.sessions = Sessions(self.database, self.identities, hashes, lifetime, self.clock)

    async def sign_in(self, password: str = PASSWORD, address: str = "192.0.2.7") -> str:
        known = await self.sessions.recognise(NewSession("ana", password), address, lambda _: None)
        return (await self.sessions.open(known, address)).secret

    async def opens(self, secret: str) -> bool:
        try:
            await self.identities.authenticate(Given(session=secret, changes=False))
        except AuthenticationException:
            return False
        return True


@pytest.fixture
def run_with_ana(tmp_path: Path) -> Callable[[Callable[[Installation], Awaitable[None]]], None]:
    """Runs a test over an installation in which ana has a password."""

    def run(test: Callable[[Installation], Awaitable[None]]) -> None:
        async def whole() -> None:
            made = Installation(tmp_path)
            try:
                await made.users.create(NewUser("ana"), OWNER)
                await made.passwords.set("ana", NewPassword(PASSWORD), OWNER)
                await test(made)
            finally:
                made.database.close()

        asyncio.run(whole())

    return run


Run = Callable[[Callable[[Installation], Awaitable[None]]], None]


def test_session_ends_when_it_is_not_used(run_with_ana: Run):
    async def test(made: Installation) -> None:
        secret = await made.sign_in()
        for _ in range(3):
            made.clock.now += 11 * HOUR
            assert await made.opens(secret)
        made.clock.now += 12 * HOUR + SECOND
        assert not await made.opens(secret)
        assert await made.sessions.list_all("ana", OWNER) == []

    run_with_ana(test)


def test_session_ends_after_its_days_however_much_it_is_used(run_with_ana: Run):
    async def test(made: Installation) -> None:
        secret = await made.sign_in()
        for _ in range(14):
            assert await made.opens(secret)
            made.clock.now += 12 * HOUR - MINUTE
        made.clock.now += 15 * MINUTE
        assert not await made.opens(secret)

    run_with_ana(test)


def test_code_is_good_for_a_minute(run_with_ana: Run):
    async def test(made: Installation) -> None:
        codes = [(await made.sessions.make_code(Principal("ana"))).code for _ in range(2)]
        made.clock.now += 59 * SECOND
        known = await made.sessions.recognise(NewSession(code=codes[0]), "", lambda _: None)
        assert (known.name, known.method) == ("ana", "code")
        made.clock.now += 2 * SECOND
        for use in (
            made.sessions.recognise(NewSession(code=codes[1]), "", lambda _: None),
            made.sessions.open(known, ""),
        ):
            with pytest.raises(AuthenticationException):
                await use

    run_with_ana(test)


def test_right_password_washes_the_name_clean_and_not_the_address(run_with_ana: Run):
    async def test(made: Installation) -> None:
        async def is_wrong(address: str) -> None:
            with pytest.raises(AuthenticationException):
                await made.sign_in("wrong", address)

        for _ in range(3):
            for _ in range(4):
                await is_wrong("192.0.2.7")
            await made.sign_in()
        for _ in range(4):
            await is_wrong("192.0.2.7")
        await is_wrong("198.51.100.1")
        with pytest.raises(TooManyAttempts) as refused:
            await made.sign_in(address="203.0.113.9")
        assert refused.value.retry_after == 1
        made.clock.now += SECOND
        await made.sign_in()
        for number in range(14):  # from one address, with ever other names
            with pytest.raises(AuthenticationException):
                await made.sessions.recognise(NewSession(f"n{number}", "wrong"), "192.0.2.7", lambda _: None)
        with pytest.raises(TooManyAttempts):
            await made.sign_in()
        assert await made.opens(await made.sign_in(address="203.0.113.9"))
        made.clock.now += DAY + SECOND
        assert await made.opens(await made.sign_in())

    run_with_ana(test)


def test_many_guesses_at_once_win_nothing(run_with_ana: Run):
    async def test(made: Installation) -> None:
        guesses = [made.sign_in(f"wrong {number}", f"192.0.2.{number}") for number in range(12)]
        ended = await asyncio.gather(*guesses, return_exceptions=True)
        kinds = [type(each) for each in ended]
        assert kinds.count(AuthenticationException) == 5
        assert kinds.count(TooManyAttempts) == 7

    run_with_ana(test)


def test_password_that_changes_between_look_and_session_opens_nothing(run_with_ana: Run):
    async def test(made: Installation) -> None:
        known = await made.sessions.recognise(NewSession("ana", PASSWORD), "", lambda _: None)
        await made.passwords.set("ana", NewPassword("seven red boats"), OWNER)
        with pytest.raises(AuthenticationException):
            await made.sessions.open(known, "")

    run_with_ana(test)


def test_nothing_that_opens_something_is_kept_as_it_is(run_with_ana: Run, tmp_path: Path):
    async def test(made: Installation) -> None:
        secret = await made.sign_in()
        code = (await made.sessions.make_code(Principal("ana"))).code
        opening.extend([PASSWORD, secret, code, csrf_token_of(secret)])

    opening: list[str] = []
    run_with_ana(test)
    kept = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"$argon2id$" in kept
    assert len(opening) == 4
    assert not [each for each in opening if each.encode() in kept]
