#!/usr/bin/python3
"""A corpus as one file of text, an input a line, \\xHH for what is not plain ASCII; and as a directory of files, as libFuzzer
wants it: corpus.py unpack FILE DIRECTORY, corpus.py pack DIRECTORY FILE."""
import hashlib
import os
import re
import sys


def encode(data):
    return ''.join(chr(b) if 0x20 <= b < 0x7f and b != 0x5c else '\\x%02x' % b for b in data)


def decode(line):
    return re.sub(r'\\x([0-9a-f]{2})', lambda m: chr(int(m.group(1), 16)), line).encode('latin-1')


def unpack(path, directory):
    os.makedirs(directory, exist_ok=True)
    with open(path) as file:
        for line in file.read().split('\n')[:-1]:
            data = decode(line)
            with open(os.path.join(directory, hashlib.sha1(data).hexdigest()), 'wb') as out:
                out.write(data)


def pack(directory, path):
    lines = set()
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), 'rb') as file:
            lines.add(encode(file.read()))
    with open(path, 'w') as out:
        out.write(''.join(line + '\n' for line in sorted(lines)))


if __name__ == '__main__':
    {'unpack': unpack, 'pack': pack}[sys.argv[1]](*sys.argv[2:])
