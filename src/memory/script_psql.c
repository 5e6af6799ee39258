/*-------------------------------------------------------------------------
 *
 * script_psql.c
 *	  The commands and variables of psql, as they occur in scripts.
 *
 * src/memory/script_psql.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "memory/script_lexer.h"
#include "memory/script_psql.h"

/*
 * The commands of psql up to PostgreSQL 18.  Those that begin with "d" are not
 * listed, they only describe something.  Others that are not here are not
 * known.
 */
typedef struct CommandRule
{
	const char *name;
	PsqlEffect	effect;
	const char *what;			/* for the last two effects */
	bool		whole_line;		/* a backslash does not end its arguments */
} CommandRule;

static const char runs_file[] = "runs another file";
static const char connects[] = "goes on in another session";
static const char decides[] = "decides what is run; all of it is looked at";
static const char edits[] = "calls an editor";
static const char large_object[] = "works with a large object";

static const CommandRule command_rules[] = {
	{"!", PSQL_UNKNOWN, "runs a command of the operating system", true},
	{"bind_named", PSQL_UNKNOWN, "runs a prepared statement", false},
	{"c", PSQL_UNKNOWN, connects, false},
	{"connect", PSQL_UNKNOWN, connects, false},
	{"copy", PSQL_UNKNOWN, "copies from or to the client", true},
	{"crosstabview", PSQL_SENDS, NULL, false},
	{"e", PSQL_UNKNOWN, edits, false},
	{"edit", PSQL_UNKNOWN, edits, false},
	{"ef", PSQL_UNKNOWN, edits, true},
	{"ev", PSQL_UNKNOWN, edits, true},
	{"g", PSQL_SENDS, NULL, false},
	{"gdesc", PSQL_FORGETS, NULL, false},
	{"gexec", PSQL_RUNS_RESULT, "runs what the statement before it returns", false},
	{"gset", PSQL_SENDS, NULL, false},
	{"gx", PSQL_SENDS, NULL, false},
	{"h", PSQL_NOTHING, NULL, true},
	{"help", PSQL_NOTHING, NULL, true},
	{"i", PSQL_UNKNOWN, runs_file, false},
	{"if", PSQL_UNKNOWN, decides, false},
	{"include", PSQL_UNKNOWN, runs_file, false},
	{"include_relative", PSQL_UNKNOWN, runs_file, false},
	{"ir", PSQL_UNKNOWN, runs_file, false},
	{"lo_export", PSQL_UNKNOWN, large_object, false},
	{"lo_import", PSQL_UNKNOWN, large_object, false},
	{"lo_unlink", PSQL_UNKNOWN, large_object, false},
	{"parse", PSQL_FORGETS, NULL, false},
	{"password", PSQL_UNKNOWN, "sets a password", false},
	{"q", PSQL_QUITS, NULL, false},
	{"quit", PSQL_QUITS, NULL, false},
	{"r", PSQL_FORGETS, NULL, false},
	{"reset", PSQL_FORGETS, NULL, false},
	{"sendpipeline", PSQL_SENDS, NULL, false},
	{"sf", PSQL_NOTHING, NULL, true},
	{"sf+", PSQL_NOTHING, NULL, true},
	{"sv", PSQL_NOTHING, NULL, true},
	{"sv+", PSQL_NOTHING, NULL, true},
	{"watch", PSQL_SENDS, NULL, false},
};

/* The rest of them, which only show or set something. */
static const char *const harmless_commands[] = {
	"?", "C", "H", "T", "a", "bind", "cd", "close", "close_prepared",
	"conninfo", "copyright", "echo", "elif", "else", "encoding", "endif",
	"endpipeline", "errverbose", "f", "flush", "flushrequest", "getenv",
	"getresults", "html", "l", "l+", "list", "list+", "lo_list", "o",
	"out", "p", "print", "prompt", "pset", "qecho", "restrict", "s",
	"set", "setenv", "startpipeline", "syncpipeline", "t", "timing",
	"unrestrict", "unset", "w", "warn", "write", "x", "z",
};

static const CommandRule harmless = {"", PSQL_NOTHING, NULL, false};
static const CommandRule unknown = {"", PSQL_UNKNOWN, "is not known", true};

static bool
name_is(const char *name, size_t length, const char *other)
{
	return strlen(other) == length && strncmp(name, other, length) == 0;
}

static const CommandRule *
find_rule(const char *name, size_t length)
{
	for (size_t i = 0; i < lengthof(command_rules); i++)
	{
		if (name_is(name, length, command_rules[i].name))
			return &command_rules[i];
	}
	for (size_t i = 0; i < lengthof(harmless_commands); i++)
	{
		if (name_is(name, length, harmless_commands[i]))
			return &harmless;
	}
	return *name == 'd' ? &harmless : &unknown;
}

/*
 * Behind the arguments: at the end of the line, at the backslash of another
 * command, or behind "\\", which only separates.  In quotes of any kind a
 * backslash ends nothing.
 */
static const char *
skip_arguments(const char *at)
{
	char		quote = '\0';

	for (; *at != '\0' && *at != '\n'; at++)
	{
		if (quote == '\0')
		{
			if (*at == '\\')
				return at[1] == '\\' ? at + 2 : at;
			if (*at == '\'' || *at == '"' || *at == '`')
				quote = *at;
		}
		else if (*at == quote)
			quote = '\0';
		else if (*at == '\\' && quote == '\'' && at[1] != '\0' && at[1] != '\n')
			at++;
	}
	return at;
}

/* Does the line have \copy ... from stdin? */
static bool
reads_script(const char *text, const char *end)
{
	ScriptLexer lexer = script_lexer(pnstrdup(text, end - text), true);
	ScriptToken token;
	ScriptToken last = {0};

	for (;;)
	{
		script_lexer_next(&lexer, &token);
		if (token.kind == TOKEN_END)
			return false;
		if (script_token_is(&token, "stdin") && script_token_is(&last, "from"))
			return true;
		last = token;
	}
}

/*
 * Read the command whose backslash is before the text.
 */
void
psql_read_command(const char *text, PsqlCommand *command)
{
	size_t		length = strcspn(text, " \t\n\r\f\v\\");
	const CommandRule *rule = find_rule(text, length);
	const char *arguments = text + length;

	command->effect = rule->effect;
	command->end = rule->whole_line ? arguments + strcspn(arguments, "\n") :
		skip_arguments(arguments);
	command->copies = strcmp(rule->name, "copy") == 0 &&
		reads_script(arguments, command->end);
	command->problem = rule->what == NULL ? NULL :
		psprintf("the psql command \\%.*s %s", (int) length, text, rule->what);
}

/*
 * Is there a psql variable, whose colon is before the text: name, 'name',
 * "name" or {?name}?  Sets its name, and its length.  Returns what is behind
 * it, or NULL if there is none.
 */
const char *
psql_find_variable(const char *text, const char **name, int *length)
{
	const char *end;
	char		closing = '\0';

	*name = text;
	if (*text == '\'' || *text == '"')
	{
		closing = *text;
		*name = text + 1;
	}
	else if (text[0] == '{' && text[1] == '?')
	{
		closing = '}';
		*name = text + 2;
	}
	end = *name;
	while (script_is_name_byte(*end))
		end++;
	*length = end - *name;
	if (*length == 0 || (closing != '\0' && *end != closing))
		return NULL;
	return closing != '\0' ? end + 1 : end;
}
