/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  Looking at the server without changing it, waiting for it or being
 *	  fooled by it.
 *
 * src/guard.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_GUARD_H
#define UPGRADE_PREREQ_GUARD_H

#include "compat.h"

/*
 * Why something could not be looked at.  The message is in the style of
 * errmsg(); the rest may be NULL.
 */
typedef struct Obstacle
{
	int			sqlerrcode;
	const char *message;
	const char *detail;
	const char *hint;
	const char *fix_sql;		/* the GRANT that would help */
} Obstacle;

typedef void (*GuardedFunction) (void *argument);

extern void guard_pin_settings(void);
extern void guard_pin_setting(const char *name, const char *value);
extern void guard_pin_index_scans(void);
extern void guard_allow_views(void);
extern Obstacle *obstacle_make(int sqlerrcode, const char *message,
							   const char *hint, const char *fix_sql);
extern const Obstacle *obstacle_add(const Obstacle *first,
									const Obstacle *other);
pg_noreturn extern void obstacle_raise(const Obstacle *obstacle);
extern Obstacle *guard_run(GuardedFunction function, void *argument);
extern Obstacle *guard_run_airflow(GuardedFunction function, void *argument);
extern void guard_run_or_raise(GuardedFunction function, void *argument);

#endif							/* UPGRADE_PREREQ_GUARD_H */
