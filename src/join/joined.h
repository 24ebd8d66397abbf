/* joint.h: one joined image in the making, from its inputs to its final name. */
#ifndef PCL_JOINT_H
#define PCL_JOINT_H
#include "join/series.h"
#include "pclean/concat.h"

typedef struct pcl_joint {
    char *final_path, *part_path, *lock_path; /* the image is made as part_path */
    int claim;
    const pclean_concat_options *options;
    int mode;            /* auto resolved */
    size_t ninput;
    char **input;        /* [ninput] without slashes at their ends */
    pcl_parts parts;
    pcl_parts made;      /* a paged image: its own files */
    bool whole_pixels, whole_mask; /* whole tiles are copied */
    pcl_boxes pixel_boxes, mask_boxes; /* else these are repacked */
    bool exists;         /* part_path is there */
    bool resumed;        /* the image is complete, parts are its own; only inputs are to be removed (resume.h) */
} pcl_joint;

/* Whether the inputs are to be removed in the end. */
bool pcl_joint_removes(const pcl_joint *j);

/* Claims the name, opens the inputs and decides; nothing is written but the lock. To be given to pcl_joint_clear in any case. */
int pcl_joint_open(pcl_joint *j, const char *outimage, const char *const *inputs, size_t ninput, const pclean_concat_options *options, pclean_err *err) PCL_CHECK;

/* Makes part_path: of a virtual image all of it, of a paged one all but the pixels. Calls casacore. */
int pcl_joint_make(pcl_joint *j, pclean_err *err) PCL_CHECK;

/* The pieces of work that bring the pixels to their place, in any order and side by side, without casacore. */
size_t pcl_joint_njob(const pcl_joint *j);
int pcl_joint_job(const pcl_joint *j, size_t i, pcl_tiles_room *room, const pcl_tiles_watch *watch, pclean_err *err) PCL_CHECK;
uint64_t pcl_joint_bytes(const pcl_joint *j);       /* that the jobs write */
uint64_t pcl_joint_bytes_whole(const pcl_joint *j); /* of these, as whole tiles */

/* Syncs the files to the disk; without casacore. */
int pcl_joint_sync(const pcl_joint *j, pclean_err *err) PCL_CHECK;

/* Reopens the image, compares it with its inputs, gives it its final name, and (movevirtual) removes the inputs. Calls casacore. */
int pcl_joint_finish(pcl_joint *j, pclean_err *err) PCL_CHECK;

/* Removes the inputs: whole names at once, so that none is left half removed under its own name. */
int pcl_joint_remove_inputs(const pcl_joint *j, pclean_err *err) PCL_CHECK;

/* Removes what has not got its final name, and the lock. */
void pcl_joint_clear(pcl_joint *j);

#endif
