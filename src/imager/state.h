/* state.h: the plane at hand of a target put away and taken up again, whole. Its numbers are the
 * record t->plane, which has no pointers and which the owner keeps; its arrays go to a place that
 * the owner gives: products, a scratch file, whatever can hold them.
 *
 * The rule for work that may be done twice (exec/pool.h): what is read is not written. An owner
 * that goes from cycle to cycle has two places for what a cycle changes and goes from one to the
 * other; what does not change is written once.
 *
 * Weights are no part of it: pcl_target_reweigh makes them anew from the data. */
#ifndef PCL_STATE_H
#define PCL_STATE_H
#include "base/err.h"
#include "base/spool.h"
#include "imager/setup.h"
#include "imager/target.h"
#include <stddef.h>
#include <stdint.h>

/* The arrays of a plane, float [ny][nx] or bool [ny][nx]; sums of these say which are meant. */
enum pcl_state_array {
    PCL_STATE_PSF = 1,      /* [2 nterm - 1] */
    PCL_STATE_MASKS = 2,    /* bool: .search, and .user_mask, .valid, .quiet where there are */
    PCL_STATE_RESIDUAL = 4, /* [nterm] */
    PCL_STATE_MODEL = 8,    /* [nterm] */
    PCL_STATE_BEST = 16,    /* [nterm]; where there is one */
    /* bool [3]: .search and .automask.positive, .last; twice, for cycles that write by turns */
    PCL_STATE_AUTOMASK = 32,
    PCL_STATE_AUTOMASK_ODD = 64,
    PCL_STATE_CYCLE = PCL_STATE_RESIDUAL | PCL_STATE_MODEL, /* what a cycle changes */
    PCL_STATE_ALL = PCL_STATE_PSF | PCL_STATE_MASKS | PCL_STATE_CYCLE | PCL_STATE_BEST
};

/* One array of one plane. */
typedef struct pcl_state_item {
    size_t ichan, ipol;
    enum pcl_state_array array; /* one of them */
    size_t i;                   /* Taylor term, or number of the mask */
    size_t bytes;
} pcl_state_item;

/* Where arrays are kept. For different planes, any number of processes may write at a time. */
typedef struct pcl_state_place {
    int (*write)(void *user, const pcl_state_item *item, const void *array, pclean_err *err);
    int (*read)(void *user, const pcl_state_item *item, void *array, pclean_err *err);
    void *user;
} pcl_state_place;

/* which: a sum of arrays. */
int pcl_state_save(const pcl_target *t, unsigned which, const pcl_state_place *to,
                   pclean_err *err) PCL_CHECK;
/* Makes `plane` the plane at hand; arrays that are not asked for stay as they are. */
int pcl_state_load(pcl_target *t, const pcl_plane *plane, unsigned which,
                   const pcl_state_place *from, pclean_err *err) PCL_CHECK;

/* A scratch file (base/spool.h) that is a place for these arrays of all planes of an image, its
 * space reserved. Free with pcl_state_file_free; NULL is allowed there. */
typedef struct pcl_state_file pcl_state_file;
uint64_t pcl_state_file_bytes(const pcl_setup *setup, unsigned which);
int pcl_state_file_new(const pcl_setup *setup, const pcl_scratch *where, const char *what,
                       unsigned which, pcl_state_file **out, pclean_err *err) PCL_CHECK;
/* The same file as another process has made it; errors as pcl_spool_attach_file. */
int pcl_state_file_attach(const pcl_setup *setup, const pcl_scratch *where, const char *what,
                          unsigned which, pcl_state_file **out, pclean_err *err) PCL_CHECK;
pcl_state_place pcl_state_file_place(const pcl_state_file *f);
void pcl_state_file_free(pcl_state_file *f);

#endif
