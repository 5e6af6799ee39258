# shellcheck shell=bash
#
# What tools/test, tools/sanitize, tools/gates and others share: Debian
# packages, a private copy of the source, a build of it, a temporary cluster.
# Sourced, not run.
#
# shellcheck disable=SC2034 # some variables are for the tools
# Nothing here changes the checkout, an existing cluster, or the extensions
# that are installed on the machine; everything is made in $WORK and goes away
# with it.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
passed=0
failed=0

say()
{
	echo "== $*"
}

die()
{
	echo "error: $*" >&2
	exit 1
}

have()
{
	command -v "$1" >/dev/null
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -E "$@"
	fi
}

# count PASSED FAILED: add to the sum of this run
count()
{
	passed=$((passed + $1))
	failed=$((failed + $2))
}

# The last line of every tool, and its exit status.
finish()
{
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# The sums in the output of a tool: sets sum_passed and sum_failed.  A tool
# that did not end with its line counts as one failure.
read_sum()
{
	local line

	line=$(tail -n 1 "$1" | grep -xE '[0-9]+ passed, [0-9]+ failed') ||
		line="0 passed, 1 failed"
	sum_passed=${line%% *}
	sum_failed=${line#*, }
	sum_failed=${sum_failed%% *}
}

# ----- Debian packages -----

installed()
{
	dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q ' installed$'
}

# One source of packages that cannot be reached, or whose release file is too
# old for apt, is no reason to stop: apt goes on with the lists it has, and
# what is not in them cannot be installed.
update_package_lists()
{
	[ -z "${lists_updated:-}" ] || return 0
	say "Updating the package lists"
	as_root apt-get -q update </dev/null >/dev/null ||
		say "apt-get update failed; going on with the lists that are there"
	lists_updated=yes
}

# Install those of the packages that are missing.  While this runs, a file in
# createcluster.d keeps postgresql-common from making and starting a cluster.
install_packages()
{
	local package missing=() hold=/etc/postgresql-common/createcluster.d
	local log rc=0

	for package; do
		installed "$package" || missing+=("$package")
	done
	[ "${#missing[@]}" -gt 0 ] || return 0
	have apt-get || die "missing, and no apt-get to install it: ${missing[*]}"

	update_package_lists
	say "Installing: ${missing[*]}"
	hold=$hold/upgrade_prereq-tools.conf
	as_root mkdir -p "${hold%/*}"
	echo "create_main_cluster = false" | as_root tee "$hold" >/dev/null
	log=$(mktemp)
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
		install --no-install-recommends "${missing[@]}" </dev/null \
		>"$log" 2>&1 || rc=$?
	as_root rm -f "$hold"
	[ "$rc" = 0 ] || tail -n 40 "$log"
	rm -f "$log"
	[ "$rc" = 0 ] || die "could not install: ${missing[*]}"
}

# ----- the server to build for -----

# The newest major in Debian's folders that has all of the files named
# (relative to its folder).
newest_major_with()
{
	local folder file

	for folder in $(printf '%s\n' /usr/lib/postgresql/[1-9]* | sort -rV); do
		for file; do
			[ -e "$folder/$file" ] || continue 2
		done
		echo "${folder##*/}"
		return
	done
}

# Sets PG_CONFIG, unless it is set, and installs a server and its headers
# where they are missing.
find_server()
{
	local major

	install_packages make gcc libc6-dev zlib1g-dev perl libipc-run-perl
	if [ -z "${PG_CONFIG:-}" ]; then
		major=$(newest_major_with bin/initdb bin/pg_config \
			lib/pgxs/src/makefiles/pgxs.mk)
		[ -n "$major" ] || major=$(newest_major_with bin/initdb)
		[ -n "$major" ] || major=$(default_major)
		install_packages "postgresql-$major" "postgresql-server-dev-$major"
		PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config
	fi
	PG_CONFIG=$(command -v "$PG_CONFIG") || die "no such PG_CONFIG"
	BINDIR=$("$PG_CONFIG" --bindir)
	PGXS_DIR=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/../.." && pwd) ||
		die "$PG_CONFIG has no extension building files"
	MAJOR=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	say "Using $("$PG_CONFIG" --version)"
}

# The major that this Debian release comes with.
default_major()
{
	local major

	update_package_lists >&2
	major=$(LC_ALL=C apt-cache depends postgresql |
		sed -n 's/^ *Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
	[ -n "$major" ] || die "this system has no package called postgresql"
	echo "$major"
}

# ----- the private copy and the build -----

# A private folder with a short path, because sockets live there.
make_workdir()
{
	use_workdir "$(mktemp -d /tmp/upgrade_prereq.XXXXXX)"
	trap clean_up EXIT
	trap 'exit 130' INT TERM HUP
	mkdir "$SRC" "$BUILD" "$INST" "$WORK/data" "$WORK/socket"
	chmod 755 "$WORK"
	[ -z "$RUN_AS" ] || chown "$RUN_AS" "$BUILD" "$INST" "$WORK/data" "$WORK/socket"
}

# use_workdir FOLDER: one that this tool makes, or another has made; and a user
# to work as: initdb refuses to run as root.
use_workdir()
{
	WORK=$1
	SRC=$WORK/source
	BUILD=$WORK/build
	INST=$WORK/inst
	cd "$WORK" || exit
	RUN_AS=
	if [ "$(id -u)" = 0 ]; then
		RUN_AS=nobody
		! id postgres >/dev/null 2>&1 || RUN_AS=postgres
	fi
}

clean_up()
{
	if [ -s "$WORK/data/postmaster.pid" ]; then
		as_user "$BINDIR/pg_ctl" -D "$WORK/data" -m immediate stop \
			>/dev/null 2>&1 || true
	fi
	[ -z "${UPGRADE_PREREQ_KEEP:-}" ] || cp -r "$BUILD/." "$UPGRADE_PREREQ_KEEP"
	chmod -R u+w "$SRC"
	rm -rf --one-file-system "$WORK"
}

# Run a command as the unprivileged user, with nothing of the caller's
# environment but what is named here.  The two limits are those of pg_ctl and
# of PostgreSQL's test modules, in seconds; these are their defaults.
as_user()
{
	local command=(env -i "PATH=$BINDIR:/usr/local/bin:/usr/bin:/bin"
		"HOME=$WORK" LC_ALL=C.UTF-8 "PGHOST=$WORK/socket" PGPORT=5432
		"PGCTLTIMEOUT=${PGCTLTIMEOUT:-60}"
		"PG_TEST_TIMEOUT_DEFAULT=${PG_TEST_TIMEOUT_DEFAULT:-180}"
		PGUSER=postgres "UPGRADE_PREREQ_SRCDIR=$SRC"
		"UPGRADE_PREREQ_FIXTURE=$SRC/fixture"
		"UPGRADE_PREREQ_SEQUENCES=${UPGRADE_PREREQ_SEQUENCES:-}" "$@")

	if [ -n "$RUN_AS" ]; then
		runuser -u "$RUN_AS" -- "${command[@]}"
	else
		"${command[@]}"
	fi
}

# The names of the files that belong to the source, each ended by a null
# byte: what git knows and what it does not ignore, or, without git, all but
# what a build leaves behind.
source_files()
{
	local file

	cd "$ROOT" || return
	if git ls-files --error-unmatch Makefile >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard
	else
		find . -name .git -prune -o -type f ! -name '*.o' ! -name '*.so' \
			! -name '*.bc' ! -path ./src/breaking_list.c ! -path ./src/check_list.c ! -path ./src/kind_list.c ! -path ./upgrade_prereq_check.sql -printf '%P\0'
	fi | while IFS= read -r -d '' file; do
		[ ! -f "$file" ] || printf '%s\0' "$file"
	done
}

# Copy the source to where the unprivileged user can read it but not write.
copy_source()
{
	source_files | tar -C "$ROOT" -c --null -T - | tar -C "$SRC" -xo ||
		return
	chmod -R u=rwX,go=rX "$SRC"
	[ -n "$RUN_AS" ] || chmod -R a-w "$SRC"
}

# make, out of tree; no single step may hang.  Flags in UPGRADE_PREREQ_COPT are
# for the compiler and the linker (COPT of PGXS); clang, which makes the code
# for the JIT compiler, may not know them.
step_limit=${UPGRADE_PREREQ_STEP_LIMIT:-900}

run_make()
{
	as_user timeout -k 10 "$step_limit" make -C "$BUILD" --no-print-directory -f "$SRC/Makefile" \
		"VPATH=$SRC" "PG_CONFIG=$PG_CONFIG" \
		${UPGRADE_PREREQ_COPT:+"COPT=$UPGRADE_PREREQ_COPT" with_llvm=no} "$@"
}

# The value of a variable of the Makefile.
make_value()
{
	run_make -s --eval "show-value: ; @echo \$($1)" show-value
}

# Build and install below $INST.
build_and_install()
{
	say "Building out of tree for PostgreSQL $MAJOR"
	run_make -s -j "$(nproc)" all >"$WORK/build.log" 2>&1 &&
		run_make -s install "DESTDIR=$INST" >>"$WORK/build.log" 2>&1 &&
		return
	head -n 80 "$WORK/build.log"
	echo "The build failed."
	return 1
}

# ----- the folders of other Debian releases, which tools/test-matrix makes -----

CACHE=${UPGRADE_PREREQ_MATRIX:-${TMPDIR:-/var/tmp}/upgrade_prereq-matrix}

# A copy of the source, with changes that are not committed yet.
copy_source_to()
{
	rm -rf "$1"
	mkdir "$1" && source_files | tar -C "$ROOT" -c --null -T - |
		tar -C "$1" -xo
}

# in_system ROOT COMMAND...: with mounts and processes of its own, which the
# kernel takes away when the command ends, however it ends.  (Where / is not a
# mount point, as in a chroot, its propagation cannot be set, nor need it be.)
in_system()
{
	local root=$1

	shift
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation unchanged --pid --fork --kill-child bash -c '
		mount --make-rslave / 2>/dev/null
		mount -t proc proc "$1/proc" &&
		mount --rbind /sys "$1/sys" &&
		mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm" &&
		mount -t tmpfs -o mode=1777 tmpfs "$1/tmp" &&
		root=$1 && shift &&
		exec chroot "$root" env -u PG_CONFIG -u TMPDIR HOME=/root "$@"' \
		sh "$root" "$@" </dev/null
}

# ----- the cluster -----

# The settings with which a server finds the extension below $INST.  Debian's
# servers up to 17 know extension_destdir; others up to 17 have to find it in
# their own folders.
extension_settings()
{
	if [ "$MAJOR" -ge 18 ]; then
		echo "extension_control_path = '$INST$("$PG_CONFIG" --sharedir):\$system'"
		echo "dynamic_library_path = '$INST$("$PG_CONFIG" --pkglibdir):\$libdir'"
	elif grep -q extension_destdir \
		"$("$PG_CONFIG" --sharedir)/postgresql.conf.sample"; then
		echo "extension_destdir = '$INST'"
	else
		echo "Installing into the server's own folders" >&2
		as_root make -C "$BUILD" -f "$SRC/Makefile" "VPATH=$SRC" \
			"PG_CONFIG=$PG_CONFIG" install >&2
	fi
}

# Make and start a cluster that only this run can reach.
start_cluster()
{
	say "Starting a temporary cluster"
	extension_settings >"$WORK/extension.conf" || return
	[ -z "${UPGRADE_PREREQ_CONF:-}" ] ||
		cat "$UPGRADE_PREREQ_CONF" >>"$WORK/extension.conf" || return
	as_user initdb -D "$WORK/data" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$WORK/initdb.log" 2>&1 ||
		{ cat "$WORK/initdb.log"; return 1; }
	as_user tee -a "$WORK/data/postgresql.conf" >/dev/null <<-CONF || return
		listen_addresses = ''
		unix_socket_directories = '$WORK/socket'
		port = 5432
		fsync = off
		autovacuum = off
		max_prepared_transactions = 10
		$(cat "$WORK/extension.conf")
	CONF
	as_user pg_ctl -D "$WORK/data" -l "$WORK/data/server.log" -w -s start ||
		{ server_log; return 1; }
}

server_log()
{
	echo "--- the end of the server log"
	tail -n 40 "$WORK/data/server.log"
}
