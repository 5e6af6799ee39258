# Makes the table of checks (src/check_list.c) out of the check files.
#
#   awk -f check_list.awk src/checks/*.sql src/checks/*.c > src/check_list.c
#
# A check file begins with a header of "key: value" comment lines ("--" in
# SQL, " *" in C); in an SQL file what follows the header is the query.  A
# key that is unknown, missing or given twice stops the build.

BEGIN {
	split("id title category level cost versions passed", list)
	for (i in list)
		required[list[i]] = 1
	split("needs index installation query facts", list)
	for (i in list)
		optional[list[i]] = 1

	print "/* Made by tools/check_list.awk from src/checks/: do not edit. */"
	print "#include \"postgres.h\"\n"
	print "#include \"check.h\"\n"
	print "const Check check_list[] = {"
}

FNR == 1 {
	if (file != "")
		finish()
	file = FILENAME
	in_header = 1
	is_sql = (FILENAME ~ /\.sql$/)
	query = ""
	needs = 0
	split("", value)
	split("", index_of)
	split("", needed)
}

in_header && is_sql && !/^--/ { in_header = 0 }
in_header && !is_sql && /^ \*\// { in_header = 0 }

in_header && /^(--| \*) [a-z]+: / {
	text = $0
	sub(/^(--| \*) /, "", text)
	key = text
	sub(/:.*/, "", key)
	sub(/^[a-z]+: +/, "", text)
	if (key == "needs") {
		need[++needs] = text
		table = text
		sub(/ .*/, "", table)
		needed[table] = 1
	}
	else if (key == "index") {
		table = text
		sub(/ .*/, "", table)
		index_of[table] = columns_of(text)
	}
	else if (key in value)
		fail("\"" key "\" is given twice")
	else if ((key in required) || (key in optional))
		value[key] = text
	else
		fail("unknown key \"" key "\"")
}

!in_header && is_sql { query = query "\n\t\t" quoted($0 "\n") }

END {
	if (failed)
		exit 1
	finish()
	for (id in query_of)
		if (!(query_of[id] in has_query)) {
			print id ": there is no query of \"" query_of[id] "\"" > "/dev/stderr"
			exit 1
		}
	print "};\n"
	print "const int\tcheck_count = lengthof(check_list);"
}

function fail(message) {
	print file ": " message > "/dev/stderr"
	failed = 1
	exit 1
}

# A C string literal.
function quoted(text) {
	gsub(/\\/, "&&", text)
	gsub(/"/, "\\\"", text)
	gsub(/\n/, "\\n", text)
	gsub(/\t/, "\\t", text)
	return "\"" text "\""
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

function print_need(text,    table, since, list, n, i) {
	table = text
	sub(/ .*/, "", table)
	since = text
	if (!sub(/.*\) since /, "", since))
		since = ""
	n = split(columns_of(text), list, ",")
	print "\t\t\t{\n\t\t\t\t.table = " quoted(table) ","
	printf "\t\t\t\t.columns = (const char *const[]) {"
	for (i = 1; i <= n; i++)
		printf "%s, ", quoted(list[i])
	print "NULL},"
	print "\t\t\t\t.since = " (since == "" ? "NULL" : quoted(since)) ","
	print "\t\t\t\t.index = " (table in index_of ? quoted(index_of[table]) : "NULL") ","
	print "\t\t\t},"
}

function finish(    key, i) {
	for (key in required)
		if (!(key in value))
			fail("\"" key "\" is missing")
	if (value["level"] !~ /^(info|notice|warning|error)$/)
		fail("level is \"" value["level"] "\"")
	if (value["cost"] !~ /^(light|heavy)$/)
		fail("cost is \"" value["cost"] "\"")
	if (value["versions"] !~ /^(all|reaching [0-9]+\.[0-9]+\.[0-9]+)$/)
		fail("versions is \"" value["versions"] "\"")
	if (file !~ ("/" value["id"] "\\.[a-z]+$"))
		fail("the file is not called after its id \"" value["id"] "\"")

	if ("query" in value)
		query_of[value["id"]] = value["query"]
	else if (is_sql)
		has_query[value["id"]] = 1
	for (key in index_of)
		if (!(key in needed))
			fail("an index of \"" key "\", which is not needed")

	print "\t{"
	print "\t\t.id = " quoted(value["id"]) ","
	print "\t\t.title = " quoted(value["title"]) ","
	print "\t\t.category = " quoted(value["category"]) ","
	print "\t\t.level = FINDING_" toupper(value["level"]) ","
	print "\t\t.heavy = " (value["cost"] == "heavy" ? "true" : "false") ","
	if (sub(/^reaching /, "", value["versions"]))
		print "\t\t.reaching = " quoted(value["versions"]) ","
	if (("facts" in value) && value["facts"] != "memory")
		fail("facts is \"" value["facts"] "\"")
	if ("facts" in value)
		print "\t\t.memory = true,"
	if (value["installation"] == "any")
		print "\t\t.any_installation = true,"
	if (needs > 0) {
		print "\t\t.needs = (const CheckNeed[]) {"
		for (i = 1; i <= needs; i++)
			print_need(need[i])
		print "\t\t\t{NULL, NULL, NULL, NULL}\n\t\t},"
	}
	print "\t\t.passed = " quoted(value["passed"]) ","
	if ("query" in value)
		print "\t\t.query_of = " quoted(value["query"]) ","
	else if (is_sql)
		print "\t\t.query =" query
	else
		print "\t\t.function = check_" value["id"] ","
	print "\t},"
}
