"""Tells the operator's program that somebody is asked to agree to a call, while the gate runs."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from yett.app.estate import Estate
from yett.authorization.approval.webhook import Webhook
from yett.authorization.config import APPROVALS, ApprovalsConfig
from yett.configuration.model import Configuration
from yett.core.errors import Fault, Refusal
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.references import vault_name
from yett.credentials.vault import Vault

log: Final = logging.getLogger("yett")

_EVERY_SECONDS: Final = 1.0
_AFTER_TROUBLE_SECONDS: Final = 30.0


async def keep_telling(estate: Estate, configuration: Callable[[], Configuration]) -> None:
    """Look once a second. configuration: that of the moment. What cannot be told is told later; whoever
    asks `yett approval list` sees it all the same."""
    webhook, pause = Webhook(estate.database, estate.clock), _EVERY_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = _AFTER_TROUBLE_SECONDS
        try:
            await asyncio.to_thread(_tell, webhook, configuration().approvals, estate.vault)
        except Refusal as refusal:
            log.warning("webhook of approvals: %s", refusal.private)
        except Exception:  # the next look may go well
            log.exception("webhook of approvals")
        else:
            pause = _EVERY_SECONDS


def _tell(webhook: Webhook, config: ApprovalsConfig, vault: Vault) -> None:
    if config.webhook is not None:
        webhook.tell(config.webhook, lambda: _secret(vault, config.secret or ""))


def _secret(vault: Vault, reference: str) -> Secret:
    """Return what the messages are signed with.

    Raises:
        Fault: there is none, or it was stored for others.
    """
    name = vault_name(reference) or ""
    value, _, users = vault.get(name)
    if APPROVALS not in users:
        raise Fault(
            Reason.INTERNAL_ERROR,
            f"secret `{name}` is not for approvals; store it with `yett secret set {name} --server {APPROVALS}`",
        )
    return value
