#include "data/store.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/spool.h"

enum { PAGE = 4096 };

static char *page_from(void *p) {
    return (char *)(((uintptr_t)p + PAGE - 1) / PAGE * PAGE);
}

/* Rows are padded to whole cache lines; channels a multiple of 4 KiB apart would share cache
 * sets. */
size_t pcl_store_row_stride(size_t nrow) {
    const size_t n = (nrow + 15) / 16 * 16;
    return n % 512 == 0 ? n + 16 : n;
}

/* Bytes of a block; with b, its arrays are laid out from `base` on. */
static size_t lay_out(pcl_block *b, char *base, size_t npol, const pcl_block_shape *shape) {
    const size_t stride = pcl_store_row_stride(shape->nrow), n = npol * shape->nchan * stride;
    const size_t size[] = {2 * n * sizeof *b->vis,  n * sizeof *b->weight,
                           stride * sizeof *b->u_m, stride * sizeof *b->v_m,
                           stride * sizeof *b->w_m, stride * sizeof *b->itime,
                           stride * sizeof *b->row, stride * sizeof *b->who};
    size_t at[sizeof size / sizeof *size + 1] = {0};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        at[i + 1] = at[i] + (size[i] + PAGE - 1) / PAGE * PAGE;
    if (b) {
        b->row_stride = stride;
        b->vis = (float *)(base + at[0]);
        b->weight = (float *)(base + at[1]);
        b->u_m = (double *)(base + at[2]);
        b->v_m = (double *)(base + at[3]);
        b->w_m = (double *)(base + at[4]);
        b->itime = (uint32_t *)(base + at[5]);
        b->row = (uint64_t *)(base + at[6]);
        b->who = (pcl_row_identity *)(base + at[7]);
    }
    return at[sizeof size / sizeof *size];
}

uint64_t pcl_store_bytes(size_t npol, const pcl_block_shape *shape) {
    return lay_out(NULL, NULL, npol, shape);
}

static int map_scratch(const pcl_scratch *where, size_t bytes, void **out, pclean_err *err) {
    char *name;
    /* reserved: a write to the mapping finds its space */
    int fd, rc = pcl_spool_open(where, PCL_STORE_SPOOL, bytes, &fd, &name, err);
    if (rc)
        return rc;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        rc = PCL_FAIL(err, PCLEAN_EIO, "%s cannot be mapped (%zu bytes): %s", name, bytes,
                      strerror(errno));
    else
        *out = map;
    close(fd);
    pcl_free(name);
    return rc;
}

static int make_room(pcl_store *store, const pcl_scratch *where, pclean_err *err) {
    const size_t bytes = (size_t)store->bytes;
    if (where && bytes) {
        store->in_file = true;
        return map_scratch(where, bytes, &store->room, err);
    }
    return PCL_NEW((char **)&store->room, bytes + PAGE, "visibility store", err);
}

int pcl_store_make(const pcl_scratch *scratch, size_t npol, size_t nblock,
                   const pcl_block_shape *shape, pcl_store *out, pclean_err *err) {
    *out = (pcl_store){.npol = npol, .nblock = nblock, .doppler_min = 1, .doppler_max = 1};
    for (size_t k = 0; k < nblock; k++)
        out->bytes += pcl_store_bytes(npol, &shape[k]);
    int rc;
    if ((rc = PCL_ZNEW(&out->block, nblock, "visibility store", err)) ||
        (rc = make_room(out, scratch, err)))
        return rc;
    char *base = page_from(out->room);
    for (size_t k = 0; k < nblock; k++) {
        pcl_block *b = &out->block[k];
        b->nchan = shape[k].nchan;
        base += lay_out(b, base, npol, &shape[k]);
        if ((rc = PCL_NEW(&b->freq_hz, b->nchan, "frequencies", err)))
            return rc;
    }
    return 0;
}

static void free_room(pcl_store *store) {
    if (!store->in_file)
        pcl_free(store->room);
    else if (store->room)
        munmap(store->room, (size_t)store->bytes);
}

void pcl_store_clear(pcl_store *store) {
    for (size_t k = 0; store->block && k < store->nblock; k++) {
        pcl_block *b = &store->block[k];
        pcl_free(b->time_s);
        pcl_free(b->doppler);
        pcl_free(b->freq_hz);
    }
    for (size_t i = 0; store->identity && i < store->nms; i++)
        pcl_identity_clear(&store->identity[i]);
    pcl_free(store->identity);
    free_room(store);
    pcl_free(store->block);
    *store = (pcl_store){0};
}
