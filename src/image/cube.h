/* cube.h: the image products of one run, written by plane.
 *
 * A pcl_cube is one product file, NAME.residual say. casacore makes it complete but for its pixels
 * as NAME.residual.part and is out of the way: a plane is a few pwrites into the pixel file, from
 * any thread, and the image opens in any viewer while the run goes on. At the end casacore adds
 * beams and history, and a rename gives the final name. The space is reserved at the start, so a
 * full disk shows before the work and not after it.
 *
 * On disk a plane is nty rows of ntx tiles, a tile tile_y rows of tile_x float32 (x fastest); tiles
 * beyond the edge are filled up with zeros. Planes follow each other without gaps, polarization
 * faster than channel, from byte 0 of table.f0_TSM0. So all planes have the same size, and
 * equal-shaped cubes are concatenated by joining these files. */
#ifndef PCL_CUBE_H
#define PCL_CUBE_H
#include "base/err.h"
#include "casa/casa.h"
#include "image/virtual.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_cube pcl_cube;

/* Makes `final_path`.part, after removing one that an earlier run left, and reserves the space of
 * its pixels. `mask` as in casa_image_create. *out is to be given to pcl_cube_free or
 * pcl_cube_abort. Failure leaves nothing behind: -PCLEAN_ENOSPC a full disk, -PCLEAN_EIO a folder
 * that cannot be written. An existing final_path is no failure here (pcl_cube_publish decides).
 * Calls casacore: one thread. */
int pcl_cube_create(const char *final_path, const casa_image_desc *desc, const bool *mask,
                    pcl_cube **out, pclean_err *err) PCL_CHECK;

/* A cube that is only a list of images, which may lie inside it (final_path.part/...) and may be
 * made later. It has no planes; pcl_cube_finish and _publish are as for the others. The list is
 * read. No casacore. */
int pcl_cube_create_virtual(const char *final_path, const pcl_virtual *list, pcl_cube **out,
                            pclean_err *err) PCL_CHECK;

/* What another process must know of a cube to write its planes: fixed size, no pointers. */
typedef struct pcl_cube_record {
    size_t nx, ny, npol, nchan; /* nchan 0: a list of images, without planes */
    size_t tile_x, tile_y;
    bool big_endian;
    char pixel_file[64], mask_file[64]; /* below the folder of the cube; "": no mask */
} pcl_cube_record;
int pcl_cube_describe(const pcl_cube *cube, pcl_cube_record *out, pclean_err *err) PCL_CHECK;

/* The cube that another process has made and not yet published: for planes only. The files stay
 * whatever becomes of it: to pcl_cube_free. -PCLEAN_EIO: they are not there; -PCLEAN_EDATA: they
 * are smaller than such a cube. No casacore. */
int pcl_cube_attach(const char *final_path, const pcl_cube_record *record, pcl_cube **out,
                    pclean_err *err) PCL_CHECK;

/* Number of floats of the `work` array of pcl_cube_write_plane. */
size_t pcl_cube_work_size(const pcl_cube *cube);

/* Writes one plane. pixels [ny][nx], read; work [pcl_cube_work_size], scratch of the calling
 * thread. Thread-safe for different planes; no casacore. A plane that is never written reads as
 * 0. */
int pcl_cube_write_plane(pcl_cube *cube, size_t ipol, size_t ichan, const float *pixels,
                         float *work, pclean_err *err) PCL_CHECK;

/* Replaces the default mask of one plane (a cube made with a mask has that one in every plane);
 * mask [ny][nx], true = good. Same thread-safety. */
int pcl_cube_write_mask(pcl_cube *cube, size_t ipol, size_t ichan, const bool *mask, float *work,
                        pclean_err *err) PCL_CHECK;

/* Reads back a plane that was written before (cyclecontrol=global keeps its planes on disk between
 * cycles); pixels [ny][nx], work as above. Same thread-safety. */
int pcl_cube_read_plane(pcl_cube *cube, size_t ipol, size_t ichan, float *pixels, float *work,
                        pclean_err *err) PCL_CHECK;

/* After the last plane: beams and history as in casa_image_finish (a plane without its
 * own borrows the largest). Calls casacore: one thread. */
int pcl_cube_finish(pcl_cube *cube, const casa_beam *beams, size_t nbeam,
                    const char *const *history, size_t nhistory, pclean_err *err) PCL_CHECK;

/* After that: all files of the products go to the disk (fsync), so that the rename that follows
 * never replaces a good product by one that a power cut empties. NULL entries are passed over. */
int pcl_cube_sync_all(pcl_cube *const *cubes, size_t n, pclean_err *err) PCL_CHECK;

/* Gives the finished cube its final name. An existing product of that name: -PCLEAN_EEXIST, or with
 * `overwrite` the two change places in one step and the old one is removed. */
int pcl_cube_publish(pcl_cube *cube, bool overwrite, pclean_err *err) PCL_CHECK;

/* The same for all products of a run: all, or on failure none (the names changed so far are changed
 * back), and no old product is removed before the last new one is in place. NULL entries are passed
 * over. */
int pcl_cube_publish_all(pcl_cube *const *cubes, size_t n, bool overwrite,
                         pclean_err *err) PCL_CHECK;

/* Lets two folders change names in one step. Where the file system cannot, one of them is called
 * b.old.part for a moment. */
int pcl_cube_exchange(const char *a, const char *b, pclean_err *err) PCL_CHECK;

/* The paths, borrowed until free: the name given to create, and where the image is now. */
const char *pcl_cube_final_path(const pcl_cube *cube);
const char *pcl_cube_path(const pcl_cube *cube);

/* Frees the memory; the files stay as they are. NULL is allowed. */
void pcl_cube_free(pcl_cube *cube);

/* Removes the .part of a cube that was not published, then frees it. NULL is allowed. */
void pcl_cube_abort(pcl_cube *cube);

#endif
