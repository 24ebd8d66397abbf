/* plugin.c: libcasa_adios2stman.so.7, which casacore loads when a table names the storage manager
 * Adios2StMan.
 *
 * casacore loads it with all its symbols global. Linked to ADIOS2 directly, it would so put
 * ADIOS2's private libraries (one is sqlite3) in front of the host's own. So this file is all there
 * is in it: it loads the manager itself, from the same folder, with local symbols. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

__attribute__((visibility("default"))) void register_adios2stman(void);

void register_adios2stman(void) {
    char path[4200] = "";
    Dl_info self;
    void (*enter)(void) = NULL;
    if (dladdr(__extension__(void *) register_adios2stman, &self) != 0 && self.dli_fname)
        snprintf(path, sizeof path - 64, "%s", self.dli_fname);
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, "libpclean_adios2stman.so");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library)
        *(void **)&enter = dlsym(library, "pcl_adios2stman_register");
    if (enter)
        enter();
    else
        fprintf(stderr, "Adios2StMan: %s\n", dlerror());
}
