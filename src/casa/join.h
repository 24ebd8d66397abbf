/* join.h: images to be joined: what one on disk says of itself and where its pixels lie, and the
 * making of the joined one, complete but for its pixels. As casa.h: pure C, one thread, every
 * failure names the image. */
#ifndef PCL_CASA_JOIN_H
#define PCL_CASA_JOIN_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CASA_MAX_DIM = 8 };

/* A file of tiles: whole tiles one after the other from byte 0, the first axis fastest, both inside
 * a tile and from tile to tile; tiles stick out beyond the array where it ends. A bit array has its
 * pixels packed, lowest bit first, each tile in whole bytes. */
typedef struct casa_tiles {
    char file[4096];
    size_t ndim, shape[CASA_MAX_DIM], tile[CASA_MAX_DIM];
    size_t bytes; /* of a pixel; 0: a bit */
    size_t word;  /* bytes of a number in it: what is turned round for the other byte order */
    bool big_endian;
} casa_tiles;

typedef struct casa_member_info {
    const char *path;
    const char *type; /* float, double, Complex, DComplex: as casacore writes it in lists of
                       * images */
    casa_tiles pixels;
    bool masked; /* it has a default mask, of the same shape: */
    casa_tiles mask;
    int spectral_axis;     /* pixel axis; -1: none */
    bool beam;             /* it has one, or one for each plane */
    uint64_t header_bytes; /* about what its history and header take on disk */
} casa_member_info;

enum casa_axis_kind { CASA_AXIS_SPECTRAL, CASA_AXIS_LINEAR, CASA_AXIS_SKY, CASA_AXIS_STOKES };

/* One pixel axis. Borrowed from the member until its next casa_member_axis. value, increment: as in
 * join/axis.h. */
typedef struct casa_member_axis {
    enum casa_axis_kind kind;
    size_t n;
    const double *value;
    double increment;
    const char *frame; /* "LSRK"; "" for other axes */
} casa_member_axis;

typedef struct casa_member casa_member;

/* Reads all but the pixels of a paged image, and closes it. -PCLEAN_EDATA: no image, damaged, or
 * its pixel file has not the size that its tiles need. */
int casa_member_open(const char *path, casa_member **out, pclean_err *err) PCL_CHECK;
void casa_member_close(casa_member *member); /* NULL is allowed */
const casa_member_info *casa_member_get_info(const casa_member *member);
int casa_member_get_axis(casa_member *member, size_t axis, casa_member_axis *out,
                         pclean_err *err) PCL_CHECK;

/* Reads the history, which casa_join_create will copy, for nothing but to see that it can be
 * read. */
int casa_member_try_history(const casa_member *member, pclean_err *err) PCL_CHECK;

/* Whether a line of the history ends with this text. */
int casa_member_find_history(const casa_member *member, const char *text, bool *found,
                             pclean_err *err) PCL_CHECK;

/* Whether b can follow a along `axis`, but for that axis itself: type, shape, coordinates (to 0.001
 * pixel, relaxed 0.1), units. -PCLEAN_EDATA says what differs. */
int casa_member_compare(const casa_member *a, const casa_member *b, size_t axis, bool relax,
                        pclean_err *err) PCL_CHECK;

typedef struct casa_join {
    casa_member *const *member; /* [nmember] in order */
    size_t nmember, axis;
    size_t tile[CASA_MAX_DIM];
    bool regular;               /* else the axis becomes the table `value` */
    const double *value;        /* all pixels of the axis */
    bool masked;                /* make a mask, for the bits of which there is room */
    char unit[16];              /* of the pixels; "": that of the first member */
    const char *const *history; /* [nhistory] added behind that of the members */
    size_t nhistory;
} casa_join;

/* Makes the image folder `path` (must not exist): coordinates, beams (planes without their own get
 * the largest that there is), units, object, miscinfo, history; the pixel files are holes. Failure
 * leaves nothing. */
int casa_join_create(const char *path, const casa_join *join, pclean_err *err) PCL_CHECK;

/* casacore's choice of a tile for an array of this shape. */
int casa_default_tile(size_t ndim, const size_t *shape, size_t *tile, pclean_err *err) PCL_CHECK;

#ifdef __cplusplus
}
#endif
#endif
