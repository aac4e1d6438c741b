"""What is suspicious about definitions of tools, asked as a person is told before approving them."""

from pathlib import Path

from bench.detection.tables import Figure, Table, figure, read

from yett.catalogue.findings import Neighbourhood, findings_of, is_suspicious
from yett.core.operations import Kind
from yett.sanitising.definitions import text_findings


def tools(directory: Path) -> tuple[list[Table], list[Figure]]:
    poisoned, benign = (
        Table("Poisoned tool descriptions flagged"),
        Table("Benign tool descriptions flagged"),
    )
    for row in read(directory, "tool_descriptions"):
        server, definition = row.get("server") or "it", row["tool"]
        offered = {server: {definition["name"]: definition}}
        for peer in row.get("peers") or ():
            offered.setdefault(peer["server"], {})[peer["tool"]["name"]] = peer["tool"]
        found = findings_of(
            server, Kind.TOOL, definition["name"], definition, Neighbourhood(offered), text_findings
        )
        table = poisoned if row["label"] == "poisoned" else benign
        table.add(row["kind"], row["source"], found=is_suspicious(found))
    return [poisoned, benign], [figure(poisoned, 80), figure(benign, 2, least=False)]
