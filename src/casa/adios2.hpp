/* adios2.hpp: what the files of this folder share about the storage manager Adios2StMan. */
#ifndef PCL_CASA_ADIOS2_HPP
#define PCL_CASA_ADIOS2_HPP
#include <casacore/casa/Containers/Record.h>
#include <string>
#include <vector>

/* Has casacore load our plug-in when a table wants it, unless casacore has a manager of that name
 * built in. */
void casa_adios2_register();

/* The columns under Adios2StMan, from a table's data manager records; *engine (may be null) as
 * their SPEC names it. */
std::vector<std::string> casa_adios2_columns_of(const casacore::Record &dminfo,
                                                std::string *engine);

#endif
