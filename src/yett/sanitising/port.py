"""What sanitising asks of others; the composition root hands it over as a function."""

from collections.abc import Callable

from yett.core.target import JSON, Target

OutputCheck = Callable[[Target, JSON], str | None]
"""A target and its `structuredContent` → what does not fit its `outputSchema`, or None. Raises nothing."""
