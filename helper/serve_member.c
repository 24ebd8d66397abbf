/* Images to be joined. */
#include "base/mem.h"
#include "casa/join.h"
#include "serve.h"

static pcl_shelf members;

int serve_member_open(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_member *m = NULL;
    uint64_t number = 0;
    const char *path = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = casa_member_open(path, &m, err)))
        return rc;
    if ((rc = pcl_shelf_put(&members, m, &number, err))) {
        casa_member_close(m);
        return rc;
    }
    const casa_member_info *info = casa_member_get_info(m);
    pcl_wire_put_u64(out, number);
    pcl_wire_put_struct(out, info, sizeof *info);
    pcl_wire_put_text(out, info->path);
    pcl_wire_put_text(out, info->type);
    return 0;
}

int serve_member_close(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    casa_member_close(pcl_shelf_take(&members, in));
    return pcl_serve_check(in, err);
}

int serve_member_axis(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_member_axis axis;
    casa_member *m = pcl_shelf_get(&members, in);
    const size_t iaxis = (size_t)pcl_wire_get_u64(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_member_get_axis(m, iaxis, &axis, err))) {
        pcl_wire_put_struct(out, &axis, sizeof axis);
        pcl_wire_put_array(out, axis.value, axis.value ? axis.n : 0, sizeof *axis.value);
        pcl_wire_put_text(out, axis.frame);
    }
    return rc;
}

int serve_member_try_history(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    casa_member *m = pcl_shelf_get(&members, in);
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_member_try_history(m, err);
}

int serve_member_find_history(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    bool found;
    casa_member *m = pcl_shelf_get(&members, in);
    const char *text = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_member_find_history(m, text, &found, err)))
        pcl_wire_put_u64(out, found);
    return rc;
}

int serve_member_compare(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    casa_member *a = pcl_shelf_get(&members, in), *b = pcl_shelf_get(&members, in);
    const size_t axis = (size_t)pcl_wire_get_u64(in);
    const bool relax = pcl_wire_get_u64(in) != 0;
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_member_compare(a, b, axis, relax, err);
}

/* The members come first, behind their number. */
int serve_join_create(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    casa_join join;
    casa_member **part = NULL;
    size_t nvalue;
    const uint64_t npart = pcl_wire_get_u64(in);
    in->bad = in->bad || npart > in->n / 8;
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = PCL_NEW(&part, (size_t)npart, "images", err)))
        return rc;
    for (size_t i = 0; i < npart; i++)
        part[i] = pcl_shelf_get(&members, in);
    const char *path = pcl_wire_get_text(in);
    pcl_wire_get_struct(in, &join, sizeof join);
    join.member = part;
    in->bad = in->bad || join.nmember != npart;
    join.value = pcl_wire_get_array(in, &nvalue, sizeof *join.value);
    const char **history = pcl_wire_get_texts(in, &join.nhistory);
    join.history = history;
    if (!(rc = pcl_serve_check(in, err)))
        rc = casa_join_create(path, &join, err);
    pcl_free(history);
    pcl_free(part);
    return rc;
}

int serve_default_tile(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    size_t ndim, tile[CASA_MAX_DIM];
    const size_t *shape = pcl_wire_get_array(in, &ndim, sizeof *shape);
    in->bad = in->bad || ndim > CASA_MAX_DIM;
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_default_tile(ndim, shape, tile, err)))
        pcl_wire_put_array(out, tile, ndim, sizeof *tile);
    return rc;
}
