/* borrowed.hpp: CASA wants a beam in every plane of an image or in none. So a plane without data,
 * or with a PSF to which no beam can be fitted, borrows the largest there is, as in tclean; a line
 * of the image's history says which planes have. Joining images needs to know: the largest beam of
 * one of them is not that of all. */
#ifndef PCL_BORROWED_HPP
#define PCL_BORROWED_HPP
#include <casacore/casa/BasicSL/String.h>
#include <vector>

/* The line for these planes, polarization faster than channel; "": none has borrowed. */
casacore::String casa_borrowed_line(const std::vector<bool> &borrowed);

/* The same read from the last such line among these. */
std::vector<bool> casa_borrowed_find(const std::vector<casacore::String> &history, size_t nplane);

/* All lines of the history of the image folder `path`; none where it has no history. */
std::vector<casacore::String> casa_read_history(const casacore::String &path);

#endif
