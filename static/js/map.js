"use strict";
// window.YuchangMap.draw(element, {outlineUrl, values, points, ...}) draws a map with ECharts.
//
// outlineUrl  address of GeoJSON whose features have the properties code and name (places:outline)
// values      [{code, name, value, url?}]: colours the outline with this code
// points      [{code, name, at: [longitude, latitude], value, url?}]: drawn where no outline has the code
// unit        word after a value; unknown: word where there is none
// isYear      values are years: shown as such, one colour a year
// onOpen      called with the code of an outline without an address
// Resolves to {chart, source, reviewNumber}; source is "operator" or "package".

window.YuchangMap = (() => {
  const ink = "#17262b";
  const font = () => ({ fontFamily: getComputedStyle(document.body).fontFamily, color: ink, fontSize: 12 });
  const pale = ["#e9f2f4", "#b9d8dd", "#8fc0c9", "#4a90a0", "#0b5563"];

  async function fetchOutline(url) {
    const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/geo+json" } });
    if (!answer.ok) throw new Error(`map outline: ${answer.status}`);
    return answer.json();
  }

  function scaleOf(values, isYear) {
    const known = values.filter((value) => value !== null && value !== undefined);
    if (!known.length) return undefined;
    if (isYear) {
      const years = [...new Set(known)].sort();
      const steps = years.map((year, i) => ({ value: year, label: String(year), color: pale[pale.length - 1 - Math.min(pale.length - 1, i)] }));
      return { type: "piecewise", pieces: steps, outOfRange: { color: "#f4f7f8" } };
    }
    return { type: "continuous", min: 0, max: Math.max(1, ...known), calculable: false, inRange: { color: [pale[0], pale[2], pale[4]] } };
  }

  async function draw(element, options) {
    const outline = await fetchOutline(options.outlineUrl);
    const values = options.values || [];
    const drawn = new Set(outline.features.map((feature) => feature.properties.code));
    const points = (options.points || []).filter((point) => !drawn.has(point.code));
    const named = new Map(outline.features.map((feature) => [feature.properties.code, feature.properties.name]));
    const byCode = new Map([...values, ...points].map((part) => [part.code, part]));
    const areas = values.filter((part) => drawn.has(part.code));
    // ECharts adds the inset of the South China Sea to a map of this name.
    const isCountry = outline.features.some((feature) => feature.properties.code === "110000000000") && drawn.size > 30;
    const name = isCountry ? "china" : `outline:${options.outlineUrl}`;
    echarts.registerMap(name, outline);

    const text = (part) => {
      const value = part && part.value;
      return value === null || value === undefined ? options.unknown || "—" : `${options.isYear ? value : value.toLocaleString("zh-CN")} ${options.unit || ""}`;
    };
    const scale = scaleOf([...areas, ...points].map((part) => part.value), options.isYear);
    const chart = echarts.getInstanceByDom(element) || echarts.init(element);
    chart.setOption({
      animation: false,
      textStyle: font(),
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: "#d5dfe2", textStyle: font(),
        formatter: (hit) => {
          const code = hit.data && hit.data.code ? hit.data.code : hit.name;
          const part = byCode.get(code);
          const title = part ? part.name : named.get(code) || code;
          return part ? `${title}\n${text(part)}` : title;
        },
      },
      visualMap: scale && { ...scale, left: 4, bottom: 4, itemHeight: options.isYear ? 12 : 80, itemWidth: 12, textStyle: font(), seriesIndex: [0, 1] },
      geo: {
        map: name, nameProperty: "code", roam: false, aspectScale: 0.82, selectedMode: false,
        label: { show: outline.features.length < 42, ...font(), fontSize: 11, formatter: (hit) => named.get(hit.name) || "" },
        itemStyle: { areaColor: "#f4f7f8", borderColor: "#9fb1b7" },
        emphasis: { itemStyle: { areaColor: "#f6dfae" }, label: { ...font(), formatter: (hit) => named.get(hit.name) || "" } },
      },
      series: [
        { type: "map", geoIndex: 0, selectedMode: false, data: areas.map((part) => ({ name: part.code, code: part.code, value: part.value ?? undefined })) },
        {
          type: "scatter", coordinateSystem: "geo", symbolSize: 9, itemStyle: { borderColor: "#fff", borderWidth: 1 },
          data: points.map((part) => ({ name: part.name, code: part.code, value: [...part.at, part.value ?? undefined] })),
        },
      ],
    }, true);
    chart.off("click");
    chart.on("click", (hit) => {
      const code = hit.data && hit.data.code ? hit.data.code : hit.name;
      const part = byCode.get(code);
      if (part && part.url) window.location.assign(part.url);
      else if (options.onOpen) options.onOpen(code);
    });
    new ResizeObserver(() => chart.resize()).observe(element);
    return { chart, source: outline.source, reviewNumber: outline.review_number };
  }

  return { draw };
})();
