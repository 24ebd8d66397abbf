/* casa_call.hpp: the one place where C++ exceptions end. Every body of casa.h runs inside
 * casa_call(). */
#ifndef PCL_CASA_CALL_HPP
#define PCL_CASA_CALL_HPP
/* The headers of base are C and say nothing about C++: a .cpp of this folder includes this file,
 * never those. */
extern "C" {
#include "base/err.h"
#include "base/log.h"
}
#include "casa/casa.h"
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/resource.h>

int casa_check_names(pclean_err *err); // coords.cpp

/* A failure with a code of its own, for what casacore calls back. */
struct casa_failure : std::runtime_error {
    int code; /* PCLEAN_E... */
    casa_failure(int code_, const std::string &text) : std::runtime_error(text), code(code_) {}
};

/* casacore's messages may have several lines, and trailing blanks and commas: the first line with
 * text, without those. */
inline std::string casa_first_line(const char *text) {
    const char *blank = " \t\r\n";
    const std::string s(text ? text : "");
    const size_t begin = s.find_first_not_of(blank);
    if (begin == std::string::npos)
        return "casacore gave no reason";
    /* npos - 1: still past the end */
    const size_t end = s.find_last_not_of(" \t\r\n,", s.find('\n', begin) - 1);
    return s.substr(begin, end == std::string::npos ? end : end - begin + 1);
}

/* The same, with the reason of a write that ended early: casacore gives that of the last failure,
 * whatever it was. */
inline std::string casa_reason(const char *text) {
    const std::string line = casa_first_line(text);
    const size_t reason = line.rfind(": ");
    if (line.find("write error") == std::string::npos || reason == std::string::npos)
        return line;
    for (const int e : {ENOSPC, EDQUOT, EFBIG, EIO, EROFS})
        if (line.substr(reason + 2) == strerror(e))
            return line;
    return line.substr(0, reason) +
           ": the disk is full, or the file has reached its limit (ulimit -f)";
}

/* Did a file not open because this process has as many as it may have? */
inline bool casa_lacks_files(const std::string &reason) {
    return reason.find(strerror(EMFILE)) != std::string::npos ||
           reason.find(strerror(ENFILE)) != std::string::npos;
}

inline std::string casa_too_many_files(const std::string &reason) {
    rlimit limit{};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return "too many open files: this process may have " + std::to_string(limit.rlim_cur) +
           " (ulimit -n), let it have more; " + reason;
}

/* Runs body(), an int function that returns 0 or -PCLEAN_E... with *err filled, and gives its
 * result. An exception becomes -PCLEAN_ECASA (bad_alloc: -PCLEAN_ENOMEM) with its own text. `what`
 * (a path, a subject; NULL: nothing) is put in front of every failure's message. */
template <typename Body> int casa_call(pclean_err *err, const char *what, Body &&body) noexcept {
    int status;
    try {
        try {
            status = body();
        } catch (const std::bad_alloc &) {
            status = PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory in casacore");
        } catch (const casa_failure &e) {
            status = PCL_FAIL(err, e.code, "%s", e.what());
        } catch (const std::exception &e) {
            const std::string reason = casa_reason(e.what());
            status = casa_lacks_files(reason)
                         ? PCL_FAIL(err, PCLEAN_EIO, "%s",
                                    casa_too_many_files("casacore says: " + reason).c_str())
                         : PCL_FAIL(err, PCLEAN_ECASA, "%s", reason.c_str());
        } catch (...) {
            status = PCL_FAIL(err, PCLEAN_ECASA, "casacore raised an unknown exception");
        }
    } catch (...) { /* no memory for the text of the exception */
        status = PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory in casacore");
    }
    if (status != 0 && what != nullptr && what[0] != '\0')
        pcl_err_prefix(err, "%s: ", what);
    return status;
}

#endif
