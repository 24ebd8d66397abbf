/* spw.hpp: spectral windows whose channels are not as casacore's selection takes them to be. Throws
 * casacore's exceptions. */
#ifndef PCL_CASA_SPW_HPP
#define PCL_CASA_SPW_HPP
#include <casacore/ms/MeasurementSets/MeasurementSet.h>
#include <string>
#include <vector>

/* The channels by ascending frequency (of equal ones the lower number first), where the frequencies
 * neither rise nor fall all along the window; empty where they do, or where one is no number. */
std::vector<int> spw_channel_order(const casacore::Vector<casacore::Double> &freq_hz);

/* An spw expression with the same meaning in which no frequency is left that casacore would
 * misread; the text itself where there is none. casacore takes the order of the channels from the
 * sign of CHAN_WIDTH, and a window's middle from its first and last channel: it finds wrong
 * channels, all of them or none, where the sign does not fit or the order is mixed. */
std::string spw_without_frequencies(const casacore::MeasurementSet &ms, const std::string &spw);

#endif
