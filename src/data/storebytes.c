#include "data/storebytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* The plain fields of a store and of a block. */
#define FIELDS(X)                                                                                  \
    X(npol)                                                                                        \
    X(nflagged) X(nonfinite) X(nabsurd) X(nused) X(bytes) X(doppler_min) X(doppler_max)
#define BLOCK_FIELDS(X) X(ims) X(nrow) X(row_stride) X(umax_m) X(vmax_m) X(wmax_m) X(spacing_hz)

/* The arrays of a block that lie in the store, and those that do not. */
#define STORED(X)                                                                                  \
    X(u_m, 1)                                                                                      \
    X(v_m, 1)                                                                                      \
    X(w_m, 1) X(itime, 1) X(row, 1) X(who, 1) X(vis, 2 * npol * b->nchan) X(weight, npol * b->nchan)
#define APART(X) X(time_s, ntime) X(doppler, ntime) X(freq_hz, nchan)

/* The lists of an MS. */
#define LISTS(X) X(field_id, nfield) X(dish_m, ndish) X(dish_of, nantenna)

_Static_assert(sizeof(pcl_block) == 20 * 8 && sizeof(pcl_store) == 14 * 8 &&
                   sizeof(pcl_identity) == 6 * 8,
               "what is new in the store must travel, too");

static void put_block(const pcl_store *vis, const pcl_block *b, pcl_parcel *p) {
#define X(field) pcl_parcel_put(p, &b->field, sizeof b->field);
    BLOCK_FIELDS(X)
#undef X
    pcl_parcel_put(p, &b->ntime, sizeof b->ntime);
    pcl_parcel_put(p, &b->nchan, sizeof b->nchan);
#define X(array, count) pcl_parcel_put(p, b->array, b->count * sizeof *b->array);
    APART(X)
#undef X
#define X(array, per_row)                                                                          \
    {                                                                                              \
        const uint64_t at = (uint64_t)((const char *)b->array - (const char *)vis->room);          \
        pcl_parcel_put(p, &at, sizeof at);                                                         \
    }
    STORED(X)
#undef X
}

static void put_identity(const pcl_identity *id, pcl_parcel *p) {
#define X(list, count)                                                                             \
    pcl_parcel_put(p, &id->count, sizeof id->count);                                               \
    pcl_parcel_put(p, id->list, id->count * sizeof *id->list);
    LISTS(X)
#undef X
}

static int take_identity(pcl_parcel_reader *r, pcl_identity *id, pclean_err *err) {
    int rc;
#define X(list, count)                                                                             \
    id->count = pcl_parcel_take_count(r, sizeof *id->list);                                        \
    if ((rc = PCL_NEW(&id->list, id->count, "visibility store", err)))                             \
        return rc;                                                                                 \
    pcl_parcel_take(r, id->list, id->count * sizeof *id->list);
    LISTS(X)
#undef X
    return pcl_parcel_reader_check(r, err);
}

static int take_identities(pcl_parcel_reader *r, pcl_store *vis, pclean_err *err) {
    vis->nms = pcl_parcel_take_count(r, 3 * sizeof(size_t));
    int rc = pcl_parcel_reader_check(r, err);
    rc = rc ? rc : PCL_ZNEW(&vis->identity, vis->nms, "visibility store", err);
    for (size_t i = 0; !rc && i < vis->nms; i++)
        rc = take_identity(r, &vis->identity[i], err);
    return rc;
}

void pcl_storebytes_put(const pcl_store *vis, pcl_parcel *p) {
#define X(field) pcl_parcel_put(p, &vis->field, sizeof vis->field);
    FIELDS(X)
#undef X
    pcl_parcel_put(p, &vis->nblock, sizeof vis->nblock);
    for (size_t k = 0; k < vis->nblock; k++)
        put_block(vis, &vis->block[k], p);
    pcl_parcel_put(p, &vis->nms, sizeof vis->nms);
    for (size_t i = 0; i < vis->nms; i++)
        put_identity(&vis->identity[i], p);
}

/* The array of `size` bytes at `at`; NULL: it would not lie in the store. */
static void *place_of(const pcl_store *vis, uint64_t at, uint64_t size) {
    return at <= vis->bytes && size <= vis->bytes - at ? (char *)vis->room + at : NULL;
}

static int take_block(pcl_parcel_reader *r, const pcl_store *vis, pcl_block *b, pclean_err *err) {
    const size_t npol = vis->npol;
    int rc;
#define X(field) pcl_parcel_take(r, &b->field, sizeof b->field);
    BLOCK_FIELDS(X)
#undef X
    b->ntime = pcl_parcel_take_count(r, sizeof *b->time_s + sizeof *b->doppler);
    b->nchan = pcl_parcel_take_count(r, sizeof *b->freq_hz);
#define X(array, count)                                                                            \
    if ((rc = PCL_NEW(&b->array, b->count, "visibility store", err)))                              \
        return rc;                                                                                 \
    pcl_parcel_take(r, b->array, b->count * sizeof *b->array);
    APART(X)
#undef X
    bool inside = true;
#define X(array, per_row)                                                                          \
    {                                                                                              \
        uint64_t at;                                                                               \
        pcl_parcel_take(r, &at, sizeof at);                                                        \
        b->array = place_of(vis, at, (uint64_t)(per_row)*b->row_stride * sizeof *b->array);        \
        inside = inside && b->array;                                                               \
    }
    STORED(X)
#undef X
    if ((rc = pcl_parcel_reader_check(r, err)))
        return rc;
    return inside ? 0 : PCL_FAIL(err, PCLEAN_EDATA, "a block does not lie in the visibility store");
}

/* For reading only. */
static int map_file(int fd, const char *path, pcl_store *vis, pclean_err *err) {
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "a worker cannot open the visibilities in %s: %s", path,
                        strerror(errno));
    if ((uint64_t)st.st_size < vis->bytes || vis->bytes == 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "the visibilities in %s have %llu bytes of %llu", path,
                        (unsigned long long)st.st_size, (unsigned long long)vis->bytes);
    void *map = mmap(NULL, (size_t)vis->bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return PCL_FAIL(err, PCLEAN_EIO, "%s cannot be mapped: %s", path, strerror(errno));
    vis->room = map;
    return 0;
}

int pcl_storebytes_attach(pcl_parcel_reader *r, const char *path, pcl_store *vis, pclean_err *err) {
    *vis = (pcl_store){.in_file = true};
#define X(field) pcl_parcel_take(r, &vis->field, sizeof vis->field);
    FIELDS(X)
#undef X
    vis->nblock = pcl_parcel_take_count(r, sizeof(uint64_t));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int rc = pcl_parcel_reader_check(r, err);
    if (rc || (rc = map_file(fd, path, vis, err)) ||
        (rc = PCL_ZNEW(&vis->block, vis->nblock, "visibility store", err)))
        goto done;
    for (size_t k = 0; !rc && k < vis->nblock; k++)
        rc = take_block(r, vis, &vis->block[k], err);
    rc = rc ? rc : take_identities(r, vis, err);
done:
    if (fd >= 0)
        close(fd);
    if (rc)
        pcl_store_clear(vis);
    return rc;
}
