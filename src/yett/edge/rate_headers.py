"""What is left of a caller's rates, in the words of draft-ietf-httpapi-ratelimit-headers-10."""

from yett.core.call import Usage
from yett.core.errors import Refusal
from yett.core.reasons import Reason


def of_usage(usage: Usage) -> bytes:
    """Return the header lines that go with an answer; none if no rate applies."""
    left = None if usage.rates is None else usage.rates()
    if left is None:
        return b""
    name = left.name.encode()
    return b'RateLimit-Policy: "%b";q=%d;w=%d\r\nRateLimit: "%b";r=%d;t=%d\r\n' % (
        name, left.quota, left.window_seconds, name, left.remaining, left.resets_in_seconds,
    )  # fmt: skip


def of_refusal(refusal: Refusal, seconds: int) -> bytes:
    """seconds: until a call is admitted again."""
    if refusal.reason is not Reason.RATE_LIMITED:
        return b""
    return b'RateLimit: "limit";r=0;t=%d\r\n' % seconds
