# Makes the reference page of breaking changes (doc/breaking-changes.md) out of
# their file.
#
#   awk -f header.awk -f breaking_table.awk src/breaking_changes.sql > doc/breaking-changes.md
#
# The entries are those that tools/breaking_list.awk compiles in, and which it
# has found to be complete.

BEGIN {
	entry_key = "id"
	declare_keys("id release area change affects action source probe",
		"level each doubt note development")
	print_head()
}

END { end_of_files() }

function print_head() {
	print "# Breaking changes"
	print ""
	print "Made by tools/breaking_table.awk from src/breaking_changes.sql: do not edit."
	print ""
	print "What changes in OpenMetadata from one release to the next so that it may break"
	print "something: an upgrade runs through all that lie above the installed version, up"
	print "to the target. `upgrade_prereq_breaking_changes()` lists them for any two"
	print "versions, each with what this database says of it; the checks"
	print "[breaking_changes](checks/breaking_changes.md) and"
	print "[breaking_changes_deep](checks/breaking_changes_deep.md) make findings of them."
	print ""
	print "Where a *probe* tells, it is a query of the tables named. What it finds is a"
	print "finding of the level given: error, if the migration fails or loses data;"
	print "warning, if something works no longer, or other than before; notice, if the"
	print "migration converts what is stored and only clients and files outside of the"
	print "database have to follow. A heavy probe may read a big table: it runs with"
	print "`deep => true`. What no database can tell is a notice, to be checked *by hand*."
	print "So is what a probe with a doubt did not find. 1.8 has no breaking change."
}

# "a", "a and b", "a, b and c", as code.
function enumeration(list, n,    text, i) {
	for (i = 1; i <= n; i++)
		text = text (i == 1 ? "" : i == n ? " and " : ", ") "`" list[i] "`"
	return text
}

function how_it_is_told(    tables, n, i, text) {
	if (value["probe"] == "by hand")
		return "by hand"
	if (value["probe"] ~ /^check /) {
		text = substr(value["probe"], 7)
		return "by the check [" text "](checks/" text ".md)"
	}
	for (i = 1; i <= needs; i++)
		tables[i] = table_of(need[i])
	n = needs
	if ("each" in value)
		n = split(value["each"], tables, /, */)
	text = n > 0 ? enumeration(tables, n) : "the catalogs of PostgreSQL"
	if (value["id"] == "database_of_2_0")
		text = "the migration history"
	return "by a " value["probe"] " probe of " text ", level " value["level"]
}

# Text that Markdown shows as it stands.
function shown(text) {
	gsub(/[*_<>|]/, "\\\\&", text)
	return text
}

function sentence(text) {
	if (text ~ /^[a-z]+[_A-Z]/)
		return shown(text)
	return toupper(substr(text, 1, 1)) shown(substr(text, 2))
}

function finish() {
	if (value["release"] != last_release)
		printf "\n## %s%s\n", value["release"],
			("development" in value) ? " (in development)" : ""
	last_release = value["release"]

	printf "\n### %s\n\n", value["id"]
	print sentence(value["change"]) "."
	print ""
	print "- area: " value["area"]
	print "- affects: " shown(value["affects"])
	print "- what to do: " shown(value["action"])
	print "- told " how_it_is_told()
	if ("doubt" in value)
		print "- doubt: " shown(value["doubt"])
	if ("note" in value)
		print "- note: " shown(value["note"])
	print "- source: " shown(value["source"])
}
