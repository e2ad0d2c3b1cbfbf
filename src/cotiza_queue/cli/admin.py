"""``cotiza-queue``: one word for each thing that can be asked or done. Commands load when they
are called.
"""

from __future__ import annotations

import importlib
import os

import click

COMMANDS = {
    "status": "queues",
    "jobs": "jobs",
    "show": "jobs",
    "why": "jobs",
    "history": "jobs",
    "retry": "jobs",
    "change": "jobs",
    "promote": "jobs",
    "cancel": "jobs",
    "dlq": "dead",
    "pause": "queues",
    "resume": "queues",
    "pauses": "queues",
    "schedules": "queues",
    "doctor": "doctor",
    "demo": "demo",
    "dev": "dev",
}
"""Command → the module beside this one that has a function of that name."""


class LazyGroup(click.Group):
    """Commands that are imported on use, so that ``status`` doesn't wait for what ``dev`` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"{__package__}.{COMMANDS[cmd_name]}")
        except ModuleNotFoundError as error:
            return _unavailable(cmd_name, error.name or "a package")
        found: click.Command = getattr(module, cmd_name)
        return found


def _unavailable(name: str, package: str) -> click.Command:
    def explain() -> None:
        raise click.ClickException(
            f"{name} needs {package}, which is not installed.\nRun: pip install 'cotiza-queue[all]'"
        )

    return click.Command(name, callback=explain, short_help=f"(needs {package})")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cotiza-queue", prog_name="cotiza-queue")
def cli() -> None:
    """Look into the queues, repair what failed, and try it all out.

    \b
    Exit codes: 0 done, 1 it failed, 2 wrong usage or setting,
    3 not found, 4 its state forbids it, 5 Redis is away,
    78 Redis does not let us in.
    """


def main() -> None:
    """The entry point of ``cotiza-queue``: the one place here that reads the environment."""
    cli(obj=dict(os.environ))


if __name__ == "__main__":
    main()
