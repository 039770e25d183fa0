#!/usr/bin/env python3
"""The courier with a real RabbitMQ: run.py --dsn DSN --log FILE [--only NAME] [--seed N]. Prints ok and not ok lines.

The server is killed on the way: it must be one of the test's own. See world.py for what the tests are made of.
"""
import sys
import time

import broker
import faults
import protocol
import world                    # which finds what is in ../lib, too
import suite


def main():
    options = suite.arguments(__doc__)
    with broker.Broker(tls=True) as rabbit:
        w = world.World(options.dsn, rabbit, options.log)
        for test in protocol.ALL + faults.ALL:
            if options.only and options.only not in test.__name__:
                continue
            began = time.time()
            w.connect()
            test(w)
            w.same(w.sql('SELECT * FROM synergy.check()'), [], '%s: no invariant is violated' % test.__name__)
            print('# %s: %.1f s' % (test.__name__, time.time() - began), flush=True)
        w.reset('amqp_uri')
        w.courier('off', 'without an address there is no courier')
        w.server('DROP DATABASE %s' % world.DATABASE)
    sys.exit(1 if w.failed else 0)


if __name__ == '__main__':
    main()
