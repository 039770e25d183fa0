/*
 * mx/asset.h: the front end's files as parts of the program; asset_data.c is made of them by web/build.mjs.
 */
#ifndef SYNERGY_MX_ASSET_H
#define SYNERGY_MX_ASSET_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Asset
{
	const char *path;			/* "/app-1a2b3c4d.js" */
	const char *type;			/* of its content, with the charset */
	const char *etag;			/* with its quotes */
	bool		is_immutable;	/* the path has a digest of the content */
	const unsigned char *data;
	size_t		size;
	const unsigned char *gzip;	/* the same, compressed; NULL: not worth it */
	size_t		gzip_size;
} Asset;

extern const Asset mx_assets[]; /* ends with a row whose path is NULL */
extern const Asset *const mx_index_page;
extern const Asset *const mx_login_page;

#endif							/* SYNERGY_MX_ASSET_H */
