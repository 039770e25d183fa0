#!/usr/bin/env python3
"""A private RabbitMQ on loopback, for tests: one node or a cluster, without systemd, gone when its owner is gone.

    with Broker(nodes=3, tls=True) as broker:
        broker.url()                    # amqp://guest:guest@127.0.0.1:24711/%2f
        broker.kill(1)                  # SIGKILL; start(1) brings it back with its data
        broker.set_alarm(True)          # the memory alarm: publishers are blocked
        broker.leaders()                # of each quorum queue: the node that leads it, and those that are online
        broker.separate(2)              # the network between this node and the others fails; unite(2)

    broker.py run DIR --port P [--tls] [--nodes N]      prints the URLs when ready; serves until it is killed

All files are in one directory, which is removed at the end: data, logs, certificates, the cookie. What is odd here, and why:

- Debian's /usr/sbin/rabbitmq-server changes the directory and the user; so the scripts behind it are run, as user rabbitmq
  when we are root (or postgres), else as who we are. RABBITMQ_CONF_ENV_FILE names an empty file, or /etc/rabbitmq's counts.
- RABBITMQ_ALLOW_INPUT makes the script exec the server instead of waiting for it, so that its pid is ours to signal;
  -noinput takes the input away again.
- The server dies with the thread that started it (PR_SET_PDEATHSIG), even when that was killed with SIGKILL: start() from
  a thread that stays. SIGTERM to our process becomes an exit, so that atexit cleans up; unless it is handled already.
- An epmd of our own, in the foreground, on its own port: the one that Erlang would start for itself is a daemon that stays,
  and knows the nodes of everybody. -start_epmd false keeps Erlang from doing so when ours is gone.
- Nodes, epmd and rabbitmqctl listen on 127.0.0.1 only.
- Ports are taken from below those that the kernel gives to clients, and each is reserved by an abstract socket named after
  it, so that runs side by side do not take the same.
- pause_minority: what a cluster that is to lose nothing has. The first node is started before the others, which find it:
  nodes that all start at once and find nobody could each begin a cluster of their own.
- vm_memory_high_watermark and disk_free_limit are absolute, so that a small or full machine raises no alarm by itself; the
  quorum queues' write-ahead log is rolled at 16 MB instead of 512.
- Clients may come from network namespaces: with `address` (of a bridge to them) the nodes listen there, too, and guest may
  log in from there. Nodes among themselves stay on loopback.
- The network between nodes fails by cookies: a node that expects another one's to be wrong refuses it, whoever calls.
- A URL that ends in "/" means the virtual host "": hence %2f.
"""
import argparse
import atexit
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

SCRIPTS = '/usr/lib/rabbitmq/bin'
reservations = {}


def free_port(wanted=None):
    """a port that nobody listens on and no other run has reserved; or the one wanted, or an error"""
    for port in [wanted] if wanted else random.sample(range(20000, 32000), 200):
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind('\0synergy-test-port-%d' % port)
            socket.create_server(('127.0.0.1', port)).close()
        except OSError:
            reservation.close()
            continue
        reservations[port] = reservation
        return port
    raise OSError('port %s is in use' % wanted if wanted else 'no port is free')


class Broker:
    def __init__(self, nodes=1, port=None, tls=False, directory=None, address=None):
        self.address = address
        self.ports = [free_port(port and port + i) for i in range(nodes)]
        self.tls_ports = [free_port() for _ in range(nodes)] if tls else []
        self.dist_ports = [free_port() for _ in range(nodes)]
        self.epmd_port = free_port()
        self.directory = os.path.abspath(directory) if directory else tempfile.mkdtemp(prefix='synergy-broker-')
        os.makedirs(self.directory, exist_ok=True)
        if os.listdir(self.directory):
            raise FileExistsError('%s is not empty' % self.directory)
        self.tls, self.epmd, self.owner = tls, None, os.getpid()
        known = {u.pw_name: u for u in pwd.getpwall()}
        self.user = None if os.getuid() else known.get('rabbitmq') or known['postgres']
        self.names = ['rabbit%d@localhost' % i for i in range(nodes)]
        self.servers = [None] * nodes
        atexit.register(self.close)
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.write('.erlang.cookie', '%032x' % random.getrandbits(128), 0o400)
        self.write('plugins', '[].')
        self.write('empty', '')
        if tls:
            self.make_certificates()
        for i in range(nodes):
            self.write('node%d.conf' % i, self.config(i))
        self.give(self.directory, 0o755)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, name):
        return os.path.join(self.directory, name)

    def give(self, path, mode):
        os.chmod(path, mode)
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), 'w') as file:
            file.write(text)
        self.give(self.path(name), mode)

    def config(self, i):
        lines = ['listeners.tcp.1 = 127.0.0.1:%d' % self.ports[i], 'vm_memory_high_watermark.absolute = 512MB',
                 'disk_free_limit.absolute = 50MB', 'raft.wal_max_size_bytes = 16000000',
                 'cluster_partition_handling = pause_minority', 'cluster_formation.peer_discovery_backend = classic_config']
        lines += ['cluster_formation.classic_config.nodes.%d = %s' % (n, name) for n, name in enumerate(self.names, 1)]
        if self.address:
            lines += ['listeners.tcp.2 = %s:%d' % (self.address, self.ports[i]), 'loopback_users = none']
        if self.tls:
            lines += ['listeners.ssl.1 = 127.0.0.1:%d' % self.tls_ports[i], 'ssl_options.cacertfile = %s' % self.path('ca.crt'),
                      'ssl_options.certfile = %s' % self.path('server.crt'), 'ssl_options.keyfile = %s' % self.path('server.key'),
                      'ssl_options.verify = verify_peer', 'ssl_options.fail_if_no_peer_cert = false']
        return '\n'.join(lines) + '\n'

    def make_certificates(self):
        """ca.crt; server.crt for localhost and 127.0.0.1; client.crt; with their .key"""
        def openssl(*args):
            subprocess.run(['openssl', *args], cwd=self.directory, check=True, capture_output=True)
        new = ['-newkey', 'rsa:2048', '-nodes', '-days', '30']
        openssl('req', '-x509', *new, '-subj', '/CN=Synergy test CA', '-keyout', 'ca.key', '-out', 'ca.crt')
        for name, extension in (('server', 'subjectAltName=DNS:localhost,IP:127.0.0.1'), ('client', 'extendedKeyUsage=clientAuth')):
            self.write(name + '.ext', extension + '\n')
            openssl('req', *new, '-subj', '/CN=' + name, '-keyout', name + '.key', '-out', name + '.csr')
            openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30',
                    '-extfile', name + '.ext', '-out', name + '.crt')
        for name in ('ca.crt', 'server.crt', 'server.key', 'client.crt', 'client.key'):
            self.give(self.path(name), 0o644)                   # of a test: anybody may read them

    def environment(self, i):
        loopback = '-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false'
        return {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG': 'C.UTF-8', 'HOME': self.directory,
                'ERL_EPMD_PORT': str(self.epmd_port), 'ERL_EPMD_ADDRESS': '127.0.0.1', 'RABBITMQ_NODENAME': self.names[i],
                'RABBITMQ_CONFIG_FILE': self.path('node%d.conf' % i), 'RABBITMQ_ADVANCED_CONFIG_FILE': self.path('none.config'),
                'RABBITMQ_CONF_ENV_FILE': self.path('empty'), 'RABBITMQ_ENABLED_PLUGINS_FILE': self.path('plugins'),
                'RABBITMQ_MNESIA_BASE': self.path('data'), 'RABBITMQ_GENERATED_CONFIG_DIR': self.path('generated%d' % i),
                'RABBITMQ_LOG_BASE': self.path('log'), 'RABBITMQ_PID_FILE': self.path('node%d.pid' % i),
                'RABBITMQ_DIST_PORT': str(self.dist_ports[i]), 'RABBITMQ_ALLOW_INPUT': '1', 'RABBITMQ_CTL_ERL_ARGS': loopback,
                'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': loopback + ' -noinput'}

    def wrapped(self, *command):
        change = ['--reuid=%d' % self.user.pw_uid, '--regid=%d' % self.user.pw_gid, '--clear-groups'] if self.user else []
        return ['setpriv', *change, '--pdeathsig', 'KILL', *command]

    def launch(self, i, command):
        with open(self.path('console%d' % i), 'a') as console:
            return subprocess.Popen(self.wrapped(*command), stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                                    cwd=self.directory, env=self.environment(i), start_new_session=True)

    def start(self, node=None, timeout=120):
        """one node, or all; returns when they can be connected to"""
        if not self.epmd or self.epmd.poll() is not None:
            self.epmd = self.launch(0, ['epmd', '-port', str(self.epmd_port), '-address', '127.0.0.1'])
            self.await_port(0, self.epmd, self.epmd_port, time.time() + 10)
        end = time.time() + timeout
        wanted = range(len(self.names)) if node is None else [node]
        alone = not os.path.exists(self.path('data'))           # the first of a new cluster
        for i in wanted:
            if not self.servers[i] or self.servers[i].poll() is not None:
                self.servers[i] = self.launch(i, [SCRIPTS + '/rabbitmq-server'])
                if alone:
                    self.await_node(i, end)
                    alone = False
        for i in wanted:
            self.await_node(i, end)

    def await_node(self, i, end):
        for port in [self.ports[i]] + self.tls_ports[i:i + 1]:
            self.await_port(i, self.servers[i], port, end)

    def await_port(self, i, process, port, end):
        while True:
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                return
            except OSError:
                if process.poll() is not None or time.time() > end:
                    raise RuntimeError('the broker does not listen on port %d; exit status %s\n%s' % (
                        port, process.poll(), self.log(i))) from None
            time.sleep(0.1)

    def log(self, i=0, lines=40):
        text = ''
        for name in ('log/%s.log' % self.names[i], 'console%d' % i):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors='replace') as file:
                    text += '---- %s\n%s' % (name, ''.join(file.readlines()[-lines:]))
        return text

    def stop(self, node=None, sig=signal.SIGTERM, timeout=60):
        """one node, or all, and waits for their end"""
        servers = [s for s in (self.servers if node is None else [self.servers[node]]) if s]
        for server in servers:
            server.send_signal(sig)                             # does nothing when it is known to have ended
        for server in servers:
            try:
                server.wait(timeout)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def kill(self, node=None):
        self.stop(node, signal.SIGKILL)

    def restart(self, node=None):
        self.stop(node)
        self.start(node)

    def close(self):
        """ends everything and removes the directory; may be called again"""
        if os.getpid() != self.owner:                           # a fork's atexit
            return
        self.kill()
        if self.epmd:
            self.epmd.kill()
            self.epmd.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        for port in self.ports + self.tls_ports + self.dist_ports + [self.epmd_port]:
            reservations.pop(port, socket.socket()).close()
        atexit.unregister(self.close)

    def ctl(self, *args, node=0, check=True):
        """rabbitmqctl; its output"""
        answer = subprocess.run(self.wrapped(SCRIPTS + '/rabbitmqctl', '-q', '-n', self.names[node], *map(str, args)), text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, cwd=self.directory, env=self.environment(node))
        if check and answer.returncode:
            raise RuntimeError('rabbitmqctl %s: %s' % (' '.join(map(str, args)), answer.stdout + answer.stderr))
        return answer.stdout

    def set_alarm(self, on, node=0):
        """the memory alarm of a node, which blocks the publishers of all"""
        self.ctl('set_vm_memory_high_watermark', *(['0'] if on else ['absolute', '512MB']), node=node)
        end = time.time() + 20
        while not on and self.ctl('eval', 'rabbit_alarm:get_alarms().', node=node).strip() != '[]':
            if time.time() > end:
                raise RuntimeError('an alarm does not end\n' + self.ctl('status', node=node))

    def suspend(self, queue, is_suspended=True, node=0):
        """a quorum queue of one member that answers nothing, as one without a leader"""
        self.ctl('eval', "sys:%s('%%2F_%s')." % ('suspend' if is_suspended else 'resume', queue), node=node)

    def leaders(self, node=0):
        """of each quorum queue: the number of the node that leads it, and of those that are online"""
        rows = self.ctl('list_queues', '--formatter', 'json', 'name', 'leader', 'online', node=node)
        return {row['name']: (self.names.index(row['leader']) if row['leader'] in self.names else None,
                              sorted(map(self.names.index, row['online']))) for row in json.loads(rows) if row.get('leader')}

    def separate(self, node, are_apart=True):
        """the others cannot reach it any more, nor it them"""
        others = ', '.join("'%s'" % name for i, name in enumerate(self.names) if i != node)
        cookie = 'wrong' if are_apart else 'erlang:get_cookie()'
        self.ctl('eval', '[begin erlang:set_cookie(N, %s), %s end || N <- [%s]], ok.' % (
            cookie, 'erlang:disconnect_node(N)' if are_apart else 'ok', others), node=node)

    def unite(self, node):
        self.separate(node, are_apart=False)

    def url(self, node=0, user='guest', password='guest', tls=None, host=None):
        tls = self.tls if tls is None else tls
        return '%s://%s:%s@%s:%d/%%2f' % ('amqps' if tls else 'amqp', urllib.parse.quote(user, ''), urllib.parse.quote(password, ''),
                                          host or ('localhost' if tls else '127.0.0.1'), (self.tls_ports if tls else self.ports)[node])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run', choices=['run'])
    parser.add_argument('directory')
    parser.add_argument('--port', type=int, help='of the first node; the others have those after it')
    parser.add_argument('--tls', action='store_true')
    parser.add_argument('--nodes', type=int, default=1)
    options = parser.parse_args()
    with Broker(options.nodes, options.port, options.tls, options.directory) as broker:
        print(*map(broker.url, range(options.nodes)), sep='\n', flush=True)
        signal.pause()


if __name__ == '__main__':
    main()
