/*-------------------------------------------------------------------------
 *
 * extension.h
 *	  What the catalogs say of this extension.
 *
 * src/extension.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_EXTENSION_H
#define UPGRADE_PREREQ_EXTENSION_H

extern const char *extension_schema(void);
extern const char *extension_version(void);
extern const char *extension_schema_of(const char *name);

#endif							/* UPGRADE_PREREQ_EXTENSION_H */
