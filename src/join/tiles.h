/* tiles.h: moving pixels between files of tiles (casa_tiles), without casacore: thread-safe for
 * different files and for different boxes of one. */
#ifndef PCL_TILES_H
#define PCL_TILES_H
#include "base/err.h"
#include "casa/join.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called as bytes are done; a non-zero answer ends the work with -PCLEAN_EINTERRUPTED. */
typedef struct pcl_tiles_watch {
    int (*done)(uint64_t bytes, void *user);
    void *user;
} pcl_tiles_watch;

/* Bytes of the whole file, and of one pixel in an array in memory (a bit becomes a byte, 0 or
 * 1). */
uint64_t pcl_tiles_size(const casa_tiles *t);
size_t pcl_tiles_pixel(const casa_tiles *t);

/* Whether the file of `in`, put at pixel `offset` along `axis` of `out`, consists of whole tiles of
 * out, byte for byte. */
bool pcl_tiles_line_up(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset);

/* Copies such a file to its place. */
int pcl_tiles_copy(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset,
                   const pcl_tiles_watch *watch, pclean_err *err) PCL_CHECK;

/* Whether the bytes of such a file are those at its place: all of them, or the first tile, the last
 * and two between. */
int pcl_tiles_same(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset,
                   bool full, bool *same, pclean_err *err) PCL_CHECK;

/* A division of an array into boxes of whole tiles that take at most `bytes` in memory (or one
 * tile). Where that allows, a box has at least `thick` pixels along `axis`: with those of the
 * deepest tile among the inputs, none of them is read many times. */
typedef struct pcl_boxes {
    size_t n, size[CASA_MAX_DIM], count[CASA_MAX_DIM];
} pcl_boxes;
void pcl_boxes_make(const casa_tiles *t, size_t bytes, size_t axis, size_t thick, pcl_boxes *out);

/* A box of an array. */
typedef struct pcl_box {
    size_t start[CASA_MAX_DIM], length[CASA_MAX_DIM]; /* pixels */
} pcl_box;
void pcl_boxes_get(const pcl_boxes *b, const casa_tiles *t, size_t i, pcl_box *out);
size_t pcl_boxes_pixels(const pcl_boxes *b, const casa_tiles *t); /* of the largest */

/* One of the arrays that are joined; tiles NULL: bits that are all set (an image without mask). */
typedef struct pcl_tiles_member {
    const casa_tiles *tiles;
    size_t offset, n; /* pixels along the axis */
} pcl_tiles_member;

/* Arrays joined along an axis. */
typedef struct pcl_tiles_series {
    const pcl_tiles_member *member; /* [n] in order of offset, without gaps; borrowed */
    size_t n, axis;
} pcl_tiles_series;

/* Pixels of the deepest tile along the axis. */
size_t pcl_tiles_thickest(const pcl_tiles_series *series);

/* Reads a box of the joined array into pixels[...] (first axis fastest, native byte order). kind:
 * any casa_tiles of the members' dimension and pixel. Space for one tile is allocated. */
int pcl_tiles_gather(const pcl_tiles_series *series, const casa_tiles *kind, const pcl_box *box,
                     void *pixels, pclean_err *err) PCL_CHECK;

/* Memory that a thread uses from box to box. Starts as {0}; free with pcl_tiles_room_clear. */
typedef struct pcl_tiles_room {
    char *memory;
    size_t size;
} pcl_tiles_room;
void pcl_tiles_room_clear(pcl_tiles_room *room);

/* Fills one box of out, given by pcl_boxes, from the members. */
int pcl_tiles_repack(const pcl_tiles_series *series, const casa_tiles *out, const pcl_box *box,
                     pcl_tiles_room *room, const pcl_tiles_watch *watch, pclean_err *err) PCL_CHECK;

#endif
