// Figures on a page, and what stands for a line's colour beside its name.
#pragma once

#include <fmt/format.h>
#include <string>
#include <string_view>

#include "analysis/markup.h"
#include "analysis/plot/plot.h"

namespace drift {

// More lines than there are colours are dashed.
inline std::string swatch(std::size_t line) {
  return fmt::format(R"(<svg class="swatch" viewBox="0 0 22 10"><path class="line c{}{}" d="M0 5h22"/></svg>)",
                     line % kPlotColours, line >= kPlotColours ? " dashed" : "");
}

// A Plot or Bars. names: of its lines, where the figure does not say them itself.
template <class Figure>
std::string figure_html(const Figure& figure, std::string_view id, std::string_view names = "") {
  return fmt::format("<figure id=\"{}\"><figcaption>{}<small>{}</small></figcaption>{}{}</figure>\n", id,
                     escaped(figure.title), escaped(figure.note), svg_element(figure), names);
}

}  // namespace drift
