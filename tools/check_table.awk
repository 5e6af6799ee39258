# Makes the reference page of checks (doc/checks.md) out of the check files.
#
#   awk -f check_table.awk src/checks/*.sql src/checks/*.c > doc/checks.md
#
# The headers are those that tools/check_list.awk compiles in, and which it
# has found to be complete; the comment behind a header is the text of the
# check.  Checks come in the order of the files.

FNR == 1 {
	checks++
	in_header = 1
}

in_header && !/^(--|\/\*| \*)/ { in_header = 0 }
in_header && /^ \*\// { in_header = 0 }

in_header && /^(--| \*) [a-z]+: / {
	text = $0
	sub(/^(--| \*) /, "", text)
	key = text
	sub(/:.*/, "", key)
	sub(/^[a-z]+: +/, "", text)
	if (key == "needs")
		tables[checks] = tables[checks] "\n  - " need(text)
	else if (key == "index")
		tables[checks] = tables[checks] "\n  - " index_need(text)
	else
		value[checks, key] = text
	next
}

in_header && /^(--| \*) / {
	text = $0
	sub(/^(--| \*) /, "", text)
	prose[checks] = prose[checks] text "\n"
}

END {
	print_head()
	for (i = 1; i <= checks; i++)
		print_row(i)
	for (i = 1; i <= checks; i++)
		print_check(i)
}

# What stands in the parentheses: "a, b | c" as "`a`, `b` or `c`".
function columns_of(text) {
	sub(/^[^(]*\(/, "", text)
	sub(/\).*/, "", text)
	gsub(/, */, "`, `", text)
	gsub(/ *\| */, "` or `", text)
	return "`" text "`"
}

# "table (a, b | c) since 1.2.0"
function need(text,    table, since) {
	table = text
	sub(/ .*/, "", table)
	since = text
	if (!sub(/.*\) since /, "", since))
		since = ""
	return "`" table "` (" columns_of(text) ")" \
		(since == "" ? "" : ", which came with OpenMetadata " since)
}

# "table (a | b)"
function index_need(text,    table) {
	table = text
	sub(/ .*/, "", table)
	return "an index of `" table "` that begins with " columns_of(text)
}

function upgrades(i,    text) {
	text = value[i, "versions"]
	return text == "all" ? "all" : "those that reach " substr(text, 10)
}

function print_head() {
	print "# Checks"
	print ""
	print "Made by tools/check_table.awk from the headers in src/checks/: do not edit."
	print ""
	print "Each check states what has to be true. `level` is the worst that it reports;"
	print "single findings can weigh less. A `heavy` check reads whole tables: it runs"
	print "with `deep => true`, and always in `upgrade_prereq_require()`. A check for"
	print "upgrades that reach a release is not applicable where the migration of that"
	print "release is not between the installed version and the target."
	print ""
	print "The same list, in the database: `SELECT * FROM upgrade_prereq_checks();`"
	print ""
	print "| check | what has to be true | category | level | cost | upgrades |"
	print "|---|---|---|---|---|---|"
}

function print_row(i,    id) {
	id = value[i, "id"]
	printf "| [%s](#%s) | %s | %s | %s | %s | %s |\n", id, id,
		value[i, "title"], value[i, "category"], value[i, "level"],
		value[i, "cost"], upgrades(i)
}

function print_check(i) {
	printf "\n## %s\n\n%s.\n\n", value[i, "id"], sentence(value[i, "title"])
	print "- category: " value[i, "category"]
	print "- level: " value[i, "level"]
	print "- cost: " value[i, "cost"]
	print "- upgrades: " upgrades(i)
	print "- reads: " (((i, "guard") in value) ? \
		"what each of its parts names; one that cannot look is unknown alone" : \
		i in tables ? "these tables of OpenMetadata" tables[i] : \
		"no table of OpenMetadata but its migration history")
	if ((i, "query") in value)
		printf "- query: that of [%s](#%s)\n", value[i, "query"],
			value[i, "query"]
	if (value[i, "installation"] == "any")
		print "- runs where OpenMetadata's tables are not found, too"
	if (i in prose)
		printf "\n%s", prose[i]
}

# A title begins with a capital, unless it begins with a name that has none.
function sentence(text) {
	if (text ~ /^[a-z]+_/)
		return text
	return toupper(substr(text, 1, 1)) substr(text, 2)
}
