"""With TLS: what is spoken, what is refused, what cookies are then."""
import os
import socket
import ssl
import subprocess
import time


def certificate(w):
    cert, key = os.path.join(w.directory, 'cert.pem'), os.path.join(w.directory, 'key.pem')
    if not os.path.exists(cert):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2',
                        '-subj', '/CN=localhost'], check=True, stderr=subprocess.DEVNULL)
    os.chmod(key, 0o600)
    return cert, key


def context(version=None):
    c = ssl._create_unverified_context()
    if version:
        c.minimum_version = c.maximum_version = version
        c.set_ciphers('ALL:@SECLEVEL=0')
    return c


def spoken(w):
    cert, key = certificate(w)
    console = w.console('--tls-cert', cert, '--tls-key', key)
    browser = console.browser()
    status, headers, _ = browser.log_in('mx_viewer')
    w.same(status, 200, 'a login over TLS')
    cookie = headers['Set-Cookie']
    w.ok(cookie.startswith('__Host-synergy_session=') and '; Secure' in cookie and '; Path=/' in cookie, 'its cookie is for TLS only', cookie)
    w.ok('max-age' in (headers['Strict-Transport-Security'] or ''), 'and so is the host', str(headers))
    w.same(browser.get('/api/v1/session')[0], 200, 'which opens the API')
    w.same(console.browser().get('/api/v1/session', Cookie=cookie.split(';')[0].replace('__Host-', ''))[0], 401, 'by that name only')
    w.same(browser.post('/api/v1/actions/trigger', {'process_name': 'mx_hourly'}, Origin='http://127.0.0.1:%d' % console.port)[0], 403,
           'a page without TLS is none of ours')
    for version, expected in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
        try:
            found = console.browser(context=context(version)).get('/healthz')[0] == 200
        except (ssl.SSLError, OSError):
            found = False
        w.same(found, expected, '%s is %s' % (version.name, 'spoken' if expected else 'refused'))
    answer = console.raw(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    w.ok(b'200' not in answer and b'HTTP' not in answer, 'HTTP without TLS is not answered', answer[:200])
    w.same(browser.get('/api/v1/overview')[0], 200, 'and TLS still is')
    # many answers over one connection, in one go
    connection = console.connect()
    secure = context().wrap_socket(connection)
    secure.sendall(b''.join(b'GET /api/v1/overview?x=%d HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n' % (i, browser.cookie().encode()) for i in range(50)))
    answer, end = b'', time.time() + 15
    secure.settimeout(15)
    while answer.count(b'HTTP/1.1 200') < 50 and time.time() < end:
        part = secure.recv(65536)
        if not part:
            break
        answer += part
    w.same(answer.count(b'HTTP/1.1 200'), 50, 'fifty requests in one go are all answered')
    secure.close()
    # a stream, which is suspended most of the time
    connection = console.connect(timeout=5)
    secure = context().wrap_socket(connection)
    secure.sendall(b'GET /api/v1/live HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n' % browser.cookie().encode())
    w.ok(read_until(secure, b'event: hello'), 'a stream begins over TLS')
    time.sleep(0.3)
    w.sql("SELECT pg_notify('synergy_changes', '{\"processes\": [\"over tls\"]}')")
    w.ok(read_until(secure, b'over tls'), 'and tells over TLS')
    connection.close()


def read_until(s, what):
    answer = b''
    try:
        while what not in answer:
            part = s.recv(65536)
            if not part:
                return False
            answer += part
        return True
    except (socket.timeout, OSError):
        return False


def key(w):
    cert, key_file = certificate(w)
    os.chmod(key_file, 0o644)
    console = w.console('--tls-cert', cert, '--tls-key', key_file, wait=False)
    w.ok(console.process.wait(10) == 2 and 'must not be readable by others' in console.said(), 'a key that others may read is none', console.said())
    os.chmod(key_file, 0o600)
    other = w.console('--tls-cert', key_file, '--tls-key', key_file, wait=False)
    w.ok(other.process.wait(10) == 1 and 'do not fit' in other.said(), 'nor one without its certificate', other.said())
    for ended in (console, other):
        w.consoles.remove(ended)


ALL = [spoken, key]
