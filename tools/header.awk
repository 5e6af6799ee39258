# What the tools that read the headers of checks and of kinds of runs share:
# to be given to awk before the tool itself.
#
# A file begins with a header of "key: value" comment lines ("--" in SQL, " *"
# in C); in an SQL file what follows the header is the query.  A key that is
# unknown, missing or given twice stops the build.
#
# The tool says which keys there are, declare_keys(), or sets any_key if others
# have found them to be right; and it defines finish(),
# which is called at the end of each file and finds value[key], query, and in
# need[] and index_of[] the tables.  The tool's own END has to begin with
# end_of_files().  finish() has to call check_required() for a file that needs
# the header.
#
# A tool that sets entry_key reads files of several entries: each begins with
# that key, and what comes before the first is not looked at.

function declare_keys(required_keys, optional_keys,    list, i) {
	split(required_keys, list)
	for (i in list)
		required[list[i]] = 1
	split(optional_keys, list)
	for (i in list)
		optional[list[i]] = 1
}

FNR == 1 {
	finish_entry()
	file = FILENAME
	is_sql = (FILENAME ~ /\.sql$/)
	if (entry_key == "")
		begin_entry()
}

entry_key != "" && index($0, "-- " entry_key ": ") == 1 {
	finish_entry()
	begin_entry()
}

in_header && is_sql && !/^--/ { in_header = 0 }
in_header && !is_sql && /^ \*\// { in_header = 0 }

in_header && /^(--| \*) [a-z_]+: / {
	text = $0
	sub(/^(--| \*) /, "", text)
	key = text
	sub(/:.*/, "", key)
	sub(/^[a-z_]+: +/, "", text)
	if (key == "needs") {
		need[++needs] = text
		needed[table_of(text)] = 1
	}
	else if (key == "index")
		index_of[table_of(text)] = columns_of(text)
	else if (key in value)
		fail("\"" key "\" is given twice")
	else if (any_key || (key in required) || (key in optional))
		value[key] = text
	else
		fail("unknown key \"" key "\"")
}

# Between the entries of a file are headings.
!in_header && is_sql && (entry_key == "" || (in_entry && !/^(--|$)/)) {
	query = query "\n\t\t" quoted(expanded($0) "\n")
}

# A line of a query with @unreadable(x)@ written out: is the document x, of type
# json or jsonb as the era has it, one that raises an error when it is read?
function expanded(line,    name) {
	while (match(line, /@unreadable\([^()]*\)@/)) {
		name = substr(line, RSTART + 12, RLENGTH - 14)
		line = substr(line, 1, RSTART - 1) "(pg_typeof(" name ") = 'json'::regtype AND " \
			name "::text ~ (SELECT unreadable_json FROM fact))" substr(line, RSTART + RLENGTH)
	}
	return line
}

function begin_entry() {
	in_entry = 1
	in_header = 1
	query = ""
	needs = 0
	split("", value)
	split("", index_of)
	split("", needed)
}

function end_of_files() {
	if (failed)
		exit 1
	finish_entry()
}

function finish_entry(    key) {
	if (!in_entry)
		return
	in_entry = 0
	for (key in index_of)
		if (!(key in needed))
			fail("an index of \"" key "\", which is not needed")
	finish()
}

function check_required(    key) {
	for (key in required)
		if (!(key in value))
			fail("\"" key "\" is missing")
}

function fail(message) {
	print file ": " message > "/dev/stderr"
	failed = 1
	exit 1
}

# The file has to be called after what it declares.
function check_name(name) {
	if (file !~ ("/" name "\\.[a-z]+$"))
		fail("the file is not called after its name \"" name "\"")
}

# A C string literal.
function quoted(text) {
	gsub(/\\/, "&&", text)
	gsub(/"/, "\\\"", text)
	gsub(/\n/, "\\n", text)
	gsub(/\t/, "\\t", text)
	return "\"" text "\""
}

# The same, or NULL for a key that is not there.
function quoted_or_null(key) {
	return (key in value) ? quoted(value[key]) : "NULL"
}

# "table (a, b | c) since 1.2.0": the table.
function table_of(text) {
	sub(/ .*/, "", text)
	return text
}

# "table (a, b | c) since 1.2.0": what stands in the parentheses, "a,b|c".
function columns_of(text) {
	if (text !~ /\(.+\)/)
		fail("no columns in \"" text "\"")
	sub(/^[^(]*\(/, "", text)
	sub(/\).*/, "", text)
	gsub(/ /, "", text)
	return text
}

# The member "needs" of a C initializer.
function needs_text(    text, i) {
	if (needs == 0)
		return ""
	text = "\t\t.needs = (const Need[]) {\n"
	for (i = 1; i <= needs; i++)
		text = text need_text(need[i])
	return text "\t\t\t{NULL, NULL, NULL, NULL}\n\t\t},\n"
}

function need_text(line,    table, since, list, n, i, text) {
	table = table_of(line)
	since = line
	if (!sub(/.*\) since /, "", since))
		since = ""
	n = split(columns_of(line), list, ",")
	text = "\t\t\t{\n\t\t\t\t.table = " quoted(table) ",\n"
	text = text "\t\t\t\t.columns = (const char *const[]) {"
	for (i = 1; i <= n; i++)
		text = text quoted(list[i]) ", "
	text = text "NULL},\n"
	text = text "\t\t\t\t.since = " (since == "" ? "NULL" : quoted(since)) ",\n"
	text = text "\t\t\t\t.index = " (table in index_of ? quoted(index_of[table]) : "NULL") ",\n"
	return text "\t\t\t},\n"
}
