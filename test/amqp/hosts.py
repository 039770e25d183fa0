"""Several 'hosts' on one machine: network namespaces, each with a cable of its own to a bridge.

    with Hosts(6) as hosts:
        hosts.why_not                   # None, or why this machine allows none: then commands run as they are
        hosts.address                   # of the bridge, where services listen: 10.213.x.1
        subprocess.Popen(hosts.command(2) + ['worker', ...])
        hosts.cut(2), hosts.mend(2)     # pulls the cable, and puts it back

Needs root, and iproute2. All names begin with the pid of the owner, so that runs side by side do not meet, and what one
left behind that was killed is removed by the next. Addresses are private, and nothing is routed.
"""
import atexit
import json
import os
import re
import subprocess


def ip(*args, check=True):
    answer = subprocess.run(['ip', *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and answer.returncode:
        raise OSError('ip %s: %s' % (' '.join(args), answer.stderr.strip()))
    return answer.stdout


def namespaces():
    return [line.split()[0] for line in ip('netns', 'list', check=False).splitlines() if line.strip()]


def remove(pid):
    """all that belongs to this owner"""
    for name in namespaces():
        if name.startswith('synergy-%d-' % pid):
            ip('netns', 'delete', name, check=False)            # and the cable with it, when its last process has gone
    for link in json.loads(ip('-json', 'link', 'show', check=False) or '[]'):
        if re.match('sy%d[bw]' % pid, link['ifname']):
            ip('link', 'delete', link['ifname'], check=False)


def remove_orphans():
    owners = {int(m.group(1)) for m in (re.match(r'synergy-(\d+)-', name) for name in namespaces()) if m}
    for pid in owners:
        if not os.path.exists('/proc/%d' % pid):
            remove(pid)


def free_network():
    taken = ip('-4', 'address', 'show')
    return next('10.213.%d' % i for i in range(1, 255) if ' 10.213.%d.' % i not in taken)


class Hosts:
    def __init__(self, count):
        self.owner, self.count, self.address, self.network, self.why_not = os.getpid(), count, None, None, None
        atexit.register(self.close)
        try:
            if os.getuid():
                raise OSError('not root')
            remove_orphans()
            self.make()
        except OSError as error:
            self.why_not = str(error)
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def name(self, i):
        return 'synergy-%d-%d' % (self.owner, i)

    def cable(self, i):
        return 'sy%dw%d' % (self.owner, i)

    def make(self):
        network, bridge = free_network(), 'sy%db' % self.owner
        ip('link', 'add', bridge, 'type', 'bridge')
        ip('address', 'add', network + '.1/24', 'dev', bridge)
        ip('link', 'set', bridge, 'up')
        for i in range(self.count):
            ip('netns', 'add', self.name(i))
            ip('link', 'add', self.cable(i), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.name(i))
            ip('link', 'set', self.cable(i), 'master', bridge, 'up')
            ip('-n', self.name(i), 'address', 'add', '%s.%d/24' % (network, 10 + i), 'dev', 'eth0')
            ip('-n', self.name(i), 'link', 'set', 'eth0', 'up')
            ip('-n', self.name(i), 'link', 'set', 'lo', 'up')
        self.address, self.network = network + '.1', network + '.0/24'

    def command(self, i):
        return [] if self.why_not else ['ip', 'netns', 'exec', self.name(i)]

    def cut(self, i):
        ip('link', 'set', self.cable(i), 'down')

    def mend(self, i):
        ip('link', 'set', self.cable(i), 'up')

    def close(self):
        if os.getpid() == self.owner and not os.getuid():
            try:
                remove(self.owner)
            except OSError:                                     # no program `ip`
                pass
        self.address = self.network = None
        atexit.unregister(self.close)
