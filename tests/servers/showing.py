"""A legacy server that shows the tool `ask` only to a client that can be asked: on standard input and output as a
program, over HTTP with a session for each client. `greets`: it says that its tools changed whenever it starts."""

import contextlib
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

PLAIN = {"name": "plain", "inputSchema": {"type": "object"}}
CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
ASK = {"name": "ask", "inputSchema": {"type": "object"}}


class Client:
    """capabilities: as it declared them."""

    def __init__(self) -> None:
        self.capabilities: dict[str, Any] = {}

    def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to one message; None: it wants none."""
        if "id" not in message or "method" not in message:
            return None
        envelope = {"jsonrpc": "2.0", "id": message["id"]}
        match message["method"]:
            case "initialize":
                self.capabilities = message["params"]["capabilities"]
                version = message["params"]["protocolVersion"]
                result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}  # fmt: skip
            case "tools/list":
                result = {"tools": [PLAIN, ASK] if "elicitation" in self.capabilities else [PLAIN]}
            case _:
                return envelope | {"error": {"code": -32601, "message": "Method not found"}}
        return envelope | {"result": result}


@contextlib.contextmanager
def serving_http() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve; return the address, and the capabilities that were declared, session by session."""
    clients: list[Client] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if message.get("method") == "initialize":
                clients.append(Client())
            number = int(self.headers.get("Mcp-Session-Id") or len(clients) - 1)
            known = number >= 0 and "2026-07-28" not in self.headers.get("MCP-Protocol-Version", "")
            answer = clients[number].answer(message) if known else None
            body = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(200 if body else 202 if known else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Mcp-Session-Id", str(number))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.send_response(405)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, *_words: object) -> None:
            """Be silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    declared: list[dict[str, Any]] = []
    try:
        yield f"http://127.0.0.1:{server.server_port}/mcp", declared
    finally:
        declared.extend(client.capabilities for client in clients)
        server.shutdown()
        server.server_close()
        thread.join(5)


def main() -> None:
    client = Client()
    for line in sys.stdin:
        answer = client.answer(json.loads(line))
        if answer is not None:
            sys.stdout.write(json.dumps(answer) + "\n")
        if "greets" in sys.argv and "notifications/initialized" in line:
            sys.stdout.write(json.dumps(CHANGED) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
