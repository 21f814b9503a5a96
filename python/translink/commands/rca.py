"""`translink rca`: a call's post-mortem, from the running server or a record in a file.

Exit codes: 0 nothing went wrong; 1 no such call, or no record; 2 wrong arguments or settings; 3 nobody
answers; 4 the token is not accepted; 5 something went wrong in the call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from pydantic import TypeAdapter, ValidationError

from translink.commands.control import SERVER_SAYS_NO, ControlError, asked_of
from translink.commands.printing import print_json
from translink.errors import complaints
from translink.observe.postmortem.prose import lines_of
from translink.observe.postmortem.report import explain_call
from translink.observe.record import CallRecord

if TYPE_CHECKING:
    from translink.commands.control import Target

WENT_WRONG = 5
LONGEST_RECORD = 16 * 2**20


def run_rca(
    call: str,
    target: Callable[[], Target],
    *,
    save: Path | None = None,
    json: bool = False,
) -> int:
    """Print it. `call` is a call's name, or a file that `save` (or the API) wrote; `target` is asked
    for in the first case only. Returns the exit code. Raises `OSError` when `save` cannot be written."""
    file = Path(call)
    try:
        if file.suffix == ".json" or file.is_file():
            record = _from_file(file)
        else:
            path = f"/api/calls/{quote(call, safe='')}/record"
            record = _read(orjson.dumps(asked_of(target(), path)), "the server's answer")
    except ControlError as error:
        sys.stderr.writelines(complaints(error))
        return error.code
    found = explain_call(record)
    if save is not None:
        save.write_bytes(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    if json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines_of(found))
    return 0 if found.good else WENT_WRONG


def _from_file(file: Path) -> CallRecord:
    try:
        with file.open("rb") as opened:
            text = opened.read(LONGEST_RECORD)
    except OSError as error:
        raise ControlError(f"{file}: {error.strerror}", SERVER_SAYS_NO) from None
    return _read(text, str(file))


def _read(text: bytes, where: str) -> CallRecord:
    try:
        return TypeAdapter(CallRecord).validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"])) or "it"
        raise ControlError(
            f"{where}: is no record of a call: {field}: {problem['msg']}", SERVER_SAYS_NO
        ) from None
