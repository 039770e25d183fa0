#!/usr/bin/env python3
"""The program `synergy` against a database with a scheduler at work: run.py --dsn DSN [--only NAME] [--program FILE]
[--valgrind]. Prints ok and not ok lines. See world.py for what the tests are made of.
"""
import argparse
import sys
import time

import commands
import documentation
import looking
import names
import screen
import world


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--only', help='tests whose name contains this')
    parser.add_argument('--program', default=world.PROGRAM, help='another build of it, with sanitizers perhaps')
    parser.add_argument('--valgrind', action='store_true', help='run the program under valgrind; what it finds fails the test')
    options = parser.parse_args()
    world.PROGRAM = options.program
    wrapper = ['valgrind', '-q', '--error-exitcode=99', '--leak-check=no'] if options.valgrind else []
    w = world.World(options.dsn, wrapper)
    w.create(world.DATABASE)
    commands.populate(w)
    for test in commands.ALL + looking.ALL + names.ALL + screen.ALL + documentation.ALL:
        if options.only and options.only not in test.__name__:
            continue
        began = time.time()
        w.connect()
        test(w)
        print('# %s: %.1f s' % (test.__name__, time.time() - began), flush=True)
    w.connect('postgres')
    w.server('DROP DATABASE %s' % world.DATABASE)
    sys.exit(1 if w.failed else 0)


if __name__ == '__main__':
    main()
