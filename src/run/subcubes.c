#include "run/subcubes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pcl_subcubes_mode(const pclean_config *c) {
    if (c->specmode == PCLEAN_SPECMODE_MFS)
        return PCLEAN_CONCAT_PAGED;
    if (c->concat_mode == PCLEAN_CONCAT_AUTO)
        return c->keep_subcubes ? PCLEAN_CONCAT_VIRTUAL : PCLEAN_CONCAT_PAGED;
    return c->concat_mode;
}

bool pcl_subcubes_wanted(const pclean_config *c) {
    return c->specmode != PCLEAN_SPECMODE_MFS &&
           (c->keep_subcubes || pcl_subcubes_mode(c) != PCLEAN_CONCAT_PAGED);
}

void pcl_subcubes_name(const char *imagename, size_t i, char *buf, size_t size) {
    snprintf(buf, size, "%s.subcube.%zu", imagename, i);
}

const char *pcl_subcubes_rest(const char *name, const char *base, size_t *i) {
    const size_t n = strlen(base);
    const char *infix = ".subcube.";
    if (strncmp(name, base, n) != 0 || strncmp(name + n, infix, strlen(infix)) != 0)
        return NULL;
    const char *digits = name + n + strlen(infix);
    const size_t ndigit = strspn(digits, "0123456789");
    if (ndigit == 0 || ndigit > 9 || digits[ndigit] != '.')
        return NULL;
    *i = strtoul(digits, NULL, 10);
    return digits + ndigit;
}

int pcl_subcubes_visit(const char *imagename, pcl_subcubes_visitor *visit, void *user,
                       pclean_err *err) {
    char folder[4096], path[4096];
    const char *slash = strrchr(imagename, '/'), *base = slash ? slash + 1 : imagename;
    const int length = (int)(base - imagename);
    snprintf(folder, sizeof folder, "%.*s", length, imagename);
    DIR *stream = opendir(length ? folder : ".");
    if (!stream && errno == ENOENT)
        return 0; /* so nothing is there; who writes into it will say so */
    if (!stream)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot read the folder %s: %s", length ? folder : ".",
                        strerror(errno));
    int rc = 0;
    size_t i;
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(stream)) != NULL) {
        const char *rest = pcl_subcubes_rest(entry->d_name, base, &i);
        if (!rest)
            continue;
        snprintf(path, sizeof path, "%.*s%s", length, imagename, entry->d_name);
        rc = visit(path, i, rest, user, err);
    }
    closedir(stream);
    return rc;
}
