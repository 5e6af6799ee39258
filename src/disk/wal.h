/*-------------------------------------------------------------------------
 *
 * wal.h
 *	  How much WAL statements write, and how much of it stays on disk.
 *
 * src/disk/wal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_WAL_H
#define UPGRADE_PREREQ_WAL_H

/* How long WAL stays that no checkpoint needs any more. */
typedef enum WalHolding
{
	WAL_RECYCLED,
	WAL_HELD_BY_STATEMENT,		/* until the statement that wrote it has ended */
	WAL_HELD,					/* until somebody has it */
} WalHolding;

/* What the server does with WAL; sizes in bytes. */
typedef struct WalState
{
	bool		is_minimal;		/* wal_level: what a transaction creates it
								 * need not log */
	bool		full_pages;		/* full_page_writes */
	double		checkpoint_bytes;	/* after so much WAL there is a checkpoint */
	double		present_bytes;	/* files in pg_wal now; -1 if not known */
	double		recycled_from;	/* max_wal_size, and wal_keep_size on top: so
								 * large pg_wal may be */
	WalHolding	holding;
	double		held_limit;		/* max_slot_wal_keep_size, or -1 for none */
	const char *reason;			/* style of errdetail(): what holds it, or
								 * NULL */
} WalState;

extern WalState *wal_state(bool may_see);
extern double wal_growth(const WalState *state, double written_bytes,
						 double statement_bytes);

#endif							/* UPGRADE_PREREQ_WAL_H */
