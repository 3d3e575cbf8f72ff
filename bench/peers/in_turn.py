"""Runs programs one after the other, for the comparisons of this folder."""
import json
import pathlib
import subprocess
import sys


def run(command, report):
    """The figures that the program writes to `report`. Exits 9 where it fails."""
    if subprocess.run([*command, "--json", report], check=False).returncode != 0:
        sys.exit(9)
    return json.loads(pathlib.Path(report).read_text())
