/* join/tiles.c: pixels keep their places between files of any tiles, byte orders and bits. */
#include "base/fsutil.h"
#include "base/mem.h"
#include "join/tiles.h"
#include "unit/check.h"
#include <stdlib.h>
#include <unistd.h>

static char folder[1024];
static pclean_err err;

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/tiles.XXXXXX", PCLEAN_TEST_TMP);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return pcl_fs_remove_tree(folder, &err);
}

static casa_tiles tiles(const char *name, size_t bytes, size_t word, bool big, const size_t *shape,
                        const size_t *tile) {
    casa_tiles t = {.ndim = 3, .bytes = bytes, .word = word, .big_endian = big};
    memcpy(t.shape, shape, 3 * sizeof *shape);
    memcpy(t.tile, tile, 3 * sizeof *tile);
    snprintf(t.file, sizeof t.file, "%s/%s", folder, name);
    FILE *f = fopen(t.file, "wb");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), (off_t)pcl_tiles_size(&t)), 0);
    fclose(f);
    return t;
}

/* Byte k of a pixel at x, y, z of the joined array; of bits the pixel. */
static unsigned char value_of(const casa_tiles *t, size_t x, size_t y, size_t z, size_t k) {
    const size_t h = (x * 7919 + y * 104729 + z * 1299709 + k * 15485863) * 2654435761u >> 7;
    return (unsigned char)(t->bytes ? h : h & 1);
}

/* The file as its definition says, byte by byte: the slow twin. `first`: its place along axis 2 of
 * the joined array. */
static void fill(const casa_tiles *t, size_t axis, size_t first) {
    const size_t size = (size_t)pcl_tiles_size(t);
    unsigned char *data = calloc(size, 1);
    const size_t per = t->tile[0] * t->tile[1] * t->tile[2],
                 each = t->bytes ? per * t->bytes : (per + 7) / 8;
    for (size_t z = 0; z < t->shape[2]; z++)
        for (size_t y = 0; y < t->shape[1]; y++)
            for (size_t x = 0; x < t->shape[0]; x++) {
                size_t at[3] = {x, y, z}, number = 0, inside = 0;
                for (size_t d = 3; d-- > 0;) {
                    number =
                        number * ((t->shape[d] + t->tile[d] - 1) / t->tile[d]) + at[d] / t->tile[d];
                    inside = inside * t->tile[d] + at[d] % t->tile[d];
                }
                at[axis] += first;
                for (size_t k = 0; k < (t->bytes ? t->bytes : 1); k++) {
                    const unsigned char v = value_of(t, at[0], at[1], at[2], k);
                    const size_t other = t->word * (k / t->word) + t->word - 1 - k % t->word;
                    if (t->bytes == 0)
                        data[number * each + inside / 8] =
                            (unsigned char)(data[number * each + inside / 8] | v << inside % 8);
                    else
                        /* value_of is little-endian */
                        data[number * each + inside * t->bytes + (t->big_endian ? other : k)] = v;
                }
            }
    assert_ok(pcl_fs_write_text(t->file, (char *)data, size, &err));
    free(data);
}

static void assert_file(const casa_tiles *t, size_t axis) {
    casa_tiles right = *t;
    char *a, *b;
    const size_t size = (size_t)pcl_tiles_size(t);
    snprintf(right.file, sizeof right.file, "%s/right", folder);
    fill(&right, axis, 0);
    a = malloc(size);
    b = malloc(size);
    const char *paths[] = {t->file, right.file};
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(paths[i], "rb");
        assert_int_equal(fread(i ? b : a, 1, size, f), size);
        fclose(f);
    }
    assert_memory_equal(a, b, size);
    free(a);
    free(b);
}

/* Arrays of 3, 5 and 2 pixels along each axis, with other tiles and byte orders than the joined
 * file. */
static void repacked_pixels_keep_their_places(void **state) {
    (void)state;
    const size_t kinds[][2] = {{4, 4}, {8, 8}, {8, 4}, {16, 8}, {0, 1}}, length[] = {3, 5, 2};
    for (size_t kind = 0; kind < 5; kind++)
        for (size_t axis = 0; axis < 3; axis++)
            for (size_t most = 1; most < 100000; most *= 40) {
                casa_tiles in[3];
                pcl_tiles_member member[3];
                const pcl_tiles_series series = {member, 3, axis};
                size_t offset = 0, shape[3] = {11, 9, 7};
                for (size_t i = 0; i < 3; i++) {
                    const size_t tile[3] = {4 + i, 3, 1 + i};
                    char name[8];
                    snprintf(name, sizeof name, "in%zu", i);
                    shape[axis] = length[i];
                    in[i] = tiles(name, kinds[kind][0], kinds[kind][1], i == 1, shape, tile);
                    fill(&in[i], axis, offset);
                    member[i] = (pcl_tiles_member){&in[i], offset, length[i]};
                    offset += length[i];
                }
                shape[axis] = offset;
                const size_t tile[3] = {5, 4, 3};
                const casa_tiles out =
                    tiles("out", kinds[kind][0], kinds[kind][1], most > 1, shape, tile);
                pcl_boxes boxes;
                pcl_tiles_room room = {0};
                pcl_boxes_make(&out, most, axis, pcl_tiles_thickest(&series) * (most % 3), &boxes);
                for (size_t i = boxes.n; i-- > 0;) {
                    pcl_box box;
                    pcl_boxes_get(&boxes, &out, i, &box);
                    assert_ok(pcl_tiles_repack(&series, &out, &box, &room, NULL, &err));
                }
                pcl_tiles_room_clear(&room);
                assert_file(&out, axis);
            }
}

static void whole_tiles_are_copied(void **state) {
    (void)state;
    const size_t tile[3] = {4, 4, 2};
    for (size_t axis = 0; axis < 3; axis++) {
        size_t shape[3] = {10, 6, 5}, length[] = {8, 4, 3}, offset = 0;
        shape[axis] = 15;
        const casa_tiles out = tiles("out", 4, 4, false, shape, tile);
        for (size_t i = 0; i < 3; i++) { /* the last one ends inside a tile */
            shape[axis] = length[i];
            const casa_tiles in = tiles("in", 4, 4, false, shape, tile);
            fill(&in, axis, offset);
            assert_true(pcl_tiles_line_up(&in, &out, axis, offset));
            assert_false(pcl_tiles_line_up(&in, &out, axis, offset + 1));
            assert_ok(pcl_tiles_copy(&in, &out, axis, offset, NULL, &err));
            offset += length[i];
        }
        assert_file(&out, axis);
        shape[axis] = 3;
        const casa_tiles odd = tiles("in", 4, 4, false, shape, tile),
                         other = tiles("in", 4, 4, true, shape, tile);
        assert_false(pcl_tiles_line_up(&odd, &out, axis, 0));
        assert_false(pcl_tiles_line_up(&other, &out, axis, 12));
    }
}

static void a_short_file_is_an_error(void **state) {
    (void)state;
    const size_t shape[3] = {8, 8, 2}, tile[3] = {4, 4, 1};
    const casa_tiles in = tiles("in", 4, 4, false, shape, tile),
                     out = tiles("out", 4, 4, false, shape, tile);
    assert_int_equal(truncate(in.file, 100), 0);
    assert_fails(pcl_tiles_copy(&in, &out, 2, 0, NULL, &err), PCLEAN_EIO, "it ends at byte 100");
    float pixels[128];
    const pcl_box all = {.length = {8, 8, 2}};
    const pcl_tiles_member member = {&in, 0, 2};
    assert_fails(pcl_tiles_gather(&(pcl_tiles_series){&member, 1, 2}, &in, &all, pixels, &err),
                 PCLEAN_EIO, "bytes are missing");
    assert_int_equal(unlink(in.file), 0);
    assert_fails(pcl_tiles_copy(&in, &out, 2, 0, NULL, &err), PCLEAN_EIO, "cannot open");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repacked_pixels_keep_their_places),
        cmocka_unit_test(whole_tiles_are_copied),
        cmocka_unit_test(a_short_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
