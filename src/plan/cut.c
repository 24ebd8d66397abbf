#include "plan/cut.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

int pcl_cut_check(int nparts, pclean_err *err) {
    if (nparts < 1)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%d parts were asked for: at least 1", nparts);
    if (nparts > PCL_CUT_MOST)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%d parts were asked for: at most %d", nparts,
                        PCL_CUT_MOST);
    return 0;
}

void pcl_cut_rows(size_t nrow, size_t npart, size_t *cut) {
    const size_t each = nrow / npart + 1;
    for (size_t k = 0; k <= npart; k++)
        cut[k] = k > nrow / each ? nrow : least(k * each, nrow); /* k each may overflow */
}

size_t pcl_cut_count(size_t nchan, int chunksize, size_t nworker) {
    const size_t n = chunksize > 0 ? (nchan + (size_t)chunksize - 1) / (size_t)chunksize : nworker;
    return least(n > 1 ? n : 1, nchan > 1 ? nchan : 1);
}

void pcl_cut_range(size_t nchan, size_t n, size_t i, size_t *first, size_t *count) {
    const size_t least = nchan / n, more = nchan % n;
    *first = i * least + (i < more ? i : more);
    *count = least + (i < more);
}

size_t pcl_cut_find(size_t nchan, size_t n, size_t ichan) {
    const size_t least = nchan / n, more = nchan % n;
    return ichan < more * (least + 1) ? ichan / (least + 1) : (ichan - more) / least;
}

void pcl_cut_channels(size_t nchan, size_t npart, size_t *cut) {
    size_t count;
    for (size_t k = 0; k <= npart; k++)
        pcl_cut_range(nchan, npart, k, &cut[k], &count);
}

void pcl_cut_weights(size_t n, const uint64_t *weight, size_t npart, size_t *cut) {
    long double total = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        total += (long double)weight[i];
    size_t at = 0;
    cut[0] = 0;
    for (size_t k = 1; k < npart; k++) {
        const long double target = total * (long double)k / (long double)npart;
        const size_t from = least(cut[k - 1] + 1, n), left = npart - k,
                     to = n > left ? n - left : n;
        while (at < n && (at < from || (at < to && sum + 0.5L * (long double)weight[at] < target)))
            sum += (long double)weight[at++];
        cut[k] = at;
    }
    cut[npart] = n;
}

uint64_t pcl_cut_sum(const uint64_t *weight, size_t from, size_t to) {
    uint64_t sum = 0;
    for (size_t i = from; i < to; i++)
        sum += weight[i];
    return sum;
}

int pcl_cut_prove(const pcl_cut_grid *whole, size_t npart, const pcl_cut_grid *part,
                  pclean_err *err) {
    size_t at = 0;
    for (size_t k = 0; k < npart; k++)
        for (size_t i = 0; i < part[k].nchan; i++, at++) {
            const double want = whole->first_hz + (double)at * whole->step_hz,
                         is = part[k].first_hz + (double)i * part[k].step_hz;
            if (at >= whole->nchan || !(fabs(is - want) <= 1e-9 * fabs(whole->step_hz)))
                return PCL_FAIL(err, PCLEAN_EBUG,
                                "channel %zu of part %zu lies at %.17g Hz, where the whole image "
                                "has %.17g Hz (channel %zu of %zu)",
                                i, k, is, want, at, whole->nchan);
        }
    if (at != whole->nchan)
        return PCL_FAIL(err, PCLEAN_EBUG,
                        "the parts have %zu channels together, the whole image %zu", at,
                        whole->nchan);
    return 0;
}

int pcl_cut_add_spw(char **text, int spw, size_t nchan, const int *chan, pclean_err *err) {
    const size_t old = *text ? strlen(*text) : 0, size = old + 16 + 26 * nchan;
    char *grown = NULL;
    int rc = PCL_NEW(&grown, size, "text of a selection", err);
    if (rc)
        return rc;
    size_t at = (size_t)snprintf(grown, size, "%s%s%d:", old ? *text : "", old ? "," : "", spw);
    for (size_t i = 0, to; i < nchan; i = to) {
        for (to = i + 1; to < nchan && chan[to] == chan[to - 1] + 1; to++)
            ;
        at +=
            (size_t)snprintf(grown + at, size - at, "%s%d~%d", i ? ";" : "", chan[i], chan[to - 1]);
    }
    pcl_free(*text);
    *text = grown;
    return 0;
}

int pcl_cut_and(const char *condition, const char *more, char **text, pclean_err *err) {
    while (isspace((unsigned char)*condition))
        condition++;
    return *condition ? pcl_asprintf(text, err, "(%s) && %s", condition, more)
                      : pcl_strdup(text, more, err);
}
