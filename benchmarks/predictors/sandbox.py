"""The throw-away process of one artefact, started as `python -m benchmarks.predictors.sandbox`.

A process with threads may not enter a network of its own, and the numerical libraries start
threads when imported: so this half leaves the network first and becomes serving.py afterwards.
"""

import os
import sys

from benchmarks.predictors.confinement import NETWORK_LEFT, leave_network

SERVING = (sys.executable, "-E", "-s", "-m", "benchmarks.predictors.serving")


def main() -> None:
    told = (NETWORK_LEFT,) if leave_network() else ()
    os.execv(sys.executable, (*SERVING, *told))  # noqa: S606 (a fixed command)


if __name__ == "__main__":
    main()
