#include "imager/primary_beam.h"
#include "config/config.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

void pcl_primary_beam_reach(const pcl_setup *s, double reach[2]) {
    reach[0] = reach[1] = 0;
    for (size_t i = 0; i < s->npointing; i++) {
        reach[0] = fmax(reach[0], fabs(s->pointing[i][0] - s->desc.crpix_x));
        reach[1] = fmax(reach[1], fabs(s->pointing[i][1] - s->desc.crpix_y));
    }
}

static void fill_one(const pcl_primary_beam *beam, size_t pointing, size_t y, size_t ny,
                     float *out) {
    const pcl_setup *s = beam->setup;
    const pcl_raster raster = {s->desc.nx, ny, s->config->cell_rad[0], s->config->cell_rad[1]};
    pcl_pb_fill(&beam->model, &raster, s->pointing[pointing][0],
                s->pointing[pointing][1] - (double)y, out);
}

static void add_row(const pcl_primary_beam *beam, size_t y, float *sum) {
    const size_t nx = beam->setup->desc.nx;
    memset(sum, 0, nx * sizeof *sum);
    for (size_t i = 0; i < beam->setup->npointing; i++) {
        fill_one(beam, i, y, 1, beam->row);
        for (size_t x = 0; x < nx; x++)
            sum[x] += beam->row[x];
    }
}

int pcl_primary_beam_init(const pcl_setup *s, double freq_hz, pcl_primary_beam *out,
                          pclean_err *err) {
    *out = (pcl_primary_beam){.setup = s, .scale = 1};
    int rc = pcl_pb_init(&out->model, s->desc.telescope, s->dish_diameter_m, s->channels.first_hz,
                         freq_hz, err);
    if (rc || s->npointing < 2)
        return rc;
    const size_t nx = s->desc.nx;
    if ((rc = PCL_NEW(&out->row, 2 * nx, "row of a primary beam", err)))
        return rc;
    float *sum = out->row + nx, most = 0;
    for (size_t y = 0; y < s->desc.ny; y++) {
        add_row(out, y, sum);
        for (size_t x = 0; x < nx; x++)
            most = sum[x] > most ? sum[x] : most;
    }
    out->scale = most > 0 ? 1 / most : 0;
    return 0;
}

void pcl_primary_beam_clear(pcl_primary_beam *beam) {
    pcl_free(beam->row);
    beam->row = NULL;
}

void pcl_primary_beam_rows(const pcl_primary_beam *beam, size_t y, size_t ny, float *out) {
    const size_t nx = beam->setup->desc.nx;
    if (!beam->row)
        fill_one(beam, 0, y, ny, out);
    for (size_t k = 0; beam->row && k < ny; k++) {
        add_row(beam, y + k, out + k * nx);
        for (size_t x = 0; x < nx; x++)
            out[k * nx + x] *= beam->scale;
    }
    pcl_pb_cut(out, ny * nx, (float)beam->setup->config->pblimit);
}
