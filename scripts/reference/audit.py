"""docs/reference/audit.md: the members of a record, from their table."""

from scripts.reference.page import NOTE

from yett.audit.chain import FORMAT
from yett.audit.schema import KINDS, MEMBERS


def audit_page() -> str:
    lines = [
        "# The record, member by member\n",
        NOTE,
        f"Version {FORMAT}. Each line of the log is one JSON object of one of these kinds; [record.schema.json](record.schema.json) is the same for programs.",
        "Members may be added within a version. How lines are sealed and where they lie is [the format](audit-format.md).\n",
        "| kind | when |",
        "|---|---|",
        *(f"| `{kind}` | {text} |" for kind, text in KINDS.items()),
        "",
        "An allowed call has an intent and an outcome, every other decision one line. *Italic*: not in every line of that kind.\n",
        "| member | of | what |",
        "|---|---|---|",
    ]
    for name, member in MEMBERS.items():
        kinds = [f"{kind}" if kind in member.always else f"*{kind}*" for kind in member.of]
        of = "all" if set(member.always) == set(KINDS) else ", ".join(kinds)
        lines.append(f"| `{name}` | {of} | {member.text} |")
    return "\n".join(lines) + "\n"
