"""What other packages ask of validation; the composition root hands these over as functions."""

from collections.abc import Callable

from yett.core.target import JSON, Target

SchemaCheck = Callable[[dict[str, JSON]], str | None]
"""A tool's definition → why its schemas cannot be used, or None. Raises nothing."""

OutputCheck = Callable[[Target, JSON], str | None]
"""A target and its `structuredContent` → what does not fit its `outputSchema`, or None. Raises nothing."""
