"""Who may catch a refusal: caught anywhere else, a `Denied` or a `Fault` could be turned into a yes."""

import ast
from typing import Final

from tests.architecture.source import TREES

_FAMILY: Final = {"Refusal", "Denied", "Fault"}

CATCHERS: Final = {
    "pipeline.py": "makes it the answer",
    "admin/application.py": "answers an operator with 503, or refuses what cannot be recorded",
    "alerts/courier.py": "delivers later; nothing waits for it",
    "alerts/sending.py": "says that a secret is missing; the message stays in the queue",
    "app/alerting.py": "ends without writing down what was learned, or shows that a figure is not known",
    "app/upstream_pool.py": "ends what has a secret that may not be had any more; no call waits for it",
    "app/watching.py": "looks again later; no call waits for it",
    "app/signing.py": "logs what the log cannot take; no call waits for it",
    "audit/shipping/shipper.py": "sends a copy later; what it says of itself is logged where it cannot be recorded",
    "app/estate.py": "goes on with a call that was made; its own record cannot be written either",
    "app/discovery.py": "returns it to the command that asked",
    "app/people.py": "tells later; the call that is asked about is refused in any case",
    "app/gateway.py": "goes on with what served before, and tries again",
    "catalogue/judging.py": "keeps what was judged so far, and raises it again",
    "catalogue/reports.py": "keeps an event until it can be recorded; calls are refused meanwhile",
    "catalogue/verifier.py": "takes the server out of use, and lets waiting calls raise it",
    "cli/command.py": "makes it a sentence and an exit code",
    "cli/place.py": "says that a gate will record what was done",
    "credentials/vault.py": "says which honeytokens do not open, so that the others are looked for",
    "credentials/watching.py": "goes on with the honeytokens it knows, tells that they may be old, and tries again",
    "limits/backends/postgres_ledger.py": "tells those who wait for it; what cannot be told stays spent",
    "limits/backends/valkey_store.py": "connects again; calls are refused meanwhile",
    "upstreams/backends/http/watches.py": "listens again later; no call waits for it",
    "upstreams/backends/http/lane.py": "listens again later; no call waits for it",
    "upstreams/backends/http/legacy_events.py": "listens again later; no call waits for it",
    "upstreams/backends/http/modern_events.py": "listens again later; no call waits for it",
    "upstreams/retrying.py": "asks once more where the operator allows it, until time is up",
    "upstreams/backends/http/resuming.py": "asks again for the rest of an answer, until time is up",
    "upstreams/backends/http/sessions.py": "opens a session once more, which sends nothing of the caller; raises what comes of that",
}


def test_only_the_pipeline_and_those_who_speak_to_people_catch_a_refusal() -> None:
    """A catcher that is new is a topic of review; one that is gone leaves the list."""
    found = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is not None
        if _FAMILY & {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
    }

    assert found == CATCHERS.keys()
    assert not any(name.endswith("/stage.py") for name in CATCHERS)
