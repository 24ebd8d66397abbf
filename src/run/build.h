/* build.h: of which build this is. A worker program takes only jobs of its own build: the bytes of
 * a job, and those of pixels, are the same for one build. */
#ifndef PCL_BUILD_H
#define PCL_BUILD_H

/* The version, and a checksum of the sources and of how they are compiled: below 40 characters.
 * Made by tools/build-id. */
extern const char pcl_build[];

#endif
