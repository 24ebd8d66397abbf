/* list.hpp: names for C. */
#ifndef PCL_CASA_LIST_HPP
#define PCL_CASA_LIST_HPP
extern "C" {
#include "base/mem.h"
}
#include <algorithm>
#include <string>
#include <vector>

/* A NULL-terminated list in one block (pcl_free). */
inline int casa_make_list(const std::vector<std::string> &names, char ***out, pclean_err *err) {
    size_t bytes = (names.size() + 1) * sizeof(char *);
    for (const std::string &name : names)
        bytes += name.size() + 1;
    if (pcl_zalloc(reinterpret_cast<void **>(out), bytes, 1, "list of names", err) != 0)
        return -PCLEAN_ENOMEM;
    char *text = reinterpret_cast<char *>(*out + names.size() + 1);
    for (size_t i = 0; i < names.size(); i++) {
        (*out)[i] = text;
        text = std::copy_n(names[i].c_str(), names[i].size() + 1, text);
    }
    return 0;
}

#endif
