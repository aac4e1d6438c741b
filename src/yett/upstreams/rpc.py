"""JSON-RPC 2.0 (https://www.jsonrpc.org/specification) as the gateway speaks it to a server. Pure."""

from collections.abc import Container
from typing import Final, final

from yett.core.call import RpcError
from yett.core.document import DocumentError, encode, parse, parse_compact
from yett.core.talk import INPUT_REQUIRED, QUESTIONS
from yett.core.target import JSON
from yett.core.tasks import EXTENSION, TASK
from yett.upstreams.port import NO_WISHES, Beside, Exchange
from yett.upstreams.pruning import read_list_of_tools

METHOD_NOT_FOUND: Final = -32601
_COMPLETE: Final = "complete"

# How servers write a result: in the order of JSON-RPC 2.0, or the result first.
START: Final = b'{"jsonrpc":"2.0","id":'
_BEFORE: Final = START + b'%d,"result":'
_BEFORE_RESULT_FIRST: Final = b'{"result":'
_AFTER: Final = b',"jsonrpc":"2.0","id":%d}'
_COMPLETE_FIRST: Final = b'{"resultType":"complete",'
_COMPLETE_LAST: Final = b',"resultType":"complete"}'

# Where in these the id stands. Numbers, since the compiler misreads a slice that is kept (decision 0014).
_ID_DIGITS_MAX: Final = 18
_ID_BEGINS: Final = len(START)
_ID_ENDS: Final = _ID_BEGINS + _ID_DIGITS_MAX
_LAST_ID_BEGINS: Final = -_ID_DIGITS_MAX
_TOKEN_PLACE_MAX: Final = 128

_LIST_CHANGED: Final = frozenset(
    {
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
    }
)

_UPDATED: Final = "notifications/resources/updated"


@final
class InvalidAnswer(Exception):
    """What came back breaks the protocol. The text is for the operator and quotes nothing long."""


def encode_request(identifier: int, method: str, params: dict[str, JSON]) -> bytes:
    return encode({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})


def encode_notification(method: str, params: dict[str, JSON] | None = None) -> bytes:
    message: dict[str, JSON] = {"jsonrpc": "2.0", "method": method}
    return encode(message if params is None else message | {"params": params})


def call_parts(tool: str, meta: bytes) -> tuple[bytes, bytes]:
    """Return what stands in each call of a tool between the id and the arguments, and behind those. meta: compact
    JSON of `_meta`; empty: there is none."""
    before = b',"method":"tools/call","params":{"name":%b,"arguments":' % encode(tool)
    return before, b',"_meta":%b}}' % meta if meta else b"}}"


def read_message(body: bytes) -> dict[str, JSON]:
    """Return the one message in `body`.

    Raises:
        InvalidAnswer: not one unambiguous JSON object that says it is JSON-RPC 2.0. Batches
            (2025-03-26) too: nobody may answer one request with several messages.
    """
    try:
        message = parse(body)
    except DocumentError as error:
        message = _list_of_tools(body, error)
    if type(message) is not dict or message.get("jsonrpc") != "2.0":
        raise InvalidAnswer("a message that is not JSON-RPC 2.0")
    return message


def _list_of_tools(body: bytes, why: DocumentError) -> dict[str, JSON]:
    try:
        message: dict[str, JSON] = read_list_of_tools(body, why)
    except DocumentError:
        raise InvalidAnswer(f"a message that is not unambiguous JSON: {why}") from None
    return message


def read_reply(body: bytes, identifier: int) -> Exchange:
    """Return the answer that is the whole of `body`.

    Raises:
        InvalidAnswer: as `read_message` and `read_answer`.
    """
    return read_answer(read_message(body), identifier, len(body))


def read_result(
    body: bytes,
    identifier: int,
    modern: bool,  # noqa: FBT001 - keywords cost each call
    beside: Beside | None = None,
) -> Exchange:
    """As `read_reply`, without the `resultType` of a modern result (see `take_result_type`), and with the bytes of
    one that came as compact JSON, so that nobody need encode it again.

    Raises:
        InvalidAnswer: as `read_reply` and `take_result_type`.
    """
    before = _BEFORE % identifier
    if body.startswith(before):
        encoded = body[len(before) : -1] if body.endswith(b"}") else b""
    elif body.startswith(_BEFORE_RESULT_FIRST) and body.endswith(_AFTER % identifier):
        encoded = body[len(_BEFORE_RESULT_FIRST) : -len(_AFTER % identifier)]
    else:
        return _read_laid_out(body, identifier, beside, modern=modern)
    try:
        # What stands in the place of a result, and is a document by itself, is the result.
        result = parse_compact(encoded)
    except DocumentError:
        result = None
    if type(result) is not dict:
        return _read_laid_out(body, identifier, beside, modern=modern)
    if modern and "resultType" in result:
        encoded = _without_result_type(encoded)
        take_result_type(result, beside)
    return Exchange(result, None, len(body), encoded)


def _read_laid_out(
    body: bytes, identifier: int, beside: Beside | None, *, modern: bool
) -> Exchange:
    exchange = read_reply(body, identifier)
    if modern and exchange.result is not None:
        take_result_type(exchange.result, beside)
    return exchange


def _without_result_type(encoded: bytes) -> bytes:
    """Return the bytes of an object without `resultType`, if it is `complete` and easily found; else nothing.
    What stands first or last in an object, quotes and all, is a member of its own."""
    if encoded.startswith(_COMPLETE_FIRST):
        return b"{" + encoded[len(_COMPLETE_FIRST) :]
    if encoded.endswith(_COMPLETE_LAST):
        return encoded[: -len(_COMPLETE_LAST)] + b"}"
    return b""


def named_id(line: bytes) -> bytes:
    """Return the id of the answer that a line seems to be, in digits; nothing that was asked: it is none, or is
    laid out."""
    if line.startswith(START):
        return line[_ID_BEGINS:_ID_ENDS].partition(b",")[0]
    if line.startswith(_BEFORE_RESULT_FIRST):
        return line[_LAST_ID_BEGINS:-1].rpartition(b":")[2]
    return b""


def named_token(line: bytes) -> bytes:
    """Return the token of the progress that a line seems to tell of, as it stands there; nothing: it is none."""
    return line[:_TOKEN_PLACE_MAX].partition(b'"progressToken":')[2].partition(b",")[0]


def completed(exchange: Exchange, beside: Beside | None = None) -> Exchange:
    """Return a modern answer without the type of its result (see `take_result_type`).

    Raises:
        InvalidAnswer: as there.
    """
    result = exchange.result
    if result is None or "resultType" not in result:
        return exchange
    take_result_type(result, beside)
    encoded = _without_result_type(exchange.encoded)
    return Exchange(result, None, exchange.bytes_received, encoded)


def read_answer(message: dict[str, JSON], identifier: int, size: int) -> Exchange:
    """Return the result or the error that answers our request.

    Raises:
        InvalidAnswer: the id is not ours (`1.0`, `"1"` and `true` are not 1); or it holds both or
            neither, or one of the wrong shape.
    """
    found = message.get("id")
    if type(found) is not int or found != identifier or "method" in message:
        raise InvalidAnswer("an answer to something that was not asked")
    return read_outcome(message, size)


def read_outcome(message: dict[str, JSON], size: int) -> Exchange:
    """As `read_answer`, whatever the id is."""
    result = message.get("result")
    if type(result) is dict and "error" not in message:
        return Exchange(result, None, size)
    error = message.get("error")
    if "result" in message or type(error) is not dict:
        raise InvalidAnswer("an answer without exactly one result or error")
    code, text = error.get("code"), error.get("message")
    if type(code) is not int or type(text) is not str:
        raise InvalidAnswer("an error without an integer code and a message")
    return Exchange(None, RpcError(code, text, error.get("data")), size)


def is_answer(message: dict[str, JSON]) -> bool:
    return "method" not in message


def announces_change(message: dict[str, JSON]) -> bool:
    method = message["method"]
    return "id" not in message and type(method) is str and method in _LIST_CHANGED


def updated_uri(message: dict[str, JSON]) -> str | None:
    """Return the URI of the resource that a notification says has changed; None: it says another thing."""
    if message["method"] != _UPDATED or "id" in message:
        return None
    params = message.get("params")
    uri = params.get("uri") if isinstance(params, dict) else None
    return uri if isinstance(uri, str) else None


def reply_to(message: dict[str, JSON]) -> bytes | None:
    """Return our reply to a request of the server, None for a notification.

    No client capability is declared, so only `ping` has an answer of its own. Without any reply a
    server might wait for it until the call's deadline.
    """
    identifier = message.get("id")
    if type(identifier) not in (int, str):
        return None
    if message["method"] == "ping":
        return encode({"jsonrpc": "2.0", "id": identifier, "result": {}})
    error = {"code": METHOD_NOT_FOUND, "message": "Method not found"}
    return encode({"jsonrpc": "2.0", "id": identifier, "error": error})


def question_of(
    message: dict[str, JSON], capabilities: Container[str]
) -> tuple[int | str, str, dict[str, JSON]] | None:
    """Return id, method and parameters of a request that the server may make of the caller, or None.

    capabilities: names of those that were offered to it.
    """
    identifier, method, params = message.get("id"), message["method"], message.get("params", {})
    if not isinstance(identifier, int | str) or isinstance(identifier, bool):
        return None
    if type(method) is not str or type(params) is not dict:
        return None
    return (identifier, method, params) if QUESTIONS.get(method) in capabilities else None


def encode_reply(identifier: int | str, exchange: Exchange) -> bytes:
    """Return our answer to a request of the server."""
    message: dict[str, JSON] = {"jsonrpc": "2.0", "id": identifier}
    error = exchange.error
    if error is None:
        return encode(message | {"result": exchange.result})
    data = {} if error.data is None else {"data": error.data}
    return encode(message | {"error": {"code": error.code, "message": error.message, **data}})


def take_result_type(result: dict[str, JSON], beside: Beside | None = None) -> None:
    """Take `resultType` out of a result: what is complete needs no word for it. A result that asks
    for more, or begins a task, keeps it, and is refused unless that was offered.

    Raises:
        InvalidAnswer: it is another than `complete`.
    """
    kind = result.pop("resultType", _COMPLETE)
    if kind == _COMPLETE:
        return
    if beside is None or kind not in _offered_kinds(beside):
        raise InvalidAnswer("a result of a type that was not offered")
    result["resultType"] = kind


def _offered_kinds(beside: Beside) -> list[str]:
    kinds: list[str] = []
    if beside.wishes.capabilities != NO_WISHES.capabilities:
        kinds.append(INPUT_REQUIRED)
    if EXTENSION in beside.extensions:
        kinds.append(TASK)
    return kinds
