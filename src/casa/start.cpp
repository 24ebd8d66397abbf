// start.cpp: sets casacore up for this process: its log, its measures data, our storage manager.
#include "casa/start.hpp"
#include "casa/adios2.hpp"
#include "casa/casa_call.hpp"
#include <algorithm>
#include <casacore/casa/Logging/LogSink.h>
#include <casacore/casa/version.h>
#include <casacore/measures/Measures/MeasTable.h>
#include <cstdlib>
#include <fcntl.h>
#include <pwd.h>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

using namespace casacore;

namespace {

/* casacore's log goes to pcl_log. Notes on Earth orientation and the age of the leap second table
 * come with every Debian installation and change LSRK by 4e-11 at most: told once, as debug. */
class LogToPcl : public LogSinkInterface {
  public:
    Bool postLocally(const LogMessage &message) override {
        if (!filter().pass(message))
            return False;
        std::string text = message.message();
        std::replace(text.begin(), text.end(), '\n', ' ');
        const bool noise = is_known_noise(text);
        if (noise && !noise_told.insert(text.substr(0, 16)).second)
            return True;
        const bool warning = !noise && message.priority() >= LogMessage::WARN;
        if (warning && held)
            held->push_back(text);
        else
            tell(warning ? PCL_LOG_WARNING : PCL_LOG_DEBUG, text);
        return True;
    }
    String id() const override { return "LogToPcl"; }
    void tell(pcl_log_level level, const std::string &text) {
        if (text != previous)
            pcl_log(level, "casacore: %s", text.c_str());
        previous = text;
    }
    std::vector<std::string> *held = nullptr; // warnings go there

  private:
    static bool is_known_noise(const std::string &text) {
        for (const char *word :
             {"IERS", "Earth axis", "TAI_UTC seems out-of-date", "lstat failed for"})
            if (text.find(word) != std::string::npos)
                return true;
        return false;
    }
    std::set<std::string> noise_told;
    std::string previous;
};

LogToPcl *our_sink() {
    return dynamic_cast<LogToPcl *>(&LogSink::globalSink());
}

} // namespace

casa_held_warnings::casa_held_warnings() {
    if (LogToPcl *sink = our_sink())
        sink->held = &texts;
}

casa_held_warnings::~casa_held_warnings() {
    if (LogToPcl *sink = our_sink())
        sink->held = nullptr;
}

void casa_held_warnings::tell() const {
    for (const std::string &text : texts)
        our_sink()->tell(PCL_LOG_WARNING, text);
}

bool casa_has_files_left() {
    std::vector<int> files;
    while (files.size() < 16 && (files.empty() || files.back() >= 0))
        files.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const bool left = files.back() >= 0;
    for (const int file : files)
        if (file >= 0)
            close(file);
    return left;
}

namespace {

int check_measures_data(pclean_err *err) {
    std::string missing;
    try {
        MeasTable::Observatories();
    } catch (const std::exception &) {
        missing = "the table of observatories (Debian package casacore-data-observatories)";
    }
    try {
        MeasTable::dUTC(51544.0);
    } catch (const std::exception &) {
        missing += missing.empty() ? "" : " and ";
        missing += "the leap seconds TAI_UTC (casacore-data-tai-utc)";
    }
    if (missing.empty())
        return 0;
    if (!casa_has_files_left())
        return PCL_FAIL(err, PCLEAN_EIO, "%s",
                        casa_too_many_files("casacore's measures data cannot be opened").c_str());
    return PCL_FAIL(err, PCLEAN_ECASA, "casacore's measures data lack %s: install what is named",
                    missing.c_str());
}

/* casacore looks for ~/.casarc, and without HOME, as in some batch jobs, finds no measures data
 * either. */
void need_home() {
    if (getenv("HOME"))
        return;
    const passwd *user = getpwuid(getuid());
    setenv("HOME", user ? user->pw_dir : "/", 0);
}

} // namespace

int casa_init(pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        need_home();
        if (access("/proc/meminfo", R_OK) != 0)
            return PCL_FAIL(err, PCLEAN_EIO,
                            "/proc/meminfo cannot be read: %s; casacore needs it, so mount /proc "
                            "(containers have it, unless they are told not to)",
                            strerror(errno));
        LogSinkInterface *sink = new LogToPcl;
        LogSink::globalSink(sink); // takes it over
        casa_adios2_register();
        const int rc = casa_check_names(err);
        return rc ? rc : check_measures_data(err);
    });
}

void casa_end(void) {}
void casa_stop_when(int (*)(void *), void *) {}

bool casa_has_died(void) {
    return false;
}

void casa_get_usage(casa_usage *out) {
    *out = casa_usage{};
}

void casa_restart_peak(void) {}

const char *casa_version(void) {
    static const std::string version = getVersion();
    return version.c_str();
}
