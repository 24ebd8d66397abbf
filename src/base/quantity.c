#include "base/quantity.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PI     3.14159265358979323846
#define DEGREE (PI / 180)

/* value_si = value * mul / div. A division by a power of ten rounds once, a product with 1e-3
 * twice: "5mJy" must be the same number as "0.005Jy". `si` marks units whose first letter's case
 * carries meaning (milli and mega). */
struct unit {
    const char *name;
    enum pcl_dimension dim;
    double mul, div;
    bool si;
};
static const struct unit units[] = {
    {"deg", PCL_DIM_ANGLE, PI / 180, 1, false},
    {"arcmin", PCL_DIM_ANGLE, PI / 10800, 1, false},
    {"arcsec", PCL_DIM_ANGLE, PI / 648000, 1, false},
    {"mas", PCL_DIM_ANGLE, PI / 648000, 1e3, true},
    {"uas", PCL_DIM_ANGLE, PI / 648000, 1e6, false},
    {"marcsec", PCL_DIM_ANGLE, PI / 648000, 1e3, true},
    {"uarcsec", PCL_DIM_ANGLE, PI / 648000, 1e6, false},
    {"rad", PCL_DIM_ANGLE, 1, 1, false},
    {"'", PCL_DIM_ANGLE, PI / 10800, 1, false},
    {"\"", PCL_DIM_ANGLE, PI / 648000, 1, false},
    {"Hz", PCL_DIM_FREQ, 1, 1, false},
    {"kHz", PCL_DIM_FREQ, 1e3, 1, false},
    {"MHz", PCL_DIM_FREQ, 1e6, 1, true},
    {"GHz", PCL_DIM_FREQ, 1e9, 1, false},
    {"THz", PCL_DIM_FREQ, 1e12, 1, false},
    {"m/s", PCL_DIM_VELOCITY, 1, 1, true},
    {"km/s", PCL_DIM_VELOCITY, 1e3, 1, false},
    {"uJy", PCL_DIM_FLUX, 1, 1e6, false},
    {"mJy", PCL_DIM_FLUX, 1, 1e3, true},
    {"Jy", PCL_DIM_FLUX, 1, 1, false},
    {"kJy", PCL_DIM_FLUX, 1e3, 1, false},
    {"MJy", PCL_DIM_FLUX, 1e6, 1, true},
    {"m", PCL_DIM_LENGTH, 1, 1, true},
    {"km", PCL_DIM_LENGTH, 1e3, 1, false},
    {"cm", PCL_DIM_LENGTH, 1, 1e2, false},
    {"mm", PCL_DIM_LENGTH, 1, 1e3, true},
    {"s", PCL_DIM_TIME, 1, 1, false},
    {"min", PCL_DIM_TIME, 60, 1, true},
    {"h", PCL_DIM_TIME, 3600, 1, false},
    {"d", PCL_DIM_TIME, 86400, 1, false},
    {"lambda", PCL_DIM_LAMBDA, 1, 1, false},
    {"klambda", PCL_DIM_LAMBDA, 1e3, 1, false},
    {"Mlambda", PCL_DIM_LAMBDA, 1e6, 1, true},
    {"Glambda", PCL_DIM_LAMBDA, 1e9, 1, false},
    {"B", PCL_DIM_BYTES, 1, 1, false},
    {"kB", PCL_DIM_BYTES, 1e3, 1, false},
    {"MB", PCL_DIM_BYTES, 1e6, 1, false},
    {"GB", PCL_DIM_BYTES, 1e9, 1, false},
    {"TB", PCL_DIM_BYTES, 1e12, 1, false},
    {"KiB", PCL_DIM_BYTES, 1024.0, 1, false},
    {"MiB", PCL_DIM_BYTES, 1048576.0, 1, false},
    {"GiB", PCL_DIM_BYTES, 1073741824.0, 1, false},
    {"TiB", PCL_DIM_BYTES, 1099511627776.0, 1, false},
};
#define NUNIT (sizeof units / sizeof units[0])

const char *pcl_dimension_name(enum pcl_dimension dim) {
    switch (dim) {
    case PCL_DIM_NONE:
        return "number";
    case PCL_DIM_ANGLE:
        return "angle";
    case PCL_DIM_FREQ:
        return "frequency";
    case PCL_DIM_VELOCITY:
        return "velocity";
    case PCL_DIM_FLUX:
        return "flux density";
    case PCL_DIM_LENGTH:
        return "length";
    case PCL_DIM_TIME:
        return "time";
    case PCL_DIM_LAMBDA:
        return "number of wavelengths";
    case PCL_DIM_BYTES:
        return "number of bytes";
    }
    return "quantity";
}

static const char *example_units(enum pcl_dimension dim) {
    switch (dim) {
    case PCL_DIM_ANGLE:
        return "deg, arcmin, arcsec, mas, rad";
    case PCL_DIM_FREQ:
        return "Hz, kHz, MHz, GHz, THz";
    case PCL_DIM_VELOCITY:
        return "m/s, km/s";
    case PCL_DIM_FLUX:
        return "Jy, mJy, uJy";
    case PCL_DIM_LENGTH:
        return "m, km, cm, mm";
    case PCL_DIM_TIME:
        return "s, min, h, d";
    case PCL_DIM_LAMBDA:
        return "lambda, klambda, Mlambda";
    case PCL_DIM_BYTES:
        return "B, kB, MB, GB, KiB, MiB, GiB";
    case PCL_DIM_NONE:
        break;
    }
    return "none";
}

static const char *skip_blanks(const char *s) {
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* A decimal number only: strtod alone would also take "inf", "nan" and hexadecimal. NULL if there
 * is none. */
static const char *scan_number(const char *s, double *value) {
    const char *digits = s + (*s == '+' || *s == '-');
    if (!isdigit((unsigned char)digits[0]) &&
        !(digits[0] == '.' && isdigit((unsigned char)digits[1])))
        return NULL;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
        return NULL;
    char *end;
    *value = strtod(s, &end);
    return isfinite(*value) ? end : NULL;
}

/* Copies the unit without blanks around it; "/beam" after a flux is dropped. false: too long to be
 * one. */
static bool copy_unit(char *unit, size_t size, const char *s) {
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        n--;
    if (n >= size)
        return false;
    memcpy(unit, s, n);
    unit[n] = '\0';
    if (n > 7 && strcasecmp(unit + n - 5, "/beam") == 0 && strcasecmp(unit + n - 7, "Jy/beam") == 0)
        unit[n - 5] = '\0';
    return true;
}

static const struct unit *find_unit(const char *name) {
    for (size_t i = 0; i < NUNIT; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    for (size_t i = 0; i < NUNIT; i++)
        if (strcasecmp(units[i].name, name) == 0 && (!units[i].si || units[i].name[0] == name[0]))
            return &units[i];
    return NULL;
}

/* The unit meant when only the case is wrong ("mHz"), for the message. */
static const char *same_but_case(const char *name) {
    for (size_t i = 0; i < NUNIT; i++)
        if (strcasecmp(units[i].name, name) == 0)
            return units[i].name;
    return NULL;
}

static int unknown_unit(const char *text, const char *unit, pclean_err *err) {
    const char *near = same_but_case(unit);
    if (near)
        return PCL_FAIL(err, PCLEAN_EPARAM, "\"%s\": no unit is called \"%s\"; did you mean %s?",
                        text, unit, near);
    return PCL_FAIL(err, PCLEAN_EPARAM, "\"%s\": no unit is called \"%s\"", text, unit);
}

int pcl_quantity_parse(const char *text, pcl_quantity *out, pclean_err *err) {
    *out = (pcl_quantity){0};
    double value;
    const char *rest = scan_number(skip_blanks(text), &value);
    if (!rest)
        return PCL_FAIL(err, PCLEAN_EPARAM, "\"%s\" does not begin with a finite number", text);
    char name[24];
    if (!copy_unit(name, sizeof name, skip_blanks(rest)))
        return PCL_FAIL(err, PCLEAN_EPARAM, "\"%.80s\": the number is not followed by a unit",
                        text);
    if (name[0] == '\0') {
        *out = (pcl_quantity){value, PCL_DIM_NONE};
        return 0;
    }
    const struct unit *unit = find_unit(name);
    if (!unit)
        return unknown_unit(text, name, err);
    double si = value * unit->mul / unit->div;
    if (!isfinite(si))
        return PCL_FAIL(err, PCLEAN_EPARAM, "\"%s\" is too large to be represented", text);
    *out = (pcl_quantity){si, unit->dim};
    return 0;
}

int pcl_quantity_parse_as(const char *text, enum pcl_dimension dim, const char *default_unit,
                          double *si, pclean_err *err) {
    *si = 0;
    pcl_quantity q;
    int rc = pcl_quantity_parse(text, &q, err);
    if (rc)
        return rc;
    if (q.dim == PCL_DIM_NONE && default_unit) {
        const struct unit *unit = find_unit(default_unit);
        if (!unit)
            return PCL_FAIL(err, PCLEAN_EBUG, "no unit is called \"%s\"", default_unit);
        q = (pcl_quantity){q.value * unit->mul / unit->div, unit->dim};
    }
    if (q.dim != dim)
        return PCL_FAIL(err, PCLEAN_EPARAM, "\"%s\" is of the kind %s; needed is: %s (units: %s)",
                        text, pcl_dimension_name(q.dim), pcl_dimension_name(dim),
                        example_units(dim));
    *si = q.value;
    return 0;
}

struct scale {
    double from; /* the scale is used for |value| >= from (SI) */
    double unit;
    const char *name;
};

static void format_scaled(char *buf, size_t size, double value, const struct scale *scale,
                          const char *format) {
    double a = fabs(value);
    while (scale[1].name && a < scale->from)
        scale++;
    char number[32];
    snprintf(number, sizeof number, format, value / scale->unit);
    snprintf(buf, size, "%s %s", number, scale->name);
}

void pcl_format_si(char *buf, size_t size, double value, enum pcl_dimension dim) {
    static const struct scale freq[] = {{1e12, 1e12, "THz"}, {1e9, 1e9, "GHz"}, {1e6, 1e6, "MHz"},
                                        {1e3, 1e3, "kHz"},   {0, 1, "Hz"},      {0, 1, NULL}};
    static const struct scale angle[] = {{PI / 180, PI / 180, "deg"},
                                         {PI / 5400, PI / 10800, "arcmin"},
                                         {PI / 6480000, PI / 648000, "arcsec"},
                                         {PI / 648000e4, PI / 648000e3, "mas"},
                                         {0, PI / 648000e6, "uas"},
                                         {0, 1, NULL}};
    static const struct scale velocity[] = {{1e3, 1e3, "km/s"}, {0, 1, "m/s"}, {0, 1, NULL}};
    static const struct scale flux[] = {
        {1, 1, "Jy"}, {1e-3, 1e-3, "mJy"}, {0, 1e-6, "uJy"}, {0, 1, NULL}};
    static const struct scale length[] = {
        {1e3, 1e3, "km"}, {1, 1, "m"}, {1e-2, 1e-2, "cm"}, {0, 1e-3, "mm"}, {0, 1, NULL}};
    static const struct scale time[] = {
        {172800, 86400, "d"}, {7200, 3600, "h"}, {120, 60, "min"}, {0, 1, "s"}, {0, 1, NULL}};
    static const struct scale lambda[] = {{1e9, 1e9, "Glambda"},
                                          {1e6, 1e6, "Mlambda"},
                                          {1e3, 1e3, "klambda"},
                                          {0, 1, "lambda"},
                                          {0, 1, NULL}};
    static const struct scale bytes[] = {{1099511627776.0, 1099511627776.0, "TiB"},
                                         {1073741824.0, 1073741824.0, "GiB"},
                                         {1048576.0, 1048576.0, "MiB"},
                                         {1024.0, 1024.0, "KiB"},
                                         {0, 1, "B"},
                                         {0, 1, NULL}};
    static const struct scale *const scales[] = {NULL,   angle, freq,   velocity, flux,
                                                 length, time,  lambda, bytes};
    /* "0 Jy", not "0 uJy"; NULL: the largest unit */
    static const char *const units_of_zero[] = {
        [PCL_DIM_ANGLE] = "arcsec", [PCL_DIM_FLUX] = "Jy", [PCL_DIM_BYTES] = "B"};
    if (dim == PCL_DIM_NONE)
        snprintf(buf, size, "%.6g", value);
    else if (value == 0)
        snprintf(buf, size, "0 %s", units_of_zero[dim] ? units_of_zero[dim] : scales[dim]->name);
    else if (dim == PCL_DIM_BYTES)
        format_scaled(buf, size, value, scales[dim], fabs(value) < 1024 ? "%.0f" : "%.1f");
    else
        format_scaled(buf, size, value, scales[dim], dim == PCL_DIM_FREQ ? "%.7g" : "%.4g");
}

/* Reads "A<sep>B<sep>C[s]" with the separators of one style; false if the text is not of that
 * style. */
static bool scan_sexagesimal(const char *s, char first, char second, double part[3]) {
    const char *p = s;
    for (int i = 0; i < 2; i++) {
        char *end;
        if (!isdigit((unsigned char)*p))
            return false;
        part[i] = (double)strtoul(p, &end, 10);
        if (tolower((unsigned char)*end) != (i == 0 ? first : second))
            return false;
        p = end + 1;
    }
    part[2] = 0;
    if (*p == '\0' && isalpha((unsigned char)second))
        return true; /* "12h56m" */
    p = isdigit((unsigned char)*p) ? scan_number(p, &part[2]) : NULL;
    if (p && tolower((unsigned char)*p) == 's' && isalpha((unsigned char)second))
        p++;
    return p && *p == '\0';
}

static int bad_sky_angle(const char *text, const char *what, const char *why, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EPARAM, "\"%.80s\" is not a %s: %s", text, what, why);
}

/* The sexagesimal styles; *unit is what the first part counts in. A colon means hours for a
 * longitude only. */
static bool scan_any_sexagesimal(const char *s, bool longitude, double part[3], double *unit) {
    *unit = 15 * DEGREE;
    if (longitude && (scan_sexagesimal(s, 'h', 'm', part) || scan_sexagesimal(s, ':', ':', part)))
        return true;
    *unit = DEGREE;
    return scan_sexagesimal(s, 'd', 'm', part) || scan_sexagesimal(s, '.', '.', part) ||
           (!longitude && scan_sexagesimal(s, ':', ':', part));
}

static int parse_sky_angle(const char *text, bool longitude, double *rad, pclean_err *err) {
    const char *what = longitude ? "longitude" : "latitude";
    *rad = 0;
    char s[64];
    if (!copy_unit(s, sizeof s, skip_blanks(text)))
        return bad_sky_angle(text, what, "too long", err);
    double part[3], unit, value;
    if (scan_any_sexagesimal(s + (s[0] == '-' || s[0] == '+'), longitude, part, &unit)) {
        if (part[1] >= 60 || part[2] >= 60)
            return bad_sky_angle(text, what, "minutes and seconds are below 60", err);
        value = (part[0] + part[1] / 60 + part[2] / 3600) * unit;
        value = s[0] == '-' ? -value : value; /* the sign belongs to the whole: "-00d30m00" */
    } else if (pcl_quantity_parse_as(s, PCL_DIM_ANGLE, NULL, &value, NULL)) {
        return bad_sky_angle(text, what, "write it as 12h34m56.7s, -05d04m03.2s or 123.4deg", err);
    }
    if (fabs(value) > (longitude ? 2 * PI : PI / 2) * (1 + 1e-12))
        return bad_sky_angle(text, what, longitude ? "at most 360 degrees" : "at most 90 degrees",
                             err);
    *rad = value;
    return 0;
}

int pcl_parse_longitude(const char *text, double *rad, pclean_err *err) {
    return parse_sky_angle(text, true, rad, err);
}

int pcl_parse_latitude(const char *text, double *rad, pclean_err *err) {
    return parse_sky_angle(text, false, rad, err);
}
