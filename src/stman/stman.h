/* stman.h: the names that libpclean_adios2stman.so shows. C++, because casacore's constructor
 * function is. */
#ifndef PCL_STMAN_H
#define PCL_STMAN_H
#include <casacore/tables/DataMan/DataManager.h>

#define PCL_STMAN_API extern "C" __attribute__((visibility("default")))

/* casacore's DataManagerCtor: a manager of the name and with the SPEC of a dminfo record. */
PCL_STMAN_API casacore::DataManager *pcl_adios2stman_make(const casacore::String &name,
                                                          const casacore::Record &spec);

/* Tells casacore of it, under the type Adios2StMan. */
PCL_STMAN_API void pcl_adios2stman_register(void);

/* ADIOS2's version, static storage. */
PCL_STMAN_API const char *pcl_adios2stman_version(void);

#endif
