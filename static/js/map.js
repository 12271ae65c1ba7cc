"use strict";
// window.YuchangMap.draw(element, {outlineUrl, values, points, ...}) draws a map with ECharts.
//
// outlineUrl  address of GeoJSON whose features have the properties code and name (places:outline)
// values      [{code, name, value, url?}]: colours the outline with this code
// points      [{code, name, at: [longitude, latitude], value, url?}]: drawn where no outline has the code
// lines       [{name, from: [longitude, latitude], to: [...], value}]: arrows, as wide as their value
// unit        word after a value; unknown: word where there is none
// isYear      values are years: shown as such, one colour a year
// onOpen      called with the code of an outline without an address
// Resolves to {chart, source, reviewNumber}; source is "operator" or "package".

window.YuchangMap = (() => {
  const ink = "#17262b";
  const blank = "#f4f7f8";
  const shades = ["#dcebee", "#a9cfd6", "#74aeba", "#3d8494", "#0b5563"];
  const font = () => ({ fontFamily: getComputedStyle(document.body).fontFamily, color: ink, fontSize: 12 });
  const isKnown = (value) => value !== null && value !== undefined;

  async function fetchOutline(url) {
    const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/geo+json" } });
    if (!answer.ok) throw new Error(`map outline: ${answer.status}`);
    return answer.json();
  }

  // What colour a value has, and the legend that says so.
  function scaleOf(values, isYear) {
    const known = [...new Set(values.filter(isKnown))].sort((a, b) => a - b);
    if (!known.length) return { colour: () => blank };
    if (isYear) {
      const shade = (i) => shades[Math.round((i * (shades.length - 1)) / Math.max(1, known.length - 1))];
      return {
        colour: (value) => shade(known.indexOf(value)),
        legend: { type: "piecewise", pieces: known.map((year, i) => ({ value: year, label: String(year), color: shade(i) })) },
      };
    }
    const most = Math.max(1, known[known.length - 1]);
    return {
      colour: (value) => echarts.color.lerp(value / most, shades),
      legend: { type: "continuous", min: 0, max: most, text: [String(most), "0"], inRange: { color: shades } },
    };
  }

  function shortName(name) {
    const short = name.replace(/(维吾尔|壮族|回族)?自治区$|省$/, "");
    return short.length > 2 ? short.replace(/市$/, "") : short;
  }

  async function draw(element, options) {
    const outline = await fetchOutline(options.outlineUrl);
    const named = new Map(outline.features.map((feature) => [feature.properties.code, feature.properties.name]));
    const points = (options.points || []).filter((point) => !named.has(point.code));
    const parts = new Map([...(options.values || []), ...points].map((part) => [part.code, part]));
    const areas = [...named.keys()].filter((code) => parts.has(code));
    // ECharts adds the inset of the South China Sea to a map of this name.
    const isCountry = named.has("110000000000") && named.size > 30;
    const name = isCountry ? "china" : `outline:${options.outlineUrl}`;
    echarts.registerMap(name, outline);

    const scale = scaleOf([...areas.map((code) => parts.get(code).value), ...points.map((part) => part.value)], options.isYear);
    const describe = (code) => {
      const part = parts.get(code);
      if (!part) return named.get(code) || "";
      const value = isKnown(part.value) ? `${part.value} ${options.unit || ""}` : options.unknown || "—";
      return `${part.name}\n${value}`;
    };
    const label = (code) => (isCountry && /^8/.test(code) ? "" : isCountry ? shortName(named.get(code) || "") : named.get(code) || "");
    const dot = (part) => ({ name: part.name, code: part.code, value: [part.at[0], part.at[1], isKnown(part.value) ? part.value : 0] });
    const scatter = { type: "scatter", coordinateSystem: "geo", symbolSize: 10 };
    const lines = options.lines || [];
    const widest = Math.max(1, ...lines.map((line) => line.value));
    const arrows = lines.map((line) => ({
      name: line.name, coords: [line.from, line.to],
      lineStyle: { width: 1 + 5 * Math.sqrt(line.value / widest) },
    }));

    const chart = echarts.getInstanceByDom(element) || echarts.init(element);
    chart.setOption({
      animation: false,
      textStyle: font(),
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: "#d5dfe2", textStyle: font(),
        formatter: (hit) => (hit.seriesType === "lines" ? hit.name : describe(hit.data && hit.data.code ? hit.data.code : hit.name)),
      },
      visualMap: scale.legend && { ...scale.legend, dimension: 2, seriesIndex: 0, hoverLink: false, left: 4, bottom: 4, itemHeight: options.isYear ? 12 : 80, itemWidth: 12, textStyle: font() },
      geo: {
        map: name, nameProperty: "code", roam: false, aspectScale: 0.82, selectedMode: false, tooltip: { show: true }, top: 12, bottom: 12,
        label: { show: named.size < 42, ...font(), fontSize: 11, formatter: (hit) => label(hit.name) },
        itemStyle: { areaColor: blank, borderColor: "#8fa3aa" },
        emphasis: { itemStyle: { areaColor: "#f6dfae" }, label: { show: true, ...font(), formatter: (hit) => named.get(hit.name) || "" } },
        regions: areas.filter((code) => isKnown(parts.get(code).value)).map((code) => {
          const areaColor = scale.colour(parts.get(code).value);
          const isDark = [shades[3], shades[4]].includes(areaColor) || (!options.isYear && parts.get(code).value > 0.6 * (scale.legend.max || 1));
          return { name: code, itemStyle: { areaColor }, label: { color: isDark ? "#fff" : ink } };
        }),
      },
      series: [
        { ...scatter, itemStyle: { borderColor: "#17262b", borderWidth: 0.5 }, data: points.filter((part) => isKnown(part.value)).map(dot) },
        { ...scatter, symbolSize: 6, itemStyle: { color: "#fff", borderColor: "#51646b", borderWidth: 1 }, data: points.filter((part) => !isKnown(part.value)).map(dot) },
        { type: "lines", coordinateSystem: "geo", symbol: ["none", "arrow"], symbolSize: 7, data: arrows, lineStyle: { color: "#c98a1b", opacity: 0.75, curveness: 0.2 } },
      ],
    }, true);
    chart.off("click");
    chart.on("click", (hit) => {
      const code = hit.data && hit.data.code ? hit.data.code : hit.name;
      const part = parts.get(code);
      if (part && part.url) window.location.assign(part.url);
      else if (options.onOpen) options.onOpen(code);
    });
    new ResizeObserver(() => chart.resize()).observe(element);
    return { chart, source: outline.source, reviewNumber: outline.review_number };
  }

  return { draw };
})();
