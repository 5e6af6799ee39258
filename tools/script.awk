# Makes the data of the psql script upgrade_prereq_check.sql out of the very
# files that the library is compiled from: rows for the temporary tables of
# src/script/begin.sql, and the types that queries of ours name.
#
#   awk -v part=checks  -f header.awk -f script.awk src/checks/*.sql src/checks/*.c
#   awk -v part=changes -f header.awk -f script.awk src/breaking_changes.sql
#   awk -v part=kinds   -f header.awk -f script.awk src/runs/judge.sql src/runs/kinds/*.sql
#   awk -v part=texts   -f header.awk -f script.awk
#   awk -v part=types   -f header.awk -f script.awk
#
# tools/script calls it, in the folder of the source.  The headers are those that tools/check_list.awk and so on compile in, and
# which they have found to be complete.  The texts are queries that stand in C
# files: see texts_of().

BEGIN {
	any_key = 1
	tag = "$upgrade_prereq$"
	if (part == "changes")
		entry_key = "id"
	if (part == "texts") {
		texts_of("src/need.c", "fact_query unreadable_in_utf8 unreadable_elsewhere")
		texts_of("src/release.c", "candidates_query owner_query role_candidates_query")
		texts_of("src/role_setting.c", "level_query")
		settings_of("src/role_setting.c")
		texts_of("src/breaking_probe.c", "objects_query")
		texts_of("src/runs/run_list.c", "session_query")
		texts_of("src/runs/run_fix.c", "fix_query")
	}
	else if (part == "types")
		types_of("sql/upgrade_prereq--1.0.sql")
}

# The query as it stands in the file; header.awk has it as a C string.
!in_header && is_sql && (entry_key == "" || (in_entry && !/^(--|$)/)) {
	raw = raw expanded($0) "\n"
}

END {
	end_of_files()
}

function finish() {
	if (part == "checks")
		finish_check()
	else if (part == "changes")
		finish_change()
	else if (part == "kinds")
		finish_kind()
	raw = ""
}

function finish_check(    reaching) {
	reaching = value["versions"]
	if (!sub(/^reaching /, "", reaching))
		reaching = ""
	put("check", ++place ", " literal(value["id"]) ", " literal(value["title"]) ", " \
		literal(value["category"]) ", " literal(value["level"]) ", " \
		boolean(value["cost"] == "heavy") ", " literal_or_null(reaching) ", " \
		boolean(value["installation"] == "any") ", " \
		literal("{" value["facts"] "}") ", " needs_json() ", " literal(value["passed"]) ", " \
		literal_of("query") ", " (is_sql && !("query" in value) ? dollar(raw) : "NULL"))
}

function finish_change(    has_query) {
	has_query = (value["probe"] ~ /^(light|heavy)$/)
	put("change", ++place ", " literal(value["id"]) ", " literal(value["release"]) ", " \
		boolean("development" in value) ", " literal(value["area"]) ", " literal(value["change"]) ", " \
		literal(value["action"]) ", " literal(value["probe"]) ", " \
		literal(has_query ? value["level"] : "notice") ", " needs_json() ", " \
		each_array() ", " literal_of("doubt") ", " (has_query ? dollar(raw) : "NULL"))
}

function finish_kind() {
	if (file ~ /\/judge\.sql$/) {
		put("text", "'run_judge_query', " dollar(raw))
		return
	}
	put("kind", value["order"] ", " literal(value["kind"]) ", " \
		boolean(value["cost"] == "heavy") ", " boolean(value["judge"] == "own") ", " \
		literal_of("table") ", " literal_of("parent") ", " literal_of("run_id") ", " \
		literal_of("state") ", " needs_json() ", " literal_of("query") ", " \
		("query" in value ? "NULL" : dollar(raw)))
}

# A row of a table.
function put(table, values) {
	print "INSERT INTO pg_temp.upgrade_prereq_" table " VALUES (" values ");"
}

# An SQL literal, for psql with standard_conforming_strings.
function literal(text) {
	gsub(/'/, "''", text)
	return "'" text "'"
}

function boolean(condition) {
	return condition ? "true" : "false"
}

function literal_or_null(text) {
	return text == "" ? "NULL" : literal(text)
}

function literal_of(key) {
	return (key in value) ? literal(value[key]) : "NULL"
}

function dollar(text) {
	if (index(text, tag))
		fail("the text holds " tag)
	return tag text tag
}

function each_array() {
	if (!("each" in value))
		return "NULL"
	return literal("{" value["each"] "}")
}

# What a query needs, as a JSON array.
function needs_json(    text, i, j, n, list, since, table) {
	text = ""
	for (i = 1; i <= needs; i++) {
		table = table_of(need[i])
		since = need[i]
		if (!sub(/.*\) since /, "", since))
			since = ""
		n = split(columns_of(need[i]), list, ",")
		text = text (i > 1 ? ", " : "") "{\"table\": \"" table "\", \"columns\": ["
		for (j = 1; j <= n; j++)
			text = text (j > 1 ? ", " : "") "\"" list[j] "\""
		text = text "]" (since == "" ? "" : ", \"since\": \"" since "\"") \
			(table in index_of ? ", \"index\": \"" index_of[table] "\"" : "") "}"
	}
	return literal("[" text "]")
}

# Constants "static const char NAME[] = ..." of a C file, as rows.
function texts_of(path, names,    list, n, i) {
	read_file(path)
	n = split(names, list, / /)
	for (i = 1; i <= n; i++)
		put("text", literal(list[i]) ", " dollar(c_text(path, list[i])))
}

# The settings that role_setting.c knows: {"name", SETTING_KIND, flags, "unit"}.
function settings_of(path,    rest, part, kind, unit, n) {
	read_file(path)
	file = path
	rest = substr(content, index(content, "SettingDefinition definitions[] = {\n"))
	rest = substr(rest, 1, index(rest, "};"))
	while (match(rest, /\{"[a-z_]+", SETTING_[A-Z]+, [0-9A-Z_]+, [a-zA-Z"]+\}/)) {
		split(substr(rest, RSTART + 1, RLENGTH - 2), part, /, /)
		rest = substr(rest, RSTART + RLENGTH)
		gsub(/"/, "", part[1])
		kind = tolower(part[2])
		sub(/^setting_/, "", kind)
		unit = part[4]
		gsub(/"/, "", unit)
		put("setting_definition", literal(part[1]) ", " literal(kind) ", " \
			(unit == "NULL" ? "NULL" : literal(unit)))
		n++
	}
	if (n < 9)
		fail("the settings cannot be read")
}

function read_file(path,    line) {
	content = ""
	while ((getline line < path) > 0)
		content = content line "\n"
	close(path)
	if (content == "") {
		file = path
		fail("cannot be read")
	}
}

# The value of a C string constant: string literals side by side, comments,
# and macros that are such literals.
function c_text(path, name,    rest, start, text, word) {
	start = index(content, "const char " name "[] =\n")
	file = path
	if (!start)
		fail("there is no text \"" name "\"")
	rest = substr(content, start)
	rest = substr(rest, index(rest, "=") + 1)
	text = ""
	while (rest !~ /^[ \t\n]*;/) {
		sub(/^[ \t\n]+/, "", rest)
		if (match(rest, /^"([^"\\]|\\.)*"/)) {
			text = text unescaped(substr(rest, 2, RLENGTH - 2))
			rest = substr(rest, RLENGTH + 1)
		}
		else if (substr(rest, 1, 2) == "/*")
			rest = substr(rest, index(rest, "*/") + 2)
		else if (match(rest, /^[A-Z_]+/)) {
			word = substr(rest, 1, RLENGTH)
			rest = substr(rest, RLENGTH + 1)
			text = text c_macro(path, word)
		}
		else
			fail("the text \"" name "\" cannot be read at \"" substr(rest, 1, 20) "\"")
	}
	return text
}

# Of that file, or of src/table_names.h: a literal a line.
function c_macro(path, name,    whole, start, rest, text) {
	whole = content
	if (!index(content, "#define " name " \\\n"))
		read_file("src/table_names.h")
	start = index(content, "#define " name " \\\n")
	if (!start)
		fail("there is no macro \"" name "\"")
	rest = substr(content, start + length("#define " name " \\\n"))
	content = whole
	text = ""
	do {
		match(rest, /"([^"\\]|\\.)*"/)
		text = text unescaped(substr(rest, RSTART + 1, RLENGTH - 2))
		rest = substr(rest, RSTART + RLENGTH)
	} while (sub(/^ \\\n/, "", rest))
	return text
}

# What a C string literal stands for; none of ours has other escapes.
function unescaped(text,    result, i, c) {
	result = ""
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "\\") {
			c = substr(text, ++i, 1)
			if (c == "n")
				c = "\n"
			else if (c == "t")
				c = "\t"
			else if (c != "\\" && c != "\"")
				fail("the escape \\" c " is not known")
		}
		result = result c
	}
	return result
}

# The enum types of the extension, in pg_temp.
function types_of(path,    rest, n, statement, i) {
	read_file(path)
	n = split(content, statement, /;\n/)
	for (i = 1; i <= n; i++)
		if (match(statement[i], /CREATE TYPE upgrade_prereq_[a-z]+ AS ENUM/)) {
			rest = substr(statement[i], RSTART)
			sub(/CREATE TYPE /, "CREATE TYPE pg_temp.", rest)
			print rest ";"
		}
}
