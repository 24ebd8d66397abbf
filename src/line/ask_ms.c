/* MeasurementSets. Rows come through memory that both processes see, in two blocks by turns: while
 * the caller uses one, casacore reads the next rows into the other. */
#include "base/mem.h"
#include "casa/casa.h"
#include "line/line.h"
#include "wire/records.h"
#include "wire/rows.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBERS = 65536 }; /* row numbers fetched at a time */

/* A block of rows, as it is seen here. */
typedef struct block {
    int fd; /* of the shared memory; -1: not known yet */
    void *map;
    size_t size;
    pcl_wire reply; /* that says what is in it */
} block;

struct casa_ms {
    pcl_handle handle;
    char *path;
    casa_ms_info info; /* texts and numbers lie in the reply to opening */
    size_t nselected, nrow_of_ms;
    pcl_wire times; /* what casa_ms_times lends */
    pcl_wire numbers;
    const uint64_t *number; /* [nnumber] of the selected rows from first_number on */
    size_t first_number, nnumber;
    block block[2];
    pcl_ahead ahead;   /* the rows that are being read */
    size_t irow, nrow; /* of them */
    bool reading;
    size_t last; /* the row that the reading before began with; SIZE_MAX: there was none */
    int turn;    /* the block that is being filled */
};

static void unmap(block *b) {
    if (b->map)
        munmap(b->map, b->size);
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    b->map = NULL;
}

void casa_ms_close(casa_ms *ms) {
    if (!ms)
        return;
    pcl_line_drop(&ms->ahead);
    pcl_line_close(&ms->handle);
    for (size_t i = 0; i < 2; i++) {
        unmap(&ms->block[i]);
        pcl_wire_clear(&ms->block[i].reply);
    }
    pcl_wire_clear(&ms->times);
    pcl_wire_clear(&ms->numbers);
    pcl_free((void *)(uintptr_t)ms->info.dd);
    pcl_free((void *)(uintptr_t)ms->info.field);
    pcl_free((void *)(uintptr_t)ms->info.warning);
    pcl_free(ms->path);
    pcl_free(ms);
}

static int open_ms(enum pcl_call call, const char *path, const casa_ms_selection *sel,
                   casa_ms **out, pclean_err *err) {
    static const casa_ms_selection all;
    casa_ms *ms = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&ms, 1, "MeasurementSet", err);
    if (rc)
        return rc;
    ms->block[0].fd = ms->block[1].fd = ms->ahead.passed = -1;
    ms->ahead.doing = "reading the rows of";
    ms->last = SIZE_MAX;
    ms->handle.open = call;
    ms->handle.close = PCL_CALL_MS_CLOSE;
    if (!(rc = pcl_strdup(&ms->path, path ? path : "", err))) {
        ms->handle.path = ms->ahead.path = ms->path;
        pcl_wire_put_text(&ms->handle.request, ms->path);
        pcl_wire_put_selection(&ms->handle.request, sel ? sel : &all);
        rc = pcl_line_open(&ms->handle, "opening", err);
    }
    if (!rc) {
        ms->nselected = (size_t)pcl_wire_get_u64(&ms->handle.reply);
        ms->nrow_of_ms = (size_t)pcl_wire_get_u64(&ms->handle.reply);
        pcl_wire_get_info(&ms->handle.reply, &ms->info);
        rc = pcl_line_check(&(pcl_line_job){.path = path, .reply = &ms->handle.reply}, err);
    }
    if (rc)
        casa_ms_close(ms);
    else
        *out = ms;
    return rc;
}

int casa_ms_open(const char *path, const casa_ms_selection *sel, casa_ms **out, pclean_err *err) {
    return open_ms(PCL_CALL_MS_OPEN, path, sel, out, err);
}

int casa_ms_open_rows(const char *path, const casa_ms_selection *sel, casa_ms **out,
                      pclean_err *err) {
    return open_ms(PCL_CALL_MS_OPEN_ROWS, path, sel, out, err);
}

const casa_ms_info *casa_ms_get_info(const casa_ms *ms) {
    return &ms->info;
}

size_t casa_ms_selected(const casa_ms *ms, size_t *nrow_of_ms) {
    if (nrow_of_ms)
        *nrow_of_ms = ms->nrow_of_ms;
    return ms->nselected;
}

/* A call on the open MS, whose request is cleared. */
static int ask(casa_ms *ms, enum pcl_call call, const char *doing, pcl_wire *request,
               pcl_wire *reply, pclean_err *err) {
    pcl_handle *handle = &ms->handle;
    const int rc = pcl_line_call(&(pcl_line_job){.call = call,
                                                 .doing = doing,
                                                 .path = ms->path,
                                                 .repeat = true,
                                                 .handle = &handle,
                                                 .nhandle = 1,
                                                 .request = request,
                                                 .reply = reply},
                                 err);
    pcl_wire_clear(request);
    return rc;
}

static int check(const casa_ms *ms, pcl_wire *reply, pclean_err *err) {
    return pcl_line_check(&(pcl_line_job){.path = ms->path, .reply = reply}, err);
}

uint64_t casa_ms_row_number(const casa_ms *const_ms, size_t i) {
    casa_ms *ms = (casa_ms *)(uintptr_t)const_ms; /* what is kept of the last answer */
    if (!ms->number || i < ms->first_number || i - ms->first_number >= ms->nnumber) {
        pcl_wire request = {0};
        ms->number = NULL;
        pcl_line_put_handle(&request);
        pcl_wire_put_u64(&request, i);
        pcl_wire_put_u64(&request, NUMBERS);
        if (ask(ms, PCL_CALL_MS_ROW_NUMBERS, "reading", &request, &ms->numbers, NULL) != 0)
            return 0;
        ms->number = pcl_wire_get_array(&ms->numbers, &ms->nnumber, sizeof *ms->number);
        ms->first_number = i;
    }
    return ms->number && ms->nnumber ? ms->number[i - ms->first_number] : 0;
}

size_t casa_ms_times(casa_ms *ms, size_t idd, const double **time_s) {
    pcl_wire request = {0};
    size_t n = 0;
    *time_s = NULL;
    pcl_line_put_handle(&request);
    pcl_wire_put_u64(&request, idd);
    if (ask(ms, PCL_CALL_MS_TIMES, "reading", &request, &ms->times, NULL) == 0)
        *time_s = pcl_wire_get_array(&ms->times, &n, sizeof **time_s);
    return *time_s ? n : 0;
}

int casa_ms_count_rows(casa_ms *ms, size_t nslice, const size_t *cut, const double *last_time,
                       size_t *nrow, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    const size_t n = nslice * ms->info.ndd;
    pcl_line_put_handle(&request);
    pcl_wire_put_u64(&request, nslice);
    pcl_wire_put_array(&request, cut, cut ? nslice + 1 : 0, sizeof *cut);
    pcl_wire_put_array(&request, last_time, last_time ? nslice : 0, sizeof *last_time);
    int rc = ask(ms, PCL_CALL_MS_COUNT_ROWS, "counting the rows of", &request, &reply, err);
    if (!rc) {
        const size_t *got = pcl_wire_get_exactly(&reply, n, sizeof *got);
        if (!(rc = check(ms, &reply, err)) && n)
            memcpy(nrow, got, n * sizeof *nrow);
    }
    pcl_wire_clear(&reply);
    return rc;
}

int casa_ms_read_times(casa_ms *ms, double *time_s, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    pcl_line_put_handle(&request);
    int rc = ask(ms, PCL_CALL_MS_READ_TIMES, "reading the times of", &request, &reply, err);
    if (!rc) {
        const double *got = pcl_wire_get_exactly(&reply, ms->nselected, sizeof *got);
        if (!(rc = check(ms, &reply, err)) && ms->nselected)
            memcpy(time_s, got, ms->nselected * sizeof *time_s);
    }
    pcl_wire_clear(&reply);
    return rc;
}

int casa_ms_field_direction(casa_ms *ms, const char *field, casa_direction *out, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    *out = (casa_direction){0};
    pcl_line_put_handle(&request);
    pcl_wire_put_text(&request, field);
    int rc = ask(ms, PCL_CALL_MS_FIELD_DIRECTION, "finding a field of", &request, &reply, err);
    if (!rc) {
        pcl_wire_get_struct(&reply, out, sizeof *out);
        rc = check(ms, &reply, err);
    }
    pcl_wire_clear(&reply);
    return rc;
}

int casa_ms_largest_uvw(casa_ms *ms, const double (*rotation)[3][3], double (*uvw_m)[3],
                        pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    pcl_line_put_handle(&request);
    pcl_wire_put_u64(&request, rotation != NULL);
    pcl_wire_put_array(&request, rotation, rotation ? ms->info.nfield : 0, sizeof *rotation);
    int rc = ask(ms, PCL_CALL_MS_LARGEST_UVW, "reading the baselines of", &request, &reply, err);
    if (!rc) {
        const double(*got)[3] = pcl_wire_get_exactly(&reply, ms->info.ndd, sizeof *got);
        if (!(rc = check(ms, &reply, err)) && ms->info.ndd)
            memcpy(uvw_m, got, ms->info.ndd * sizeof *uvw_m);
    }
    pcl_wire_clear(&reply);
    return rc;
}

int casa_ms_count_samples(casa_ms *ms, const uint32_t *want, uint64_t *of_row,
                          uint64_t *const *of_chan, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    pcl_line_put_handle(&request);
    pcl_wire_put_array(&request, want, ms->info.ndd, sizeof *want);
    pcl_wire_put_u64(&request, of_row != NULL);
    pcl_wire_put_u64(&request, of_chan != NULL);
    int rc = ask(ms, PCL_CALL_MS_COUNT_SAMPLES, "counting the flags of", &request, &reply, err);
    if (!rc && of_row) {
        const uint64_t *got = pcl_wire_get_exactly(&reply, ms->nselected, sizeof *got);
        if (!pcl_wire_bad(&reply) && ms->nselected)
            memcpy(of_row, got, ms->nselected * sizeof *of_row);
    }
    for (size_t i = 0; !rc && of_chan && i < ms->info.ndd; i++) {
        const size_t n = ms->info.dd[i].nchansel;
        const uint64_t *got = pcl_wire_get_exactly(&reply, n, sizeof *got);
        if (!pcl_wire_bad(&reply) && n)
            memcpy(of_chan[i], got, n * sizeof *of_chan[i]);
    }
    rc = rc ? rc : check(ms, &reply, err);
    pcl_wire_clear(&reply);
    return rc;
}

/* ---- rows ---- */

static int begin_read(casa_ms *ms, size_t irow, size_t nrow, pclean_err *err) {
    uint64_t id;
    int rc = pcl_line_find(&ms->handle, &id, err);
    if (rc)
        return rc;
    pcl_wire *request = &ms->ahead.request;
    request->n = 0;
    request->bad = false;
    pcl_wire_put_u64(request, id);
    pcl_wire_put_u64(request, irow);
    pcl_wire_put_u64(request, nrow);
    pcl_wire_put_u64(request, (uint64_t)ms->turn);
    ms->irow = irow;
    ms->nrow = nrow;
    ms->reading = true;
    pcl_line_begin(&ms->ahead, PCL_CALL_MS_READ);
    return 0;
}

/* The block has at least `size` bytes; a descriptor comes with the first reply that uses it, and
 * whenever its memory is another. */
static int map_block(casa_ms *ms, block *b, int passed, uint64_t size, pclean_err *err) {
    struct stat status;
    if (passed >= 0) {
        unmap(b);
        b->fd = passed;
    }
    if (b->fd < 0 || fstat(b->fd, &status) != 0 || (uint64_t)status.st_size < size)
        return PCL_FAIL(err, PCLEAN_EBUG, "%s: casacore's process has sent no rows", ms->path);
    if (b->map && b->size >= size)
        return 0;
    if (b->map)
        munmap(b->map, b->size);
    b->size = (size_t)status.st_size;
    b->map = mmap(NULL, b->size, PROT_READ, MAP_SHARED, b->fd, 0);
    if (b->map == MAP_FAILED) {
        b->map = NULL;
        return PCL_FAIL(err, PCLEAN_ENOMEM, "%s: no memory for its rows", ms->path);
    }
    return 0;
}

/* What the reply says of the rows in the block; where no memory could be shared they are in the
 * reply itself, which is kept as long as the block would be. */
static int take_rows(casa_ms *ms, block *b, casa_ms_rows *rows, pclean_err *err) {
    const pcl_wire kept = b->reply;
    b->reply = ms->ahead.reply;
    ms->ahead.reply = kept;
    const uint64_t size = pcl_wire_get_u64(&b->reply);
    const pcl_rows_shape *shape = pcl_wire_get_exactly(&b->reply, ms->info.ndd, sizeof *shape);
    size_t n;
    const void *inside = pcl_wire_get_array(&b->reply, &n, 1);
    const int passed = ms->ahead.passed;
    ms->ahead.passed = -1;
    int rc = check(ms, &b->reply, err);
    if (!rc && !inside)
        rc = map_block(ms, b, passed, size, err);
    void *base = inside ? (void *)(uintptr_t)inside : b->map;
    const uint64_t room = inside ? n : size;
    for (size_t i = 0; !rc && i < ms->info.ndd; i++)
        if (!pcl_rows_point(&ms->info.dd[i], &shape[i], base, room, &rows[i]))
            rc = PCL_FAIL(err, PCLEAN_EBUG, "%s: casacore's process has sent rows of another size",
                          ms->path);
    return rc;
}

/* Reads ahead where the rows to come can be told: as far behind these as these are behind the ones
 * before. */
static int begin_next(casa_ms *ms, size_t irow, size_t nrow, pclean_err *err) {
    const size_t last = ms->last, next = irow + (irow - last);
    ms->last = irow;
    if (last == SIZE_MAX || last >= irow || next >= ms->info.nrow)
        return 0;
    return begin_read(ms, next, next + nrow < ms->info.nrow ? nrow : ms->info.nrow - next, err);
}

/* The reply to begin_read: 0, or a failure; *again: its process has died, or was another's. */
static int finish_read(casa_ms *ms, casa_ms_rows *rows, bool *again, pclean_err *err) {
    const bool arrived = pcl_line_finish(&ms->ahead);
    ms->reading = false;
    *again = !arrived;
    if (ms->ahead.status && err)
        *err = ms->ahead.err;
    return ms->ahead.status || !arrived ? ms->ahead.status
                                        : take_rows(ms, &ms->block[ms->turn], rows, err);
}

/* Rows that were read ahead and are not wanted; a block that came with them is kept. */
static void skip_read(casa_ms *ms) {
    ms->reading = false;
    if (pcl_line_finish(&ms->ahead) && ms->ahead.passed >= 0)
        (void)!map_block(ms, &ms->block[ms->turn], ms->ahead.passed, 0, NULL);
}

int casa_ms_read(casa_ms *ms, size_t irow, size_t nrow, casa_ms_rows *rows, pclean_err *err) {
    bool again = true;
    int rc = 0;
    memset(rows, 0, ms->info.ndd * sizeof *rows);
    if (ms->reading && (ms->irow != irow || ms->nrow != nrow))
        skip_read(ms);
    for (int attempt = 0; again && attempt < 3; attempt++) {
        if (!ms->reading && (rc = begin_read(ms, irow, nrow, err)))
            return rc;
        rc = finish_read(ms, rows, &again, err);
    }
    if (rc)
        return rc;
    if (again)
        return PCL_FAIL(err, PCLEAN_EIO, "%s: casacore's process does not answer", ms->path);
    ms->turn = 1 - ms->turn;
    return begin_next(ms, irow, nrow, err);
}
