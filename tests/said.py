"""What somebody was told of a call while it went on."""

from typing import final

from yett.core.notices import Notice, Several


@final
class Said(list[Notice]):
    """One after the other, whether they came so or together."""

    def hear(self, said: Notice | Several) -> None:
        self.extend([said] if isinstance(said, Notice) else said.singly())

    tell = hear
