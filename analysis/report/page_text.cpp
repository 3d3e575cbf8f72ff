#include "analysis/report/page_text.h"

namespace drift {

const std::string_view kPageStyle = R"css(
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:24px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:18px;margin:36px 0 8px}
.made,figcaption small{color:var(--soft)}.made{margin:0 0 16px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:5px 12px 5px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--edge);font-weight:400}
thead th{color:var(--soft);font-size:13px}
th:first-child{text-align:left}tbody th{font-weight:600;white-space:normal;min-width:120px}
.swatch{width:22px;height:10px;margin-right:8px}
.legend{position:sticky;top:0;z-index:1;background:var(--paper);padding:10px 0;margin-top:24px;display:flex;
flex-wrap:wrap;gap:4px 20px;border-bottom:1px solid var(--edge)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:20px;margin-top:16px}
figure{margin:0;padding:14px;background:var(--card);border:1px solid var(--edge);border-radius:8px;min-width:0}
figcaption{font-weight:600;margin-bottom:6px}
figcaption small{display:block;font-weight:400;font-size:13px}
svg.plot,svg.bars{display:block;width:100%;height:auto}
@media(max-width:520px){svg.plot text,svg.bars text{font-size:15px}}
h3{font-size:15px;margin:20px 0 0}.names{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:13px}
details{margin:6px 0}summary{cursor:pointer;overflow-wrap:anywhere}
pre{overflow-x:auto;background:var(--card);border:1px solid var(--edge);border-radius:6px;padding:10px;font-size:13px}
#tip{position:absolute;pointer-events:none;background:var(--card);border:1px solid var(--edge);border-radius:6px;
padding:6px 10px;font-size:13px;box-shadow:0 2px 8px #0003;z-index:2;max-width:260px}
)css";

const std::string_view kPageScript = R"js(
const tip = document.getElementById("tip");
const axis = (text) => text.split(" ").map(Number);
function value(place, [from, to, low, high, log]) {
  const part = (place - from) / (to - from);
  return log ? low * Math.pow(high / low, part) : low + part * (high - low);
}
function prefixed(v, unit) {
  const p = ["", "k", "M", "G", "T", "P"];
  let i = 0;
  for (; Math.abs(v) >= 1000 && i < 5; ++i) v /= 1000;
  return +v.toPrecision(4) + " " + p[i] + unit;
}
function text(v, unit) {
  if (unit === 1) return (100 * v).toFixed(2) + " %";
  if (unit === 2) return prefixed(v, "B");
  if (unit === 3) return v < 120 ? v.toPrecision(3) + " s" : v < 7200 ? (v / 60).toFixed(1) + " min"
                                                                      : (v / 3600).toFixed(2) + " h";
  return Math.abs(v) >= 1e5 ? prefixed(v, "") : String(+v.toPrecision(4));
}
for (const svg of document.querySelectorAll("svg.plot")) {
  const x = axis(svg.dataset.x), y = axis(svg.dataset.y), units = axis(svg.dataset.units);
  const lines = [...svg.querySelectorAll("polyline.line")].map((line) => ({
    name: line.dataset.name,
    points: line.getAttribute("points").trim().split(" ").map((pair) => pair.split(",").map(Number)),
  }));
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    tip.replaceChildren();
    let nearest = at;
    const rows = lines.map((line) => {
      const point = line.points.reduce((a, b) => Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a);
      nearest = point[0];
      return line.name + ": " + text(value(point[1], y), units[1]);
    });
    for (const row of [text(value(nearest, x), units[0]), ...rows]) {
      tip.appendChild(document.createElement("div")).textContent = row;
    }
    tip.hidden = false;
    const left = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = event.pageY + 14 + "px";
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
}
)js";

}  // namespace drift
