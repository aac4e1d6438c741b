"""The road of a call. Read this file first.

Everything an agent asks goes through `Pipeline.handle`, in the order written here. There is no other way in: only this
module imports the stages (see pyproject.toml). Each line needs the proof that one above it returned, so two in the
wrong order do not type-check. A stage says no by raising; nothing here or below turns a fault into a yes.
"""

from typing import final

import msgspec

from yett.audit import Auditor, Record
from yett.authentication import Authenticator
from yett.authorization import Authorizer
from yett.catalogue import Catalogue
from yett.core.call import Call, Reply
from yett.core.errors import Denied, Refusal
from yett.core.operations import CALL, LIST
from yett.core.reasons import Reason
from yett.credentials import Armourer
from yett.limits import Limiter
from yett.sanitising import Sanitiser
from yett.upstreams import Dispatcher
from yett.validation import Validator


@final
class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable snapshot: a request that began with it ends with it."""

    authentication: Authenticator
    catalogue: Catalogue
    authorization: Authorizer
    validation: Validator
    limits: Limiter
    credentials: Armourer
    upstreams: Dispatcher
    sanitising: Sanitiser
    audit: Auditor

    async def handle(self, call: Call, refused: Denied | None = None) -> Reply:
        """Answer one request, whatever happens, and leave exactly one complete record of it; of strangers
        who fail very often, one of many. refused: the edge has already found the request unfit
        (malformed, too large, wrong origin); it is identified and recorded like any other."""
        record = self.audit.begin(call)
        try:
            try:
                if refused is not None:
                    reply = await self._refuse(call, record, refused)
                elif call.operation.road is CALL:
                    reply = await self._call(call, record)
                elif call.operation.road is LIST:
                    reply = await self._list(call, record)
                else:
                    reply = await self._attend(call, record)
            except Refusal as refusal:
                reply = record.refuse(self.limits.bear(call, refusal))
        except Exception as bug:  # noqa: BLE001 - the one place where a bug becomes a refusal
            reply = record.fail(bug)
        except BaseException:  # the caller hung up, or the process is ending
            record.abandon()
            raise
        try:
            reply = await record.close(reply)
        finally:
            self.limits.observe(reply)  # also of who hung up before hearing it
        return reply

    async def _call(self, call: Call, record: Record) -> Reply:
        """Tools, resources and prompts: the whole road, to an upstream and back."""
        caller = self.authentication.identify(call)
        record.caller = caller  # from here on, a refusal has a name on it
        if look_out := self.credentials.look_out:
            look_out(caller)  # for what only a thief can have
        resolved = self.catalogue.find(caller) or await self.catalogue.resolve(caller)
        record.resolved = resolved  # and a target
        permitted = self.authorization.permit(resolved)
        record.permitted = permitted
        validated = self.validation.check(permitted)
        if self.validation.looks_up:
            await self.validation.look_up(validated)  # where names lead, if the operator asks
        confirmed = self.authorization.waive(validated) or (
            await self.authorization.confirm(validated)  # by a person, if a policy asks
        )
        with self.limits.admit(confirmed) as admission:
            if admission.shared:
                await admission.ask()  # of the store that several gates share
            await record.intend(admission.admitted)  # durable before anything outside is touched
            armed = self.credentials.lease(admission.admitted) or (
                await self.credentials.arm(admission.admitted)
            )
            if armed.admitted.agreement is not None:
                await self.authorization.use(armed)  # a yes is good once
            admission.commit()  # from here on the money is spent, whatever happens
            hear = None if call.talk is None else self.sanitising.listen(armed, record.hear)
            answered = await self.upstreams.send(armed, hear)
            cleaned = self.sanitising.clean(answered)
            if self.authorization.marks:
                self.authorization.remember(cleaned)  # what it has seen may bind it from now on
            usage = admission.settle(cleaned)
        return record.answer(cleaned, usage)

    async def _list(self, call: Call, record: Record) -> Reply:
        """Listings: what is shown is exactly what may be called."""
        caller = self.authentication.identify(call)
        record.caller = caller
        await self.limits.count(caller)
        inventory = await self.catalogue.take_inventory(caller)
        permitted = self.authorization.permit_list(inventory)
        return record.answer_list(permitted, self.catalogue.show(permitted))

    async def _attend(self, call: Call, record: Record) -> Reply:
        """What concerns the caller alone: ping, initialize, its own key and usage."""
        caller = self.authentication.identify(call)
        record.caller = caller
        await self.limits.count(caller)
        match call.operation.method:
            case "yett/key":
                inventory = await self.catalogue.take_inventory(caller)
                permitted = self.authorization.permit_list(inventory)
                return record.answer_own(
                    self.authentication.describe(caller)
                    | self.catalogue.describe(permitted)
                    | await self.limits.picture(caller)
                )
            case "yett/usage":
                return record.answer_own(await self.limits.picture(caller))
            case _:
                return record.answer_own({})

    async def _refuse(self, call: Call, record: Record, refused: Denied) -> Reply:
        """Who sends a bad request learns that it is bad only with a good credential."""
        if refused.reason not in _BEFORE_IDENTITY:
            record.caller = self.authentication.identify(call)
        raise refused


# Nothing of the caller's is read for these, not even the credential: a page in a browser that
# was led here by DNS rebinding must not learn whether a key is good (MCP 2026-07-28, Streamable HTTP).
_BEFORE_IDENTITY = (Reason.FORBIDDEN_ORIGIN, Reason.UNKNOWN_PATH, Reason.PAYLOAD_TOO_LARGE)
