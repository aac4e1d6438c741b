"""Limits that hold without configuration and that callers, servers or several packages meet.

Sizes in bytes, times in seconds. A limit that one file alone knows stands in that file.
"""

from typing import Final

# What an agent may send.
REQUEST_BODY_BYTES_MAX: Final = 1024 * 1024 + 64 * 1024  # the arguments and their envelope
STRANGER_BODY_BYTES_MAX: Final = 16 * 1024  # larger ones are parsed for known callers only
REQUEST_HEADER_BYTES_MAX: Final = 16 * 1024
REQUEST_HEADER_COUNT_MAX: Final = 64
REQUEST_HEADER_SECONDS_MAX: Final = 5.0
REQUEST_BODY_SECONDS_MAX: Final = 30.0
KEEP_ALIVE_SECONDS_MAX: Final = 75.0
ANSWER_READ_SECONDS_MAX: Final = 60.0  # until a caller has read its answer
UNREAD_BYTES_MAX: Final = 64 * 1024 * 1024  # of answers that nobody reads, all callers together
CONNECTIONS_MAX: Final = 4096
SESSIONS_MAX: Final = 10_000
SESSIONS_PER_PRINCIPAL_MAX: Final = 1_000
SESSION_IDLE_SECONDS_MAX: Final = 3600.0
STREAMS_PER_PRINCIPAL_MAX: Final = 32
INPUTS_MAX: Final = 16  # questions of a server in one round, and answers to them
ROUND_SECONDS_MAX: Final = 600.0  # until a caller has answered what a server asks
PARKED_MAX: Final = 1024  # calls that wait for such an answer
PARKED_PER_PRINCIPAL_MAX: Final = 16
NOTICES_PER_CALL_MAX: Final = 1_000
NOTICE_BYTES_MAX: Final = 64 * 1024
NOTICE_BYTES_PER_CALL_MAX: Final = 1024 * 1024  # each is cleaned like an answer
SUBSCRIPTIONS_PER_PRINCIPAL_MAX: Final = 256
EVENTS_PER_SESSION_MAX: Final = 1_000  # kept for agents that lost their connection
EVENT_BYTES_PER_SESSION_MAX: Final = 8 * 1024 * 1024
EVENT_BYTES_PER_PRINCIPAL_MAX: Final = 16 * 1024 * 1024
EVENT_BYTES_MAX: Final = 64 * 1024 * 1024
EVENT_SECONDS_MAX: Final = 300.0
QUESTIONS_PER_PRINCIPAL_MAX: Final = 64
DETACHED_PER_PRINCIPAL_MAX: Final = 32  # calls that go on though the connection is lost
BATCH_MESSAGES_MAX: Final = 50

# What a JSON document may be, from either side (CWE-674, CWE-770).
DOCUMENT_DEPTH_MAX: Final = 64
DOCUMENT_VALUES_MAX: Final = 250_000  # a tenth of a second for orjson and the walks that follow
DOCUMENT_ODD_VALUES_MAX: Final = 75_000  # likewise for the exact parser
INTEGER_DIGITS_MAX: Final = 308  # a double overflows beyond

# What arguments may be unless the tool's schema or the operator says otherwise.
ARGUMENT_STRING_CHARS_MAX: Final = 100_000
ARGUMENT_ARRAY_ITEMS_MAX: Final = 1_000
ARGUMENT_OBJECT_KEYS_MAX: Final = 256
ARGUMENT_DEPTH_MAX: Final = 16
ARGUMENT_BYTES_MAX: Final = 1024 * 1024
URI_CHARS_MAX: Final = 8_192

# What an upstream may answer.
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
ANSWER_TEXT_CHARS_MAX: Final = 2 * 1024 * 1024
ANSWER_BLOCKS_MAX: Final = 1_000
UPSTREAM_CONNECT_SECONDS_MAX: Final = 5.0

# What a tool definition may be (MCP 2026-07-28, JSON Schema Usage: bounded).
DEFINITION_BYTES_MAX: Final = 256 * 1024
SCHEMA_DEPTH_MAX: Final = 32
SCHEMA_NODES_MAX: Final = 5_000
SCHEMA_PATTERNS_MAX: Final = 64
SCHEMA_PATTERN_CHARS_MAX: Final = 16_384  # as written, all together
SCHEMA_PATTERN_BYTES_MAX: Final = 1024 * 1024  # compiled, each; all together four times as much
SCHEMA_EXPANSION_MAX: Final = 100_000  # subschemas after following every reference
SCHEMAS_COMPILED_MAX: Final = 4_096  # kept at the same time
VALIDATION_WORK_MAX: Final = 10_000_000  # nodes of the value x subschemas that meet there
VALIDATION_TEXT_WORK_MAX: Final = 5_000_000  # characters x places of the patterns that see them
VALIDATION_DETAIL_WORK_MAX: Final = 20_000  # up to here it is said what exactly does not fit
TOOLS_PER_SERVER_MAX: Final = 5_000

# What of a call's arguments policies may look at; more cannot be judged, which denies the call.
JUDGED_TEXT_MAX: Final = 1_048_576  # characters
JUDGED_VALUES_MAX: Final = 1_000  # about 5 ms

# What is remembered of what callers have seen.
LABELLED_SESSIONS_MAX: Final = 65_536
FINGERPRINTED_CALLERS_MAX: Final = 128
FINGERPRINTS_PER_CALLER_MAX: Final = 4_096  # of each label; about 32 kB of text

# Promise 11: revocation and rotation take effect in at most five seconds.
REFRESH_SECONDS: Final = 0.25
STREAM_CHECK_SECONDS: Final = 1.0

# A private key with its chain fits; a file named by mistake does not.
SECRET_BYTES_MAX: Final = 64 * 1024
