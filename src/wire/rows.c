#include "wire/rows.h"

enum { NARRAY = 10, ALIGN = 64 };

/* Bytes of each array, in the order of casa_ms_rows. */
static bool sizes(const casa_ms_dd *dd, const pcl_rows_shape *s, uint64_t bytes[NARRAY]) {
    const uint64_t cell = (uint64_t)dd->nchansel * dd->ncorr, most = (uint64_t)1 << 48;
    const uint64_t of_row[NARRAY] = {
        sizeof(uint64_t),    sizeof(double),
        3 * sizeof(double),  sizeof(int),
        sizeof(int),         sizeof(int),
        sizeof(bool),        cell * 8,
        cell * sizeof(bool), s->weight_nchan * dd->ncorr * sizeof(float)};
    for (size_t i = 0; i < NARRAY; i++) {
        if (of_row[i] && s->nrow > most / of_row[i])
            return false;
        bytes[i] = (s->nrow * of_row[i] + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
    }
    return true;
}

uint64_t pcl_rows_bytes(const casa_ms_dd *dd, const pcl_rows_shape *shape) {
    uint64_t bytes[NARRAY], sum = 0;
    if (!sizes(dd, shape, bytes))
        return UINT64_MAX;
    for (size_t i = 0; i < NARRAY; i++)
        sum += bytes[i];
    return sum;
}

bool pcl_rows_point(const casa_ms_dd *dd, const pcl_rows_shape *shape, void *base, uint64_t size,
                    casa_ms_rows *rows) {
    uint64_t bytes[NARRAY];
    const uint64_t sum = pcl_rows_bytes(dd, shape);
    if (sum > size || shape->offset > size - sum || !sizes(dd, shape, bytes))
        return false;
    const char *at[NARRAY];
    at[0] = (const char *)base + shape->offset;
    for (size_t i = 1; i < NARRAY; i++)
        at[i] = at[i - 1] + bytes[i - 1];
    *rows = (casa_ms_rows){.nrow = (size_t)shape->nrow,
                           .row = (const void *)at[0],
                           .time_s = (const void *)at[1],
                           .uvw_m = (const void *)at[2],
                           .field_id = (const void *)at[3],
                           .antenna1 = (const void *)at[4],
                           .antenna2 = (const void *)at[5],
                           .flag_row = (const void *)at[6],
                           .vis = (const void *)at[7],
                           .flag = (const void *)at[8],
                           .weight = (const void *)at[9],
                           .weight_nchan = (size_t)shape->weight_nchan};
    return true;
}
