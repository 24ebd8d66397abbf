/* MeasurementSets. */
#include "base/mem.h"
#include "casa/casa.h"
#include "casa/lend.h"
#include "serve.h"
#include "wire/records.h"
#include "wire/rows.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory that the caller sees too. */
typedef struct block {
    int fd;
    void *map;
    size_t size;
} block;

typedef struct open_ms {
    casa_ms *ms;
    casa_ms_rows *rows;    /* [ndd] */
    pcl_rows_shape *shape; /* [ndd] */
    block block[2];
} open_ms;

static pcl_shelf sets;

static void close_set(open_ms *set) {
    if (!set)
        return;
    for (size_t i = 0; i < 2; i++)
        if (set->block[i].map) {
            munmap(set->block[i].map, set->block[i].size);
            close(set->block[i].fd);
        }
    casa_ms_close(set->ms);
    pcl_free(set->rows);
    pcl_free(set->shape);
    pcl_free(set);
}

/* What lies in a folder, bytes: selections and lists of rows take a part of it. */
static uint64_t bytes_in(const char *path) {
    uint64_t sum = 0;
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        struct stat status;
        if (fstatat(dirfd(folder), e->d_name, &status, 0) == 0 && S_ISREG(status.st_mode))
            sum += (uint64_t)status.st_size;
    }
    if (folder)
        closedir(folder);
    return sum;
}

static int serve_open(pcl_wire *in, pcl_wire *out, bool rows_only, pclean_err *err) {
    casa_ms_selection sel;
    open_ms *set = NULL;
    uint64_t number = 0;
    size_t nrow_of_ms = 0;
    const char *path = pcl_wire_get_text(in);
    pcl_wire_get_selection(in, &sel);
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = PCL_ZNEW(&set, 1, "MeasurementSet", err)))
        return rc;
    pcl_serve_allow(bytes_in(path) / 4);
    rc = rows_only ? casa_ms_open_rows(path, &sel, &set->ms, err)
                   : casa_ms_open(path, &sel, &set->ms, err);
    const casa_ms_info *info = rc ? NULL : casa_ms_get_info(set->ms);
    if (rc || (rc = PCL_ZNEW(&set->rows, info->ndd, "rows", err)) ||
        (rc = PCL_ZNEW(&set->shape, info->ndd, "rows", err)) ||
        (rc = pcl_shelf_put(&sets, set, &number, err))) {
        close_set(set);
        return rc;
    }
    const size_t nselected = casa_ms_selected(set->ms, &nrow_of_ms);
    pcl_wire_put_u64(out, number);
    pcl_wire_put_u64(out, nselected);
    pcl_wire_put_u64(out, nrow_of_ms);
    pcl_wire_put_info(out, info);
    return 0;
}

int serve_ms_open(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    return serve_open(in, out, false, err);
}

int serve_ms_open_rows(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    return serve_open(in, out, true, err);
}

int serve_ms_close(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    close_set(pcl_shelf_take(&sets, in));
    return pcl_serve_check(in, err);
}

int serve_ms_row_numbers(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    const open_ms *set = pcl_shelf_get(&sets, in);
    const uint64_t first = pcl_wire_get_u64(in), most = pcl_wire_get_u64(in);
    uint64_t *number = NULL;
    int rc = pcl_serve_check(in, err);
    if (rc)
        return rc;
    const size_t nselected = casa_ms_selected(set->ms, NULL);
    const size_t left = first < nselected ? nselected - (size_t)first : 0,
                 n = left < most ? left : (size_t)most;
    if ((rc = PCL_NEW(&number, n, "row numbers", err)))
        return rc;
    for (size_t i = 0; i < n; i++)
        number[i] = casa_ms_row_number(set->ms, (size_t)first + i);
    pcl_wire_put_array(out, number, n, sizeof *number);
    pcl_free(number);
    return 0;
}

int serve_ms_times(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    const open_ms *set = pcl_shelf_get(&sets, in);
    const size_t idd = (size_t)pcl_wire_get_u64(in);
    in->bad = in->bad || idd >= casa_ms_get_info(set->ms)->ndd;
    const int rc = pcl_serve_check(in, err);
    if (rc)
        return rc;
    const double *time_s;
    const size_t n = casa_ms_times(set->ms, idd, &time_s);
    pcl_wire_put_array(out, time_s, n, sizeof *time_s);
    return 0;
}

int serve_ms_count_rows(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    size_t ncut, nlast, *nrow = NULL;
    const open_ms *set = pcl_shelf_get(&sets, in);
    const uint64_t nslice = pcl_wire_get_u64(in);
    const size_t *cut = pcl_wire_get_array(in, &ncut, sizeof *cut);
    const double *last_time = pcl_wire_get_array(in, &nlast, sizeof *last_time);
    in->bad = in->bad || (cut && ncut != nslice + 1) || (last_time && nlast != nslice) ||
              (!cut && !last_time);
    int rc = pcl_serve_check(in, err);
    if (rc)
        return rc;
    const size_t n = (size_t)nslice * casa_ms_get_info(set->ms)->ndd;
    if ((rc = PCL_NEW(&nrow, n, "numbers of rows", err)))
        return rc;
    rc = casa_ms_count_rows(set->ms, (size_t)nslice, cut, last_time, nrow, err);
    if (!rc)
        pcl_wire_put_array(out, nrow, n, sizeof *nrow);
    pcl_free(nrow);
    return rc;
}

int serve_ms_read_times(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    double *time_s = NULL;
    const open_ms *set = pcl_shelf_get(&sets, in);
    int rc = pcl_serve_check(in, err);
    if (rc)
        return rc;
    const size_t n = casa_ms_selected(set->ms, NULL);
    if ((rc = PCL_NEW(&time_s, n, "times", err)))
        return rc;
    if (!(rc = casa_ms_read_times(set->ms, time_s, err)))
        pcl_wire_put_array(out, time_s, n, sizeof *time_s);
    pcl_free(time_s);
    return rc;
}

int serve_ms_field_direction(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_direction direction;
    const open_ms *set = pcl_shelf_get(&sets, in);
    const char *field = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_ms_field_direction(set->ms, field, &direction, err)))
        pcl_wire_put_struct(out, &direction, sizeof direction);
    return rc;
}

int serve_ms_largest_uvw(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    double(*uvw_m)[3] = NULL;
    const open_ms *set = pcl_shelf_get(&sets, in);
    const bool rotates = pcl_wire_get_u64(in) != 0;
    int rc = pcl_serve_check(in, err);
    if (rc)
        return rc;
    const casa_ms_info *info = casa_ms_get_info(set->ms);
    const double(*rotation)[3][3] =
        pcl_wire_get_exactly(in, rotates ? info->nfield : 0, sizeof *rotation);
    if ((rc = pcl_serve_check(in, err)))
        return rc;
    const size_t n = info->ndd;
    if ((rc = PCL_NEW(&uvw_m, n, "baselines", err)))
        return rc;
    if (!(rc = casa_ms_largest_uvw(set->ms, rotates ? rotation : NULL, uvw_m, err)))
        pcl_wire_put_array(out, uvw_m, n, sizeof *uvw_m);
    pcl_free(uvw_m);
    return rc;
}

/* Room for the counts of each channel of each data description, in one block. */
static int room_for_channels(const casa_ms_info *info, uint64_t ***of_chan, pclean_err *err) {
    uint64_t **list = NULL, *all = NULL;
    size_t n = 0;
    for (size_t i = 0; i < info->ndd; i++)
        n += info->dd[i].nchansel;
    int rc = PCL_ZNEW(&list, info->ndd + 1, "counts", err);
    if (rc || (rc = PCL_ZNEW(&all, n, "counts", err))) {
        pcl_free(list);
        return rc;
    }
    list[info->ndd] = all;
    for (size_t i = 0; i < info->ndd; i++) {
        list[i] = all;
        all += info->dd[i].nchansel;
    }
    *of_chan = list;
    return 0;
}

int serve_ms_count_samples(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    uint64_t *of_row = NULL, **of_chan = NULL;
    size_t nwant;
    const open_ms *set = pcl_shelf_get(&sets, in);
    const uint32_t *want = pcl_wire_get_array(in, &nwant, sizeof *want);
    const bool rows = pcl_wire_get_u64(in) != 0, channels = pcl_wire_get_u64(in) != 0;
    const casa_ms_info *info = set ? casa_ms_get_info(set->ms) : NULL;
    in->bad = in->bad || nwant != info->ndd;
    int rc = pcl_serve_check(in, err);
    if (rc)
        return rc;
    const size_t nselected = casa_ms_selected(set->ms, NULL);
    if (rows)
        rc = PCL_ZNEW(&of_row, nselected, "counts", err);
    if (!rc && channels)
        rc = room_for_channels(info, &of_chan, err);
    rc = rc ? rc : casa_ms_count_samples(set->ms, want, of_row, of_chan, err);
    if (!rc && rows)
        pcl_wire_put_array(out, of_row, nselected, sizeof *of_row);
    for (size_t i = 0; !rc && channels && i < info->ndd; i++)
        pcl_wire_put_array(out, of_chan[i], info->dd[i].nchansel, sizeof **of_chan);
    if (of_chan)
        pcl_free(of_chan[info->ndd]);
    pcl_free(of_chan);
    pcl_free(of_row);
    return rc;
}

/* ---- rows ---- */

/* Grows the block; *fresh: it is another file, which the caller does not know. */
static int grow(block *b, uint64_t size, bool *fresh, pclean_err *err) {
    *fresh = false;
    if (b->map && b->size >= size)
        return 0;
    if (b->map) {
        munmap(b->map, b->size);
        close(b->fd);
        b->map = NULL;
    }
    b->size = (size_t)size + (size_t)size / 8 + 65536; /* the next one may be a little larger */
    b->fd = memfd_create("pclean-rows", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *map = MAP_FAILED;
    if (b->fd >= 0 && ftruncate(b->fd, (off_t)b->size) == 0)
        map = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
    b->map = map == MAP_FAILED ? NULL : map;
    if (!b->map) {
        if (b->fd >= 0)
            close(b->fd);
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for rows: %s", strerror(errno));
    }
    *fresh = true;
    return 0;
}

/* What does not lie there already. */
static void copy_rows(const casa_ms_dd *dd, const casa_ms_rows *from, const casa_ms_rows *to) {
    const size_t n = from->nrow, cell = dd->nchansel * dd->ncorr;
    const struct {
        const void *to, *from;
        size_t bytes;
    } array[] = {{to->row, from->row, n * sizeof *from->row},
                 {to->time_s, from->time_s, n * sizeof *from->time_s},
                 {to->uvw_m, from->uvw_m, 3 * n * sizeof *from->uvw_m},
                 {to->field_id, from->field_id, n * sizeof *from->field_id},
                 {to->antenna1, from->antenna1, n * sizeof *from->antenna1},
                 {to->antenna2, from->antenna2, n * sizeof *from->antenna2},
                 {to->flag_row, from->flag_row, n * sizeof *from->flag_row},
                 {to->vis, from->vis, 2 * n * cell * sizeof *from->vis},
                 {to->flag, from->flag, n * cell * sizeof *from->flag},
                 {to->weight, from->weight, n * from->weight_nchan * dd->ncorr * sizeof(float)}};
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        if (array[i].bytes && array[i].to != array[i].from)
            memcpy((void *)(uintptr_t)array[i].to, array[i].from, array[i].bytes);
}

/* The block that rows are read into. */
typedef struct reading {
    open_ms *set;
    block *block;
    void *room;    /* where they go if no memory could be shared */
    uint64_t size; /* that they take */
    bool shared, fresh;
    int rc;
    pclean_err err;
} reading;

/* Without memory that can be shared (a limit of the size of files, ulimit -f, or no memory for
 * files) the rows go into the reply. */
static void make_block(reading *r, const casa_ms_rows *rows) {
    const casa_ms_info *info = casa_ms_get_info(r->set->ms);
    pcl_rows_shape *shape = r->set->shape;
    for (size_t i = 0; i < info->ndd; i++) {
        shape[i] = (pcl_rows_shape){
            .offset = r->size, .nrow = rows[i].nrow, .weight_nchan = rows[i].weight_nchan};
        r->size += pcl_rows_bytes(&info->dd[i], &shape[i]);
    }
    r->shared = grow(r->block, r->size, &r->fresh, NULL) == 0;
    if (!r->shared)
        r->rc = PCL_NEW((char **)&r->room, (size_t)r->size, "rows", &r->err);
}

static void *base_of(const reading *r) {
    return r->shared ? r->block->map : r->room;
}

/* A casa_ms_lend. */
static void lend_block(const casa_ms_rows *rows, casa_ms_room *room, void *user) {
    reading *r = user;
    const casa_ms_info *info = casa_ms_get_info(r->set->ms);
    make_block(r, rows);
    for (size_t i = 0; base_of(r) && i < info->ndd; i++) {
        casa_ms_rows to;
        if (pcl_rows_point(&info->dd[i], &r->set->shape[i], base_of(r), r->size, &to))
            room[i] = (casa_ms_room){.vis = (float *)(uintptr_t)to.vis,
                                     .weight = (float *)(uintptr_t)to.weight,
                                     .flag = (bool *)(uintptr_t)to.flag};
    }
}

static int put_rows(const reading *r, pcl_wire *out, pclean_err *err) {
    const open_ms *set = r->set;
    const casa_ms_info *info = casa_ms_get_info(set->ms);
    for (size_t i = 0; i < info->ndd; i++) {
        casa_ms_rows to;
        if (!pcl_rows_point(&info->dd[i], &set->shape[i], base_of(r), r->size, &to))
            return PCL_FAIL(err, PCLEAN_EBUG, "a block of rows is too small");
        copy_rows(&info->dd[i], &set->rows[i], &to);
    }
    pcl_wire_put_u64(out, r->size);
    pcl_wire_put_array(out, set->shape, info->ndd, sizeof *set->shape);
    pcl_wire_put_array(out, r->room, r->room ? (size_t)r->size : 0, 1);
    return 0;
}

int serve_ms_read(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    open_ms *set = pcl_shelf_get(&sets, in);
    const uint64_t irow = pcl_wire_get_u64(in), nrow = pcl_wire_get_u64(in),
                   turn = pcl_wire_get_u64(in);
    in->bad = in->bad || turn > 1;
    int rc = pcl_serve_check(in, err);
    if (rc)
        return rc;
    reading r = {.set = set, .block = &set->block[turn]};
    rc = casa_ms_read_into(set->ms, (size_t)irow, (size_t)nrow, lend_block, &r, set->rows, err);
    if (!rc && nrow == 0)
        make_block(&r, set->rows);
    if (!rc && r.rc) {
        *err = r.err;
        rc = r.rc;
    }
    rc = rc ? rc : put_rows(&r, out, err);
    pcl_free(r.room);
    *pass = r.shared && r.fresh ? r.block->fd : -1;
    return rc;
}
