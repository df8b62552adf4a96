"""Objects in a bucket or a container, over ``obstore``: what all kinds of such storages share.

The library is imported when one is opened.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from terrazul.core.errors import InvalidInput, NotFound, TerrazulError, TooLarge, Unavailable
from terrazul.server.blobs.storage import SignedPlace

if TYPE_CHECKING:
    from obstore import WritableFile

_log = logging.getLogger(__name__)
LEASE = timedelta(minutes=15)
"""So long an address that is signed can be used."""
_CHUNK = 1 << 20
_PART = 16 << 20
_PARTS_AT_ONCE = 2
_MOST_PARTS = 10_000
_LISTED_AT_ONCE = 1000
_STATUS = re.compile(r"\b(?:status code|status|Client error with status|HTTP status client error \()\D{0,3}(\d{3})\b")
_CODE = re.compile(r"<Code>(\w{1,80})</Code>")
_NO_CONTAINER = {"ContainerNotFound", "NoSuchBucket", "ContainerBeingDeleted", "ContainerDisabled"}
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
_HINT = (
    "The server goes on by itself once it answers. An administrator looks whether the storage is there, and whether "
    "the server's variables hold a valid credential for it."
)


class Address(NamedTuple):
    """Where a storage is, as the setting writes it: ``scheme://bucket/prefix``."""

    text: str
    bucket: str
    prefix: str
    endpoint: str
    """The address of another service than the cloud's own; empty for that."""
    is_direct: bool = False
    """Whether clients reach it too."""

    @property
    def client_options(self) -> dict[str, Any]:
        """How the library calls it."""
        return {
            "allow_http": self.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=30),
            "timeout": timedelta(days=1),
        }


def opened(
    kind: Callable[..., object],
    address: Address,
    endpoint: dict[str, object],
    put_headers: Mapping[str, str] | None = None,
) -> ObjectStorage:
    """The storage that a class of the library makes; it reads the server's variables at this moment.

    ``endpoint`` is what it is told of an address of its own, ``put_headers`` what a request must have that puts an
    object to a signed address. Raises ``InvalidInput``, which tells no secret.
    """
    from obstore import exceptions  # noqa: PLC0415  # loaded with a storage that needs it

    try:
        store = kind(
            address.bucket,
            prefix=address.prefix or None,
            config=endpoint if address.endpoint else {},
            client_options=address.client_options,
            retry_config=_RETRIES,
        )
    except (exceptions.BaseError, ValueError, TypeError):
        raise InvalidInput(
            f"The storage {address.text} cannot be opened with what the server's variables say of it.",
            target="storage",
            hint="The guide `Keep files in object storage` names the variables of each kind.",
        ) from None
    return ObjectStorage(store, address, put_headers or {})


class ObjectStorage:
    """The objects below a prefix. An object is whole or not there: that is what such a service promises."""

    is_remote = True

    def __init__(self, store: Any, address: Address, put_headers: Mapping[str, str]) -> None:
        self._store = store  # obstore has no common type of stores
        self._address = address
        self._put_headers = put_headers

    @property
    def place(self) -> str:
        """Where it is, as the setting writes it."""
        return self._address.text

    def create(self, key: str) -> ObjectSink:
        """Begin an object."""
        return ObjectSink(self, key)

    def read(self, key: str, offset: int, size: int) -> Iterator[bytes]:
        """A part of an object, in chunks as they come."""
        import obstore  # noqa: PLC0415  # as above

        with self.told(key):
            if size == 0:
                obstore.head(self._store, key)
                return
            stream = iter(obstore.get(self._store, key, options={"range": (offset, offset + size)}).stream(_CHUNK))
        rest = size
        while rest > 0:
            with self.told(key):
                chunk = next(stream, None)
            if not chunk:
                raise TerrazulError(f"The stored object {key} is shorter than it was.", target=key)
            view = memoryview(chunk)
            rest -= len(view)
            for start in range(0, len(view), _CHUNK):
                yield bytes(view[start : start + _CHUNK])

    def address_of(self, key: str) -> str:
        """An address that the service has signed, where clients may go there and it can sign."""
        return self._sign("GET", key)

    def place_for(self, key: str) -> SignedPlace | None:
        """As ``address_of``."""
        url = self._sign("PUT", key)
        return SignedPlace(url, self._put_headers) if url else None

    def _sign(self, method: Literal["GET", "PUT"], key: str) -> str:
        import obstore  # noqa: PLC0415  # as above

        if not self._address.is_direct:
            return ""
        try:
            with self.told(key):
                return obstore.sign(self._store, method, key, LEASE)
        except TerrazulError as problem:
            _log.warning("No address could be signed, so the bytes go through the server: %s", problem.message)
            return ""

    def size_of(self, key: str) -> int | None:
        """As the service tells it."""
        import obstore  # noqa: PLC0415  # as above

        try:
            with self.told(key):
                return obstore.head(self._store, key)["size"]
        except NotFound:
            return None

    def copy(self, source: str, target: str) -> None:
        """The service copies; no byte comes here."""
        import obstore  # noqa: PLC0415  # as above

        with self.told(source):
            obstore.copy(self._store, source, target)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._delete([key])

    def delete_tree(self, prefix: str) -> None:
        """Remove all objects below a prefix."""
        import obstore  # noqa: PLC0415  # as above

        with self.told(prefix):
            batches = iter(obstore.list(self._store, prefix, chunk_size=_LISTED_AT_ONCE))
        while True:
            with self.told(prefix):
                batch = next(batches, None)
            if batch is None:
                return
            self._delete([each["path"] for each in batch])

    def _delete(self, keys: Sequence[str]) -> None:
        import obstore  # noqa: PLC0415  # as above

        for key in keys:
            with contextlib.suppress(NotFound), self.told(key):
                obstore.delete(self._store, key)

    def open(self, key: str) -> WritableFile:
        """Where the bytes of a new object go; nobody sees it before it is closed."""
        import obstore  # noqa: PLC0415  # as above

        return obstore.open_writer(self._store, key, buffer_size=_PART, max_concurrency=_PARTS_AT_ONCE)

    @contextlib.contextmanager
    def told(self, key: str) -> Iterator[None]:
        """Raise what the library raises in our words; its own may hold what was signed.

        Raises ``NotFound`` where there is no such object, ``Unavailable`` for all else.
        """
        from obstore import exceptions  # noqa: PLC0415  # as above

        try:
            yield
        except FileNotFoundError as error:
            code = _found(_CODE, str(error))
            if code in _NO_CONTAINER:
                raise self._unavailable(f"it answered {code}") from None
            raise NotFound(f"The stored object {key} is missing.", target=key) from None
        except (exceptions.BaseError, OSError, ValueError) as error:
            status, code = _found(_STATUS, str(error)), _found(_CODE, str(error))
            answer = f"it answered {' '.join(filter(None, (status, code)))}" if status or code else "no answer came"
            raise self._unavailable(answer) from None

    def _unavailable(self, what: str) -> Unavailable:
        return Unavailable(
            f"The storage of the server's files, {self._address.text}, did not do its part: {what}.",
            target=self._address.text,
            hint=_HINT,
        )


class ObjectSink:
    """An object on its way: a small one goes in one request, a large one in parts that count once all are there."""

    def __init__(self, storage: ObjectStorage, key: str) -> None:
        self._storage = storage
        self._key = key
        self._size = 0
        self._file: WritableFile | None = storage.open(key)

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._size += len(data)
        if self._size > _PART * _MOST_PARTS:
            raise TooLarge(
                f"A file that comes in one piece may have {_PART * _MOST_PARTS} bytes.",
                hint="Send it in parts, as the SDK does.",
            )
        if self._file is not None:
            with self._storage.told(self._key):
                self._file.write(data)

    def commit(self) -> None:
        """Send what is left; the service has it for good when it says so."""
        if self._file is not None:
            with self._storage.told(self._key):
                self._file.close()
            self._file = None

    def abort(self) -> None:
        """Forget it; parts that are with the service already were never an object."""
        self._file = None


def _found(expression: re.Pattern[str], text: str) -> str:
    match = expression.search(text)
    return match[1] if match else ""
