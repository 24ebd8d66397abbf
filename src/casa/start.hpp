/* start.hpp: what start.cpp, which sets casacore up for this process, has for the other files. */
#ifndef PCL_CASA_START_HPP
#define PCL_CASA_START_HPP
#include <string>
#include <vector>

/* While it lives casacore's warnings are held back: what casacore warns of and then refuses would
 * be said twice. One at a time. */
class casa_held_warnings {
  public:
    casa_held_warnings();
    casa_held_warnings(const casa_held_warnings &) = delete;
    casa_held_warnings &operator=(const casa_held_warnings &) = delete;
    ~casa_held_warnings();
    void tell() const; // those that were held back

  private:
    std::vector<std::string> texts;
};

/* Can this process open as many files as the columns of a table may need? (casacore opens some only
 * when it reads, and ends the process where it then finds no more for /proc/meminfo.) */
bool casa_has_files_left();

#endif
