// spw.cpp: frequencies in an spw expression, found in the data instead of by casacore where
// casacore would misread them. What is found is what casacore finds in a window whose frequencies
// rise and whose CHAN_WIDTH is positive.
#include "casa/spw.hpp"

#include <algorithm>
#include <casacore/ms/MSSel/MSSelection.h>
#include <casacore/ms/MSSel/MSSelectionError.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <strings.h>

using namespace casacore;

namespace {

struct Window {
    int id;
    Vector<Double> freq, width;
    std::vector<int> by_freq; // channel numbers, ascending in frequency

    double low() const { return freq[static_cast<size_t>(by_freq.front())]; }
    double high() const { return freq[static_cast<size_t>(by_freq.back())]; }
    double middle() const { return 0.5 * (low() + high()); }
    double widest() const {
        double most = 0;
        for (const double w : width)
            most = std::max(most, std::fabs(w));
        return most;
    }
    bool mixed() const { return !spw_channel_order(freq).empty(); }
    // Would casacore find the wrong channels, or the wrong middle or width?
    bool misread_channels() const {
        const bool rises = freq[freq.size() - 1] >= freq[0];
        return mixed() || (freq.size() > 1 && rises != (width[0] > 0));
    }
    bool misread_whole() const {
        return mixed() || std::any_of(width.begin(), width.end(), [](double w) { return w < 0; });
    }
};

// "A~B^STEP" in Hz, B = A where there is one frequency. Single precision, as casacore's: the same
// text gives the same channels.
struct Range {
    float from, to, step;
};

bool read_number(const char **p, float *number, char *unit) {
    char *end;
    const double value = strtod(*p, &end);
    if (end == *p)
        return false;
    end += strspn(end, " ");
    const size_t n = strspn(end, "kKmMgGtT"),
                 hz = n <= 1 && strncasecmp(end + n, "hz", 2) == 0 ? n + 2 : 0;
    *unit = n == 0 ? 'h' : static_cast<char>(tolower(*end));
    if (hz == 0)
        *unit = '\0';
    end += hz;
    *p = end + strspn(end, " ");
    *number = static_cast<float>(value);
    return true;
}

float to_hz(float number, char unit) {
    switch (unit) {
    case 'k':
        return number * 1e3f;
    case 'm':
        return number * 1e6f;
    case 'g':
        return number * 1e9f;
    case 't':
        return number * 1e12f;
    default:
        return number;
    }
}

bool read_range(const std::string &text, Range *out) {
    const char *p = text.c_str() + strspn(text.c_str(), " ");
    float from, to, step = 0;
    char first_unit, unit, step_unit = 'h';
    if (!isdigit(*p) || !read_number(&p, &from, &first_unit))
        return false;
    to = from;
    unit = first_unit;
    if (*p == '~' && (p++, !read_number(&p, &to, &unit)))
        return false;
    if (*p == '^' && (p++, !read_number(&p, &step, &step_unit)))
        return false;
    if (*p != '\0' || unit == '\0' || step_unit == '\0')
        return false;
    *out = {to_hz(from, first_unit ? first_unit : unit), to_hz(to, unit), to_hz(step, step_unit)};
    return out->from <= out->to;
}

std::vector<std::string> split(const std::string &text, char at) {
    std::vector<std::string> parts;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(at, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::vector<Window> all_windows(const MeasurementSet &ms) {
    const MSSpectralWindow &table = ms.spectralWindow();
    const ArrayColumn<Double> freq(table, "CHAN_FREQ"), width(table, "CHAN_WIDTH");
    std::vector<Window> windows;
    for (rownr_t row = 0; row < table.nrow(); row++) {
        Window w{static_cast<int>(row),
                 freq.isDefined(row) ? Vector<Double>(freq(row)) : Vector<Double>(),
                 width.isDefined(row) ? Vector<Double>(width(row)) : Vector<Double>(),
                 {}};
        const auto finite = [](double x) { return std::isfinite(x); };
        if (w.freq.empty() || w.width.size() != w.freq.size() ||
            !std::all_of(w.freq.begin(), w.freq.end(), finite))
            continue; // said where its rows are looked at
        w.by_freq.resize(w.freq.size());
        std::iota(w.by_freq.begin(), w.by_freq.end(), 0);
        std::stable_sort(w.by_freq.begin(), w.by_freq.end(), [&](int a, int b) {
            return w.freq[static_cast<size_t>(a)] < w.freq[static_cast<size_t>(b)];
        });
        windows.push_back(w);
    }
    return windows;
}

// Numbers of the channels whose centres are in the range, or of the two at its sides where none is.
std::vector<int> channels_in(const Window &w, const Range &r) {
    const auto below = [&](int channel, double f) {
        return w.freq[static_cast<size_t>(channel)] < f;
    };
    const auto above = [&](double f, int channel) {
        return f < w.freq[static_cast<size_t>(channel)];
    };
    if (r.from > w.high() || r.to < w.low())
        return {};
    auto first =
        std::lower_bound(w.by_freq.begin(), w.by_freq.end(), static_cast<double>(r.from), below);
    auto last =
        std::upper_bound(w.by_freq.begin(), w.by_freq.end(), static_cast<double>(r.to), above) - 1;
    if (first > last)
        std::swap(first, last);
    const ssize_t step =
        std::max<ssize_t>(1, static_cast<ssize_t>(r.step / std::max(w.widest(), 1e-3)));
    std::vector<int> found;
    for (ssize_t i = 0; i <= last - first; i += step)
        found.push_back(first[i]);
    std::sort(found.begin(), found.end());
    return found;
}

// Windows whose middle is in the range, to a channel's width; the first of them for a single
// frequency.
std::vector<int> windows_in(const std::vector<Window> &windows, const Range &r) {
    std::vector<int> found;
    for (const Window &w : windows)
        if (w.middle() > r.from - w.widest() && w.middle() < r.to + w.widest() &&
            (found.empty() || r.from < r.to))
            found.push_back(w.id);
    return found;
}

std::vector<int> windows_of(const MeasurementSet &ms, const std::string &text) {
    MSSelection selection;
    selection.setSpwExpr(text);
    const Vector<Int> list(selection.getSpwList(&ms));
    return std::vector<int>(list.begin(), list.end());
}

void append(std::string &list, char between, const std::string &item) {
    list += (list.empty() ? "" : std::string(1, between)) + item;
}

// "3;7~9" of channel numbers.
void append_numbers(std::string &list, const std::vector<int> &numbers) {
    for (size_t i = 0, n; i < numbers.size(); i += n) {
        for (n = 1; i + n < numbers.size() && numbers[i + n] == numbers[i] + static_cast<int>(n);)
            n++;
        append(list, ';',
               std::to_string(numbers[i]) +
                   (n > 1 ? "~" + std::to_string(numbers[i + n - 1]) : ""));
    }
}

// The channels of one window that the terms ask for, "" if none; *found[i] when there are some for
// terms[i].
std::string terms_of_window(const Window &w, const std::vector<std::string> &terms,
                            std::vector<bool> *found) {
    std::string list;
    for (size_t i = 0; i < terms.size(); i++) {
        Range r;
        if (!read_range(terms[i], &r)) {
            append(list, ';', terms[i]);
            (*found)[i] = true;
            continue;
        }
        if (!channels_in(w, r).empty())
            (*found)[i] = true;
        append_numbers(list, channels_in(w, r));
    }
    return list;
}

[[noreturn]] void nothing_found(const std::string &what, const std::vector<Window> &windows) {
    std::string have;
    for (const Window &w : windows)
        if (have.size() < 200) {
            char text[96];
            snprintf(text, sizeof text, "%sspectral window %d: %.9g to %.9g MHz",
                     have.empty() ? "" : " ", w.id, w.low() / 1e6, w.high() / 1e6);
            append(have, ';', text);
        }
    throw MSSelectionSpwError("no " + what + " there (" + have + ")");
}

// One part of the expression (between ","), "WINDOWS" or "WINDOWS:CHANNELS".
std::string translate(const MeasurementSet &ms, const std::vector<Window> &windows,
                      const std::string &item) {
    const size_t colon = item.find(':');
    const std::string head = item.substr(0, colon);
    const std::vector<std::string> terms = colon == std::string::npos
                                               ? std::vector<std::string>()
                                               : split(item.substr(colon + 1), ';');
    Range r;
    const bool by_freq = std::any_of(terms.begin(), terms.end(),
                                     [&](const std::string &t) { return read_range(t, &r); });
    const bool head_by_freq =
        read_range(head, &r) && std::any_of(windows.begin(), windows.end(),
                                            [](const Window &w) { return w.misread_whole(); });
    if (!by_freq && !head_by_freq)
        return item;
    const std::string by_id = head.empty() ? "*" : head;
    const std::vector<int> ids = head_by_freq ? windows_in(windows, r) : windows_of(ms, by_id);
    if (ids.empty())
        nothing_found("spectral window", windows);
    std::string out;
    bool misread = head_by_freq;
    std::vector<bool> found(terms.size(), false);
    for (const Window &w : windows) {
        if (std::find(ids.begin(), ids.end(), w.id) == ids.end())
            continue;
        misread = misread || w.misread_channels();
        const std::string channels = terms_of_window(w, terms, &found);
        if (terms.empty() || !channels.empty())
            append(out, ',', std::to_string(w.id) + (terms.empty() ? "" : ":" + channels));
    }
    if (!misread)
        return item;
    if (std::find(found.begin(), found.end(), false) != found.end())
        nothing_found("channel", windows);
    return out;
}

} // namespace

std::vector<int> spw_channel_order(const Vector<Double> &freq_hz) {
    bool rises = true, falls = true, finite = true;
    for (size_t i = 0; i < freq_hz.size(); i++) {
        finite = finite && std::isfinite(freq_hz[i]);
        rises = rises && (i == 0 || freq_hz[i] >= freq_hz[i - 1]);
        falls = falls && (i == 0 || freq_hz[i] <= freq_hz[i - 1]);
    }
    if (rises || falls || !finite)
        return {};
    std::vector<int> order(freq_hz.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        return freq_hz[static_cast<size_t>(a)] < freq_hz[static_cast<size_t>(b)];
    });
    return order;
}

std::string spw_without_frequencies(const MeasurementSet &ms, const std::string &spw) {
    if (strcasestr(spw.c_str(), "hz") == nullptr)
        return spw;
    const std::vector<Window> windows = all_windows(ms);
    std::string out;
    for (const std::string &item : split(spw, ','))
        append(out, ',', translate(ms, windows, item));
    return out;
}
