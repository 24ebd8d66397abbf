// coords.cpp: sky directions, spectral frames and Stokes names through casacore's measures.
#include "casa/casa_call.hpp"
#include <array>
#include <casacore/casa/Quanta/MVAngle.h>
#include <casacore/casa/Quanta/Quantum.h>
#include <casacore/measures/Measures/MCDirection.h>
#include <casacore/measures/Measures/MCFrequency.h>
#include <casacore/measures/Measures/MDirection.h>
#include <casacore/measures/Measures/MEpoch.h>
#include <casacore/measures/Measures/MFrequency.h>
#include <casacore/measures/Measures/MPosition.h>
#include <casacore/measures/Measures/MeasConvert.h>
#include <casacore/measures/Measures/MeasFrame.h>
#include <casacore/measures/Measures/Stokes.h>
#include <cmath>
#include <sstream>
#include <string>
#include <strings.h>
#include <vector>

using namespace casacore;

namespace {

MDirection to_measure(const casa_direction &d) {
    return MDirection(MVDirection(d.lon_rad, d.lat_rad),
                      MDirection::castType(static_cast<uInt>(d.frame)));
}

casa_direction from_measure(const MDirection &d, int frame) {
    const Vector<Double> angles = d.getValue().get();
    return casa_direction{frame, angles[0], angles[1]};
}

bool direction_frame_known(int frame) {
    return frame >= 0 && frame < static_cast<int>(MDirection::N_Types);
}

// The names that tclean's outframe takes. MFrequency::getType would accept abbreviations too ("L"
// for LSRK).
bool freq_frame_known(int frame) {
    return frame >= 0 && frame < static_cast<int>(MFrequency::N_Types);
}

std::vector<std::string> split_words(const std::string &text) {
    std::string blanks = text;
    for (char &c : blanks)
        if (c == ',')
            c = ' ';
    std::istringstream in(blanks);
    std::vector<std::string> words;
    for (std::string word; in >> word;)
        words.push_back(word);
    return words;
}

// An angle as tclean's phasecenter has it: "12h56m44", "12:56:44" (hours), "21d41m05", "21.41.05",
// "188.2deg", "3.2rad".
bool parse_angle(const std::string &word, double *rad) {
    Quantum<Double> q;
    if (!Quantum<Double>::read(q, word) || !q.isConform(Unit("rad")))
        return false;
    *rad = q.getValue("rad");
    return std::isfinite(*rad);
}

// Frames between which casacore goes without a velocity of the source.
int check_freq_frames(int from, int to, pclean_err *err) {
    for (int frame : {from, to}) {
        if (!freq_frame_known(frame))
            return PCL_FAIL(err, PCLEAN_EPARAM, "spectral frame code %d is not known", frame);
        if (frame == MFrequency::REST && from != to)
            return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                            "frequencies cannot be converted between %s and %s: the rest frame "
                            "needs the source's velocity",
                            casa_freq_frame_name(from), casa_freq_frame_name(to));
    }
    return 0;
}

int make_frame(const casa_frame_change &c, double time_s, MeasFrame *frame, pclean_err *err) {
    MEpoch::Types epoch_type;
    if (!MEpoch::getType(epoch_type, String(c.time_ref)))
        return PCL_FAIL(err, PCLEAN_EPARAM, "time reference \"%s\" is not known", c.time_ref);
    if (!direction_frame_known(c.direction.frame))
        return PCL_FAIL(err, PCLEAN_EPARAM, "direction frame code %d is not known",
                        c.direction.frame);
    const double *xyz = c.position_itrf_m;
    frame->set(MEpoch(MVEpoch(Quantity(time_s, "s")), epoch_type));
    frame->set(MPosition(MVPosition(xyz[0], xyz[1], xyz[2]), MPosition::ITRF));
    frame->set(to_measure(c.direction));
    return 0;
}

MFrequency::Convert make_converter(const casa_frame_change &c, const MeasFrame &frame) {
    return MFrequency::Convert(
        MFrequency::Ref(MFrequency::castType(static_cast<uInt>(c.from)), frame),
        MFrequency::Ref(MFrequency::castType(static_cast<uInt>(c.to)), frame));
}

} // namespace

int casa_direction_parse(const char *text, casa_direction *out, pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        *out = casa_direction{};
        std::vector<std::string> words = split_words(text ? text : "");
        if (words.size() == 2)
            words.insert(words.begin(), "J2000");
        if (words.size() != 3)
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "direction \"%s\" is not of the form \"J2000 12h56m44 21d41m05\" "
                            "(frame, longitude, latitude)",
                            text ? text : "");
        MDirection::Types frame;
        String name(words[0]);
        name.upcase();
        if (!MDirection::getType(frame, name))
            return PCL_FAIL(
                err, PCLEAN_EPARAM,
                "direction \"%s\": frame \"%s\" is not known (J2000, ICRS, B1950, GALACTIC ...)",
                text, words[0].c_str());
        double lon, lat;
        if (!parse_angle(words[1], &lon))
            return PCL_FAIL(
                err, PCLEAN_EPARAM,
                "direction \"%s\": longitude \"%s\" is not an angle such as 12h56m44 or 194.2deg",
                text, words[1].c_str());
        // casacore (and tclean) read "21:41:05" as HOURS whatever the axis: nobody means that for a
        // latitude.
        if (words[2].find(':') != std::string::npos)
            return PCL_FAIL(
                err, PCLEAN_EPARAM,
                "direction \"%s\": latitude \"%s\" is ambiguous, CASA takes colons as hours; write "
                "21d41m05 or 21.41.05",
                text, words[2].c_str());
        if (!parse_angle(words[2], &lat))
            return PCL_FAIL(
                err, PCLEAN_EPARAM,
                "direction \"%s\": latitude \"%s\" is not an angle such as 21d41m05 or 21.7deg",
                text, words[2].c_str());
        if (std::fabs(lat) > M_PI_2 * (1 + 1e-12))
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "direction \"%s\": latitude \"%s\" is beyond 90 degrees", text,
                            words[2].c_str());
        if (std::fabs(lon) > M_PI) {
            *out = from_measure(MDirection(MVDirection(lon, lat), frame), static_cast<int>(frame));
            return 0;
        }
        *out = casa_direction{static_cast<int>(frame), lon, lat}; // to the last bit
        return 0;
    });
}

int casa_direction_convert(const casa_direction *in, int to_frame, casa_direction *out,
                           pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        const casa_direction from = *in; // out may be in
        *out = casa_direction{};
        for (int frame : {from.frame, to_frame})
            if (!direction_frame_known(frame))
                return PCL_FAIL(err, PCLEAN_EPARAM, "direction frame code %d is not known", frame);
        if (from.frame == to_frame) {
            *out = from;
            return 0;
        }
        const MDirection::Types to = MDirection::castType(static_cast<uInt>(to_frame));
        *out = from_measure(MDirection::Convert(to_measure(from), MDirection::Ref(to))(), to_frame);
        return 0;
    });
}

static_assert(CASA_FREQ_UNDEFINED == MFrequency::Undefined, "casa.h counts as casacore does");

/* The names of names.c are casacore's. */
int casa_check_names(pclean_err *err) {
    for (uInt i = 0; i < MDirection::N_Types; i++)
        if (MDirection::showType(i) != casa_direction_frame_name(static_cast<int>(i)))
            return PCL_FAIL(err, PCLEAN_EBUG, "direction frame %u is not %s", i,
                            casa_direction_frame_name(static_cast<int>(i)));
    for (uInt i = 0; i < MFrequency::N_Types; i++)
        if (MFrequency::showType(i) != casa_freq_frame_name(static_cast<int>(i)))
            return PCL_FAIL(err, PCLEAN_EBUG, "spectral frame %u is not %s", i,
                            casa_freq_frame_name(static_cast<int>(i)));
    for (Int i = 0; i < Stokes::NumberOfTypes; i++)
        if (Stokes::name(Stokes::type(i)) != casa_stokes_name(i))
            return PCL_FAIL(err, PCLEAN_EBUG, "Stokes code %d is not %s", i, casa_stokes_name(i));
    return 0;
}

int casa_doppler(const casa_frame_change *change, size_t ntime, const double *time_s,
                 double *factor, pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        const bool same = change->from == change->to;
        for (size_t i = 0; i < ntime; i++)
            factor[i] = same ? 1.0 : 0.0;
        int status = check_freq_frames(change->from, change->to, err);
        if (status || same || ntime == 0)
            return status;
        MeasFrame frame;
        if ((status = make_frame(*change, time_s[0], &frame, err)) != 0)
            return status;
        MFrequency::Convert convert = make_converter(*change, frame);
        const double probe_hz = 1e9; // the shift is a factor: any frequency shows it
        for (size_t i = 0; i < ntime; i++) {
            frame.resetEpoch(MVEpoch(Quantity(time_s[i], "s")));
            factor[i] = convert(MVFrequency(probe_hz)).getValue().getValue() / probe_hz;
        }
        return 0;
    });
}

int casa_freq_convert(const casa_frame_change *change, double time_s, size_t n,
                      const double *freq_hz, double *out_hz, pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        int status = check_freq_frames(change->from, change->to, err);
        if (status)
            return status;
        if (change->from == change->to) {
            for (size_t i = 0; i < n; i++)
                out_hz[i] = freq_hz[i];
            return 0;
        }
        MeasFrame frame;
        if ((status = make_frame(*change, time_s, &frame, err)) != 0)
            return status;
        MFrequency::Convert convert = make_converter(*change, frame);
        for (size_t i = 0; i < n; i++)
            out_hz[i] = convert(MVFrequency(freq_hz[i])).getValue().getValue();
        return 0;
    });
}
