"""The command line of a suite that has a server of its own, and chance that can be had again."""
import argparse
import random
import time


def arguments(doc, program=None):
    """program: what --program is, for suites that run one of ours"""
    parser = argparse.ArgumentParser(description=doc.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--log', required=True, help="the server's log")
    if program:
        parser.add_argument('--program', required=True, help=program)
    parser.add_argument('--only', help='tests whose name contains this')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    options = parser.parse_args()
    print('# seed %d' % options.seed, flush=True)
    random.seed(options.seed)
    return options
