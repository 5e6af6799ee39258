# shellcheck shell=bash
#
# What the benchmarks share: the cluster that they run in, what the figures
# are of, a large table of statuses.  Sourced, not run; brings tools/lib.sh.
#
# A benchmark prints Markdown, which bench/figures puts into RESULTS.md, and
# lines that begin with "== " about where it is.
#
# shellcheck source-path=SCRIPTDIR source=../tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# of the fixture's rows
seed=${UPGRADE_PREREQ_SEED:-1}

# A build and a cluster of our own, or those in the folder UPGRADE_PREREQ_WORK,
# if another of the tools has made them.
find_cluster()
{
	find_server
	if [ -n "${UPGRADE_PREREQ_WORK:-}" ]; then
		use_workdir "$UPGRADE_PREREQ_WORK"
	else
		make_workdir
		if ! { copy_source && build_and_install && start_cluster; }; then
			die "there is no cluster to measure in"
		fi
	fi
}

# run_in_cluster FUNCTION: one benchmark
run_in_cluster()
{
	find_cluster
	"$1" || die "the benchmark did not run to its end, or too little was said"
	drop_database
}

drop_database()
{
	as_user psql -X -q -d postgres -c "SET client_min_messages = warning" \
		-c "DROP DATABASE IF EXISTS openmetadata_db"
}

# sql ARGUMENT...: in the database of the benchmark
sql()
{
	as_user psql -X -q -At -v ON_ERROR_STOP=1 -d openmetadata_db "$@"
}

make_database_anew()
{
	drop_database &&
		as_user psql -X -q -v ON_ERROR_STOP=1 -d postgres -c "CREATE DATABASE openmetadata_db"
}

# make_openmetadata ERA VARIABLE=VALUE...: a new database with the extension,
# filled as the variables of fixture/fill.sql say
make_openmetadata()
{
	local era=$1 variables=() variable

	shift
	for variable in "seed=$seed" "$@"; do
		variables+=(-v "$variable")
	done
	make_database_anew &&
		sql -v "era=$era" -o /dev/null -f "$SRC/fixture/schema.sql" &&
		sql "${variables[@]}" -o /dev/null -f "$SRC/fixture/fill.sql" &&
		sql -c "CREATE EXTENSION upgrade_prereq"
}

# Where and when: the first lines of every section.
about()
{
	echo "$(LC_ALL=C date '+%e %B %Y, %H:%M' | sed 's/^ //'), PostgreSQL $(server_version), $(machine)."
	echo "Seed $seed; load when it began: $(cut -d ' ' -f 1 /proc/loadavg)."
	echo
}

server_version()
{
	as_user psql -X -At -d postgres -c "SELECT split_part(current_setting('server_version'), ' ', 1)"
}

# Processors, memory, kernel and the file system that the data are on.
machine()
{
	local name

	name=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	echo "$(nproc) processors (${name:-$(uname -m)})," \
		"$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo) of memory," \
		"Linux $(uname -r)," \
		"data on $(df --output=fstype "$WORK/data" | tail -n 1)"
}
