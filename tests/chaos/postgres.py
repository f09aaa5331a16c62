"""A PostgreSQL of the test's own, on a free port of loopback, that can be stopped and started."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's place, which is in nobody's path
PG_CTL = shutil.which("pg_ctl", path=os.pathsep.join([os.environ["PATH"], *map(str, FOLDERS)]))


class Postgres:
    """The server; it refuses root, and then runs as another user."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._user = None if os.getuid() else pwd.getpwnam("postgres")
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-D", str(folder / "data"), "-o", "-U gantune -A trust --no-sync")
        self.start()

    @property
    def uri(self) -> str:
        """As MLflow takes it; plain `postgresql:` would ask for psycopg 3 from SQLAlchemy 2.1 on."""
        return f"postgresql+psycopg2://gantune@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._run("start", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options)

    def crash(self) -> None:
        """Stop at once, without goodbye to anybody."""
        self._run("stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))

    def _run(self, *given: str) -> None:
        who = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        done = subprocess.run([str(PG_CTL), *given], cwd=self.folder, capture_output=True, text=True, check=False, **who)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def postgres(port: int) -> Iterator[Postgres]:
    """A running one; gone afterwards with all that it held."""
    folder = Path(tempfile.mkdtemp(prefix="gantune-postgres-"))  # pytest's own folders are closed to other users
    try:
        running = Postgres(folder, port)
        try:
            yield running
        finally:
            with contextlib.suppress(AssertionError):  # stopped already
                running.crash()
    finally:
        shutil.rmtree(folder)
