"""A raw MCP server on standard input and output. Arguments: the era, then what is odd about it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.servers.mcp_answers import MODERN, Refused, answer

ERA = sys.argv[1]
ODDITIES = set(sys.argv[2:])
_writing = threading.Lock()
_initialized = threading.Event()


def write(message: Any) -> None:
    write_raw(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def write_raw(data: bytes) -> None:
    with _writing:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def serve(message: dict[str, Any]) -> None:
    method, identifier, params = message.get("method"), message.get("id"), message.get("params", {})
    if "id" not in message or method is None:
        if method == "notifications/initialized":
            _initialized.set()
        print("heard", json.dumps(message), file=sys.stderr, flush=True)
        return
    meta = params.get("_meta") or {}
    modern = meta.get("io.modelcontextprotocol/protocolVersion") == MODERN
    if ERA == "legacy" and method != "initialize" and not _initialized.wait(0.0):
        if "dies-on-probe" in ODDITIES:
            os._exit(3)
        if "ignores-probe" in ODDITIES:
            return
        write(error(identifier, Refused(-32602, "Invalid request parameters")))
        return
    if ERA == "modern" and not modern:
        write(error(identifier, Refused(-32022, "Unsupported", {"supported": [MODERN]})))
        return
    if method == "tools/call" and "flood" in params.get("arguments", {}):
        threading.Thread(target=flood, args=params["arguments"]["flood"], daemon=True).start()
    elif method == "tools/call" and be_odd(identifier, params):
        return
    try:
        write({"jsonrpc": "2.0", "id": identifier, "result": answer(method, params, modern=modern)})
    except Refused as refused:
        write(error(identifier, refused))


def error(identifier: Any, refused: Refused) -> dict[str, Any]:
    body = {"code": refused.code, "message": str(refused), "data": refused.data}
    return {"jsonrpc": "2.0", "id": identifier, "error": body}


def be_odd(identifier: Any, params: dict[str, Any]) -> bool:
    """Return True if no other answer is due."""
    arguments = params.get("arguments") or {}
    match arguments.get("odd"):
        case "wait":
            time.sleep(float(arguments["seconds"]))
        case "die":
            os._exit(7)
        case "environment":
            text = json.dumps(dict(os.environ))
            result = {"content": [{"type": "text", "text": text}]}
            write({"jsonrpc": "2.0", "id": identifier, "result": result})
            return True
        case "changed":
            write({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        case "ask":
            write({"jsonrpc": "2.0", "id": "s1", "method": "roots/list"})
            write({"jsonrpc": "2.0", "id": "s2", "method": "ping"})
        case "raw":
            write_raw(arguments["bytes"].encode("latin-1").replace(b"ID", str(identifier).encode()))
            return True
        case "long":
            write_raw(b"x" * int(arguments["size"]) + b"\n")
            return True
        case "stderr":
            sys.stderr.buffer.write(arguments["bytes"].encode("latin-1"))
            sys.stderr.flush()
        case "silent":
            return True
        case _:
            pass
    return False


def flood(line: str, times: int = 1, to: str = "stdout") -> None:
    """Write one line for ever, as fast as it is read."""
    lines = (line.encode() + b"\n") * times
    while True:
        if to == "stderr":
            sys.stderr.buffer.write(lines)
            sys.stderr.flush()
        else:
            write_raw(lines)


def main() -> None:
    if "ignores-terminate" in ODDITIES:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "greets" in ODDITIES:
        write_raw(b"Welcome to the server!\n\n")
    if "has-child" in ODDITIES:
        child = subprocess.Popen(["sleep", "60"])
        print("child", child.pid, file=sys.stderr, flush=True)
    if "slow" in ODDITIES:
        time.sleep(0.3)
    for line in sys.stdin.buffer:
        message = json.loads(line)
        threading.Thread(target=serve, args=(message,), daemon=True).start()
        if message.get("method") in ("initialize", "notifications/initialized"):
            time.sleep(0.01)  # in order
    if "stays" in ODDITIES:
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
