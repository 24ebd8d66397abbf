#include "imager/state.h"

#include <unistd.h>

#include "base/bulk.h"
#include "base/mem.h"
#include "base/spool.h"

/* ---- the arrays of a target ---- */

enum { NARRAY = 7, NMASK = 4, NAUTOMASK = 3 };
static const enum pcl_state_array arrays[NARRAY] = {
    PCL_STATE_PSF,  PCL_STATE_MASKS,    PCL_STATE_RESIDUAL,    PCL_STATE_MODEL,
    PCL_STATE_BEST, PCL_STATE_AUTOMASK, PCL_STATE_AUTOMASK_ODD};

static bool is_automask(enum pcl_state_array array) {
    return array == PCL_STATE_AUTOMASK || array == PCL_STATE_AUTOMASK_ODD;
}

/* How many of one kind an image with this many Taylor terms can have. */
static size_t count_of(enum pcl_state_array array, size_t nterm) {
    switch (array) {
    case PCL_STATE_PSF:
        return 2 * nterm - 1;
    case PCL_STATE_MASKS:
        return NMASK;
    case PCL_STATE_AUTOMASK:
    case PCL_STATE_AUTOMASK_ODD:
        return NAUTOMASK;
    default:
        return nterm;
    }
}

static size_t bytes_of(enum pcl_state_array array, size_t npixel) {
    return npixel * (array == PCL_STATE_MASKS || is_automask(array) ? sizeof(bool) : sizeof(float));
}

/* NULL: the target has none. */
static void *find_array(const pcl_target *t, enum pcl_state_array array, size_t i) {
    switch (array) {
    case PCL_STATE_PSF:
        return t->psf[i];
    case PCL_STATE_MASKS:
        return (bool *const[NMASK]){t->search, t->user_mask, t->valid, t->quiet}[i];
    case PCL_STATE_AUTOMASK:
    case PCL_STATE_AUTOMASK_ODD:
        return (bool *const[NAUTOMASK]){t->search, t->automask.positive, t->automask.last}[i];
    case PCL_STATE_RESIDUAL:
        return t->residual[i];
    case PCL_STATE_BEST:
        return t->best[i];
    default:
        return t->model[i];
    }
}

typedef int visitor(const pcl_state_place *place, const pcl_state_item *item, void *array,
                    pclean_err *err);

static int visit(const pcl_target *t, unsigned which, const pcl_state_place *place, visitor *visits,
                 pclean_err *err) {
    int rc = 0;
    for (size_t k = 0; k < NARRAY; k++) {
        const size_t n = which & arrays[k] ? count_of(arrays[k], t->nterm) : 0;
        for (size_t i = 0; !rc && i < n; i++) {
            void *array = find_array(t, arrays[k], i);
            const pcl_state_item item = {.ichan = t->plane.ichan,
                                         .ipol = t->plane.ipol,
                                         .array = arrays[k],
                                         .i = i,
                                         .bytes = bytes_of(arrays[k], t->nx * t->ny)};
            rc = array ? visits(place, &item, array, err) : 0;
        }
    }
    return rc;
}

static int put(const pcl_state_place *to, const pcl_state_item *item, void *array,
               pclean_err *err) {
    return to->write(to->user, item, array, err);
}

static int get(const pcl_state_place *from, const pcl_state_item *item, void *array,
               pclean_err *err) {
    return from->read(from->user, item, array, err);
}

int pcl_state_save(const pcl_target *t, unsigned which, const pcl_state_place *to,
                   pclean_err *err) {
    return visit(t, which, to, put, err);
}

int pcl_state_load(pcl_target *t, const pcl_plane *plane, unsigned which,
                   const pcl_state_place *from, pclean_err *err) {
    pcl_target_select(t, plane->ipol);
    t->plane = *plane;
    t->restored = NULL;
    return visit(t, which, from, get, err);
}

/* ---- a scratch file ---- */

struct pcl_state_file {
    int fd;
    char *name; /* for messages */
    size_t npixel, nterm, npol;
    unsigned which;
};

/* Bytes of the arrays in `which` that come before this one in the room of a plane. */
static uint64_t bytes_before(unsigned which, size_t nterm, size_t npixel,
                             enum pcl_state_array array) {
    uint64_t bytes = 0;
    for (size_t k = 0; k < NARRAY && arrays[k] != array; k++)
        if (which & arrays[k])
            bytes += count_of(arrays[k], nterm) * bytes_of(arrays[k], npixel);
    return bytes;
}

static uint64_t plane_bytes(unsigned which, size_t nterm, size_t npixel) {
    return bytes_before(which, nterm, npixel, PCL_STATE_ALL);
}

uint64_t pcl_state_file_bytes(const pcl_setup *s, unsigned which) {
    return (uint64_t)s->desc.nchan * s->desc.npol *
           plane_bytes(which, s->params.nterm, s->desc.nx * s->desc.ny);
}

static int new_file(const pcl_setup *s, unsigned which, pcl_state_file **out, pclean_err *err) {
    int rc = PCL_ZNEW(out, 1, "scratch file", err);
    if (rc)
        return rc;
    **out = (pcl_state_file){.fd = -1,
                             .npixel = s->desc.nx * s->desc.ny,
                             .nterm = s->params.nterm,
                             .npol = s->desc.npol,
                             .which = which};
    return 0;
}

int pcl_state_file_new(const pcl_setup *s, const pcl_scratch *where, const char *what,
                       unsigned which, pcl_state_file **out, pclean_err *err) {
    *out = NULL;
    int rc = new_file(s, which, out, err);
    if (!rc && (rc = pcl_spool_open(where, what, pcl_state_file_bytes(s, which), &(*out)->fd,
                                    &(*out)->name, err))) {
        pcl_state_file_free(*out);
        *out = NULL;
    }
    return rc;
}

int pcl_state_file_attach(const pcl_setup *s, const pcl_scratch *where, const char *what,
                          unsigned which, pcl_state_file **out, pclean_err *err) {
    *out = NULL;
    int rc = new_file(s, which, out, err);
    if (!rc && (rc = pcl_spool_attach_file(where, what, pcl_state_file_bytes(s, which), &(*out)->fd,
                                           &(*out)->name, err))) {
        pcl_state_file_free(*out);
        *out = NULL;
    }
    return rc;
}

void pcl_state_file_free(pcl_state_file *f) {
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    pcl_free(f->name);
    pcl_free(f);
}

static int find_place(const pcl_state_file *f, const pcl_state_item *item, uint64_t *at,
                      pclean_err *err) {
    if (!(f->which & item->array))
        return PCL_FAIL(err, PCLEAN_EBUG, "%s has no room for this array of a plane", f->name);
    *at = (item->ichan * f->npol + item->ipol) * plane_bytes(f->which, f->nterm, f->npixel) +
          bytes_before(f->which, f->nterm, f->npixel, item->array) + item->i * item->bytes;
    return 0;
}

static int write_item(void *user, const pcl_state_item *item, const void *array, pclean_err *err) {
    const pcl_state_file *f = user;
    uint64_t at = 0;
    int rc = find_place(f, item, &at, err);
    return rc ? rc : pcl_bulk_pwrite(f->fd, f->name, array, item->bytes, at, err);
}

static int read_item(void *user, const pcl_state_item *item, void *array, pclean_err *err) {
    const pcl_state_file *f = user;
    uint64_t at = 0;
    int rc = find_place(f, item, &at, err);
    return rc ? rc : pcl_bulk_pread(f->fd, f->name, array, item->bytes, at, err);
}

pcl_state_place pcl_state_file_place(const pcl_state_file *f) {
    return (pcl_state_place){.write = write_item, .read = read_item, .user = (void *)(uintptr_t)f};
}
