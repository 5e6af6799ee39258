# Makes the table of the kinds of runs (src/kind_list.c) out of their files.
#
#   awk -f header.awk -f kind_list.awk src/runs/judge.sql src/runs/kinds/*.sql > src/kind_list.c
#
# judge.sql has no header; its query judges what the queries of the kinds with
# "judge: common" return.
#
# The kinds come in the order of their numbers, "order: N".

BEGIN {
	declare_keys("kind order cost judge", "table run_id state parent query")
	print "/* Made by tools/kind_list.awk from src/runs/kinds/: do not edit. */"
	print "#include \"postgres.h\"\n"
	print "#include \"runs/run.h\"\n"
}

END {
	end_of_files()
	for (kind in query_of)
		if (!(query_of[kind] in has_query)) {
			print kind ": there is no query of \"" query_of[kind] "\"" > "/dev/stderr"
			exit 1
		}
	print "const RunKind run_kinds[] = {"
	for (i = 1; i <= last; i++)
		if (i in entry)
			print entry[i]
	print "};\n"
	print "const int\trun_kind_count = lengthof(run_kinds);"
}

# The queries come before the list, so that kinds can share them.
function finish(    kind, order) {
	if (file ~ /\/judge\.sql$/) {
		print "const char run_judge_query[] =" query ";\n"
		return
	}
	check_required()
	kind = value["kind"]
	order = value["order"] + 0
	check_name(kind)
	if (order < 1)
		fail("order is \"" value["order"] "\"")
	if (order in entry)
		fail("there is another kind of order " order)
	if (order > last)
		last = order
	if (value["cost"] !~ /^(light|heavy)$/)
		fail("cost is \"" value["cost"] "\"")
	if (value["judge"] !~ /^(common|own)$/)
		fail("judge is \"" value["judge"] "\"")
	if (("table" in value) && !(value["table"] in needed))
		fail("the table \"" value["table"] "\" is not needed")
	if (("parent" in value) && !(value["parent"] in needed))
		fail("the parent \"" value["parent"] "\" is not needed")

	if ("query" in value)
		query_of[kind] = value["query"]
	else {
		has_query[kind] = 1
		print "static const char query_" kind "[] =" query ";\n"
	}

	entry[order] = "\t{\n" \
		"\t\t.name = " quoted(kind) ",\n" \
		"\t\t.heavy = " (value["cost"] == "heavy" ? "true" : "false") ",\n" \
		"\t\t.is_judged = " (value["judge"] == "own" ? "true" : "false") ",\n" \
		"\t\t.table = " quoted_or_null("table") ",\n" \
		"\t\t.parent = " quoted_or_null("parent") ",\n" \
		"\t\t.run_id = " quoted_or_null("run_id") ",\n" \
		"\t\t.state = " quoted_or_null("state") ",\n" \
		needs_text() \
		"\t\t.query = query_" (("query" in value) ? value["query"] : kind) "\n\t},"
}
