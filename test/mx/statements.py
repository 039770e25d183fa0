"""The statements of the console's API as they are compiled in, and asking them as the server does.

endpoints() compiles src/mx/api_*.c with a program that prints their tables. Asker is one connection of a role, over libpq
itself: parameters are sent beside the statement, and the settings are those of the server (mx/api.h).
"""
import ctypes
import ctypes.util
import json
import os
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLES = ['api_overviews', 'api_timetables', 'api_units', 'api_definitions', 'api_alerts', 'api_actions']

PRINTER = r'''
#include <stdio.h>
#include "mx/api.h"
static void
text(const char *value)
{
	putchar('"');
	for (; *value; value++)
		if (*value == '"' || *value == '\\' || (unsigned char) *value < ' ')
			printf("\\u%04x", (unsigned char) *value);
		else
			putchar(*value);
	putchar('"');
}
static void
table(const ApiEndpoint *e)
{
	for (; e->path; e++)
	{
		printf("{\"path\": ");
		text(e->path);
		printf(", \"is_action\": %s, \"parameters\": [", e->is_action ? "true" : "false");
		for (int i = 0; e->parameters[i]; i++)
		{
			fputs(i ? ", " : "", stdout);
			text(e->parameters[i]);
		}
		printf("], \"sql\": ");
		text(e->sql);
		puts("}");
	}
}
int
main(void)
{
	printf("{\"path\": null, \"sql\": ");
	text(API_PLANNING);
	puts("}");
'''

COMMAND_OK, TUPLES_OK = 1, 2

SETTINGS = ("SET search_path = pg_catalog; SET client_encoding = 'UTF8'; SET timezone = 'UTC'; SET datestyle = 'ISO'; "
            "SET intervalstyle = 'postgres'; SET statement_timeout = '10s'; SET client_min_messages = 'error'")


def endpoints():
    """{path: {path, is_action, parameters, sql}}; under None what a session sets"""
    with tempfile.TemporaryDirectory() as directory:
        source, program = os.path.join(directory, 'printer.c'), os.path.join(directory, 'printer')
        with open(source, 'w') as file:
            file.write(PRINTER + ''.join('\ttable(%s);\n' % name for name in TABLES) + '\treturn 0;\n}\n')
        mx = os.path.join(TOP, 'src', 'mx')
        parts = [os.path.join(mx, name) for name in sorted(os.listdir(mx)) if name.startswith('api_') and name.endswith('.c')]
        subprocess.run(['gcc', '-std=c11', '-Wall', '-Wextra', '-Werror', '-I' + os.path.join(TOP, 'src'), source, *parts, '-o', program],
                       check=True)
        lines = subprocess.run([program], check=True, capture_output=True).stdout.decode().splitlines()
    return {row['path']: row for row in map(json.loads, lines)}


class Refused(Exception):
    def __init__(self, sqlstate, message, hint):
        super().__init__('%s: %s' % (sqlstate, message))
        self.sqlstate, self.message, self.hint = sqlstate, message, hint


libpq = ctypes.CDLL(ctypes.util.find_library('pq') or 'libpq.so.5')
for name, result, arguments in [
        ('PQconnectdb', ctypes.c_void_p, [ctypes.c_char_p]), ('PQstatus', ctypes.c_int, [ctypes.c_void_p]),
        ('PQerrorMessage', ctypes.c_char_p, [ctypes.c_void_p]), ('PQfinish', None, [ctypes.c_void_p]),
        ('PQexec', ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
        ('PQexecParams', ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
                                           ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]),
        ('PQresultStatus', ctypes.c_int, [ctypes.c_void_p]), ('PQresultErrorField', ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int]),
        ('PQntuples', ctypes.c_int, [ctypes.c_void_p]), ('PQnfields', ctypes.c_int, [ctypes.c_void_p]),
        ('PQgetvalue', ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]), ('PQclear', None, [ctypes.c_void_p])]:
    getattr(libpq, name).restype = result
    getattr(libpq, name).argtypes = arguments


class Asker:
    def __init__(self, dsn, role=None):
        self.connection = libpq.PQconnectdb((dsn + (' user=' + role if role else '')).encode())
        if libpq.PQstatus(self.connection) != 0:
            raise Exception(libpq.PQerrorMessage(self.connection).decode())
        self.table = endpoints_once()
        self.run(SETTINGS)
        self.run('SELECT count(set_config(name, value, false)) FROM (VALUES %s) v (name, value)' % self.table[None]['sql'])

    def close(self):
        libpq.PQfinish(self.connection)

    def take(self, result):
        """the one value, or None for no row"""
        try:
            if libpq.PQresultStatus(result) == COMMAND_OK:
                return None
            if libpq.PQresultStatus(result) != TUPLES_OK:
                fields = [(libpq.PQresultErrorField(result, ord(field)) or b'').decode() for field in 'CMH']
                raise Refused(*fields)
            assert libpq.PQnfields(result) == 1 and libpq.PQntuples(result) <= 1
            return libpq.PQgetvalue(result, 0, 0).decode() if libpq.PQntuples(result) else None
        finally:
            libpq.PQclear(result)

    def run(self, sql, *values):
        n = len(values)
        if n == 0:
            return self.take(libpq.PQexec(self.connection, sql.encode()))
        texts = (ctypes.c_char_p * n)(*[None if value is None else str(value).encode() for value in values])
        return self.take(libpq.PQexecParams(self.connection, sql.encode(), n, None, texts, None, None, 0))

    def text(self, path, **arguments):
        """the document as text, None where the server would say 404"""
        endpoint = self.table[path]
        unknown = set(arguments) - set(endpoint['parameters'])
        assert not unknown, '%s takes no %s' % (path, unknown)
        return self.run(endpoint['sql'], *[arguments.get(name) for name in endpoint['parameters']])

    def get(self, path, **arguments):
        text = self.text(path, **arguments)
        return None if text is None else json.loads(text)

    def act(self, action, **body):
        return self.get('actions/' + action, body=json.dumps(body))

    def refused(self, path, **arguments):
        """the SQLSTATE of the error"""
        try:
            self.text(path, **arguments)
        except Refused as error:
            return error.sqlstate
        return None


known = {}


def endpoints_once():
    if not known:
        known.update(endpoints())
    return known
