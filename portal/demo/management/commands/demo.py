"""`manage.py demo`: one command from nothing to a filled, running site."""

import shutil
import socket
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from portal.demo import people, serving
from portal.demo.progress import Stalled, Terminal
from portal.demo.story import tell
from portal.supervisor import Supervisor


class Command(BaseCommand):
    help = "Make a believable organisation from real flights, evaluate its models, serve the site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reset", action="store_true", help="forget everything and start anew"
        )
        parser.add_argument("--no-serve", action="store_true", help="end after the evaluation")
        parser.add_argument("--address", default="127.0.0.1:8000", help="where to serve the site")
        parser.add_argument("--workers", type=int, default=2, help="worker processes")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demo makes accounts with a known password and does not run in production."
            )
        if not options["no_serve"]:
            self._demand_free(options["address"])
        terminal = Terminal()
        if options["reset"]:
            self._reset(terminal)
        with terminal.step("Database"):
            call_command("migrate", verbosity=0, interactive=False)
        try:
            origin = serving.origin()
            environment = serving.allow(origin)
            with Supervisor(workers=options["workers"], environment=environment) as supervisor:
                self._run(terminal, supervisor, origin, options)
        except KeyboardInterrupt:
            terminal.clear()
            terminal.say("Stopped. Run the command again to go on where it ended.")
        except Stalled as stalled:
            raise CommandError(str(stalled)) from stalled

    def _run(
        self, terminal: Terminal, supervisor: Supervisor, origin: str, options: dict[str, Any]
    ) -> None:
        supervisor.start_worker()
        if not options["no_serve"]:
            supervisor.start_web(options["address"])
            terminal.say(f"The site fills while you look: http://{options['address']}/")
        tell(terminal, supervisor, origin)
        terminal.say("Done: everything on the pages was computed on this machine.")
        if options["no_serve"]:
            return
        self._invite(options["address"])
        raise CommandError(f"The {supervisor.wait()} process ended; see {supervisor.logs}.")

    def _demand_free(self, address: str) -> None:
        """Say it before minutes of work: two sites cannot share an address."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise CommandError("Give the address as host:port, such as 127.0.0.1:8000.")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                raise CommandError(
                    f"{address} cannot be used ({error.strerror}). Choose another --address."
                ) from error

    def _invite(self, address: str) -> None:
        write = self.stdout.write
        write(f"\n  http://{address}/   password for every account: {people.PASSWORD}\n")
        for account in (*people.ACCOUNTS, people.ADMIN):
            write(f"  {account.username:<10} {account.title}: {account.try_this}")
        write("\n  Ctrl-C ends the site and its workers.\n")

    def _reset(self, terminal: Terminal) -> None:
        if connection.vendor != "sqlite":
            raise CommandError(
                "--reset works on the embedded database only. Drop and create yours instead."
            )
        with terminal.step("Forget the former demo"):
            connection.close()
            data = settings.DATA_DIR
            for pattern in ("touchstone.sqlite3*", "beat-schedule*"):
                for path in data.glob(pattern):
                    path.unlink()
            for folder in ("files", "logs"):
                shutil.rmtree(data / folder, ignore_errors=True)
            for message in (data / "broker" / "queue").glob("*.msg"):
                message.unlink()
