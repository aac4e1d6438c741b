"""In whatever order people and agents act and time passes: never more uses than yeses, and each yes was
given by enough people, in time, to exactly that call. Held against a model that is too simple to be wrong."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.yett.authorization.approval.asking import ANNA, Office, validated
from tests.yett.authorization.asking import principal
from yett.authorization.approval.request import Approver
from yett.core.errors import CommandError, Denied
from yett.core.proofs import Agreement, Ask
from yett.core.reasons import Reason

SECONDS = 100
CALLS = [("k1", "a"), ("k1", "b"), ("k2", "a")]
NAMED = ("bo", "cy", "di")


@dataclass
class Question:
    """As the model has it. until: of the question, then of the yes."""

    call: tuple[str, str]
    people: int
    until: float
    state: str = "pending"
    agreed: set[str] = field(default_factory=set)


class Approvals(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.office = Office(self.folder / "data")
        self.people: dict[str, Approver] = {"operator": ANNA} | {
            name: self.office.named(name) for name in NAMED
        }
        self.questions: dict[str, Question] = {}
        self.newest = 0.0
        self._note_the_time()
        self.given = 0
        self.used = 0

    def teardown(self) -> None:
        self.office.close()
        shutil.rmtree(self.folder)

    def _is_open(self, question: Question) -> bool:
        over = self.newest >= question.until
        return question.state in ("pending", "approved", "denied") and not over

    @rule(call=st.sampled_from(CALLS), people=st.sampled_from([1, 1, 2]))
    def make(self, call: tuple[str, str], people: int) -> None:
        key, title = call
        what = validated({"title": title}, who=principal("writer", key=key))
        outcome = asyncio.run(self.office.make(what, Ask(("p",), people, SECONDS)))
        known = [
            (name, question)
            for name, question in self.questions.items()
            if (question.call, question.people) == (call, people) and self._is_open(question)
        ]
        assert len(known) <= 1
        if isinstance(outcome, Agreement):
            ((name, question),) = known
            assert (outcome.id, question.state) == (name, "approved")
            assert set(outcome.approvers) == question.agreed
            question.state = "used"
            self.used += 1
            return
        assert isinstance(outcome, Denied)
        if not known:
            assert outcome.reason is Reason.APPROVAL_REQUIRED
            assert outcome.approval is not None
            assert outcome.approval not in self.questions
            self.questions[outcome.approval] = Question(call, people, self.newest + SECONDS)
            return
        ((name, question),) = known
        assert outcome.approval == name
        expected = {"pending": Reason.APPROVAL_REQUIRED, "denied": Reason.APPROVAL_DENIED}
        assert outcome.reason is expected[question.state]

    @precondition(lambda self: self.questions)
    @rule(data=st.data(), who=st.sampled_from(["operator", *NAMED]))
    def agree(self, data: st.DataObject, who: str) -> None:
        # In the order of asking: the names are random, and sorted they would differ from run to run.
        name = data.draw(st.sampled_from(list(self.questions)))
        question = self.questions[name]
        if question.state == "approved" and self._is_open(question):
            self.office.registry.approve(name, self.people[who])
            return
        may = question.people == 1 or who != "operator"
        try:
            self.office.registry.approve(name, self.people[who])
        except CommandError:
            assert not (may and question.state == "pending" and self._is_open(question))
            return
        assert may
        assert question.state == "pending"
        assert self._is_open(question)
        question.agreed.add(self.people[who].name)
        if len(question.agreed) >= question.people:
            question.state, question.until = "approved", self.newest + SECONDS
            self.given += 1

    @precondition(lambda self: self.questions)
    @rule(data=st.data(), who=st.sampled_from(["operator", *NAMED]))
    def refuse(self, data: st.DataObject, who: str) -> None:
        name = data.draw(st.sampled_from(list(self.questions)))
        question = self.questions[name]
        try:
            self.office.registry.deny(name, self.people[who])
        except CommandError:
            assert question.state not in ("pending", "approved") or not self._is_open(question)
            return
        if question.state != "denied":
            assert self._is_open(question)
            question.state, question.until = "denied", self.newest + SECONDS

    @rule(seconds=st.sampled_from([1, 40, SECONDS - 1, SECONDS, 500]))
    def wait(self, seconds: int) -> None:
        self.office.clock.pass_seconds(seconds)
        self._note_the_time()

    @rule(seconds=st.sampled_from([1, 100, 10_000]))
    def set_the_clock_back(self, seconds: int) -> None:
        self.office.clock.now -= seconds

    @rule()
    def sweep(self) -> None:
        self.office.clock.running += 60
        self.office.desk.sweep()

    @rule()
    def restart(self) -> None:
        self.office.restart()

    def _note_the_time(self) -> None:
        """As a gate does with the time of the keys."""
        self.newest = max(self.newest, self.office.clock.now)
        with self.office.database.transaction() as transaction:
            transaction.execute(
                "insert or replace into facts (name, value) values ('newest_time', ?)",
                (self.newest,),
            )

    @invariant()
    def no_more_uses_than_yeses(self) -> None:
        assert self.used <= self.given
        ((stored,),) = self.office.database.fetch("select count(*) from approval_uses")
        assert stored == self.used


TestApprovals = Approvals.TestCase
TestApprovals.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
