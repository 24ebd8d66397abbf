/* Tables of any kind: their folders, copies under other managers, the manager Adios2StMan. */
#include "base/mem.h"
#include "casa/casa.h"
#include "line/line.h"
#include "wire/records.h"
#include <stdio.h>
#include <string.h>

/* A call that takes a path; what it answers is the caller's to read and to clear. */
static int ask(enum pcl_call call, const char *doing, const char *path, double limit_s,
               pcl_wire *reply, pclean_err *err) {
    pcl_wire request = {0};
    pcl_wire_put_text(&request, path);
    const int rc = pcl_line_call(&(pcl_line_job){.call = call,
                                                 .doing = doing,
                                                 .path = path,
                                                 .limit_s = limit_s,
                                                 .repeat = true,
                                                 .request = &request,
                                                 .reply = reply},
                                 err);
    pcl_wire_clear(&request);
    return rc;
}

static int check(const char *path, pcl_wire *reply, pclean_err *err) {
    const int rc = pcl_line_check(&(pcl_line_job){.path = path, .reply = reply}, err);
    pcl_wire_clear(reply);
    return rc;
}

int casa_table_folders(const char *path, char ***folders, pclean_err *err) {
    pcl_wire reply = {0};
    *folders = NULL;
    int rc = ask(PCL_CALL_TABLE_FOLDERS, "reading", path, PCL_LINE_LIMIT_S, &reply, err);
    if (!rc)
        *folders = pcl_wire_copy_texts(&reply);
    return rc ? (pcl_wire_clear(&reply), rc) : check(path, &reply, err);
}

/* ---- the storage manager ---- */

const char *casa_adios2_folder(void) {
    return pcl_line_fact(PCL_LINE_ADIOS2_FOLDER);
}

const char *casa_library_path(void) {
    return pcl_line_fact(PCL_LINE_LIBRARY);
}

const char *casa_version(void) {
    return pcl_line_fact(PCL_LINE_CASACORE);
}

static _Thread_local char adios2_version[64];

int casa_adios2_load(pclean_err *err) {
    pcl_wire reply = {0};
    const int rc =
        ask(PCL_CALL_ADIOS2_LOAD, "loading", "Adios2StMan", PCL_LINE_LIMIT_S, &reply, err);
    const char *version = rc ? NULL : pcl_wire_get_text(&reply);
    if (version)
        snprintf(adios2_version, sizeof adios2_version, "%s", version);
    pcl_wire_clear(&reply);
    return rc;
}

const char *casa_adios2_version(void) {
    return adios2_version;
}

int casa_adios2_try(const char *path, pclean_err *err) {
    pcl_wire reply = {0}, request = {0};
    pcl_wire_put_text(&request, path);
    const int rc = pcl_line_call(&(pcl_line_job){.call = PCL_CALL_ADIOS2_TRY,
                                                 .doing = "trying",
                                                 .path = path,
                                                 .makes = true,
                                                 .request = &request,
                                                 .reply = &reply},
                                 err);
    pcl_wire_clear(&request);
    pcl_wire_clear(&reply);
    return rc;
}

int casa_adios2_columns(const char *path, char ***columns, char engine[32], pclean_err *err) {
    pcl_wire reply = {0};
    *columns = NULL;
    engine[0] = '\0';
    int rc = ask(PCL_CALL_ADIOS2_COLUMNS, "reading", path, PCL_LINE_LIMIT_S, &reply, err);
    if (rc) {
        pcl_wire_clear(&reply);
        return rc;
    }
    const char *name = pcl_wire_get_text(&reply);
    snprintf(engine, 32, "%s", name ? name : "");
    *columns = pcl_wire_copy_texts(&reply);
    return check(path, &reply, err);
}

/* ---- copies ---- */

struct casa_copy {
    pcl_handle handle;
    char *path;
};

int casa_copy_check(const char *path, pclean_err *err) {
    pcl_wire reply = {0};
    const int rc = ask(PCL_CALL_COPY_CHECK, "reading", path, PCL_LINE_LIMIT_S, &reply, err);
    pcl_wire_clear(&reply);
    return rc;
}

void casa_copy_close(casa_copy *copy) {
    if (!copy)
        return;
    pcl_line_close(&copy->handle);
    pcl_free(copy->path);
    pcl_free(copy);
}

int casa_copy_open(const casa_copy_spec *spec, casa_copy **out, casa_copy_info *info,
                   pclean_err *err) {
    casa_copy *c = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&c, 1, "table", err);
    if (rc)
        return rc;
    c->handle.open = PCL_CALL_COPY_OPEN;
    c->handle.close = PCL_CALL_COPY_CLOSE;
    if (!(rc = pcl_strdup(&c->path, spec->path, err))) {
        c->handle.path = c->path;
        pcl_wire_put_copy_spec(&c->handle.request, spec);
        rc = pcl_line_open(&c->handle, "opening", err);
    }
    if (!rc) {
        pcl_wire_get_struct(&c->handle.reply, info, sizeof *info);
        rc = pcl_line_check(&(pcl_line_job){.path = spec->path, .reply = &c->handle.reply}, err);
    }
    if (rc)
        casa_copy_close(c);
    else
        *out = c;
    return rc;
}

/* A call on a copy; path: what it writes or compares, NULL: nothing new. What was open there is
 * half done after a death, so nothing is repeated. */
static int act(casa_copy *copy, enum pcl_call call, const char *doing, const char *path,
               uint64_t number, pcl_wire *reply, pclean_err *err) {
    pcl_wire request = {0};
    pcl_handle *handle = &copy->handle;
    pcl_line_put_handle(&request);
    pcl_wire_put_text(&request, path);
    pcl_wire_put_u64(&request, number);
    const int rc = pcl_line_call(&(pcl_line_job){.call = call,
                                                 .doing = doing,
                                                 .path = path ? path : copy->path,
                                                 .handle = &handle,
                                                 .nhandle = 1,
                                                 .request = &request,
                                                 .reply = reply},
                                 err);
    pcl_wire_clear(&request);
    return rc;
}

static int act_only(casa_copy *copy, enum pcl_call call, const char *doing, const char *path,
                    uint64_t number, pclean_err *err) {
    pcl_wire reply = {0};
    const int rc = act(copy, call, doing, path, number, &reply, err);
    pcl_wire_clear(&reply);
    return rc;
}

int casa_copy_create(casa_copy *copy, const char *out, pclean_err *err) {
    return act_only(copy, PCL_CALL_COPY_CREATE, "making", out, 0, err);
}

int casa_copy_finish(casa_copy *copy, pclean_err *err) {
    return act_only(copy, PCL_CALL_COPY_FINISH, "copying", NULL, 0, err);
}

int casa_copy_reopen(casa_copy *copy, const char *out, bool all, pclean_err *err) {
    return act_only(copy, PCL_CALL_COPY_REOPEN, "reading", out, all, err);
}

static int step(casa_copy *copy, enum pcl_call call, const char *doing, uint64_t *bytes, bool *more,
                pclean_err *err) {
    pcl_wire reply = {0};
    *bytes = 0;
    *more = false;
    const int rc = act(copy, call, doing, NULL, 0, &reply, err);
    if (!rc) {
        *bytes = pcl_wire_get_u64(&reply);
        *more = pcl_wire_get_u64(&reply) != 0;
    }
    return rc ? (pcl_wire_clear(&reply), rc) : check(copy->path, &reply, err);
}

int casa_copy_step(casa_copy *copy, uint64_t *bytes, bool *more, pclean_err *err) {
    return step(copy, PCL_CALL_COPY_STEP, "copying", bytes, more, err);
}

int casa_copy_compare(casa_copy *copy, uint64_t *bytes, bool *more, pclean_err *err) {
    return step(copy, PCL_CALL_COPY_COMPARE, "comparing", bytes, more, err);
}

/* An array of ints that is the caller's. */
static int *own_ints(pcl_wire *reply, size_t *n) {
    int *own = NULL;
    const int *from = pcl_wire_get_array(reply, n, sizeof *from);
    if (!reply->bad && PCL_NEW(&own, *n, "numbers", NULL) == 0 && *n)
        memcpy(own, from, *n * sizeof *own);
    reply->bad = reply->bad || !own;
    return own;
}

int casa_copy_windows(const char *path, int **spw, size_t *nspw, int **spw_of_ddid, size_t *nddid,
                      pclean_err *err) {
    pcl_wire reply = {0};
    *spw = *spw_of_ddid = NULL;
    *nspw = *nddid = 0;
    int rc = ask(PCL_CALL_COPY_WINDOWS, "reading", path, PCL_LINE_LIMIT_S, &reply, err);
    if (rc) {
        pcl_wire_clear(&reply);
        return rc;
    }
    *spw = own_ints(&reply, nspw);
    *spw_of_ddid = own_ints(&reply, nddid);
    if ((rc = check(path, &reply, err))) {
        pcl_free(*spw);
        pcl_free(*spw_of_ddid);
        *spw = *spw_of_ddid = NULL;
    }
    return rc;
}
