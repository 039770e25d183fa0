"""Runs docs/client.md: its ```sql blocks as they stand, and of its ```console blocks each command after a "$ ", whose output
must be what the page shows. Days are moved to where they are today (on the page it is the 26th of November 2026), and
what cannot be the same again, numbers, durations and the blanks of columns, is not compared.
"""
import os
import re
import subprocess

import world
from commands import COMMANDS, day

PAGE = os.path.join(world.TOP, 'docs', 'client.md')
DATABASE = 'stats'


def today(text):
    for days in (0, -1, -2):
        text = text.replace('202611%02d' % (26 + days), day(days)[:8])
    return text


def shape(text):
    """text without what differs from run to run"""
    text = re.sub(r'\b\d+[smhd]( \d\d[smh])?\b', 'D', text)
    text = re.sub(r'-?\d+(\.\d+)?(e-\d+)?', '0', text)
    return [re.sub(r'[ -]{2,}|\s+', ' ', line).strip() for line in text.splitlines() if line.strip()]


def run_sql(w, block):
    for part in re.split(r'^(-- wait until .*)$', today(block), flags=re.M):
        if part.startswith('-- wait until '):
            w.wait(part[len('-- wait until '):].replace('%', '%%'))
        elif part.strip():
            with w.connection.cursor() as cursor:
                cursor.execute(part)


def run_console(w, block):
    for command, wanted in re.findall(r'^\$ (.*)\n((?:(?!\$ ).*\n)*)', block, flags=re.M):
        done = subprocess.run(['bash', '-c', today(command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, stdin=subprocess.DEVNULL,
                              env=w.environment(PGDATABASE=DATABASE, PATH='%s:%s' % (os.path.dirname(world.PROGRAM), os.environ['PATH'])))
        got = done.stdout.decode()
        w.ok(shape(got) == shape(wanted), 'docs/client.md: %s' % command, got)


def page(w):
    w.server('DROP DATABASE IF EXISTS %s' % DATABASE, 'CREATE DATABASE %s' % DATABASE)
    w.connect(DATABASE)
    text = open(PAGE).read()
    blocks = re.findall(r'^```(sql|console)\n(.*?)^```', text, flags=re.M | re.S)
    w.ok(len(blocks) > 5, 'docs/client.md has examples')
    for kind, block in blocks:
        run_sql(w, block) if kind == 'sql' else run_console(w, block)
    for command in COMMANDS:
        w.ok(re.search(r'`synergy %s\b' % command, text) is not None, 'docs/client.md describes %s' % command)
    w.connect()
    w.server('DROP DATABASE %s WITH (FORCE)' % DATABASE)


ALL = [page]
