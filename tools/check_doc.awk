# Makes the documentation of checks out of the check files.
#
#   awk -v as=table -f header.awk -f check_doc.awk src/checks/*.sql src/checks/*.c > doc/checks.md
#   awk -v as=page -f header.awk -f check_doc.awk src/checks/ID.sql > doc/checks/ID.md
#   awk -v as=c -f header.awk -f check_doc.awk src/checks/*.sql src/checks/*.c > src/check_pages.c
#
# The last are the same pages, compiled in for upgrade_prereq_explain().  The
# headers are those that tools/check_list.awk compiles in, and which it has
# found to be complete; the comment behind a header is the text of the check.
# Checks come in the order of the files.

BEGIN {
	any_key = 1
	if (as == "table")
		printf "%s", table_head()
	else if (as == "c")
		print "/* Made by tools/check_doc.awk from src/checks/: do not edit. */\n" \
			"#include \"postgres.h\"\n\n" \
			"#include \"check.h\"\n\n" \
			"const char *const check_pages[] = {"
}

FNR == 1 {
	prose = ""
	has_fix = 0
	after_key = 0
}

in_header && /^(--| \*) [a-z_]+: / { after_key = 1; next }

# "do" and "undo" may go on in lines that are indented
in_header && after_key && /^(--| \*)  +/ && (key == "do" || key == "undo") {
	sub(/^(--| \*) +/, "")
	value[key] = value[key] "\n" $0
	next
}

in_header && /^(--| \*)/ {
	after_key = 0
	sub(/^(--| \*) ?/, "")
	if ($0 != "" || prose != "")
		prose = prose $0 "\n"
}

!in_header && /fix_sql/ { has_fix = 1 }

END {
	end_of_files()
	if (as == "c")
		print "};"
}

function finish(    list, n, i) {
	sub(/\n+$/, "\n", prose)
	if (as == "table")
		printf "%s", row()
	else if (as == "page")
		printf "<!-- made by \"make docs\" from src/checks/%s: do not edit -->\n%s", file_name(), page()
	else {
		n = split(page(), list, "\n")
		for (i = 1; i < n; i++)
			print "\t" quoted(list[i] "\n")
		print "\t,"
	}
}

# "a,b|c" as "`a`, `b` or `c`"
function names(columns) {
	gsub(/,/, "`, `", columns)
	gsub(/\|/, "` or `", columns)
	return "`" columns "`"
}

# A title begins with a capital, unless it begins with a name that has none.
function sentence(text) {
	return (text ~ /^[a-z]+_/ ? text : toupper(substr(text, 1, 1)) substr(text, 2)) "."
}

function upgrades(    text) {
	text = value["versions"]
	return text == "all" ? "all" : "those that reach " substr(text, 10)
}

function table_head() {
	return "# Checks\n\n" \
		"Made by `make docs` from the headers in src/checks/: do not edit.\n\n" \
		"Each check states what has to be true. `level` is the worst that it reports;\n" \
		"single findings can weigh less. A `heavy` check reads whole tables: it runs\n" \
		"with `deep => true`, and always in `upgrade_prereq_require()`. A check for\n" \
		"upgrades that reach a release is not applicable where the migration of that\n" \
		"release is not between the installed version and the target.\n\n" \
		"Each has a page: why it is there, how it is found, what to do, and how to undo\n" \
		"that. In the database it is `SELECT upgrade_prereq_explain('statistics');`, and\n" \
		"this list is `SELECT * FROM upgrade_prereq_checks();`\n\n" \
		"| check | what has to be true | category | level | cost | upgrades |\n" \
		"|---|---|---|---|---|---|\n"
}

function row(    id) {
	id = value["id"]
	return "| [" id "](checks/" id ".md) | " value["title"] " | " \
		value["category"] " | " value["level"] " | " value["cost"] " | " \
		upgrades() " |\n"
}

function page() {
	return "# " value["id"] "\n\n" \
		"What has to be true: " value["title"] ".\n\n" \
		"| category | level | cost | upgrades |\n" \
		"|---|---|---|---|\n" \
		"| " value["category"] " | " value["level"] " | " value["cost"] " | " upgrades() " |\n" \
		(prose == "" ? "" : "\n## Why\n\n" prose) \
		"\n## How it is found\n\n" how() \
		"\n## What to do\n\n" ("do" in value ? value["do"] : what_to_do()) "\n" \
		"\n## How to undo\n\n" ("undo" in value ? value["undo"] : how_to_undo()) "\n"
}

function how(    path, text, i, table, since) {
	path = "src/checks/" file_name()
	text = "- by [" path "](../../" path ")"
	if ("query" in value)
		text = text ", which uses the query of [" value["query"] "](" value["query"] ".md)"
	text = text "\n"
	if (value["facts"] ~ /memory/)
		text = text "- from what `upgrade_prereq_memory()` says\n"
	if (value["facts"] ~ /runs/)
		text = text "- from what `upgrade_prereq_runs()` says\n"
	if ("guard" in value)
		text = text "- reads what each of its parts names; one that cannot look is unknown alone\n"
	else if (needs == 0)
		text = text "- reads no table of OpenMetadata but its migration history\n"
	else
		text = text "- reads these tables of OpenMetadata:\n"
	for (i = 1; i <= needs; i++) {
		table = table_of(need[i])
		since = need[i]
		if (!sub(/.*\) since /, "", since))
			since = ""
		text = text "  - `" table "` (" names(columns_of(need[i])) ")" \
			(since == "" ? "" : ", which came with OpenMetadata " since) "\n"
		if (table in index_of)
			text = text "  - an index of `" table "` that begins with " names(index_of[table]) "\n"
	}
	if (value["cost"] == "heavy")
		text = text "- may read whole tables: runs with `deep => true`, and always in the gate\n"
	if (value["installation"] == "any")
		text = text "- runs where OpenMetadata's tables are not found, too\n"
	return text
}

function file_name(    name) {
	name = file
	sub(/.*\//, "", name)
	return name
}

# A check that uses the query of another one has its statements, too.
function has_statements() {
	return has_fix || ("query" in value)
}

function what_to_do() {
	return "Each finding says so, in its `hint`." (has_statements() ? \
		" Where a statement helps, it is the\nfinding's `fix_sql`: read it before you run it." : "")
}

function how_to_undo() {
	return has_statements() ? \
		"The check changes nothing. What a finding's `fix_sql` did, its `undo_sql` takes\nback, where that can be." : \
		"The check changes nothing, and names no statement that does."
}
