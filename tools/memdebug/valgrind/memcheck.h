/*-------------------------------------------------------------------------
 *
 * memcheck.h
 *	  What a server built with USE_VALGRIND tells Valgrind about its memory,
 *	  told to AddressSanitizer, too.
 *
 * Memory contexts cut up what malloc() gave them: without being told, neither
 * tool sees where a palloc'd chunk ends, or that it was freed.  PostgreSQL
 * tells Valgrind (src/include/utils/memdebug.h).  tools/sanitize puts this
 * header before Valgrind's own when it builds a server; the server itself is
 * not instrumented, and the functions are there only when AddressSanitizer's
 * library was loaded before it.
 *
 * AddressSanitizer knows no undefined bytes: what is undefined or defined can
 * be accessed, and nothing more is said.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MEMDEBUG_MEMCHECK_H
#define MEMDEBUG_MEMCHECK_H

#include_next <valgrind/memcheck.h>

extern void __asan_poison_memory_region(void const volatile *start,
										size_t size) __attribute__((weak));
extern void __asan_unpoison_memory_region(void const volatile *start,
										  size_t size) __attribute__((weak));

static inline void
memdebug_noaccess(const volatile void *start, size_t size)
{
	VALGRIND_MAKE_MEM_NOACCESS(start, size);
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(start, size);
}

static inline void
memdebug_access(const volatile void *start, size_t size)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(start, size);
}

static inline void
memdebug_undefined(const volatile void *start, size_t size)
{
	VALGRIND_MAKE_MEM_UNDEFINED(start, size);
	memdebug_access(start, size);
}

static inline void
memdebug_defined(const volatile void *start, size_t size)
{
	VALGRIND_MAKE_MEM_DEFINED(start, size);
	memdebug_access(start, size);
}

static inline void
memdebug_pool_alloc(const volatile void *pool, const volatile void *start,
					size_t size)
{
	VALGRIND_MEMPOOL_ALLOC(pool, start, size);
	memdebug_access(start, size);
}

static inline void
memdebug_pool_change(const volatile void *pool, const volatile void *old,
					 const volatile void *start, size_t size)
{
	VALGRIND_MEMPOOL_CHANGE(pool, old, start, size);
	memdebug_access(start, size);
}

#undef VALGRIND_MAKE_MEM_NOACCESS
#undef VALGRIND_MAKE_MEM_UNDEFINED
#undef VALGRIND_MAKE_MEM_DEFINED
#undef VALGRIND_MEMPOOL_ALLOC
#undef VALGRIND_MEMPOOL_CHANGE

#define VALGRIND_MAKE_MEM_NOACCESS(start, size) \
	memdebug_noaccess((const volatile void *) (start), size)
#define VALGRIND_MAKE_MEM_UNDEFINED(start, size) \
	memdebug_undefined((const volatile void *) (start), size)
#define VALGRIND_MAKE_MEM_DEFINED(start, size) \
	memdebug_defined((const volatile void *) (start), size)
#define VALGRIND_MEMPOOL_ALLOC(pool, start, size) \
	memdebug_pool_alloc(pool, start, size)
#define VALGRIND_MEMPOOL_CHANGE(pool, old, start, size) \
	memdebug_pool_change(pool, old, start, size)

#endif							/* MEMDEBUG_MEMCHECK_H */
