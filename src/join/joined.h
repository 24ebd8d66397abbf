/* joined.h: one joined image in the making, from its inputs to its final name. */
#ifndef PCL_JOINED_H
#define PCL_JOINED_H
#include "join/series.h"
#include "pclean/concat.h"

typedef struct pcl_joined {
    char *final_path, *part_path, *lock_path; /* the image is made as part_path */
    int claim;
    const pclean_concat_options *options;
    int mode; /* auto resolved */
    size_t ninput;
    char **input;                      /* [ninput] without slashes at their ends */
    pcl_series series;                 /* of the inputs */
    pcl_series made;                   /* a paged image: its own files */
    bool whole_pixels, whole_mask;     /* whole tiles are copied */
    pcl_boxes pixel_boxes, mask_boxes; /* else these are repacked */
    bool exists;                       /* part_path is there */
    bool resumed; /* the image is complete, and is the series; only inputs are to be removed
                   * (resume.h) */
} pcl_joined;

/* Whether the inputs are to be removed in the end. */
bool pcl_joined_removes(const pcl_joined *j);

/* Claims the name, opens the inputs and decides; nothing is written but the lock. To be given to
 * pcl_joined_clear in any case. */
int pcl_joined_open(pcl_joined *j, const char *outimage, const char *const *inputs, size_t ninput,
                    const pclean_concat_options *options, pclean_err *err) PCL_CHECK;

/* Makes part_path: of a virtual image all of it, of a paged one all but the pixels. Calls
 * casacore. */
int pcl_joined_make(pcl_joined *j, pclean_err *err) PCL_CHECK;

/* The pieces of work that bring the pixels to their place, in any order and side by side, without
 * casacore. */
size_t pcl_joined_njob(const pcl_joined *j);
int pcl_joined_job(const pcl_joined *j, size_t i, pcl_tiles_room *room,
                   const pcl_tiles_watch *watch, pclean_err *err) PCL_CHECK;
uint64_t pcl_joined_bytes(const pcl_joined *j);       /* that the jobs write */
uint64_t pcl_joined_bytes_whole(const pcl_joined *j); /* of these, as whole tiles */

/* Syncs the files to the disk; without casacore. */
int pcl_joined_sync(const pcl_joined *j, pclean_err *err) PCL_CHECK;

/* Reopens the image, compares it with its inputs, gives it its final name, and (movevirtual)
 * removes the inputs. Calls casacore. */
int pcl_joined_finish(pcl_joined *j, pclean_err *err) PCL_CHECK;

/* Removes the inputs: whole names at once, so that none is left half removed under its own name. */
int pcl_joined_remove_inputs(const pcl_joined *j, pclean_err *err) PCL_CHECK;

/* Removes what has not got its final name, and the lock. */
void pcl_joined_clear(pcl_joined *j);

#endif
