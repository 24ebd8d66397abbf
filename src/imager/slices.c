#include "imager/slices.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* ---- how many ---- */

const pcl_slicing pcl_slicing_usual = {.samples = 0x1p28, .per_pixel = 64};

size_t pcl_slices_count(const pcl_slicing *slicing, double nsample, size_t npixel) {
    const double least = fmax(slicing->samples, slicing->per_pixel * (double)npixel);
    size_t n = 1;
    while (n < PCL_SLICES_MOST && nsample >= 2 * (double)n * least)
        n *= 2;
    return n;
}

/* ---- a sum ---- */

static size_t depth(size_t nslice) {
    size_t n = 0;
    while (nslice >> (n + 1))
        n++;
    return n;
}

int pcl_sum_init(pcl_sum *s, size_t nslice, size_t nfloat, pclean_err *err) {
    *s = (pcl_sum){.nslice = nslice, .nfloat = nfloat};
    int rc = 0;
    for (size_t k = 0; !rc && k < depth(nslice); k++)
        rc = PCL_NEW(&s->kept[k], nfloat, "partial sums", err);
    if (rc)
        pcl_sum_clear(s);
    return rc;
}

void pcl_sum_clear(pcl_sum *s) {
    for (size_t k = 0; k < PCL_SUM_NODES; k++)
        pcl_free(s->kept[k]);
    *s = (pcl_sum){0};
}

uint64_t pcl_sum_bytes(size_t nslice, size_t nfloat) {
    return depth(nslice) * (uint64_t)nfloat * sizeof(float);
}

void pcl_sum_begin(pcl_sum *s, size_t narray, const pcl_grid_array *array) {
    s->nnode = 0;
    s->narray = narray;
    memcpy(s->array, array, narray * sizeof *array);
}

const float *pcl_sum_values(const pcl_sum *s, size_t inode, size_t iarray) {
    if (inode + 1 == s->nnode)
        return s->array[iarray].at;
    const float *values = s->kept[inode];
    for (size_t k = 0; k < iarray; k++)
        values += s->array[k].n;
    return values;
}

int pcl_sum_open(pcl_sum *s, pclean_err *err) {
    if (s->nnode == 0)
        return 0;
    if (s->nnode == PCL_SUM_NODES)
        return PCL_FAIL(err, PCLEAN_EBUG, "a sum over slices has %d nodes", PCL_SUM_NODES);
    float **keep = &s->kept[s->nnode - 1];
    int rc = *keep ? 0 : PCL_NEW(keep, s->nfloat, "partial sums", err);
    if (rc)
        return rc;
    float *to = *keep;
    for (size_t k = 0; k < s->narray; to += s->array[k++].n) {
        memcpy(to, s->array[k].at, s->array[k].n * sizeof *to);
        memset(s->array[k].at, 0, s->array[k].n * sizeof *to);
        if (s->array[k].reach)
            *s->array[k].reach = 0;
    }
    return 0;
}

static pcl_sum_numbers add_numbers(const pcl_sum_numbers *a, const pcl_sum_numbers *b) {
    pcl_sum_numbers sum = {.count = {.used = a->count.used + b->count.used,
                                     .outside = a->count.outside + b->count.outside,
                                     .sumwt = a->count.sumwt + b->count.sumwt},
                           .umax_lambda = fmax(a->umax_lambda, b->umax_lambda),
                           .vmax_lambda = fmax(a->vmax_lambda, b->vmax_lambda)};
    for (size_t k = 0; k < PCL_GRIDDER_GRIDS; k++)
        sum.reach[k] = a->reach[k] > b->reach[k] ? a->reach[k] : b->reach[k];
    return sum;
}

static bool are_halves(const pcl_sum_node *low, const pcl_sum_node *high) {
    return low->n == high->n && low->first % (2 * low->n) == 0;
}

/* The last node and the one before it become one. */
static void join_last(pcl_sum *s) {
    pcl_sum_node *low = &s->node[s->nnode - 2], *high = low + 1;
    const float *from = s->kept[s->nnode - 2];
    for (size_t k = 0; k < s->narray; from += s->array[k++].n)
        for (size_t i = 0; i < s->array[k].n; i++)
            s->array[k].at[i] = from[i] + s->array[k].at[i];
    low->numbers = add_numbers(&low->numbers, &high->numbers);
    low->n *= 2;
    s->nnode--;
}

/* The arrays reach as far as the sum in them. */
static void set_reach(pcl_sum *s) {
    for (size_t k = 0; k < s->narray; k++)
        if (s->array[k].reach)
            *s->array[k].reach = s->node[s->nnode - 1].numbers.reach[k];
}

int pcl_sum_close(pcl_sum *s, const pcl_sum_node *node, pclean_err *err) {
    const pcl_sum_node *last = s->nnode ? &s->node[s->nnode - 1] : NULL;
    const bool whole = node->n && (node->n & (node->n - 1)) == 0 && node->first % node->n == 0;
    if (!whole || node->first + node->n > s->nslice ||
        (last && last->first + last->n != node->first))
        return PCL_FAIL(err, PCLEAN_EBUG, "slices %zu to %zu of %zu do not follow in their sum",
                        node->first, node->first + node->n, s->nslice);
    s->node[s->nnode++] = *node;
    while (s->nnode > 1 && are_halves(&s->node[s->nnode - 2], &s->node[s->nnode - 1]))
        join_last(s);
    set_reach(s);
    return 0;
}

void pcl_sum_replace(pcl_sum *s, const pcl_sum_numbers *total) {
    s->nnode = 1;
    s->node[0] = (pcl_sum_node){.first = 0, .n = s->nslice, .numbers = *total};
    set_reach(s);
}

/* ---- walks over the slices ---- */

int pcl_slices_init(pcl_slices *s, size_t nslice, size_t nfloat, const pcl_share *share,
                    pclean_err *err) {
    *s = (pcl_slices){.share = {.i = 0}};
    if (share)
        s->share = *share;
    return pcl_sum_init(&s->sum, nslice, nfloat, err);
}

void pcl_slices_clear(pcl_slices *s) {
    pcl_sum_clear(&s->sum);
}

static void own_slices(const pcl_slices *s, size_t *from, size_t *to) {
    const size_t n = s->share.n ? s->share.n : 1;
    *from = s->sum.nslice * s->share.i / n;
    *to = s->sum.nslice * (s->share.i + 1) / n;
}

int pcl_slices_walk(const pcl_slices *s, pcl_slice_walk *walk, void *user, pclean_err *err) {
    size_t from, to;
    own_slices(s, &from, &to);
    int rc = 0;
    for (size_t i = from; !rc && i < to; i++) {
        pcl_sum_numbers ignored = {.umax_lambda = 0};
        rc = walk(user, i, &ignored, err);
    }
    return rc;
}

static int sum_slice(pcl_sum *s, size_t islice, pcl_slice_walk *walk, void *user,
                     const pcl_sum_numbers *first, pclean_err *err) {
    pcl_sum_node node = {.first = islice, .n = 1};
    int rc = pcl_sum_open(s, err);
    if (rc)
        return rc;
    if (islice == 0)
        node.numbers = *first;
    if ((rc = walk(user, islice, &node.numbers, err)))
        return rc;
    for (size_t k = 0; k < s->narray; k++)
        node.numbers.reach[k] = s->array[k].reach ? *s->array[k].reach : 0;
    return pcl_sum_close(s, &node, err);
}

int pcl_slices_sum(pcl_slices *s, size_t narray, const pcl_grid_array *array, pcl_slice_walk *walk,
                   void *user, pcl_sum_numbers *numbers, pclean_err *err) {
    size_t from, to;
    own_slices(s, &from, &to);
    pcl_sum_begin(&s->sum, narray, array);
    int rc = 0;
    for (size_t i = from; !rc && i < to; i++)
        rc = sum_slice(&s->sum, i, walk, user, numbers, err);
    if (!rc && s->share.complete)
        rc = s->share.complete(s->share.user, &s->sum, err);
    if (rc)
        return rc;
    if (s->sum.nnode != 1 || s->sum.node[0].n != s->sum.nslice)
        return PCL_FAIL(err, PCLEAN_EBUG, "a sum over %zu slices was not completed", s->sum.nslice);
    *numbers = s->sum.node[0].numbers;
    return 0;
}
