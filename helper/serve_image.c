/* CASA images. */
#include "base/mem.h"
#include "casa/casa.h"
#include "serve.h"
#include "wire/records.h"

static pcl_shelf images;

int serve_image_create(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_image_desc desc;
    casa_image_layout layout;
    size_t n;
    const char *path = pcl_wire_get_text(in);
    pcl_wire_get_desc(in, &desc);
    const bool *mask = pcl_wire_get_array(in, &n, sizeof *mask);
    in->bad = in->bad || (mask && n != desc.nx * desc.ny);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_image_create(path, &desc, mask, &layout, err)))
        pcl_wire_put_struct(out, &layout, sizeof layout);
    return rc;
}

int serve_image_finish(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    size_t nbeam, nhistory;
    const char *path = pcl_wire_get_text(in);
    const casa_beam *beams = pcl_wire_get_array(in, &nbeam, sizeof *beams);
    const char **history = pcl_wire_get_texts(in, &nhistory);
    int rc = pcl_serve_check(in, err);
    rc = rc ? rc : casa_image_finish(path, beams, nbeam, history, nhistory, err);
    pcl_free(history);
    return rc;
}

int serve_image_read_back(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    const char *path = pcl_wire_get_text(in);
    const size_t nhistory = (size_t)pcl_wire_get_u64(in);
    const int rc = pcl_serve_check(in, err);
    return rc ? rc : casa_image_read_back(path, nhistory, err);
}

int serve_image_open(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_image *im = NULL;
    uint64_t number = 0;
    const char *path = pcl_wire_get_text(in);
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = casa_image_open(path, &im, err)))
        return rc;
    if ((rc = pcl_shelf_put(&images, im, &number, err)))
        casa_image_close(im);
    pcl_wire_put_u64(out, number);
    return rc;
}

int serve_image_close(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)out;
    (void)pass;
    casa_image_close(pcl_shelf_take(&images, in));
    return pcl_serve_check(in, err);
}

int serve_image_desc(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_image_desc desc;
    casa_image *im = pcl_shelf_get(&images, in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_image_get_desc(im, &desc, err)))
        pcl_wire_put_desc(out, &desc);
    return rc;
}

int serve_image_plane(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_image_desc desc;
    casa_image *im = pcl_shelf_get(&images, in);
    const size_t ipol = (size_t)pcl_wire_get_u64(in), ichan = (size_t)pcl_wire_get_u64(in);
    const bool want_mask = pcl_wire_get_u64(in) != 0;
    float *pixels = NULL;
    bool *mask = NULL;
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = casa_image_get_desc(im, &desc, err)))
        return rc;
    const size_t n = desc.nx * desc.ny;
    if (!(rc = PCL_NEW(&pixels, n, "plane", err)) && want_mask)
        rc = PCL_NEW(&mask, n, "mask", err);
    if (!rc && !(rc = casa_image_read_plane(im, ipol, ichan, pixels, mask, err))) {
        pcl_wire_put_array(out, pixels, n, sizeof *pixels);
        if (want_mask)
            pcl_wire_put_array(out, mask, n, sizeof *mask);
    }
    pcl_free(pixels);
    pcl_free(mask);
    return rc;
}

int serve_image_beam(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_beam beam;
    bool has;
    casa_image *im = pcl_shelf_get(&images, in);
    const size_t ipol = (size_t)pcl_wire_get_u64(in), ichan = (size_t)pcl_wire_get_u64(in);
    int rc = pcl_serve_check(in, err);
    if (!rc && !(rc = casa_image_get_beam(im, ipol, ichan, &beam, &has, err))) {
        pcl_wire_put_struct(out, &beam, sizeof beam);
        pcl_wire_put_u64(out, has);
    }
    return rc;
}

int serve_image_beams(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err) {
    (void)pass;
    casa_image_desc desc;
    casa_beam *beams = NULL;
    bool any = false;
    casa_image *im = pcl_shelf_get(&images, in);
    for (int i = 0; i < 3; i++) /* no plane is meant */
        (void)pcl_wire_get_u64(in);
    int rc = pcl_serve_check(in, err);
    if (rc || (rc = casa_image_get_desc(im, &desc, err)))
        return rc;
    const size_t n = desc.nchan * desc.npol;
    if (!(rc = PCL_NEW(&beams, n, "beams", err)) &&
        !(rc = casa_image_get_beams(im, beams, &any, err))) {
        pcl_wire_put_array(out, beams, n, sizeof *beams);
        pcl_wire_put_u64(out, any);
    }
    pcl_free(beams);
    return rc;
}
