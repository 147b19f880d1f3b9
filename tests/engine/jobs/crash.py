"""A worker process for the tests: takes the first job, says so, and hangs in it until it is killed."""

import sys
import time
from datetime import timedelta

from engine.jobs.worker import Worker
from engine.kernel.database import Database, open_database


def hang(_database: Database, arguments: object) -> None:
    sys.stdout.write(f"holding {arguments}\n")
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    Worker(open_database(sys.argv[1]), {"work": hang}, lease=timedelta(seconds=2)).run_once()
