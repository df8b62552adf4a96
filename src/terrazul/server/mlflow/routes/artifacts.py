"""MLflow's routes of files: its own artifact proxy, and what its pages use."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from terrazul.core.ids import is_guid, new_guid
from terrazul.server.blobs.parts import check_number_of_parts
from terrazul.server.download import answer_content, stream_growing
from terrazul.server.http import NOT_KEPT, InjectedServices, does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.exchange import Answer, AnyRequest, answer, read
from terrazul.server.mlflow.method import Call, InjectedCall
from terrazul.server.mlflow.service.files import Place, place_of
from terrazul.wire.mlflow.message import PartedUpload
from terrazul.wire.mlflow.rules import invalid, run_id_of

_UNLIMITED = None
UPLOAD = "mlflow_upload_file"
"""The name of the route by which files come; small ones come past it, see ``protocol``."""
_PART_NUMBER = re.compile(r"[1-9][0-9]{0,4}\Z")


@get("/artifacts", operation_id="mlflow_list_files", opt=does(Action.RUN_READ, within_reach=True))
async def list_files(call: InjectedCall, path: FromQuery[str] = "") -> Answer:
    """What lies directly in a folder, named by the last part of each path."""
    place = place_of(path)
    found = await call.mlflow.files.list_all(call.workspace, place, call.principal)
    return answer({"files": view.files(found, place.path, relative=True)})


@get("/artifacts/{file_path:path}", operation_id="mlflow_download_file", opt=does(Action.RUN_READ, within_reach=True))
async def download_file(
    call: InjectedCall, services: InjectedServices, request: AnyRequest, file_path: FromPath[str]
) -> Stream:
    """The bytes of a file, or the part that a `Range` header asks for."""
    return await _stream(call, services, request, place_of(file_path))


@put(
    "/artifacts/{file_path:path}",
    operation_id=UPLOAD,
    opt=does(Action.RUN_WRITE, within_reach=True),
    request_max_body_size=_UNLIMITED,
)
async def upload_file(call: InjectedCall, request: AnyRequest, file_path: FromPath[str]) -> Answer:
    """Take in a file, streamed; an earlier one of that path is replaced."""
    announced = request.headers.get("Content-Length", "")
    size = int(announced) if announced.isdecimal() else None
    await call.mlflow.files.receive(call.workspace, place_of(file_path), request.stream(), call.principal, size)
    return answer({})


@post(
    "/mpu/create/{file_path:path}",
    operation_id="mlflow_begin_parted_upload",
    opt=does(Action.RUN_WRITE, within_reach=True),
    status_code=200,
    response_headers=NOT_KEPT,
)
async def begin_parted_upload(call: InjectedCall, request: AnyRequest, file_path: FromPath[str]) -> Answer:
    """Say where the parts of a file are to be sent: to the storage, or here with the caller's own token."""
    asked = await read(request, PartedUpload)
    await call.mlflow.files.check_upload(call.workspace, _file_of(asked, file_path), call.principal)
    check_number_of_parts(asked.num_parts)
    upload_id = new_guid()
    places = await call.mlflow.files.offer_parts(call.workspace, upload_id, asked.num_parts, call.principal)
    if places:
        direct = [
            {"url": place.url, "part_number": number, "headers": dict(place.headers)}
            for number, place in enumerate(places, 1)
        ]
        return answer({"upload_id": upload_id, "credentials": direct})
    before, _, _ = str(request.url).partition("/mpu/create")
    token = {"Authorization": request.headers.get("Authorization", "")}
    credentials = [
        {"url": f"{before}/mpu/parts/{upload_id}/{number}", "part_number": number, "headers": token}
        for number in range(1, asked.num_parts + 1)
    ]
    return answer({"upload_id": upload_id, "credentials": credentials})


@put(
    "/mpu/parts/{upload_id:str}/{part_number:str}",
    operation_id="mlflow_send_part",
    opt=does(Action.RUN_WRITE, within_reach=True),
    request_max_body_size=_UNLIMITED,
)
async def send_part(
    call: InjectedCall, request: AnyRequest, upload_id: FromPath[str], part_number: FromPath[str]
) -> Answer:
    """Take in a part, streamed; the `ETag` of the answer names it."""
    _check_part(upload_id, part_number)  # and no more: parts are told apart by their bytes
    digest = await call.mlflow.files.receive_part(call.workspace, request.stream(), call.principal)
    taken = answer({})
    taken.headers["ETag"] = f'"{digest}"'
    return taken


def _check_part(upload_id: str, part_number: str) -> None:
    if not is_guid(upload_id):
        raise invalid("upload_id", upload_id, "It is no id of an upload.")
    if not _PART_NUMBER.match(part_number):
        raise invalid("part_number", part_number, "It is no number of a part.")


@post(
    "/mpu/complete/{file_path:path}",
    operation_id="mlflow_end_parted_upload",
    opt=does(Action.RUN_WRITE, within_reach=True),
    status_code=200,
)
async def end_parted_upload(call: InjectedCall, request: AnyRequest, file_path: FromPath[str]) -> Answer:
    """Make the file of its parts, in the order of their numbers; an earlier one of that path is replaced."""
    asked = await read(request, PartedUpload)
    parts = {each.part_number: each.etag.strip('"') for each in sorted(asked.parts, key=attrgetter("part_number"))}
    place = _file_of(asked, file_path)
    await call.mlflow.files.join(call.workspace, place, asked.upload_id, parts, call.principal)
    return answer({})


@post(
    "/mpu/abort/{file_path:path}",
    operation_id="mlflow_abort_parted_upload",
    opt=does(Action.RUN_WRITE, within_reach=True),
    status_code=200,
)
async def abort_parted_upload(call: InjectedCall, request: AnyRequest, file_path: FromPath[str]) -> Answer:
    """Give an upload up; its parts name nothing, so they go by themselves."""
    _file_of(await read(request, PartedUpload), file_path)
    del call
    return answer({})


@delete(
    "/artifacts/{file_path:path}",
    operation_id="mlflow_delete_files",
    opt=does(Action.RUN_WRITE, within_reach=True),
    status_code=200,
)
async def delete_files(call: InjectedCall, file_path: FromPath[str]) -> Answer:
    """Remove a file, or all below a folder."""
    await call.mlflow.files.delete(call.workspace, place_of(file_path), call.principal)
    return answer({})


@get("/artifacts/list", operation_id="mlflow_list_run_files", opt=does(Action.RUN_READ, within_reach=True))
async def list_run_files(
    call: InjectedCall, run_id: FromQuery[str] = "", run_uuid: FromQuery[str] = "", path: FromQuery[str] = ""
) -> Answer:
    """What lies directly in a folder of a run."""
    return await _list(call, Place(run_id_of(run_id, run_uuid), "", path.strip("/")))


@get(
    "/logged-models/{model_id:str}/artifacts/directories",
    operation_id="mlflow_list_logged_model_files",
    opt=does(Action.RUN_READ, within_reach=True),
)
async def list_logged_model_files(
    call: InjectedCall,
    model_id: FromPath[str],
    folder: Annotated[str, QueryParameter(name="artifact_directory_path")] = "",
) -> Answer:
    """What lies directly in a folder of a logged model."""
    return await _list(call, Place("", model_id, folder.strip("/")))


@get("/get-artifact", operation_id="mlflow_get_artifact", opt=does(Action.RUN_READ, within_reach=True))
async def get_artifact(
    call: InjectedCall,
    services: InjectedServices,
    request: AnyRequest,
    path: FromQuery[str],
    run_id: FromQuery[str] = "",
    run_uuid: FromQuery[str] = "",
) -> Stream:
    """The bytes of a file of a run."""
    run_id = run_id_of(run_id, run_uuid)
    return await _stream(call, services, request, place_of(f"0/{run_id}/artifacts/{path}"))


def _file_of(asked: PartedUpload, folder: str) -> Place:
    """The place of a file in parts: its path is that of the client's disk, of which the last part counts."""
    parts = asked.path.replace("\\", "/").split("/")
    if ".." in parts or not parts[-1]:
        raise invalid("path", asked.path, "It names no file.")
    return place_of(f"{folder.strip('/')}/{parts[-1]}")


async def _list(call: Call, place: Place) -> Answer:
    found = await call.mlflow.files.list_all(call.workspace, place, call.principal)
    root = await call.mlflow.files.root_of(call.workspace, place, call.principal)
    return answer({"root_uri": root, "files": view.files(found, place.path, relative=False)})


async def _stream(call: Call, services: InjectedServices, request: AnyRequest, place: Place) -> Stream:
    content = await call.mlflow.files.find(call.workspace, place, call.principal)
    if content is None:
        return stream_growing(services, call.workspace, place.run_id, place.path)
    return await answer_content(services.contents, content, place.path, request)


proxy = [
    list_files,
    download_file,
    upload_file,
    delete_files,
    begin_parted_upload,
    send_part,
    end_parted_upload,
    abort_parted_upload,
]
handlers = [list_run_files, list_logged_model_files]
plain = [get_artifact]
