/* slices.h: sums over the rows of the data in an order that neither threads nor processes change.
 *
 * The rows of each window (block of the store) are cut into nslice slices of equal length, 1 for
 * most images. What is summed over rows (uv grids, densities, counts) is summed slice by slice, and
 * the slices' sums are added along a binary tree: a node [first, first + n), n a power of two and
 * first a multiple of it, is the sum of its two halves. nslice follows from the data and the image
 * alone, never from who walks; so a sum has the same bits whether one process walks all slices or
 * several share them.
 *
 * Sharing is not known here: a pcl_share says which slices are this process's, and has a function
 * that brings the nodes of all processes together. */
#ifndef PCL_SLICES_H
#define PCL_SLICES_H
#include "base/err.h"
#include "core/grid/gridder.h"
#include <stddef.h>
#include <stdint.h>

/* ---- how many ---- */

typedef struct pcl_slicing {
    double samples;   /* of a slice at least */
    double per_pixel; /* likewise, for each pixel of the image */
} pcl_slicing;

/* 2^28 samples, and 64 for each pixel: the time of adding grids is then small beside that of
 * gridding, and the memory for partial sums (log2 nslice sets of grids) small beside that of the
 * visibilities. */
extern const pcl_slicing pcl_slicing_usual;

enum { PCL_SLICES_MOST = 64 };

/* The largest power of two, at most PCL_SLICES_MOST, whose slices are large enough. nsample: of a
 * plane, about, and the same number wherever the plane is made (pcl_setup.samples_per_plane). */
size_t pcl_slices_count(const pcl_slicing *slicing, double nsample, size_t npixel);

/* ---- a sum ---- */

/* What is summed besides arrays; no pointers: it can travel. */
typedef struct pcl_sum_numbers {
    pcl_grid_count count;            /* added */
    double umax_lambda, vmax_lambda; /* the largest */
    size_t reach[PCL_GRIDDER_GRIDS]; /* of the arrays; the largest */
} pcl_sum_numbers;

/* The sum over slices [first, first + n). */
typedef struct pcl_sum_node {
    size_t first, n;
    pcl_sum_numbers numbers;
} pcl_sum_node;

/* Nodes that a process can have of slices in a row: fewer than 2 log2 PCL_SLICES_MOST. */
enum { PCL_SUM_NODES = 12 };

/* A sum on its way. Its nodes are ascending; the arrays of the last one are the borrowed arrays
 * themselves, those of the others are put away. */
typedef struct pcl_sum {
    size_t nslice, nfloat; /* nfloat: room of a node that is put away, all arrays together */
    size_t narray;
    pcl_grid_array array[PCL_GRIDDER_GRIDS];
    size_t nnode;
    pcl_sum_node node[PCL_SUM_NODES];
    float *kept[PCL_SUM_NODES];
} pcl_sum;

/* Room to sum all slices in this process is allocated; more as it is needed. nfloat: of all arrays
 * of a sum together, at most. Free with pcl_sum_clear. */
int pcl_sum_init(pcl_sum *s, size_t nslice, size_t nfloat, pclean_err *err) PCL_CHECK;
void pcl_sum_clear(pcl_sum *s);
/* What pcl_sum_init allocates. */
uint64_t pcl_sum_bytes(size_t nslice, size_t nfloat);

/* Nothing is summed yet. array [narray]: borrowed, all zero. */
void pcl_sum_begin(pcl_sum *s, size_t narray, const pcl_grid_array *array);
/* A node is added in three steps: pcl_sum_open makes the arrays zero, the caller fills them,
 * pcl_sum_close takes them as the node. Nodes come in the order of their slices. -PCLEAN_EBUG: this
 * one does not follow the others. */
int pcl_sum_open(pcl_sum *s, pclean_err *err) PCL_CHECK;
int pcl_sum_close(pcl_sum *s, const pcl_sum_node *node, pclean_err *err) PCL_CHECK;
/* Array `iarray` of node `inode`, float [array[iarray].n]; until the next call. */
const float *pcl_sum_values(const pcl_sum *s, size_t inode, size_t iarray);
/* Instead of the nodes there are: the sum over all slices, which the caller has filled the arrays
 * with. */
void pcl_sum_replace(pcl_sum *s, const pcl_sum_numbers *total);

/* ---- walks over the slices ---- */

/* Zeros: one process walks all slices. */
typedef struct pcl_share {
    size_t i, n; /* slices [nslice i / n, nslice (i + 1) / n) are this process's */
    /* Called after they have been walked: brings the nodes of all n processes together, so that
     * each has the sum over all slices in its arrays: by pcl_sum_open and _close for nodes that
     * arrive, or pcl_sum_replace. All processes come to the same sums in the same order. */
    int (*complete)(void *user, pcl_sum *sum, pclean_err *err);
    void *user;
} pcl_share;

typedef struct pcl_slices {
    pcl_sum sum;
    pcl_share share;
} pcl_slices;

int pcl_slices_init(pcl_slices *s, size_t nslice, size_t nfloat, const pcl_share *share,
                    pclean_err *err) PCL_CHECK;
void pcl_slices_clear(pcl_slices *s);

/* Walks one slice; adds to arrays that it knows, and to *numbers. */
typedef int pcl_slice_walk(void *user, size_t islice, pcl_sum_numbers *numbers, pclean_err *err);

/* Calls `walk` for each slice of this process; nothing is summed. */
int pcl_slices_walk(const pcl_slices *s, pcl_slice_walk *walk, void *user,
                    pclean_err *err) PCL_CHECK;
/* The same, and afterwards the arrays, and *numbers, hold the sum over all slices of all processes.
 * *numbers in: what counts along with the first slice. */
int pcl_slices_sum(pcl_slices *s, size_t narray, const pcl_grid_array *array, pcl_slice_walk *walk,
                   void *user, pcl_sum_numbers *numbers, pclean_err *err) PCL_CHECK;

#endif
