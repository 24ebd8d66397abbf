/* Sky directions and spectral frames. */
#include "casa/casa.h"
#include "line/line.h"
#include "wire/records.h"
#include <string.h>

static const double limit_s = PCL_LINE_LIMIT_S;

/* Sends the request; the results are [n] of `size` bytes each. Both messages are cleared. */
static int convert(enum pcl_call call, pcl_wire *request, void *out, size_t n, size_t size,
                   pclean_err *err) {
    pcl_wire reply = {0};
    const pcl_line_job job = {.call = call,
                              .doing = "converting",
                              .limit_s = limit_s,
                              .repeat = true,
                              .request = request,
                              .reply = &reply};
    int rc = pcl_line_call(&job, err);
    if (!rc) {
        const void *values = pcl_wire_get_exactly(&reply, n, size);
        if (values && n)
            memcpy(out, values, n * size);
        rc = pcl_line_check(&job, err);
    }
    pcl_wire_clear(request);
    pcl_wire_clear(&reply);
    return rc;
}

int casa_direction_parse(const char *text, casa_direction *out, pclean_err *err) {
    pcl_wire request = {0};
    *out = (casa_direction){0};
    pcl_wire_put_text(&request, text);
    return convert(PCL_CALL_DIRECTION_PARSE, &request, out, 1, sizeof *out, err);
}

int casa_direction_convert(const casa_direction *in, int to_frame, casa_direction *out,
                           pclean_err *err) {
    pcl_wire request = {0};
    pcl_wire_put_struct(&request, in, sizeof *in);
    pcl_wire_put_u64(&request, (uint64_t)to_frame);
    *out = (casa_direction){0};
    return convert(PCL_CALL_DIRECTION_CONVERT, &request, out, 1, sizeof *out, err);
}

int casa_doppler(const casa_frame_change *change, size_t ntime, const double *time_s,
                 double *factor, pclean_err *err) {
    pcl_wire request = {0};
    for (size_t i = 0; i < ntime; i++)
        factor[i] = change->from == change->to ? 1.0 : 0.0;
    pcl_wire_put_change(&request, change);
    pcl_wire_put_array(&request, time_s, ntime, sizeof *time_s);
    return convert(PCL_CALL_DOPPLER, &request, factor, ntime, sizeof *factor, err);
}

int casa_freq_convert(const casa_frame_change *change, double time_s, size_t n,
                      const double *freq_hz, double *out_hz, pclean_err *err) {
    pcl_wire request = {0};
    pcl_wire_put_change(&request, change);
    pcl_wire_put_double(&request, time_s);
    pcl_wire_put_array(&request, freq_hz, n, sizeof *freq_hz);
    return convert(PCL_CALL_FREQ_CONVERT, &request, out_hz, n, sizeof *out_hz, err);
}
