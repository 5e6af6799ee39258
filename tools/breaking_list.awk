# Makes the table of breaking changes (src/breaking_list.c) out of their file.
#
#   awk -f header.awk -f breaking_list.awk src/breaking_changes.sql > src/breaking_list.c

BEGIN {
	entry_key = "id"
	declare_keys("id release area change affects action source probe",
		"level each doubt note development")
	print "/* Made by tools/breaking_list.awk from src/breaking_changes.sql: do not edit. */"
	print "#include \"postgres.h\"\n"
	print "#include \"breaking.h\"\n"
	print "const BreakingChange breaking_list[] = {"
}

END {
	end_of_files()
	print "};\n"
	print "const int\tbreaking_count = lengthof(breaking_list);"
}

# A number that sorts as the release does.
function release_number(text,    part) {
	if (text !~ /^[0-9]+\.[0-9]+\.[0-9]+$/)
		fail("release of " value["id"] " is \"" text "\"")
	split(text, part, ".")
	return (part[1] * 1000 + part[2]) * 1000 + part[3]
}

function finish(    has_probe, asks_check, number, list, n, i) {
	check_required()
	if (value["id"] in known)
		fail("\"" value["id"] "\" is there twice")
	known[value["id"]] = 1
	number = release_number(value["release"])
	if (number < last_number)
		fail("\"" value["id"] "\" stands behind a later release")
	last_number = number

	if (value["probe"] !~ /^(by hand|light|heavy|check [a-z_]+)$/)
		fail("probe of " value["id"] " is \"" value["probe"] "\"")
	asks_check = (value["probe"] ~ /^check /)
	has_probe = (value["probe"] ~ /^(light|heavy)$/)
	if (has_probe != (query != ""))
		fail("the probe and the query of " value["id"] " do not fit")
	if (has_probe != ("level" in value))
		fail("a level of " value["id"] " is needed where a query is, and only there")
	if (has_probe && value["level"] !~ /^(info|notice|warning|error)$/)
		fail("level of " value["id"] " is \"" value["level"] "\"")
	if (!has_probe && (needs > 0 || ("each" in value) || ("doubt" in value)))
		fail("what " value["id"] " reads, without a query")
	if (("development" in value) && value["development"] != "yes")
		fail("development of " value["id"] " is \"" value["development"] "\"")

	print "\t{"
	print "\t\t.id = " quoted(value["id"]) ","
	print "\t\t.release = " quoted(value["release"]) ","
	if ("development" in value)
		print "\t\t.development = true,"
	print "\t\t.area = " quoted(value["area"]) ","
	print "\t\t.change = " quoted(value["change"]) ","
	print "\t\t.affects = " quoted(value["affects"]) ","
	print "\t\t.action = " quoted(value["action"]) ","
	print "\t\t.source = " quoted(value["source"]) ","
	if (asks_check) {
		print "\t\t.probe = PROBE_CHECK,"
		print "\t\t.check_id = " quoted(substr(value["probe"], 7)) ","
	}
	else if (has_probe)
		print "\t\t.probe = PROBE_" toupper(value["probe"]) ","
	print "\t\t.level = FINDING_" toupper(has_probe ? value["level"] : "notice") ","
	printf "%s", needs_text()
	if ("each" in value) {
		n = split(value["each"], list, /, */)
		printf "\t\t.each = (const char *const[]) {"
		for (i = 1; i <= n; i++)
			printf "%s, ", quoted(list[i])
		print "NULL},"
	}
	if ("doubt" in value)
		print "\t\t.doubt = " quoted(value["doubt"]) ","
	if ("note" in value)
		print "\t\t.note = " quoted(value["note"]) ","
	if (has_probe)
		print "\t\t.query =" query
	print "\t},"
}
