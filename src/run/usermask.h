/* usermask.h: the user's mask as planes that every worker can read. It is drawn or read through
 * casacore once, when it is opened, and kept in a scratch file: no table stays open for a fork to
 * inherit. */
#ifndef PCL_USERMASK_H
#define PCL_USERMASK_H
#include "base/err.h"
#include "base/parcel.h"
#include "base/spool.h"
#include "imager/setup.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct pcl_usermask pcl_usermask;

/* Has the run one: mask is given, or it continues one that left NAME.mask (tclean's rules: with
 * usemask=auto-multithresh the first does not count, with usemask=pb the second)? */
bool pcl_usermask_is_wanted(const pclean_config *config);
/* Bytes of the scratch file that pcl_usermask_open makes, at most. */
uint64_t pcl_usermask_scratch_bytes(const pcl_setup *setup);
/* *out stays NULL when it has none. The mask of a part is that of the whole image; what restart
 * finds is its own. Both at once are refused, as in tclean. `scratch`: where its planes go. Errors
 * as pcl_mask_open. Calls casacore. */
int pcl_usermask_open(const pcl_setup *setup, const pcl_scratch *scratch, pcl_usermask **out,
                      pclean_err *err) PCL_CHECK;
/* plane [ny][nx]. Any process, no casacore. */
int pcl_usermask_plane(const pcl_usermask *m, size_t ipol, size_t ichan, bool *plane,
                       pclean_err *err) PCL_CHECK;
/* Its regions have a range in velocity, which counts from the middle of the data for want of a rest
 * frequency. NULL is allowed. */
bool pcl_usermask_guesses_velocity(const pcl_usermask *m);
/* Between processes: where its planes are, and the same mask in a process that finds them
 * in `scratch`. Errors as pcl_spool_attach. */
void pcl_usermask_put(const pcl_usermask *m, pcl_parcel *p);
int pcl_usermask_attach(pcl_parcel_reader *r, const pcl_setup *setup, const pcl_scratch *scratch,
                        pcl_usermask **out, pclean_err *err) PCL_CHECK;
/* NULL is allowed. */
void pcl_usermask_close(pcl_usermask *m);

#endif
