/* quantity.h: "1arcsec", "230.5GHz", "10km/s" <-> SI numbers. */
#ifndef PCL_QUANTITY_H
#define PCL_QUANTITY_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum pcl_dimension {
    PCL_DIM_NONE,     /* a bare number */
    PCL_DIM_ANGLE,    /* rad: deg arcmin arcsec mas uas marcsec uarcsec rad, ' and " */
    PCL_DIM_FREQ,     /* Hz: Hz kHz MHz GHz THz */
    PCL_DIM_VELOCITY, /* m/s: m/s km/s */
    PCL_DIM_FLUX,     /* Jy: uJy mJy Jy kJy, optionally followed by /beam */
    PCL_DIM_LENGTH,   /* m: m km cm mm */
    PCL_DIM_TIME,     /* s: s min h d */
    PCL_DIM_LAMBDA,   /* wavelengths: lambda klambda Mlambda Glambda */
    PCL_DIM_BYTES     /* bytes: B kB MB GB TB KiB MiB GiB TiB */
};

typedef struct pcl_quantity {
    double value; /* SI, in the unit named above */
    enum pcl_dimension dim;
} pcl_quantity;

/* Parses "number[ ]unit" (blanks around allowed). Unit letters are case sensitive where SI is (mJy,
 * MJy), otherwise not ("10arcsec" = "10ARCSEC", "1.4ghz"). A bare number has PCL_DIM_NONE. Rejects
 * trailing text, NaN and Inf. */
int pcl_quantity_parse(const char *text, pcl_quantity *out, pclean_err *err) PCL_CHECK;

/* As above, but the dimension must be `dim`; a bare number is taken in `default_unit` ("arcsec",
 * "Jy", ...; NULL: refused). */
int pcl_quantity_parse_as(const char *text, enum pcl_dimension dim, const char *default_unit,
                          double *si, pclean_err *err) PCL_CHECK;

const char *pcl_dimension_name(enum pcl_dimension dim);

/* Human text: pcl_format_freq(1.4123e9) -> "1.4123 GHz", angle -> "15 arcsec", flux -> "12.3 mJy",
 * bytes -> "1.2 GiB". */
void pcl_format_si(char *buf, size_t size, double value, enum pcl_dimension dim);

/* Sky angles: "12h34m56.7s", "12:34:56.7" (hours for a longitude, degrees for a latitude),
 * "-05d04m03.2s", "-05.04.03.2", "123.4deg". Radians out. */
int pcl_parse_longitude(const char *text, double *rad, pclean_err *err) PCL_CHECK;
int pcl_parse_latitude(const char *text, double *rad, pclean_err *err) PCL_CHECK;

#endif
