/* CASA images. */
#include "base/fsutil.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "line/line.h"
#include "wire/records.h"
#include <string.h>

/* A request that is sent and cleared; nothing but success is answered. */
static int send_only(pcl_line_job job, pcl_wire *request, bool *died, pclean_err *err) {
    pcl_wire reply = {0};
    job.request = request;
    job.reply = &reply;
    job.died = died;
    const int rc = pcl_line_call(&job, err);
    pcl_wire_clear(request);
    pcl_wire_clear(&reply);
    return rc;
}

int casa_image_create(const char *path, const casa_image_desc *desc, const bool *mask,
                      casa_image_layout *layout, pclean_err *err) {
    pcl_wire request = {0}, reply = {0};
    const pcl_line_job job = {.call = PCL_CALL_IMAGE_CREATE,
                              .doing = "making",
                              .path = path,
                              .repeat = true,
                              .makes = true,
                              .request = &request,
                              .reply = &reply};
    *layout = (casa_image_layout){0};
    pcl_wire_put_text(&request, path);
    pcl_wire_put_desc(&request, desc);
    pcl_wire_put_array(&request, mask, mask ? desc->nx * desc->ny : 0, sizeof *mask);
    int rc = pcl_line_call(&job, err);
    if (!rc) {
        pcl_wire_get_struct(&reply, layout, sizeof *layout);
        rc = pcl_line_check(&job, err);
    }
    pcl_wire_clear(&request);
    pcl_wire_clear(&reply);
    return rc;
}

/* A failure that names the copy of an image's header names the image. */
static void name_image(pclean_err *err, const char *fresh, const char *path) {
    const size_t n = strlen(fresh), m = strlen(path);
    if (err && strncmp(err->msg, fresh, n) == 0)
        memmove(err->msg + m, err->msg + n, strlen(err->msg + n) + 1);
}

/* Beams and history go into a copy of the header; the files of pixels move over when that has been
 * read back. So it can be done again when the process dies, and the image stays as it was if that
 * fails too. */
int casa_image_finish(const char *path, const casa_beam *beams, size_t nbeam,
                      const char *const *history, size_t nhistory, pclean_err *err) {
    char *fresh = NULL;
    int rc = pcl_asprintf(&fresh, err, "%s.header", path);
    for (int attempt = 0; !rc; attempt++) {
        pcl_wire request = {0};
        const pcl_line_job job = {
            .call = PCL_CALL_IMAGE_FINISH, .doing = "finishing the header of", .path = path};
        bool died = false;
        if ((rc = pcl_fs_remove_tree(fresh, err)) ||
            (rc = pcl_fs_copy_tree(path, fresh, PCL_FS_LEAVE_TILES, err)))
            break;
        pcl_wire_put_text(&request, fresh);
        pcl_wire_put_array(&request, beams, beams ? nbeam : 0, sizeof *beams);
        pcl_wire_put_texts(&request, history, nhistory);
        rc = send_only(job, &request, &died, err);
        if (!died || attempt == 1)
            break;
        rc = 0;
    }
    if (!rc && !(rc = pcl_fs_take_tiles(fresh, err)))
        rc = pcl_fs_publish(fresh, path, true, err);
    if (rc && fresh) {
        name_image(err, fresh, path);
        (void)!pcl_fs_remove_tree(fresh, NULL);
    }
    pcl_free(fresh);
    return rc;
}

int casa_image_read_back(const char *path, size_t nhistory, pclean_err *err) {
    pcl_wire request = {0};
    pcl_wire_put_text(&request, path);
    pcl_wire_put_u64(&request, nhistory);
    return send_only((pcl_line_job){.call = PCL_CALL_IMAGE_READ_BACK,
                                    .doing = "reading",
                                    .path = path,
                                    .limit_s = PCL_LINE_LIMIT_S,
                                    .repeat = true},
                     &request, NULL, err);
}

struct casa_image {
    pcl_handle handle;
    char *path;
    pcl_wire desc; /* what casa_image_get_desc lends */
};

void casa_image_close(casa_image *im) {
    if (!im)
        return;
    pcl_line_close(&im->handle);
    pcl_wire_clear(&im->desc);
    pcl_free(im->path);
    pcl_free(im);
}

int casa_image_open(const char *path, casa_image **out, pclean_err *err) {
    casa_image *im = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&im, 1, "image", err);
    if (rc)
        return rc;
    im->handle.open = PCL_CALL_IMAGE_OPEN;
    im->handle.close = PCL_CALL_IMAGE_CLOSE;
    if (!(rc = pcl_strdup(&im->path, path, err))) {
        im->handle.path = im->path;
        pcl_wire_put_text(&im->handle.request, path);
        rc = pcl_line_open(&im->handle, "opening", err);
    }
    if (rc)
        casa_image_close(im);
    else
        *out = im;
    return rc;
}

/* Which plane is meant, and whether its mask is wanted. */
typedef struct plane {
    size_t ipol, ichan;
    bool mask;
} plane;

/* A call on an open image; reply is the caller's to read and clear, also after a failure. */
static int ask(casa_image *im, enum pcl_call call, const plane *which, pcl_wire *reply,
               pclean_err *err) {
    pcl_wire request = {0};
    pcl_handle *handle = &im->handle;
    pcl_line_put_handle(&request);
    pcl_wire_put_u64(&request, which->ipol);
    pcl_wire_put_u64(&request, which->ichan);
    pcl_wire_put_u64(&request, which->mask);
    const int rc = pcl_line_call(
        &(pcl_line_job){.call = call,
                        .doing = "reading",
                        .path = im->path,
                        .limit_s = call == PCL_CALL_IMAGE_PLANE ? 0 : PCL_LINE_LIMIT_S,
                        .repeat = true,
                        .handle = &handle,
                        .nhandle = 1,
                        .request = &request,
                        .reply = reply},
        err);
    pcl_wire_clear(&request);
    return rc;
}

static int check(const casa_image *im, pcl_wire *reply, pclean_err *err) {
    return pcl_line_check(&(pcl_line_job){.path = im->path, .reply = reply}, err);
}

int casa_image_get_desc(casa_image *im, casa_image_desc *desc, pclean_err *err) {
    *desc = (casa_image_desc){0};
    int rc = 0;
    if (im->desc.n == 0)
        rc = ask(im, PCL_CALL_IMAGE_DESC, &(plane){0}, &im->desc, err);
    if (rc) {
        pcl_wire_clear(&im->desc);
        return rc;
    }
    im->desc.at = 0;
    pcl_wire_get_desc(&im->desc, desc);
    return check(im, &im->desc, err);
}

int casa_image_read_plane(casa_image *im, size_t ipol, size_t ichan, float *pixels, bool *mask,
                          pclean_err *err) {
    pcl_wire reply = {0};
    int rc = ask(im, PCL_CALL_IMAGE_PLANE, &(plane){ipol, ichan, mask != NULL}, &reply, err);
    if (!rc) {
        casa_image_desc desc;
        if (!(rc = casa_image_get_desc(im, &desc, err))) {
            const size_t n = desc.nx * desc.ny;
            const float *from = pcl_wire_get_exactly(&reply, n, sizeof *from);
            const bool *good = mask ? pcl_wire_get_exactly(&reply, n, sizeof *good) : NULL;
            if (!(rc = check(im, &reply, err))) {
                memcpy(pixels, from, n * sizeof *pixels);
                if (mask)
                    memcpy(mask, good, n * sizeof *mask);
            }
        }
    }
    pcl_wire_clear(&reply);
    return rc;
}

int casa_image_get_beam(casa_image *im, size_t ipol, size_t ichan, casa_beam *beam, bool *has,
                        pclean_err *err) {
    pcl_wire reply = {0};
    int rc = ask(im, PCL_CALL_IMAGE_BEAM, &(plane){ipol, ichan, false}, &reply, err);
    *beam = (casa_beam){0};
    *has = false;
    if (!rc) {
        pcl_wire_get_struct(&reply, beam, sizeof *beam);
        *has = pcl_wire_get_u64(&reply) != 0;
        rc = check(im, &reply, err);
    }
    pcl_wire_clear(&reply);
    return rc;
}

int casa_image_get_beams(casa_image *im, casa_beam *beams, bool *any, pclean_err *err) {
    pcl_wire reply = {0};
    casa_image_desc desc;
    *any = false;
    int rc = casa_image_get_desc(im, &desc, err);
    if (!rc && !(rc = ask(im, PCL_CALL_IMAGE_BEAMS, &(plane){0}, &reply, err))) {
        const size_t n = desc.nchan * desc.npol;
        const casa_beam *from = pcl_wire_get_exactly(&reply, n, sizeof *from);
        *any = pcl_wire_get_u64(&reply) != 0;
        if (!(rc = check(im, &reply, err)))
            memcpy(beams, from, n * sizeof *beams);
    }
    pcl_wire_clear(&reply);
    return rc;
}
