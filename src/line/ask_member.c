/* Images to be joined. */
#include "base/mem.h"
#include "casa/join.h"
#include "line/line.h"
#include "wire/wire.h"
#include <string.h>

struct casa_member {
    pcl_handle handle;
    char *path;
    casa_member_info info; /* its texts lie in the reply to opening */
    pcl_wire axis;         /* what casa_member_get_axis lends */
};

void casa_member_close(casa_member *m) {
    if (!m)
        return;
    pcl_line_close(&m->handle);
    pcl_wire_clear(&m->axis);
    pcl_free(m->path);
    pcl_free(m);
}

int casa_member_open(const char *path, casa_member **out, pclean_err *err) {
    casa_member *m = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&m, 1, "image", err);
    if (rc)
        return rc;
    m->handle.open = PCL_CALL_MEMBER_OPEN;
    m->handle.close = PCL_CALL_MEMBER_CLOSE;
    if (!(rc = pcl_strdup(&m->path, path, err))) {
        m->handle.path = m->path;
        pcl_wire_put_text(&m->handle.request, path);
        rc = pcl_line_open(&m->handle, "reading", err);
    }
    if (!rc) {
        pcl_wire *reply = &m->handle.reply;
        pcl_wire_get_struct(reply, &m->info, sizeof m->info);
        m->info.path = pcl_wire_get_text(reply);
        m->info.type = pcl_wire_get_text(reply);
        rc = pcl_line_check(&(pcl_line_job){.path = path, .reply = reply}, err);
    }
    if (rc)
        casa_member_close(m);
    else
        *out = m;
    return rc;
}

const casa_member_info *casa_member_get_info(const casa_member *m) {
    return &m->info;
}

/* The call on n members; the request has room for their handles. Clears it. */
static int ask(enum pcl_call call, const casa_member *const *member, size_t n, pcl_wire *request,
               pcl_wire *reply, pclean_err *err) {
    pcl_handle *handle[2];
    for (size_t i = 0; i < n; i++)
        handle[i] = (pcl_handle *)(uintptr_t)&member[i]->handle;
    const int rc = pcl_line_call(&(pcl_line_job){.call = call,
                                                 .doing = "reading",
                                                 .path = member[0]->path,
                                                 .limit_s = PCL_LINE_LIMIT_S,
                                                 .repeat = true,
                                                 .handle = handle,
                                                 .nhandle = n,
                                                 .request = request,
                                                 .reply = reply},
                                 err);
    pcl_wire_clear(request);
    return rc;
}

int casa_member_get_axis(casa_member *m, size_t axis, casa_member_axis *out, pclean_err *err) {
    pcl_wire request = {0};
    const casa_member *const member[] = {m};
    *out = (casa_member_axis){0};
    pcl_line_put_handle(&request);
    pcl_wire_put_u64(&request, axis);
    int rc = ask(PCL_CALL_MEMBER_AXIS, member, 1, &request, &m->axis, err);
    if (rc)
        return rc;
    pcl_wire_get_struct(&m->axis, out, sizeof *out);
    const bool known = out->value != NULL;
    out->value = pcl_wire_get_exactly(&m->axis, known ? out->n : 0, sizeof *out->value);
    out->frame = pcl_wire_get_text(&m->axis);
    return pcl_line_check(&(pcl_line_job){.path = m->path, .reply = &m->axis}, err);
}

int casa_member_try_history(const casa_member *m, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    pcl_line_put_handle(&request);
    const int rc = ask(PCL_CALL_MEMBER_TRY_HISTORY, &m, 1, &request, &reply, err);
    pcl_wire_clear(&reply);
    return rc;
}

int casa_member_find_history(const casa_member *m, const char *text, bool *found, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    *found = false;
    pcl_line_put_handle(&request);
    pcl_wire_put_text(&request, text);
    const int rc = ask(PCL_CALL_MEMBER_FIND_HISTORY, &m, 1, &request, &reply, err);
    if (!rc)
        *found = pcl_wire_get_u64(&reply) != 0;
    pcl_wire_clear(&reply);
    return rc;
}

int casa_member_compare(const casa_member *a, const casa_member *b, size_t axis, bool relax,
                        pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    const casa_member *const member[] = {a, b};
    pcl_line_put_handle(&request);
    pcl_line_put_handle(&request);
    pcl_wire_put_u64(&request, axis);
    pcl_wire_put_u64(&request, relax);
    const int rc = ask(PCL_CALL_MEMBER_COMPARE, member, 2, &request, &reply, err);
    pcl_wire_clear(&reply);
    return rc;
}

int casa_join_create(const char *path, const casa_join *join, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    pcl_handle **handle = NULL;
    int rc = PCL_NEW(&handle, join->nmember, "images", err);
    if (rc)
        return rc;
    uint64_t total = 0;
    pcl_wire_put_u64(&request, join->nmember);
    for (size_t i = 0; i < join->nmember; i++) {
        handle[i] = &join->member[i]->handle;
        const casa_tiles *t = &join->member[i]->info.pixels;
        total += join->axis < t->ndim ? t->shape[join->axis] : 0;
        pcl_line_put_handle(&request);
    }
    pcl_wire_put_text(&request, path);
    pcl_wire_put_struct(&request, join, sizeof *join);
    pcl_wire_put_array(&request, join->value, join->value ? (size_t)total : 0, sizeof(double));
    pcl_wire_put_texts(&request, join->history, join->nhistory);
    rc = pcl_line_call(&(pcl_line_job){.call = PCL_CALL_JOIN_CREATE,
                                       .doing = "making",
                                       .path = path,
                                       .repeat = true,
                                       .makes = true,
                                       .handle = handle,
                                       .nhandle = join->nmember,
                                       .counted = true,
                                       .request = &request,
                                       .reply = &reply},
                       err);
    pcl_free(handle);
    pcl_wire_clear(&request);
    pcl_wire_clear(&reply);
    return rc;
}

int casa_default_tile(size_t ndim, const size_t *shape, size_t *tile, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    pcl_wire_put_array(&request, shape, ndim, sizeof *shape);
    const pcl_line_job job = {.call = PCL_CALL_DEFAULT_TILE,
                              .doing = "asking",
                              .limit_s = PCL_LINE_LIMIT_S,
                              .repeat = true,
                              .request = &request,
                              .reply = &reply};
    int rc = pcl_line_call(&job, err);
    if (!rc) {
        const size_t *got = pcl_wire_get_exactly(&reply, ndim, sizeof *got);
        if (!(rc = pcl_line_check(&job, err)))
            memcpy(tile, got, ndim * sizeof *tile);
    }
    pcl_wire_clear(&request);
    pcl_wire_clear(&reply);
    return rc;
}
