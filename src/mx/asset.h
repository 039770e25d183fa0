/*
 * mx/asset.h: the console's pages, scripts and styles, which are part of the program.
 *
 * They are built from mx/web by its build.mjs, which writes the C file with these tables. So one binary is the whole
 * console, and what it serves fits what it speaks.
 */
#ifndef SYNERGY_MX_ASSET_H
#define SYNERGY_MX_ASSET_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Asset
{
	const char *path;
	const char *type;
	const char *etag;			/* with its quotes */
	bool		is_immutable;	/* its name has a hash of its content */
	const unsigned char *data;
	size_t		size;
	const unsigned char *gzip;
	size_t		gzip_size;
} Asset;

/* ends with a row whose path is NULL */
extern const Asset mx_assets[];

/* what every path of the console is answered with, and what /login is filled from */
extern const Asset *const mx_index_page;
extern const Asset *const mx_login_page;

#endif							/* SYNERGY_MX_ASSET_H */
