/*-------------------------------------------------------------------------
 *
 * archive.h
 *	  What a file made by pg_dump, or by OpenMetadata's own backup, says of
 *	  itself, and whether it is whole.
 *
 * Whatever is read here is hostile.  Nothing but the server's own troubles (a
 * file that cannot be read, no memory, a cancelled query) is an error; what is
 * wrong with an archive is part of the answer.
 *
 * The readers need no server, so that they can be tested and fuzzed without
 * one: test/archive/.  archive_path.c and read_archive.c do.
 *
 * src/backup/archive.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ARCHIVE_H
#define UPGRADE_PREREQ_ARCHIVE_H

/*
 * Bytes that can be read anywhere: some that were given, or a file or folder
 * on the server.
 */
typedef struct ArchiveSource ArchiveSource;
struct ArchiveSource
{
	int64		size;			/* of the whole file in bytes; -1 if it is not
								 * known */
	bool		is_folder;		/* nothing to read but its files */

	/*
	 * Reads at most length bytes from an offset on and returns how many: less
	 * than wanted only where the next byte does not exist or was not given.
	 */
	size_t		(*read) (ArchiveSource *source, int64 offset,
						 char *buffer, size_t length);

	/*
	 * Only of a folder: a file in it, by a name without folders; NULL if
	 * there is none, or it is no plain file.  It has to be closed.
	 */
	ArchiveSource *(*open_file) (ArchiveSource *folder, const char *name);
	void		(*close) (ArchiveSource *source);
};

typedef enum ArchiveFormat
{
	ARCHIVE_UNKNOWN,			/* nothing that is known here */
	ARCHIVE_CUSTOM,
	ARCHIVE_DIRECTORY,			/* a folder, or toc.dat alone */
	ARCHIVE_TAR,
	ARCHIVE_PLAIN,				/* SQL of one database */
	ARCHIVE_CLUSTER,			/* SQL of pg_dumpall */
	ARCHIVE_OPENMETADATA,		/* metadata.json of OpenMetadata's own backup */
	ARCHIVE_GZIP,				/* something, and no telling what, in one of */
	ARCHIVE_LZ4,				/* these */
	ARCHIVE_ZSTD
} ArchiveFormat;

/* How far the contents could be read. */
typedef enum ArchiveState
{
	ARCHIVE_READ,				/* all there is */
	ARCHIVE_ENDS_EARLY,			/* not all bytes are there: needs_bytes */
	ARCHIVE_MALFORMED,			/* pg_dump would not have written this */
	ARCHIVE_NEWER,				/* a version newer than any known */
	ARCHIVE_OLDER,				/* a version older than 1.12 */
	ARCHIVE_TOO_LARGE,			/* more contents than are ever read */
	ARCHIVE_CLOSED				/* cannot be seen: compressed as a whole, or
								 * the format is not known */
} ArchiveState;

typedef enum ArchiveComplete
{
	ARCHIVE_COMPLETE_YES,
	ARCHIVE_COMPLETE_NO,
	ARCHIVE_COMPLETE_NOT_PROVEN
} ArchiveComplete;

/* Where the data of an entry is. */
typedef enum ArchiveDataState
{
	ARCHIVE_DATA_NONE,			/* there is no data */
	ARCHIVE_DATA_SOMEWHERE,		/* there is; the contents do not say where */
	ARCHIVE_DATA_AT				/* at data_position, or in file_name */
} ArchiveDataState;

/*
 * Strings are as the archive has them, in its encoding and with whatever bytes
 * (but no zero byte): archive_text() makes them valid.  NULL where the archive
 * has none.
 */
typedef struct ArchiveEntry
{
	int			dump_id;
	Oid			catalog_oid;	/* 0 if not said */
	Oid			object_oid;		/* in the database that was dumped; of TABLE
								 * and TABLE DATA: that of the table */
	const char *tag;			/* name, unquoted; never NULL */
	const char *description;	/* TABLE, TABLE DATA, ...; never NULL */
	int			section;		/* 1 none, 2 pre-data, 3 data, 4 post-data; 0
								 * if not said */
	const char *schema;
	const char *owner;
	const char *database;		/* only in the dump of a cluster: what
								 * \connect names, or NULL before the first */
	const char *definition;		/* of the kinds that matter: COMMENT,
								 * DATABASE, DATABASE PROPERTIES, ENCODING,
								 * EXTENSION, BLOB METADATA; NULL for others */
	char		relkind;		/* as in pg_class, at least of tables; or 0 */
	bool		has_dumper;		/* data belongs to it: TABLE DATA, BLOBS */
	bool		with_copy;		/* the data are those of a COPY statement */
	ArchiveDataState data_state;
	int64		data_position;	/* custom, in bytes from the beginning */
	const char *file_name;		/* directory and tar */
	int64		rows;			/* plain SQL and OpenMetadata; -1 if not known */
} ArchiveEntry;

typedef struct Archive
{
	ArchiveFormat format;
	ArchiveState state;
	const char *problem;		/* what is not as it should be; NULL if state
								 * is ARCHIVE_READ */
	int64		size_bytes;		/* of the whole file; -1 if not known */
	int64		needs_bytes;	/* how many more are needed at least, behind
								 * those given, to read the contents; or 0 */
	int64		needs_tail_bytes;	/* how many from the end would decide
									 * whether it is complete; or 0 */

	ArchiveComplete complete;
	const char *complete_reason;	/* what is proven, or missing; never NULL */

	int			version[3];		/* of the format: 1, 12 to 16, 0; of plain SQL
								 * and OpenMetadata all 0 */
	const char *compression;	/* of the data within: "none", "gzip", ...;
								 * NULL if not known */
	const char *created;		/* 2026-11-28 22:01:19: when pg_dump began, by
								 * the clock of its machine; NULL if not said */
	const char *created_zone;	/* its time zone; NULL if not said: pg_dump's
								 * archives never say it */
	const char *database;		/* NULL if not said */
	Oid			database_oid;	/* 0 if not said */
	const char *encoding;		/* client_encoding of the dump */
	const char *server_version; /* text of the server and of pg_dump */
	const char *dump_version;
	bool		row_security;	/* it says that rows may be missing that its
								 * role could not see; archives never say */
	const char *openmetadata_version;	/* its own backup says it */

	ArchiveEntry *entries;		/* in the order of the archive */
	int			entry_count;	/* read */
	int64		entries_claimed;	/* by the header; -1 if it does not say */
	const ArchiveEntry **table_data;	/* the entries TABLE DATA, by name */
	int			table_data_count;
} Archive;

/* No file is larger, and no source may say that it is: 1 exabyte. */
#define ARCHIVE_MAX_SIZE (INT64CONST(1) << 60)

/* Sources; archive_path() needs a server. */
extern ArchiveSource *archive_bytes(const char *head, size_t head_length,
									const char *tail, size_t tail_length,
									int64 size);
extern ArchiveSource *archive_path(const char *path);

/* Never NULL, in the current memory context. */
extern Archive *archive_read(ArchiveSource *source);

extern const char *archive_format_name(ArchiveFormat format);
extern const char *archive_state_name(ArchiveState state);
extern const char *archive_complete_name(ArchiveComplete complete);

/*
 * The entry TABLE DATA of an entry TABLE: NULL if the data of the table are
 * not in the archive.
 */
extern const ArchiveEntry *archive_table_data(const Archive *archive,
											  const ArchiveEntry *table);

/* How many large objects the contents name; -1 if they do not say. */
extern int64 archive_count_large_objects(const Archive *archive);

/*
 * A string of the archive as text that is valid in this database (needs a
 * server); NULL gives NULL.
 */
extern char *archive_text(const Archive *archive, const char *string);

#endif							/* UPGRADE_PREREQ_ARCHIVE_H */
