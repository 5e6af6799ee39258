/*-------------------------------------------------------------------------
 *
 * script_session.c
 *	  What the statements of a script leave behind for those that follow.
 *
 * All statements of a script run in one session: a SET counts for those after
 * it, as far as transactions let it, and what is created can be used.  Nothing
 * is run to find that out; it is read from the parse trees.
 *
 * src/memory/script_session.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "nodes/parsenodes.h"
#include "script_session.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* The settings that a transaction can put back. */
typedef struct SettingsLevel
{
	const char *savepoint;		/* NULL: the transaction itself */
	StatementSettings settings; /* in force when it began */
	StatementSettings lasting;
} SettingsLevel;

struct ScriptSession
{
	MemoryContext context;
	StatementSettings base;		/* of a new session: what RESET goes back to */
	StatementSettings settings; /* in force now */
	StatementSettings lasting;	/* in force after COMMIT: without SET LOCAL */
	List	   *levels;			/* of SettingsLevel *, the innermost last; NIL
								 * outside a transaction block */
	int			body_number;	/* of the statement whose body is being read,
								 * or 0 */
	StatementSettings before_body;
	StatementSettings lasting_before_body;
	bool		body_is_run;
	HTAB	   *names;			/* of MadeName */
};

/* Something that a statement of the script makes. */
typedef struct MadeName
{
	char		name[NAMEDATALEN];
	int			number;			/* of the statement */
} MadeName;

/* The settings that change what a statement needs or gets. */
static const char *const followed_settings[] = {
	"work_mem",
	"maintenance_work_mem",
	"hash_mem_multiplier",
	"max_parallel_workers_per_gather",
	"max_parallel_maintenance_workers",
	"search_path",
};

/* A session with these settings, in the current memory context. */
ScriptSession *
script_session(const StatementSettings *settings)
{
	ScriptSession *session = palloc0(sizeof(ScriptSession));
	HASHCTL		control = {.keysize = NAMEDATALEN,.entrysize = sizeof(MadeName),
	.hcxt = CurrentMemoryContext};

	session->context = CurrentMemoryContext;
	session->base = session->settings = session->lasting = *settings;
	session->names = hash_create("upgrade_prereq names", 64, &control,
								 HASH_ELEM | HASH_CONTEXT | HASH_STRINGS);
	return session;
}

/* A body has ended: what it set stays only as far as it is run. */
static void
leave_body(ScriptSession *session)
{
	if (session->body_number == 0)
		return;
	if (!session->body_is_run)
	{
		session->settings = session->before_body;
		session->lasting = session->lasting_before_body;
	}
	else if (session->levels == NIL)
		session->settings = session->lasting;
	session->body_number = 0;
}

/* The settings that a statement of the script will find. */
const StatementSettings *
script_session_begin(ScriptSession *session, const ScriptStatement *statement)
{
	int			number = statement->container ? statement->number : 0;

	if (number != session->body_number)
		leave_body(session);
	if (number != session->body_number)
	{
		session->body_number = number;
		session->body_is_run = strcmp(statement->container, "DO") == 0;
		session->before_body = session->settings;
		session->lasting_before_body = session->lasting;
	}
	return &session->settings;
}

/* One call of read_setting(). */
typedef struct SettingCall
{
	VariableSetStmt *statement;
	StatementSettings after;
} SettingCall;

/* What a setting comes to, as the server reads it.  (GuardedFunction) */
static void
read_setting(void *argument)
{
	SettingCall *call = argument;

	guard_pin_setting(call->statement->name,
					  ExtractSetVariableArgs(call->statement));
	call->after = *statement_settings_of_session();
}

/* Take one setting over. */
static void
take_setting(StatementSettings *settings, const StatementSettings *from,
			 const char *name)
{
	if (pg_strcasecmp(name, "work_mem") == 0)
		settings->work_mem_kb = from->work_mem_kb;
	else if (pg_strcasecmp(name, "maintenance_work_mem") == 0)
		settings->maintenance_work_mem_kb = from->maintenance_work_mem_kb;
	else if (pg_strcasecmp(name, "hash_mem_multiplier") == 0)
		settings->hash_mem_multiplier = from->hash_mem_multiplier;
	else if (pg_strcasecmp(name, "max_parallel_workers_per_gather") == 0)
		settings->parallel_workers = from->parallel_workers;
	else if (pg_strcasecmp(name, "max_parallel_maintenance_workers") == 0)
		settings->maintenance_workers = from->maintenance_workers;
	else
		settings->search_path = from->search_path;
}

/* Is a setting one that is followed? */
static bool
is_followed(const char *name)
{
	for (size_t i = 0; name != NULL && i < lengthof(followed_settings); i++)
	{
		if (pg_strcasecmp(name, followed_settings[i]) == 0)
			return true;
	}
	return false;
}

/* SET and RESET. */
static void
note_setting(ScriptSession *session, VariableSetStmt *statement)
{
	SettingCall call = {.statement = statement,.after = session->base};

	if (statement->kind == VAR_RESET_ALL)
	{
		session->settings = session->lasting = session->base;
		return;
	}
	if (!is_followed(statement->name))
		return;

	/* outside a transaction SET LOCAL lasts for one statement: itself */
	if (statement->is_local && session->levels == NIL &&
		session->body_number == 0)
		return;

	if (statement->kind == VAR_SET_VALUE)
	{
		if (guard_run(read_setting, &call) != NULL)
			return;				/* an error changes nothing */
		if (pg_strcasecmp(statement->name, "search_path") == 0)
			call.after.search_path = MemoryContextStrdup(session->context,
														 call.after.search_path);
	}
	else if (statement->kind != VAR_SET_DEFAULT && statement->kind != VAR_RESET)
		return;
	take_setting(&session->settings, &call.after, statement->name);
	if (!statement->is_local)
		take_setting(&session->lasting, &call.after, statement->name);
}

/* A transaction or savepoint begins. */
static void
push_level(ScriptSession *session, const char *savepoint)
{
	MemoryContext previous = MemoryContextSwitchTo(session->context);
	SettingsLevel *level = palloc(sizeof(SettingsLevel));

	level->savepoint = savepoint ? pstrdup(savepoint) : NULL;
	level->settings = session->settings;
	level->lasting = session->lasting;
	session->levels = lappend(session->levels, level);
	MemoryContextSwitchTo(previous);
}

/* ROLLBACK TO, and RELEASE, which puts nothing back. */
static void
end_savepoint(ScriptSession *session, const char *savepoint, bool puts_back)
{
	for (int i = list_length(session->levels) - 1; i > 0; i--)
	{
		const SettingsLevel *level = list_nth(session->levels, i);

		if (strcmp(level->savepoint, savepoint) != 0)
			continue;
		if (puts_back)
		{
			session->settings = level->settings;
			session->lasting = level->lasting;
		}
		session->levels = list_truncate(session->levels,
										puts_back ? i + 1 : i);
		return;
	}
}

/* BEGIN, COMMIT, ROLLBACK and their kind. */
static void
note_transaction(ScriptSession *session, const TransactionStmt *statement)
{
	switch (statement->kind)
	{
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
			if (session->levels == NIL)
				push_level(session, NULL);
			return;
		case TRANS_STMT_SAVEPOINT:
			if (session->levels != NIL)
				push_level(session, statement->savepoint_name);
			return;
		case TRANS_STMT_RELEASE:
			end_savepoint(session, statement->savepoint_name, false);
			return;
		case TRANS_STMT_ROLLBACK_TO:
			end_savepoint(session, statement->savepoint_name, true);
			return;
		case TRANS_STMT_ROLLBACK:
			if (session->levels != NIL)
				session->lasting = ((SettingsLevel *) linitial(session->levels))->lasting;
			break;
		default:				/* COMMIT, PREPARE TRANSACTION and the second
								 * phase */
			break;
	}
	session->settings = session->lasting;
	session->levels = NIL;
	if (statement->chain)
		push_level(session, NULL);
}

/* The script makes something of this name. */
static void
note_name(ScriptSession *session, const char *name, int number)
{
	MadeName   *made;
	bool		found;

	if (name == NULL)
		return;
	made = hash_search(session->names, name, HASH_ENTER, &found);
	made->number = number;
}

/* ... of a name that may be qualified. */
static void
note_qualified(ScriptSession *session, List *names, int number)
{
	note_name(session, strVal(llast(names)), number);
}

/* What ALTER TABLE adds. */
static void
note_added(ScriptSession *session, const AlterTableStmt *statement, int number)
{
	ListCell   *lc;

	foreach(lc, statement->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

		if (command->subtype == AT_AddColumn)
			note_name(session, castNode(ColumnDef, command->def)->colname, number);
		else if (command->subtype == AT_AddConstraint)
			note_name(session, castNode(Constraint, command->def)->conname, number);
	}
}

/* Note what a statement makes, sets, begins or ends. */
static void
note_statement(ScriptSession *session, Node *statement, int number)
{
	switch (nodeTag(statement))
	{
		case T_VariableSetStmt:
			note_setting(session, (VariableSetStmt *) statement);
			break;
		case T_DiscardStmt:
			if (((DiscardStmt *) statement)->target == DISCARD_ALL)
				session->settings = session->lasting = session->base;
			break;
		case T_TransactionStmt:
			note_transaction(session, (TransactionStmt *) statement);
			break;
		case T_CreateStmt:
			note_name(session, ((CreateStmt *) statement)->relation->relname, number);
			break;
		case T_CreateForeignTableStmt:
			note_name(session, ((CreateForeignTableStmt *) statement)->base.relation->relname,
					  number);
			break;
		case T_CreateTableAsStmt:
			note_name(session, ((CreateTableAsStmt *) statement)->into->rel->relname,
					  number);
			break;
		case T_SelectStmt:
			if (((SelectStmt *) statement)->intoClause != NULL)
				note_name(session, ((SelectStmt *) statement)->intoClause->rel->relname,
						  number);
			break;
		case T_ViewStmt:
			note_name(session, ((ViewStmt *) statement)->view->relname, number);
			break;
		case T_CreateSeqStmt:
			note_name(session, ((CreateSeqStmt *) statement)->sequence->relname, number);
			break;
		case T_IndexStmt:
			note_name(session, ((IndexStmt *) statement)->idxname, number);
			break;
		case T_AlterTableStmt:
			note_added(session, (AlterTableStmt *) statement, number);
			break;
		case T_RenameStmt:
			note_name(session, ((RenameStmt *) statement)->newname, number);
			break;
		case T_CreateSchemaStmt:
			note_name(session, ((CreateSchemaStmt *) statement)->schemaname, number);
			break;
		case T_CreateFunctionStmt:
			note_qualified(session, ((CreateFunctionStmt *) statement)->funcname, number);
			break;
		case T_DefineStmt:
			note_qualified(session, ((DefineStmt *) statement)->defnames, number);
			break;
		case T_CreateDomainStmt:
			note_qualified(session, ((CreateDomainStmt *) statement)->domainname, number);
			break;
		case T_CreateEnumStmt:
			note_qualified(session, ((CreateEnumStmt *) statement)->typeName, number);
			break;
		case T_CreateRangeStmt:
			note_qualified(session, ((CreateRangeStmt *) statement)->typeName, number);
			break;
		case T_CompositeTypeStmt:
			note_name(session, ((CompositeTypeStmt *) statement)->typevar->relname, number);
			break;
		default:
			break;
	}
}

/* Does an error say that something is not there? */
static bool
is_missing(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_UNDEFINED_TABLE ||
		sqlerrcode == ERRCODE_UNDEFINED_COLUMN ||
		sqlerrcode == ERRCODE_UNDEFINED_FUNCTION ||
		sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		sqlerrcode == ERRCODE_UNDEFINED_SCHEMA;
}

/*
 * The number of the statement that makes what is missing, 0 if none does: the
 * message names it, in the user's language, but the name is the same in all.
 */
static int
find_maker(const ScriptSession *session, const char *message)
{
	static const char separators[] = " \".,()[]";
	char	   *words = pstrdup(message);
	char	   *state = NULL;

	for (char *word = strtok_r(words, separators, &state); word != NULL;
		 word = strtok_r(NULL, separators, &state))
	{
		const MadeName *made = hash_search(session->names, word, HASH_FIND,
										   NULL);

		if (made != NULL)
			return made->number;
	}
	return 0;
}

/* Let the note of an estimate say which statement makes what it misses. */
void
script_session_explain(const ScriptSession *session,
					   StatementEstimate *estimate)
{
	int			number;

	if (estimate->obstacle == NULL ||
		!is_missing(estimate->obstacle->sqlerrcode))
		return;
	number = find_maker(session, estimate->obstacle->message);
	if (number > 0)
		estimate->obstacle->message =
			psprintf("%s; statement %d of the script makes it",
					 estimate->obstacle->message, number);
}

/* Go on after a statement: remember what it leaves behind. */
void
script_session_end(ScriptSession *session, const ScriptStatement *statement,
				   const StatementEstimate *estimate)
{
	ListCell   *lc;

	foreach(lc, estimate->parse_trees)
		note_statement(session, lfirst_node(RawStmt, lc)->stmt,
					   statement->number);
}
