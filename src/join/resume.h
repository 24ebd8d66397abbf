/* resume.h: what a joining that removes its inputs leaves when it is killed meanwhile: the joined
 * image, and some of the inputs. */
#ifndef PCL_RESUME_H
#define PCL_RESUME_H
#include "join/series.h"
#include "pclean/concat.h"

/* How the history of a paged image names an input. */
#define PCL_RESUME_LINE " of it: %s"

#define PCL_RESUME_ENDING ".removed.part"

/* The name of an input while it is removed, so that none is left half removed under its own. To be
 * freed. */
int pcl_resume_aside(const char *input, char **out, pclean_err *err) PCL_CHECK;

/* Whether what stands under the name of an input that is removed may go: nothing, what is left of
 * an image, or one with all its planes in the joined image (NULL: none). */
bool pcl_resume_may_remove(const char *aside, const pcl_series *whole,
                           const pclean_concat_options *options);

/* Whether `image` is the complete join of input[ninput], some of which are gone already or on their
 * way: it says that it was made of these names (the list of a virtual image, the history of a paged
 * one), and has all planes of those that are left. Then *series is it, to be cleared. Whatever
 * cannot be read or proven is no. Calls casacore. */
bool pcl_resume_check(const char *image, const char *const *input, size_t ninput,
                      const pclean_concat_options *options, pcl_series *series);

#endif
