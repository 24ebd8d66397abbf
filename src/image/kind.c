#include "image/kind.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "image/virtual.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool has_file(const char *folder, const char *name) {
    char *file = NULL;
    const bool has = pcl_asprintf(&file, NULL, "%s/%s", folder, name) == 0 && pcl_fs_exists(file);
    pcl_free(file);
    return has;
}

/* casacore writes "Type = Image" as the first line of an image's table.info. */
static bool says(const char *folder, const char *type) {
    char *file = NULL, line[80] = "", want[80];
    FILE *f =
        pcl_asprintf(&file, NULL, "%s/table.info", folder) == 0 ? pcl_fs_open_text(file) : NULL;
    const int n = snprintf(want, sizeof want, "Type = %s", type);
    const bool is = f && fgets(line, sizeof line, f) && strncmp(line, want, (size_t)n) == 0 &&
                    strspn(line + n, " \r\n") == strlen(line + n);
    if (f)
        fclose(f);
    pcl_free(file);
    return is;
}

bool pcl_kind_is_ms(const char *path) {
    return has_file(path, "table.dat") &&
           (says(path, "Measurement Set") ||
            (has_file(path, "ANTENNA/table.dat") && has_file(path, "SPECTRAL_WINDOW/table.dat")));
}

bool pcl_kind_is_image(const char *path) {
    pcl_virtual list;
    if (has_file(path, "table.dat"))
        return says(path, "Image");
    if (!pcl_virtual_is(path) || pcl_virtual_read(path, &list, NULL) != 0)
        return false;
    pcl_virtual_clear(&list);
    return true;
}

int pcl_kind_check_image(const char *path, pclean_err *err) {
    if (!pcl_fs_exists(path) || pcl_kind_is_image(path))
        return 0;
    return PCL_FAIL(err, PCLEAN_EEXIST,
                    "%s is not a CASA image and is not replaced; move it, or choose another name",
                    path);
}

static bool is_made_of_pieces(const char *path);

static bool is_piece(const char *path, const char *name) {
    struct stat st;
    if (lstat(path, &st) != 0 || S_ISLNK(st.st_mode))
        return false;
    if (S_ISDIR(st.st_mode))
        return is_made_of_pieces(path);
    return strncmp(name, "table.", 6) == 0 || strcmp(name, "imageconcat.json") == 0;
}

static bool is_made_of_pieces(const char *path) {
    DIR *stream = opendir(path);
    bool is = stream != NULL;
    for (struct dirent *e; is && (e = readdir(stream)) != NULL;) {
        char *entry = NULL;
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            is = pcl_asprintf(&entry, NULL, "%s/%s", path, e->d_name) == 0 &&
                 is_piece(entry, e->d_name);
        pcl_free(entry);
    }
    if (stream)
        closedir(stream);
    return is;
}

bool pcl_kind_is_remains(const char *path) {
    return !pcl_fs_exists(path) ||
           (is_made_of_pieces(path) &&
            !(has_file(path, "table.dat") && has_file(path, "table.info")) &&
            !has_file(path, "imageconcat.json"));
}
