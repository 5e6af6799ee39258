/*-------------------------------------------------------------------------
 *
 * place.c
 *	  Where the server writes, and how much room there is.
 *
 * Each tablespace, and pg_wal, is a folder below the data directory, which may
 * be a symbolic link to another disk (src/backend/commands/tablespace.c).
 * Folders on the same device share its room.  statvfs() says how much there is
 * for a process without special rights (f_bavail); it does not see quotas, nor
 * what a volume below can still grow or fail to.
 *
 * src/disk/place.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#ifndef WIN32
#include <sys/statvfs.h>
#endif
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "access/xlog_internal.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_tablespace.h"
#include "commands/tablespace.h"
#include "compat.h"
#include "place.h"
#include "query.h"
#include "stored_setting.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

/* File systems of which there is something to say (statfs(2)). */
typedef struct KnownFileSystem
{
	uint32		magic;
	const char *note;
} KnownFileSystem;

#ifdef __linux__
static const KnownFileSystem known_file_systems[] = {
	{0x794c7630, "it is an overlay of a container: the room is that of the host's disk, and ends with the container"},
	{0x01021994, "it is in memory (tmpfs)"},
	{0x6969, "it is on a network file system, whose server may have a quota"},
	{0xff534d42, "it is on a network file system, whose server may have a quota"},
	{0x65735546, "it is a FUSE file system, which may not tell the truth"},
};
#endif

/* The tablespaces of the tables and indexes of a schema; 0: the database's. */
static const char relations_query[] =
"SELECT DISTINCT c.reltablespace FROM pg_catalog.pg_class AS c "
"WHERE c.relnamespace = $1::oid AND c.relkind IN ('r', 'i') "
"ORDER BY c.reltablespace";

/* What there is to say of the kind of file system, or NULL. */
static const char *
file_system_note(const char *path)
{
#ifdef __linux__
	struct statfs system;

	if (statfs(path, &system) != 0)
		return NULL;
	for (size_t i = 0; i < lengthof(known_file_systems); i++)
	{
		if ((uint32) system.f_type == known_file_systems[i].magic)
			return known_file_systems[i].note;
	}
#endif
	return NULL;
}

/* The number of a device, which is a new one if it was not met before. */
static int
file_system_number(DiskPlaces *places, uint64 device)
{
	uint64	   *copy = palloc(sizeof(uint64));
	ListCell   *lc;

	foreach(lc, places->devices)
	{
		if (*(uint64 *) lfirst(lc) == device)
			return foreach_current_index(lc) + 1;
	}
	*copy = device;
	places->devices = lappend(places->devices, copy);
	return list_length(places->devices);
}

/* Look at a folder, whose path is relative to the data directory. */
static DiskPlace *
look_at(DiskPlaces *places, const char *name, Oid tablespace, const char *path)
{
	DiskPlace  *place = palloc0(sizeof(DiskPlace));
#ifndef WIN32
	struct statvfs disk;
	struct stat folder;
#endif

	place->name = name;
	place->tablespace = tablespace;
	place->total_bytes = place->free_bytes = -1;
	places->places = lappend(places->places, place);
	if (!places->may_see)
	{
		place->note = "it is shown to members of pg_read_all_stats only";
		return place;
	}
#ifndef WIN32
	if (stat(path, &folder) == 0 && statvfs(path, &disk) == 0)
	{
		place->file_system = file_system_number(places, (uint64) folder.st_dev);
		place->total_bytes = (double) disk.f_blocks * disk.f_frsize;
		place->free_bytes = (double) disk.f_bavail * disk.f_frsize;
		place->note = file_system_note(path);
		return place;
	}
	place->note = psprintf("the operating system does not say it: %s", strerror(errno));
#else
	place->note = "it is not asked on Windows";
#endif
	return place;
}

/*
 * The place of a tablespace, which is looked at once; InvalidOid stands for
 * that of the database.
 */
const DiskPlace *
place_of_tablespace(DiskPlaces *places, Oid tablespace)
{
	const char *name;
	ListCell   *lc;

	if (!OidIsValid(tablespace))
		tablespace = MyDatabaseTableSpace;
	foreach(lc, places->places)
	{
		const DiskPlace *place = lfirst(lc);

		if (place->tablespace == tablespace)
			return place;
	}

	name = get_tablespace_name(tablespace);
	return look_at(places,
				   psprintf("tablespace %s", name ? quote_identifier(name) : "dropped just now"),
				   tablespace,
				   tablespace == DEFAULTTABLESPACE_OID ? "base" :
				   tablespace == GLOBALTABLESPACE_OID ? "global" :
				   psprintf("pg_tblspc/%u", tablespace));
}

/*
 * The text of a setting as a new session of a role gets it, as far as the
 * catalog says; else as this session has it.
 */
static const char *
role_text(Oid role_oid, const char *name)
{
	const SettingPlace levels[] = {
		{MyDatabaseId, role_oid}, {InvalidOid, role_oid},
		{MyDatabaseId, InvalidOid}, {InvalidOid, InvalidOid}
	};

	for (size_t i = OidIsValid(role_oid) ? 0 : 2; i < lengthof(levels); i++)
	{
		const char *text = stored_setting_text(levels[i], name);

		if (text != NULL)
			return text;
	}
	return GetConfigOption(name, false, false);
}

/*
 * The tablespaces that a role has its temporary files in, by the text of
 * temp_tablespaces (List of OIDs).  As the server does it, "" is the database's,
 * and those are left out that are not there or that the role may not create
 * anything in, but for the database's (PrepareTempTablespaces() in
 * src/backend/commands/tablespace.c).
 */
static List *
temporary_tablespaces(Oid role_oid, const char *text)
{
	List	   *names;
	List	   *result = NIL;
	ListCell   *lc;

	if (!SplitIdentifierString(pstrdup(text), ',', &names))
		return NIL;
	foreach(lc, names)
	{
		const char *name = lfirst(lc);
		Oid			tablespace = *name == '\0' ? MyDatabaseTableSpace :
			get_tablespace_oid(name, true);

		if (tablespace == MyDatabaseTableSpace ||
			(OidIsValid(tablespace) &&
			 object_aclcheck(TableSpaceRelationId, tablespace, role_oid,
							 ACL_CREATE) == ACLCHECK_OK))
			result = list_append_unique_oid(result, tablespace);
	}
	return result;
}

/*
 * Where the migration of a role writes.  How full a disk is holds no secret,
 * but is not every tenant's business: it takes pg_read_all_stats, as in
 * limit.c.
 */
DiskPlaces *
places_find(const char *role_name)
{
	DiskPlaces *places = palloc0(sizeof(DiskPlaces));
	Oid			role_oid = get_role_oid(role_name, true);
	const char *text = role_text(role_oid, "default_tablespace");
	List	   *temporary = temporary_tablespaces(role_oid, role_text(role_oid, "temp_tablespaces"));
	ListCell   *lc;

	places->may_see = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	if (*text != '\0')
		places->new_tablespace = get_tablespace_oid(text, true);
	(void) place_of_tablespace(places, InvalidOid);
	places->wal = look_at(places, "pg_wal", InvalidOid, XLOGDIR);
	(void) place_of_tablespace(places, places->new_tablespace);

	if (temporary == NIL)
		temporary = list_make1_oid(InvalidOid);
	foreach(lc, temporary)
		places->temporary =
			lappend(places->temporary,
					unconstify(DiskPlace *, place_of_tablespace(places, lfirst_oid(lc))));
	return places;
}

/*
 * Add those of the tables and indexes of a schema; the TOAST table of a table is
 * where the table is.
 */
void
places_add_relations(DiskPlaces *places, Oid schema_oid)
{
	const char *schema = psprintf("%u", schema_oid);
	MemoryContext context = CurrentMemoryContext;
	uint64		rows;

	SPI_connect();
	rows = query_run(relations_query, 1, &schema);
	for (uint64 row = 0; row < rows; row++)
	{
		Oid			tablespace = atooid(query_text(row, 1, context));
		MemoryContext previous = MemoryContextSwitchTo(context);

		(void) place_of_tablespace(places, tablespace);
		MemoryContextSwitchTo(previous);
	}
	SPI_finish();
}
