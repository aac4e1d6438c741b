"""`yett check`: is the configuration right? Starts nothing and touches nothing."""

import click

from yett.cli.command import Place, command


@click.command("check")
@command()
def group(place: Place) -> None:
    """Validate the configuration without starting: `ok`, or every problem with its line and its fix.

    Exits 0 if it can be used, and 2 if not.
    """
    from yett.app.proving import prove_whole

    configuration = prove_whole(place.config_path, data=place.data, clock=place.clock)
    if place.as_json:
        place.print_record(
            {
                "ok": True,
                "file": str(place.config_path),
                "mode": configuration.mode,
                "servers": list(configuration.servers),
                "roles": list(configuration.roles),
            }
        )
        return
    click.echo(
        f"ok: {place.config_path}, {configuration.mode}, {_count(len(configuration.servers))}"
    )


def _count(servers: int) -> str:
    return "1 server" if servers == 1 else f"{servers} servers"
