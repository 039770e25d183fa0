#!/usr/bin/env python3
"""The agent with a real server: run.py --dsn DSN --log FILE --program PATH [--only NAME] [--seed N]. Prints ok and not ok lines.

The server is restarted and killed on the way: it must be one of the test's own.
"""
import os
import sys
import tempfile
import time

import commands
import faults
import many
import world                    # which finds what is in ../lib, too
import suite


def main():
    options = suite.arguments(__doc__, 'the program synergy')
    failed = 0
    for test in commands.ALL + many.ALL + faults.ALL:
        if options.only and options.only not in test.__name__:
            continue
        began = time.time()
        with tempfile.TemporaryDirectory(prefix='synergy-agent-') as directory:
            os.chmod(directory, 0o755)
            w = world.World(options.dsn, options.log, options.program, directory)
            try:
                test(w)
                w.same(w.sql('SELECT * FROM synergy.check()'), [], '%s: no invariant is violated' % test.__name__)
            finally:
                if w.failed:
                    for agent in w.agents:
                        print('# ---- %s: %s' % (agent.path, w.said(agent)[-2000:].replace('\n', '\n# ')))
                w.end_all()
        failed += w.failed
        w.server('DROP DATABASE %s WITH (FORCE)' % w.name)
        print('# %s: %.1f s' % (test.__name__, time.time() - began), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
