/* whole.h: the image that is cut into parts, and what every part takes over from it: its channel
 * grid and epoch, its phase centre and rest frequency, and the numbers that choose the gridding
 * kernel, the w planes and the weights. With these a part makes what the whole image would have
 * made of its rows or channels. Not thread-safe. */
#ifndef PCL_WHOLE_H
#define PCL_WHOLE_H
#include "base/err.h"
#include "imager/setup.h"
#include "pclean/partition.h"

typedef struct pcl_whole {
    pcl_setup setup; /* its MSs are open; channel_parts.h narrows it to one part after the other */
    double wmax_lambda; /* largest |w| of its samples; 0: each part finds its own */
    pclean_partition_options options;
    size_t nwanted; /* parts that were asked for, at least 1 */
} pcl_whole;

/* Checks the configuration and opens its MSs. cube: whether channels are to be cut, rather than
 * rows. config is borrowed. *out is to be closed, also after a failure. options NULL: none.
 * -PCLEAN_EPARAM: a specmode of the other kind, or a configuration that is a part already. */
int pcl_whole_open(const pclean_config *config, const pclean_partition_options *options, bool cube,
                   pcl_whole *out, pclean_err *err) PCL_CHECK;
void pcl_whole_close(pcl_whole *whole);

/* Reads the largest |w|, where the gridder corrects w: the parts of a cube have the w planes of the
 * whole. */
int pcl_whole_find_wmax(pcl_whole *whole, pclean_err *err) PCL_CHECK;

/* What a list of parts says of the whole image. */
void pcl_whole_describe(const pcl_whole *whole, pclean_partition *out);

/* Unflagged samples of MS number ims: those that all correlations of some Stokes plane have. of_row
 * and of_chan as those of casa_ms_count_samples. */
int pcl_whole_count_samples(const pcl_whole *whole, size_t ims, uint64_t *of_row,
                            uint64_t *const *of_chan, pclean_err *err) PCL_CHECK;

/* Appends a part to out->part, which has room for it: named IMAGENAME.kind.N, with the
 * configuration that all parts have, and the names of its MSs. *part is borrowed from `out`. */
int pcl_whole_add_part(const pcl_whole *whole, const char *kind, pclean_partition *out,
                       pclean_part **part, pclean_err *err) PCL_CHECK;

/* The last step: what a part takes of its MSs (part->ms) goes into its configuration, and its
 * memory is planned, which with row_fraction < 1 reads only that fraction of the rows. */
int pcl_whole_finish_part(const pcl_whole *whole, double row_fraction, pclean_part *part,
                          pclean_err *err) PCL_CHECK;

/* *out [MSs of the setup]: their names and what the whole image takes of them, else zero; to be
 * given to pclean_part_ms_free. */
int pcl_whole_new_selection(const pcl_setup *setup, pclean_part_ms **out,
                            pclean_err *err) PCL_CHECK;

/* Sets a parameter from one text, commas and all. */
int pcl_whole_set(pclean_config *config, const char *name, pclean_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5))) PCL_CHECK;

#endif
