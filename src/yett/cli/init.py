"""`yett init`: a first yett.yaml, short enough to be read, that works as it is."""

import json
import sys
from pathlib import Path
from typing import Final

import click

from yett.cli.command import Place, command
from yett.core.errors import CommandError
from yett.storage.files import write_whole

_FILE: Final = "yett.yaml"
_DATA: Final = ".yett"
_TEMPLATE: Final = """\
# What agents may use, through Yett. Check with `yett check`; all keys: `yett schema`.
mode: development          # `production` refuses to start unless everything is safe
listen: 127.0.0.1:8080     # agents: http://127.0.0.1:8080/mcp
servers:
  notes:                   # a small demonstration server that comes with Yett
    command: {command}
  # github:
  #   url: https://api.githubcopilot.com/mcp/
  #   credential: {{bearer: secret:github-token}}  # yett secret set github-token --server github
  #   tools: {{create_issue: {{access: write, rate: 10/minute}}}}
roles:
  reader: ["notes.*:read"]               # SERVER.TOOL:read or :write, TOOL may be *
  writer: ["notes.*:read", "notes.*:write"]
"""


@click.command("init")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write yett.yaml. Default: here, or where --config says.",
)
@click.option("--force", is_flag=True, help="Replace a yett.yaml that is there already.")
@command()
def group(place: Place, directory: Path | None, *, force: bool) -> None:
    """Write a first yett.yaml and make the data directory beside it.

    A file that is there is left alone, unless --force says otherwise.
    """
    if directory is not None:
        place = Place(config_path=directory / _FILE, data=directory / _DATA, as_json=place.as_json)
    if place.config_path.exists() and not force:
        raise CommandError(
            f"`{place.config_path}` is there already. Run `yett check`, or replace it with --force"
        )
    place.config_path.parent.mkdir(parents=True, exist_ok=True)
    text = _TEMPLATE.format(command=_notes_command())
    write_whole(place.config_path, text.encode(), mode=0o644)
    place.configuration()
    place.make_data()
    ignored = _ignore_data(place.data)
    if place.as_json:
        place.print_record(
            {
                "config": str(place.config_path),
                "data": str(place.data),
                "gitignore": str(ignored) if ignored else None,
            }
        )
        return
    click.echo(f"wrote {place.config_path} and made {place.data} (0700)")
    if ignored:
        click.echo(f"added {place.data.name}/ to {ignored}")
    option = "" if place.config_path == Path(_FILE) else f" --config {place.config_path}"
    click.echo("next:")
    click.echo(f"  yett key create laptop --role reader{option}   # shows the key once")
    click.echo(f"  yett up{option}")
    click.echo(f"  yett import ~/.cursor/mcp.json{option}         # take over an agent's servers")


def _notes_command() -> str:
    return f"[{json.dumps(sys.executable, ensure_ascii=False)}, -m, yett.assurance.notes]"


def _ignore_data(data: Path) -> Path | None:
    """Keep keys and records out of a Git checkout; return the file that was changed."""
    root = next((p for p in data.resolve().parents if (p / ".git").exists()), None)
    if root is None:
        return None
    ignore = data.parent / ".gitignore"
    text = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    entry = f"{data.name}/"
    if any(line.strip().strip("/") == data.name for line in text.splitlines()):
        return None
    separator = "" if not text or text.endswith("\n") else "\n"
    mode = ignore.stat().st_mode & 0o777 if ignore.exists() else 0o644
    write_whole(ignore, f"{text}{separator}{entry}\n".encode(), mode=mode)
    return ignore
