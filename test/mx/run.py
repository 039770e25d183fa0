#!/usr/bin/env python3
"""The console with a real server: run.py --dsn DSN --log FILE --program PATH [--only NAME] [--seed N]. Prints ok and not ok lines.

The server's pg_hba.conf is rewritten, and the server is restarted on the way: it must be one of the test's own.
"""
import random
import sys
import tempfile
import time

import access
import faults
import hostile
import live
import tls
import world                    # which finds what is in ../lib, too
import suite


def main():
    options = suite.arguments(__doc__, 'the program synergy, beside which is synergy-mx')
    with tempfile.TemporaryDirectory(prefix='synergy-mx-') as directory:
        w = world.World(options.dsn, options.log, options.program, directory)
        try:
            for test in hostile.SLOW + access.ALL + tls.ALL + live.ALL + hostile.ALL + faults.ALL + hostile.LAST:
                if options.only and options.only not in '%s.%s' % (test.__module__, test.__name__):
                    continue
                began, before = time.time(), w.failed
                random.seed(options.seed)
                try:
                    test(w)
                except Exception as error:              # one that breaks must not keep the others from running
                    w.ok(False, '%s runs to its end' % test.__name__, world.traceback_of(error))
                w.end_all(test.__name__, w.failed > before)
                print('# %s: %.1f s' % (test.__name__, time.time() - began), flush=True)
        finally:
            w.end_all('the end', False)
            w.restore()
    w.server('DROP DATABASE %s WITH (FORCE)' % w.name)
    sys.exit(1 if w.failed else 0)


if __name__ == '__main__':
    main()
