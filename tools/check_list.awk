# Makes the table of checks (src/check_list.c) out of the check files.
#
#   awk -f header.awk -f check_list.awk src/checks/*.sql src/checks/*.c > src/check_list.c

BEGIN {
	declare_keys("id title category level cost versions passed",
		"installation query facts guard do undo")
	print "/* Made by tools/check_list.awk from src/checks/: do not edit. */"
	print "#include \"postgres.h\"\n"
	print "#include \"check.h\"\n"
	print "const Check check_list[] = {"
}

END {
	end_of_files()
	for (id in query_of)
		if (!(query_of[id] in has_query)) {
			print id ": there is no query of \"" query_of[id] "\"" > "/dev/stderr"
			exit 1
		}
	print "};\n"
	print "const int\tcheck_count = lengthof(check_list);"
}

function finish(    list, n, i) {
	check_required()
	if (value["level"] !~ /^(info|notice|warning|error)$/)
		fail("level is \"" value["level"] "\"")
	if (value["cost"] !~ /^(light|heavy)$/)
		fail("cost is \"" value["cost"] "\"")
	if (value["versions"] !~ /^(all|reaching [0-9]+\.[0-9]+\.[0-9]+)$/)
		fail("versions is \"" value["versions"] "\"")
	check_name(value["id"])

	if ("query" in value)
		query_of[value["id"]] = value["query"]
	else if (is_sql)
		has_query[value["id"]] = 1

	print "\t{"
	print "\t\t.id = " quoted(value["id"]) ","
	print "\t\t.title = " quoted(value["title"]) ","
	print "\t\t.category = " quoted(value["category"]) ","
	print "\t\t.level = FINDING_" toupper(value["level"]) ","
	print "\t\t.heavy = " (value["cost"] == "heavy" ? "true" : "false") ","
	if (sub(/^reaching /, "", value["versions"]))
		print "\t\t.reaching = " quoted(value["versions"]) ","
	n = split(value["facts"], list, /, */)
	for (i = 1; i <= n; i++) {
		if (list[i] !~ /^(disk|memory|runs)$/)
			fail("there is no fact \"" list[i] "\"")
		print "\t\t." list[i] " = true,"
	}
	if (("guard" in value) && (is_sql || value["guard"] != "own"))
		fail("guard is \"" value["guard"] "\"")
	if ("guard" in value)
		print "\t\t.guards_itself = true,"
	if (value["installation"] == "any")
		print "\t\t.any_installation = true,"
	printf "%s", needs_text()
	print "\t\t.passed = " quoted(value["passed"]) ","
	if ("query" in value)
		print "\t\t.query_of = " quoted(value["query"]) ","
	else if (is_sql)
		print "\t\t.query =" query
	else
		print "\t\t.function = check_" value["id"] ","
	print "\t},"
}
