"""What the suite starts as its client: hands the task on to the process that already runs, and waits.

    python -I calling.py PORT URL

An agent takes a second and a half to import, and there are twenty-six runs. Standard library only.
"""

import json
import os
import socket
import sys


def main() -> int:
    task = {
        "scenario": os.environ["MCP_CONFORMANCE_SCENARIO"],
        "url": sys.argv[-1],
        "version": os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"],
        "context": json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}"),
    }
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        connection.sendall(json.dumps(task).encode() + b"\n")
        failure = connection.makefile().read()
    sys.stderr.write(failure)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
