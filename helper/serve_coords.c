/* Sky directions, spectral frames, and tables of any kind. */
#include "base/mem.h"
#include "casa/casa.h"
#include "serve.h"
#include "wire/records.h"

int serve_direction_parse(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_direction direction;
    const char *text = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_direction_parse(text, &direction, err)))
        pcl_wire_put_array(out, &direction, 1, sizeof direction);
    return rc;
}

int serve_direction_convert(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_direction from, to;
    pcl_wire_get_struct(in, &from, sizeof from);
    const int frame = (int)pcl_wire_get_u64(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_direction_convert(&from, frame, &to, err)))
        pcl_wire_put_array(out, &to, 1, sizeof to);
    return rc;
}

/* The results of a conversion, [n]. */
static int put_doubles(pcl_wire *out, int rc, double *value, size_t n) {
    if (!rc)
        pcl_wire_put_array(out, value, n, sizeof *value);
    pcl_free(value);
    return rc;
}

int serve_doppler(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_frame_change change;
    double *factor = NULL;
    size_t n;
    pcl_wire_get_change(in, &change);
    const double *time_s = pcl_wire_get_array(in, &n, sizeof *time_s);
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = PCL_NEW(&factor, n, "factors", err)))
        return rc;
    rc = casa_doppler(&change, n, time_s, factor, err);
    return put_doubles(out, rc, factor, n);
}

int serve_freq_convert(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_frame_change change;
    double *to_hz = NULL;
    size_t n;
    pcl_wire_get_change(in, &change);
    const double time_s = pcl_wire_get_double(in);
    const double *freq_hz = pcl_wire_get_array(in, &n, sizeof *freq_hz);
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = PCL_NEW(&to_hz, n, "frequencies", err)))
        return rc;
    rc = casa_freq_convert(&change, time_s, n, freq_hz, to_hz, err);
    return put_doubles(out, rc, to_hz, n);
}

/* A NULL-terminated list, which is freed. */
static void put_list(pcl_wire *out, char **list) {
    size_t n = 0;
    while (list[n])
        n++;
    pcl_wire_put_texts(out, (const char *const *)list, n);
    pcl_free(list);
}

int serve_table_folders(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    char **folders = NULL;
    const char *path = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_table_folders(path, &folders, err)))
        put_list(out, folders);
    return rc;
}

int serve_adios2_load(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)in;
    (void)pass;
    const int rc = casa_adios2_load(err);
    if (!rc)
        pcl_wire_put_text(out, casa_adios2_version());
    return rc;
}

int serve_adios2_try(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    const char *path = pcl_wire_get_text(in);
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_adios2_try(path, err);
}

int serve_adios2_columns(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    char **columns = NULL, engine[32];
    const char *path = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_adios2_columns(path, &columns, engine, err))) {
        pcl_wire_put_text(out, engine);
        put_list(out, columns);
    }
    return rc;
}
