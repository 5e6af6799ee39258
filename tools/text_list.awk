# Makes C strings out of text files: of folder/name.sql
#
#   const char PREFIX_name[] = "...";
#
#   awk -v prefix=airflow -f text_list.awk src/runs/airflow/*.sql > src/runs/airflow_texts.c
#
# Comment lines ("--") at the top of a file are left out; the rest is as it is.

BEGIN {
	print "/* Made by tools/text_list.awk: do not edit. */"
	print "#include \"postgres.h\"\n"
	print "#include \"runs/" prefix "_texts.h\""
}

FNR == 1 {
	if (open)
		print ";"
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.sql$/, "", name)
	print "\nconst char\t" prefix "_" name "[] ="
	open = 1
	in_header = 1
}

in_header && /^--/ { next }

{
	in_header = 0
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	print "\t\"" $0 "\\n\""
}

END {
	print ";"
}
