# SPDX-License-Identifier: ISC
"""The distribution's aws many times in one process: most of what a call takes is
the beginning of the program.  aws.py OUT ERR

Reads a call's arguments, one a line, to an empty line; what it writes is in
those two files when its exit code is written."""
import contextlib
import sys

from awscli.clidriver import create_clidriver

answers = sys.stdout


def call(arguments):
    with open(sys.argv[1], "w") as out, open(sys.argv[2], "w") as err:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                return create_clidriver().main(arguments)
            except SystemExit as e:
                return e.code


given = []
for line in sys.stdin:
    if line != "\n":
        given.append(line[:-1])
        continue
    print(call(given), file=answers, flush=True)
    given = []
