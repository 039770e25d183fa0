#!/usr/bin/python3
"""Status messages that no worker would send, through the courier's reader, in databases of several encodings: run.py --dsn DSN
--module FILE [--seconds N] [--seed N]. An error is one that would end the courier: the message would come back for ever."""
import argparse
import json
import random
import sys
import time

import psycopg2

ENCODINGS = ['UTF8', 'SQL_ASCII', 'LATIN1', 'EUC_JP']
GOOD = {'record_db_id': 17, 'attempt': 1, 'state': 'processed', 'number_of_processed': 5, 'number_of_aggregated': None, 'error': 'bad',
        'process_name': 'p', 'database': 'this'}
ODD = [None, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -2**63, 10**400, 0.5, 1e300, True, '', '1', ' 1', '1 ', '0x1', 'processed', 'in_progress', 'noop',
       'canceled', 'invalid', 'requested', 'x' * 5000, 'ä€😀', 'ÿ', 'あ', '\x00', '\ud800', '\udc00\ud800', '\x7f', '"', '\\', [], [1], {}, {'a': 1}, 'other']
RAW = [b'\x00', b'\xff', b'\xc3', b'\xe2\x82', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xa4', b'\x8e', b'\\u0000', b'\\ud83d', b'\\ud83d\\ude00',
       b'\\u00e9', b'\\uffff', b'\\u', b'\\x41', b'1e99999', b'-', b'1e1000000', b'[' * 100, b'{"a":' * 100, b'/**/', b'\xef\xbb\xbf', b'"', b'}', b',']


def message():
    if random.random() < 0.002:
        return random.choice([b'[' * 200000, b'{"a":' * 100000, b'"' + b'x' * 2000000 + b'"', b'', b' ', b'1' * 200000])
    body = dict(GOOD)
    for _ in range(random.randrange(4)):
        body[random.choice(list(GOOD) + ['more'])] = random.choice(ODD)
    if random.random() < 0.2:
        body.pop(random.choice(list(GOOD)), None)
    data = json.dumps(body, ensure_ascii=random.random() < 0.5).encode('utf-8', 'surrogatepass')
    for _ in range(random.choice([0, 0, 1, 1, 2, 5])):
        place = random.randrange(len(data) + 1)
        data = random.choice([
            lambda: data[:place] + random.choice(RAW) + data[place:], lambda: data[:place] + data[place + 1:],
            lambda: data[:place] + bytes([random.randrange(256)]) + data[place + 1:], lambda: data[:place],
            lambda: data[:place] + data[place // 2:]])()
    return data


class Reader:
    def __init__(self, dsn, module, encoding):
        self.encoding = encoding
        server = psycopg2.connect(dsn + ' dbname=postgres')
        server.autocommit = True
        server.cursor().execute("CREATE DATABASE status_%s ENCODING '%s' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'" % (encoding.lower(), encoding))
        server.close()
        self.dsn = '%s dbname=status_%s' % (dsn, encoding.lower())
        self.connect()
        self.cursor.execute("CREATE FUNCTION fuzz_status(bytea) RETURNS text LANGUAGE c STRICT AS '%s', 'fuzz_status'" % module)
        self.read = self.refused = 0
        self.errors = {}

    def connect(self):
        self.connection = psycopg2.connect(self.dsn)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def try_one(self, data):
        try:
            self.cursor.execute('SELECT fuzz_status(%s)', (psycopg2.Binary(data),))
            found = self.cursor.fetchone()[0]
            self.read += found is not None
            self.refused += found is None
        except psycopg2.Error as error:
            self.errors.setdefault((error.pgcode, str(error).split('\n')[0][:80]), data)
            if self.connection.closed:
                self.connect()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--module', required=True)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    options = parser.parse_args()
    random.seed(options.seed)
    readers = [Reader(options.dsn, options.module, e) for e in ENCODINGS]
    end = time.time() + options.seconds
    while time.time() < end:
        data = message()
        for reader in readers:
            reader.try_one(data)
    for reader in readers:
        good = not reader.errors and reader.read > 10 and reader.refused > 10
        print('%s - status in %s: %d read, %d refused; seed %d' % ('ok' if good else 'not ok', reader.encoding, reader.read, reader.refused, options.seed))
        for error, data in list(reader.errors.items())[:10]:
            print('#   %s: %r' % (error, data[:200]))
    sys.exit(any(r.errors for r in readers))


if __name__ == '__main__':
    main()
