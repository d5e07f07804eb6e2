"""What `tempost-backup` is made of: its settings, Barman, PostgreSQL, and whose an archive is."""

import fcntl
import json
import os
import shlex
import subprocess
from datetime import datetime, timezone

SETTINGS = os.path.abspath(os.environ.get("TEMPOST_BACKUP_SETTINGS", "/etc/tempost/backup.env"))

# What Barman ends with when the bucket has answered, and has no such file.
NOT_THERE = 1
# Of a restore_command PostgreSQL takes anything up to 125 for "there is no more", and opens what it has.
STOP_THE_REPLAY = 255


class Failed(Exception):
    """It cannot be done; the message says why."""

    def __init__(self, why, status=1):
        super().__init__(why)
        self.status = status


def read_settings():
    """NAME=VALUE lines into the environment, which the programs that are started have as well."""
    with open(SETTINGS, encoding="utf8") as lines:
        for line in lines:
            name, is_set, value = line.strip().partition("=")
            if is_set and not name.startswith("#"):
                os.environ[name] = value.strip("\"'")


def options(name):
    return shlex.split(os.environ.get(name, ""))


def barman(command, *arguments, read=False):
    """Barman's program for clouds. Failed when it did not end with 0."""
    program = os.path.join(os.environ["BARMAN_BIN"], f"barman-cloud-{command}")
    where = ["--cloud-provider", os.environ["CLOUD_PROVIDER"], *options("CLOUD_OPTIONS")]
    return run([program, *where, *arguments], subprocess.PIPE if read else None)


def archive_of():
    return [os.environ["BUCKET"], os.environ["SERVER_NAME"]]


def postgres(program, *arguments, read=False):
    return run([os.path.join(os.environ["PG_BIN"], program), *arguments], subprocess.PIPE if read else None)


def run(command, stdout):
    """What it said, where that is a pipe; without one it goes to where ours goes."""
    ended = subprocess.run(command, stdout=stdout, text=True, check=False)
    if ended.returncode != 0:
        raise Failed(f"{os.path.basename(command[0])} ended with {ended.returncode}", ended.returncode)
    return ended.stdout


def ask(question):
    return postgres("psql", "-XAtqc", question, read=True).strip()


def is_standby():
    return ask("select pg_is_in_recovery()") == "t"


def moment(text):
    """A time with its zone, in seconds since 1970. What Barman tells without a zone is UTC."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()


def ended(backup):
    return moment(backup["end_time_iso"])


def latest(by=None):
    """The latest whole base backup, or the latest that ended by then, as Barman tells of it."""
    listed = json.loads(barman("backup-list", "--format", "json", *archive_of(), read=True))["backups_list"]
    whole = [backup for backup in listed if backup["status"] == "DONE"]
    return max((one for one in whole if by is None or ended(one) <= by), key=ended, default=None)


def refuse_another(found, system):
    """Two never share an archive: the base backup of an empty server would become the latest of a full one."""
    if found and str(found["systemid"]) != system:
        where = " ".join(archive_of())
        raise Failed(f"{where} is the archive of another PostgreSQL ({found['systemid']}); this one ({system}) needs "
                     "a SERVER_NAME of its own")


def alone(path):
    """Nobody else is at this as long as what is handed back is kept. None when somebody is."""
    held = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held
