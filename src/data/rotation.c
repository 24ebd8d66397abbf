#include "data/rotation.h"

#include <math.h>
#include <string.h>

#include "casa/casa.h"

static const double C_M_S = 299792458.0;

static void unit_vector(const casa_direction *d, double v[3]) {
    v[0] = cos(d->lat_rad) * cos(d->lon_rad);
    v[1] = cos(d->lat_rad) * sin(d->lon_rad);
    v[2] = sin(d->lat_rad);
}

static double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double out[3]) {
    for (int i = 0; i < 3; i++)
        out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
}

/* East and north at a direction, from its own angles: at the pole they follow the longitude. */
static void own_basis(const casa_direction *d, double basis[3][3]) {
    const double east[3] = {-sin(d->lon_rad), cos(d->lon_rad), 0};
    unit_vector(d, basis[2]);
    memcpy(basis[0], east, sizeof east);
    cross(basis[2], basis[0], basis[1]);
}

/* The basis at a direction of another frame: each of its vectors is a direction that goes over. The
 * way there may be no pure rotation (aberration), so that they are made orthogonal again. */
static int basis_in_frame(const casa_direction *d, int frame, double basis[3][3], pclean_err *err) {
    own_basis(d, basis);
    if (d->frame == frame)
        return 0;
    const double lat = asin(fmax(-1, fmin(1, basis[1][2]))), lon = atan2(basis[1][1], basis[1][0]);
    const casa_direction north = {d->frame, lon, lat};
    casa_direction s, n;
    int rc;
    if ((rc = casa_direction_convert(d, frame, &s, err)) ||
        (rc = casa_direction_convert(&north, frame, &n, err)))
        return rc;
    double to_north[3];
    unit_vector(&s, basis[2]);
    unit_vector(&n, to_north);
    cross(to_north, basis[2], basis[0]);
    const double size = sqrt(dot(basis[0], basis[0]));
    for (int i = 0; i < 3; i++)
        basis[0][i] /= size;
    cross(basis[2], basis[0], basis[1]);
    return 0;
}

int pcl_rotation_make(const casa_direction *field, const casa_direction *centre, pcl_rotation *out,
                      pclean_err *err) {
    *out =
        (pcl_rotation){.none = field->frame == centre->frame && field->lon_rad == centre->lon_rad &&
                               field->lat_rad == centre->lat_rad};
    double from[3][3], to[3][3];
    own_basis(centre, to);
    int rc = basis_in_frame(field, centre->frame, from, err);
    if (rc)
        return rc;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out->uvw[i][j] = dot(to[i], from[j]);
    /* 1 - s'.s = |s' - s|^2 / 2 */
    double between[3];
    for (int i = 0; i < 3; i++)
        between[i] = to[2][i] - from[2][i];
    out->path[0] = out->uvw[2][0];
    out->path[1] = out->uvw[2][1];
    out->path[2] = -0.5 * dot(between, between);
    out->offset_rad = 2 * asin(fmin(1, 0.5 * sqrt(dot(between, between))));
    out->l = out->uvw[0][2];
    out->m = out->uvw[1][2];
    return 0;
}

double pcl_rotation_apply(const pcl_rotation *r, const double uvw_m[3], double out_m[3]) {
    for (int i = 0; i < 3; i++)
        out_m[i] = dot(r->uvw[i], uvw_m);
    return dot(r->path, uvw_m);
}

void pcl_rotation_phasors(size_t n, const double *path_m, double freq_hz, float (*phasor)[2]) {
    for (size_t k = 0; k < n; k++) {
        const double turns = path_m[k] * freq_hz / C_M_S,
                     angle = -2 * M_PI * (turns - floor(turns + 0.5));
        phasor[k][0] = (float)cos(angle);
        phasor[k][1] = (float)sin(angle);
    }
}

void pcl_rotation_turn(size_t n, const float (*phasor)[2], float *vis) {
    for (size_t k = 0; k < n; k++) {
        const float re = vis[2 * k], im = vis[2 * k + 1], c = phasor[k][0], s = phasor[k][1];
        vis[2 * k] = re * c - im * s;
        vis[2 * k + 1] = re * s + im * c;
    }
}
