/*
 * id: acknowledgements
 * title: every acknowledgement is of a finding that is there, and no worse than what was accepted
 * category: extension
 * level: notice
 * cost: light
 * versions: all
 * installation: any
 * passed: every acknowledgement is of a finding that is there
 * do: Look at the finding again. Then either acknowledge it anew, by
 *     `upgrade_prereq_acknowledge()`, or take the acknowledgement back by the
 *     finding's `fix_sql`, so that it cannot hide what comes again.
 * undo: An acknowledgement that was taken back is made anew by
 *     `upgrade_prereq_acknowledge()`; the journal keeps the old one's reason.
 *
 * An acknowledgement that nobody remembers would hide its finding when that
 * comes again.  So this lists those whose finding is gone, that have expired,
 * and those that have lapsed because the finding got worse: its level is
 * higher, or it is about more objects.  Those of a role that may not call
 * upgrade_prereq_acknowledge(), or has been dropped, do not count, nor does what
 * somebody wrote into the journal himself and got wrong.  Of a check that was left out or could
 * not look nothing is known; its acknowledgements are not listed.  Nor are those
 * that were made for another target, which may well have the finding, until that
 * is installed.
 */
#include "postgres.h"

#include "acknowledgement.h"

/*
 * Whether they are of use is only known when all checks have run: see
 * acknowledgement_apply().  What is known here is whether they can be read.
 */
List *
check_acknowledgements(const Check *check,
					   const Installation *installation pg_attribute_unused())
{
	List	   *acknowledgements;
	const Obstacle *obstacle = acknowledgement_read(&acknowledgements);

	return obstacle == NULL ? NIL :
		list_make1(check_obstacle_finding(check, obstacle));
}
