#include "casa/new_table.hpp"
extern "C" {
#include "base/fsutil.h"
#include "base/quantity.h"
}
#include <casacore/casa/Exceptions/Error.h>
#include <casacore/tables/Tables/TableInfo.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int io_fail(pclean_err *err, const char *what) {
    const int e = errno;
    return PCL_FAIL(err, e == ENOSPC || e == EDQUOT ? PCLEAN_ENOSPC : PCLEAN_EIO, "%s: %s", what,
                    std::strerror(e));
}

/* casacore's destructors flush, and a flush that fails in a destructor ends the process: so the
 * room for what casacore will write is reserved, in a file of no further use, before casacore is
 * let in. Sees quotas, too. */
int check_room(const std::string &folder, uint64_t bytes, pclean_err *err) {
    const std::string file = folder + "/.room";
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return io_fail(err, "cannot write into this folder");
    struct statvfs fs;
    int status = 0;
    /* an image is some 25 files */
    if (fstatvfs(fd, &fs) == 0 && fs.f_files > 0 && fs.f_favail < 40)
        status = PCL_FAIL(err, PCLEAN_ENOSPC, "no space: its disk takes only %llu more files",
                          static_cast<unsigned long long>(fs.f_favail));
    else
        status = pcl_fs_allocate(fd, folder.c_str(), bytes, err);
    close(fd);
    if (unlink(file.c_str()) != 0 && status == 0)
        return io_fail(err, "cannot remove a trial file");
    return status;
}

/* Tells in the words of the system what casacore would say in riddles. pixel_bytes go to the disk
 * later, header_bytes now. */
int check_place(const char *path, uint64_t pixel_bytes, uint64_t header_bytes, pclean_err *err) {
    if (mkdir(path, 0777) != 0) {
        if (errno == EEXIST)
            return PCL_FAIL(err, PCLEAN_EEXIST, "exists already");
        return io_fail(err, "cannot make this folder");
    }
    struct statvfs fs;
    const bool known = statvfs(path, &fs) == 0 && fs.f_blocks > 0;
    const uint64_t bytes = pixel_bytes + header_bytes;
    const uint64_t room = known ? uint64_t{fs.f_bavail} * fs.f_frsize : bytes;
    char wanted[40], left[40];
    pcl_format_si(wanted, sizeof wanted, static_cast<double>(bytes), PCL_DIM_BYTES);
    pcl_format_si(left, sizeof left, static_cast<double>(room), PCL_DIM_BYTES);
    int status = 0;
    if (room < bytes)
        status =
            PCL_FAIL(err, PCLEAN_ENOSPC, "no space: %s wanted, %s free on its disk", wanted, left);
    else
        status = check_room(path, header_bytes, err);
    if (rmdir(path) != 0 && status == 0)
        return io_fail(err, "cannot remove a trial folder");
    return status;
}

int check_table_type(const std::string &folder, const char *type, pclean_err *err) {
    const std::string found = casacore::TableInfo(folder + "/table.info").type();
    return found == type ? 0
                         : PCL_FAIL(err, PCLEAN_EDATA,
                                    "%s/table.info is missing or damaged (it should say \"Type = "
                                    "%s\"): CASA cannot open this image",
                                    folder.c_str(), type);
}

void set_file_size(const std::string &file, uint64_t bytes) {
    if (truncate(file.c_str(), static_cast<off_t>(bytes)) != 0)
        throw casacore::AipsError("cannot give " + file + " its size: " + std::strerror(errno));
}
