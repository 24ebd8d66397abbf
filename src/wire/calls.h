/* calls.h: the calls of casa/casa.h and casa/join.h that go to the process that has casacore. Each
 * has its arguments put by src/line and read by helper/, and its results the other way round, in
 * the same order. */
#ifndef PCL_CALLS_H
#define PCL_CALLS_H

/* X(symbol, the function of the process that serves it) */
#define PCL_CALL_LIST(X)                                                                           \
    X(PCL_CALL_DIRECTION_PARSE, serve_direction_parse)                                             \
    X(PCL_CALL_DIRECTION_CONVERT, serve_direction_convert)                                         \
    X(PCL_CALL_DOPPLER, serve_doppler)                                                             \
    X(PCL_CALL_FREQ_CONVERT, serve_freq_convert)                                                   \
    X(PCL_CALL_TABLE_FOLDERS, serve_table_folders)                                                 \
    X(PCL_CALL_MS_OPEN, serve_ms_open)                                                             \
    X(PCL_CALL_MS_OPEN_ROWS, serve_ms_open_rows)                                                   \
    X(PCL_CALL_MS_CLOSE, serve_ms_close)                                                           \
    X(PCL_CALL_MS_ROW_NUMBERS, serve_ms_row_numbers)                                               \
    X(PCL_CALL_MS_TIMES, serve_ms_times)                                                           \
    X(PCL_CALL_MS_COUNT_ROWS, serve_ms_count_rows)                                                 \
    X(PCL_CALL_MS_READ_TIMES, serve_ms_read_times)                                                 \
    X(PCL_CALL_MS_FIELD_DIRECTION, serve_ms_field_direction)                                       \
    X(PCL_CALL_MS_LARGEST_UVW, serve_ms_largest_uvw)                                               \
    X(PCL_CALL_MS_COUNT_SAMPLES, serve_ms_count_samples)                                           \
    X(PCL_CALL_MS_READ, serve_ms_read)                                                             \
    X(PCL_CALL_IMAGE_CREATE, serve_image_create)                                                   \
    X(PCL_CALL_IMAGE_FINISH, serve_image_finish)                                                   \
    X(PCL_CALL_IMAGE_READ_BACK, serve_image_read_back)                                             \
    X(PCL_CALL_IMAGE_OPEN, serve_image_open)                                                       \
    X(PCL_CALL_IMAGE_CLOSE, serve_image_close)                                                     \
    X(PCL_CALL_IMAGE_DESC, serve_image_desc)                                                       \
    X(PCL_CALL_IMAGE_PLANE, serve_image_plane)                                                     \
    X(PCL_CALL_IMAGE_BEAM, serve_image_beam)                                                       \
    X(PCL_CALL_IMAGE_BEAMS, serve_image_beams)                                                     \
    X(PCL_CALL_MEMBER_OPEN, serve_member_open)                                                     \
    X(PCL_CALL_MEMBER_CLOSE, serve_member_close)                                                   \
    X(PCL_CALL_MEMBER_AXIS, serve_member_axis)                                                     \
    X(PCL_CALL_MEMBER_TRY_HISTORY, serve_member_try_history)                                       \
    X(PCL_CALL_MEMBER_FIND_HISTORY, serve_member_find_history)                                     \
    X(PCL_CALL_MEMBER_COMPARE, serve_member_compare)                                               \
    X(PCL_CALL_JOIN_CREATE, serve_join_create)                                                     \
    X(PCL_CALL_DEFAULT_TILE, serve_default_tile)                                                   \
    X(PCL_CALL_ADIOS2_LOAD, serve_adios2_load)                                                     \
    X(PCL_CALL_ADIOS2_TRY, serve_adios2_try)                                                       \
    X(PCL_CALL_ADIOS2_COLUMNS, serve_adios2_columns)                                               \
    X(PCL_CALL_COPY_CHECK, serve_copy_check)                                                       \
    X(PCL_CALL_COPY_OPEN, serve_copy_open)                                                         \
    X(PCL_CALL_COPY_CLOSE, serve_copy_close)                                                       \
    X(PCL_CALL_COPY_CREATE, serve_copy_create)                                                     \
    X(PCL_CALL_COPY_STEP, serve_copy_step)                                                         \
    X(PCL_CALL_COPY_FINISH, serve_copy_finish)                                                     \
    X(PCL_CALL_COPY_REOPEN, serve_copy_reopen)                                                     \
    X(PCL_CALL_COPY_COMPARE, serve_copy_compare)                                                   \
    X(PCL_CALL_COPY_WINDOWS, serve_copy_windows)

enum pcl_call {
#define X(symbol, function) symbol,
    PCL_CALL_LIST(X)
#undef X
        PCL_NCALL
};

#endif
