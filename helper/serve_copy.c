/* Tables copied under other managers. */
#include "base/mem.h"
#include "casa/casa.h"
#include "serve.h"
#include "wire/records.h"

static pcl_shelf copies;

int serve_copy_check(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    const char *path = pcl_wire_get_text(in);
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_copy_check(path, err);
}

int serve_copy_open(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_copy_spec spec;
    casa_copy_info info;
    casa_copy *copy = NULL;
    uint64_t number = 0;
    pcl_wire_get_copy_spec(in, &spec);
    int rc = pcl_serve_check(in, err);
    rc = rc ? rc : casa_copy_open(&spec, &copy, &info, err);
    pcl_wire_clear_copy_spec(&spec);
    if (rc)
        return rc;
    if ((rc = pcl_shelf_put(&copies, copy, &number, err))) {
        casa_copy_close(copy);
        return rc;
    }
    pcl_wire_put_u64(out, number);
    pcl_wire_put_struct(out, &info, sizeof info);
    return 0;
}

int serve_copy_close(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    casa_copy_close(pcl_shelf_take(&copies, in));
    return pcl_serve_check(in, err);
}

/* What all calls on a copy have in front. */
static casa_copy *get_copy(pcl_wire *in, const char **path, uint64_t *number) {
    casa_copy *copy = pcl_shelf_get(&copies, in);
    *path = pcl_wire_get_text(in);
    *number = pcl_wire_get_u64(in);
    return copy;
}

int serve_copy_create(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    const char *path;
    uint64_t number;
    casa_copy *copy = get_copy(in, &path, &number);
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_copy_create(copy, path, err);
}

int serve_copy_finish(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    const char *path;
    uint64_t number;
    casa_copy *copy = get_copy(in, &path, &number);
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_copy_finish(copy, err);
}

int serve_copy_reopen(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    const char *path;
    uint64_t all;
    casa_copy *copy = get_copy(in, &path, &all);
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_copy_reopen(copy, path, all != 0, err);
}

static int step(int (*act)(casa_copy *, uint64_t *, bool *, pclean_err *), pcl_wire *in,
                pcl_wire *out, pclean_err *err) {
    const char *path;
    uint64_t number, bytes = 0;
    bool more = false;
    casa_copy *copy = get_copy(in, &path, &number);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = act(copy, &bytes, &more, err))) {
        pcl_wire_put_u64(out, bytes);
        pcl_wire_put_u64(out, more);
    }
    return rc;
}

int serve_copy_step(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    return step(casa_copy_step, in, out, err);
}

int serve_copy_compare(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    return step(casa_copy_compare, in, out, err);
}

int serve_copy_windows(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    int *spw = NULL, *spw_of_ddid = NULL;
    size_t nspw, nddid;
    const char *path = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_copy_windows(path, &spw, &nspw, &spw_of_ddid, &nddid, err))) {
        pcl_wire_put_array(out, spw, nspw, sizeof *spw);
        pcl_wire_put_array(out, spw_of_ddid, nddid, sizeof *spw_of_ddid);
    }
    pcl_free(spw);
    pcl_free(spw_of_ddid);
    return rc;
}
