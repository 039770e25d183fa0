"""locked.py COMMAND...: runs it, as root, while another apt is at work: its exit status.

The locks are those of apt and dpkg. That of the lists is given free when apt-get has been refused it, that of packages when it has
asked for it. apt-get is looked at by one of the same name in front of it.
"""
import fcntl
import os
import subprocess
import sys
import tempfile
import time

LISTS, PACKAGES = "/var/lib/apt/lists/lock", "/var/lib/dpkg/lock-frontend"


def locked(path):
    file = open(path, "w")
    fcntl.lockf(file, fcntl.LOCK_EX)
    return file


def until(process, condition):
    end = time.monotonic() + 120
    while process.poll() is None and not condition():
        if time.monotonic() > end:
            sys.exit("nothing has asked for a lock")
        time.sleep(0.05)
    if process.poll() is not None:
        sys.exit("it did not wait for the lock: exit status %d" % process.returncode)


def main():
    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, "log")
        open(log, "w").close()
        with open(os.path.join(directory, "apt-get"), "w") as shim:
            shim.write('#!/bin/sh\necho "$$ $*" >> %s\nexec /usr/bin/apt-get "$@"\n' % log)
        os.chmod(shim.name, 0o755)
        called = lambda what: [line.split()[0] for line in open(log) if " %s" % what in line]
        held = {path: locked(path) for path in (LISTS, PACKAGES)}
        process = subprocess.Popen(sys.argv[1:], env=dict(os.environ, PATH=directory + ":" + os.environ["PATH"]))
        # asked again, it was refused before
        until(process, lambda: len(called("update")) > 1)
        held[LISTS].close()
        until(process, lambda: called("install"))
        # it asks at once, and then each second: has it been refused, it is still there
        asked = time.monotonic()
        until(process, lambda: time.monotonic() > asked + 3)
        held[PACKAGES].close()
        sys.exit(process.wait(900))


main()
