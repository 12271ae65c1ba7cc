"use strict";
// Draws <div class="chart" data-chart="sankey|graph|bar|line|map" data-source="json-script-id">.
//
// sankey  {nodes: [{name, title?, url?}], links: [{source, target, value, url?}], unit}
// graph   {nodes: [{name, own?}], links: [{source, target, value}], unit}: a network around its own node
// bar     {labels: [...], series: [{name, values}], unit, urls?: [...], stacked?}
// line    {labels: [...], series: [{name, values}], unit, marks?: [{name, value}]}
// map     {outline: address of GeoJSON, values: [{name, value, url?}], points?: [{name, at: [lon, lat], value, url?}], unit}
// unit "fen" shows yuan. Every chart is followed by its figures as a table.

(() => {
  const chinese = document.documentElement.lang.startsWith("zh");
  const word = (zh, en) => (chinese ? zh : en);
  const colours = ["#0b5563", "#4a90a0", "#c98a1b", "#6b8e5a", "#8a6d9b", "#a85b4a", "#5b7fb0", "#7b8f96"];
  const text = { fontFamily: getComputedStyle(document.body).fontFamily, color: "#17262b", fontSize: 13 };

  function yuan(fen) {
    const value = fen / 100;
    const steps = chinese ? [[1e8, "亿元"], [1e4, "万元"]] : [[1e9, " billion CNY"], [1e6, " million CNY"]];
    for (const [size, name] of steps) if (Math.abs(value) >= size) return `${(value / size).toFixed(2)}${name}`;
    return `${value.toLocaleString("zh-CN", { maximumFractionDigits: 2 })}${word("元", " CNY")}`;
  }
  function exact(value, unit) {
    if (value === null || value === undefined) return "—";
    if (unit === "fen") return `${(value / 100).toLocaleString("zh-CN", { minimumFractionDigits: value % 100 ? 2 : 0 })} ${word("元", "CNY")}`;
    return `${value.toLocaleString("zh-CN")}${unit ? ` ${unit}` : ""}`;
  }
  const short = (value, unit) => (unit === "fen" ? yuan(value) : value.toLocaleString("zh-CN"));

  const base = () => ({
    animation: false,
    color: colours,
    textStyle: text,
    tooltip: { renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: "#d5dfe2", textStyle: text },
  });

  function axes(data) {
    return {
      grid: { left: 8, right: 16, top: data.series.length > 1 ? 34 : 14, bottom: 4, containLabel: true },
      legend: data.series.length > 1 ? { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 8, textStyle: text } : undefined,
      xAxis: { type: "category", data: data.labels, axisTick: { show: false }, axisLine: { lineStyle: { color: "#9fb1b7" } }, axisLabel: { ...text, hideOverlap: true } },
      yAxis: { type: "value", splitNumber: 4, axisLabel: { ...text, color: "#51646b", formatter: (v) => short(v, data.unit) }, splitLine: { lineStyle: { color: "#e8eef0" } } },
    };
  }

  // Four or five round steps that leave room above the highest value.
  function scale(highest) {
    const rough = (highest * 1.1) / 4;
    const power = 10 ** Math.floor(Math.log10(rough || 1));
    const interval = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough) || power;
    return { min: 0, max: interval * Math.ceil((highest * 1.05) / interval), interval };
  }

  // Which column of a Sankey each node stands in: after all that flow into it; where a way ends, in the last.
  function columnsOf(links) {
    const at = {};
    for (let round = 0; round < 8; round += 1) {
      for (const link of links) at[link.target] = Math.max(at[link.target] || 0, (at[link.source] || 0) + 1);
    }
    const last = Math.max(0, ...Object.values(at));
    const goesOn = new Set(links.map((link) => link.source));
    for (const link of links) {
      at[link.source] = at[link.source] || 0;
      if (!goesOn.has(link.target)) at[link.target] = last;
    }
    return { at, last };
  }

  // No more nodes in a column than there is room for their words: the smallest become one.
  function folded(data, at, most) {
    const worth = (name) => Math.max(...["source", "target"].map((end) => data.links.reduce((sum, link) => sum + (link[end] === name ? link.value : 0), 0)));
    const columns = {};
    for (const node of data.nodes) (columns[at[node.name]] ||= []).push(node);
    const into = {};
    const rests = [];
    for (const [column, nodes] of Object.entries(columns)) {
      if (nodes.length <= most) continue;
      const small = nodes.map((node) => [worth(node.name), node.name]).sort((a, b) => b[0] - a[0]).slice(most - 1);
      const rest = { name: `rest ${column}`, title: word(`其他 ${small.length} 项`, `${small.length} others`) };
      for (const [, name] of small) into[name] = rest.name;
      at[rest.name] = Number(column);
      rests.push(rest);
    }
    const links = new Map();
    for (const link of data.links) {
      const [source, target] = [into[link.source] || link.source, into[link.target] || link.target];
      const key = JSON.stringify([source, target]);
      const own = source === link.source && target === link.target;
      links.set(key, links.has(key) ? { ...links.get(key), value: links.get(key).value + link.value } : own ? { ...link } : { source, target, value: link.value });
    }
    return { ...data, nodes: [...data.nodes.filter((node) => !into[node.name]), ...rests], links: [...links.values()] };
  }

  // About how wide a text is drawn.
  const widthOf = (words) => [...words].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 0x2e80 ? 13 : 7.3), 0);

  const options = {
    sankey(given, outline, box) {
      const gap = 17; // a line of words
      const { at, last } = columnsOf(given.links);
      const data = folded(given, at, Math.max(3, 1 + Math.floor((0.6 * box.clientHeight) / gap)));
      const right = box.clientWidth < 640 ? 150 : box.clientWidth < 900 ? 190 : 220; // for the words of the last column
      const room = (box.clientWidth - right) / Math.max(1, last) - 20;
      const isNarrow = room < 80; // the words would lie on each other; the table below has them
      const roomAt = (column) => (column === last ? right - 12 : room);
      const title = Object.fromEntries(data.nodes.map((node) => [node.name, node.title || node.name]));
      // The amount too, where it fits; else the name, if need be without what its whole column shares ("Buyer: …").
      const said = (name, value) => {
        const bare = title[name].replace(/^[^：:]+[：:]\s*/, "");
        const ways = [`${title[name]}  ${short(value, data.unit)}`, title[name], bare];
        return ways.find((words) => widthOf(words) <= roomAt(at[name])) || bare;
      };
      const shades = ["#0b5563", "#1c7385", "#3d8f9f", "#6aaab6", "#c98a1b"];
      return {
        ...base(),
        tooltip: { ...base().tooltip, formatter: (p) => (p.dataType === "edge" ? `${title[p.data.source]} → ${title[p.data.target]}\n${exact(p.data.value, data.unit)}` : `${title[p.name]}\n${exact(p.value, data.unit)}`) },
        series: [{
          type: "sankey", data: data.nodes, links: data.links, left: 4, right, top: 8, bottom: 8, nodeWidth: 12, nodeGap: gap,
          nodeAlign: "justify", draggable: false, emphasis: { focus: "adjacency" },
          lineStyle: { color: "source", opacity: 0.26, curveness: 0.5 }, itemStyle: { borderWidth: 0 },
          levels: Array.from({ length: last + 1 }, (_, depth) => ({ depth, itemStyle: { color: shades[Math.min(depth, 4)] }, label: { show: !isNarrow || depth === last, width: roomAt(depth), overflow: "truncate" } })),
          label: { ...text, formatter: (p) => said(p.name, p.value) },
        }],
      };
    },
    graph(data, outline, box) {
      const most = Math.max(1, ...data.links.map((link) => link.value));
      const own = data.nodes.find((node) => node.own).name;
      const gives = new Set(data.links.filter((link) => link.target === own).map((link) => link.source));
      const takes = new Set(data.links.filter((link) => link.source === own).map((link) => link.target));
      const left = data.nodes.filter((node) => !node.own && gives.has(node.name) && !takes.has(node.name));
      const right = data.nodes.filter((node) => !node.own && !left.includes(node));
      const room = box.clientWidth < 640 ? 110 : 260; // for the names at both sides
      const wide = Math.max(40, box.clientWidth - 2 * room);
      const high = Math.max(40, box.clientHeight - 50);
      const at = (list, node) => ((list.indexOf(node) + 1) * high) / (list.length + 1);
      const placed = (node) => (node.own ? { x: wide / 2, y: high / 2 } : left.includes(node) ? { x: 0, y: at(left, node) } : { x: wide, y: at(right, node) });
      // Two corners that nobody sees keep the picture from being stretched.
      const corners = [[0, 0], [wide, high]].map(([x, y], i) => ({ name: " ".repeat(i + 1), x, y, symbolSize: 0, label: { show: false }, tooltip: { show: false } }));
      const side = (node) => (node.own ? "top" : left.includes(node) ? "left" : "right");
      return {
        ...base(),
        tooltip: { ...base().tooltip, formatter: (p) => (p.dataType === "edge" ? `${p.data.source} → ${p.data.target}\n${exact(p.data.value, data.unit)}` : p.name) },
        series: [{
          type: "graph", layout: "none", left: room, right: room, top: 30, bottom: 20, edgeSymbol: ["none", "arrow"], edgeSymbolSize: 7, draggable: false,
          data: [...corners, ...data.nodes.map((node) => ({ name: node.name, ...placed(node), symbolSize: node.own ? 26 : 14, itemStyle: { color: node.own ? "#c98a1b" : "#0b5563" }, label: { show: true, ...text, position: side(node), width: room - 20, overflow: "truncate" } }))],
          links: data.links.map((link) => ({ ...link, lineStyle: { width: 1 + 5 * Math.sqrt(link.value / most), color: "source", opacity: 0.5, curveness: 0.1 } })),
        }],
      };
    },
    bar(data) {
      return {
        ...base(), ...axes(data),
        tooltip: { ...base().tooltip, trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: (v) => exact(v, data.unit) },
        series: data.series.map((s) => ({ type: "bar", name: s.name, data: s.values, stack: data.stacked ? "all" : undefined, barMaxWidth: 28 })),
      };
    },
    line(data) {
      const marks = (data.marks || []).map((m) => ({ yAxis: m.value, name: m.name, label: { formatter: `${m.name} ${short(m.value, data.unit)}`, position: "insideEndTop", color: "#9c1f1f", fontSize: 12 } }));
      const highest = Math.max(0, ...(data.marks || []).map((m) => m.value), ...data.series.flatMap((s) => s.values.map((v) => v || 0)));
      const option = axes(data);
      if (marks.length) Object.assign(option.yAxis, scale(highest));
      return {
        ...base(), ...option,
        tooltip: { ...base().tooltip, trigger: "axis", valueFormatter: (v) => exact(v, data.unit) },
        series: data.series.map((s, i) => ({
          type: "line", name: s.name, data: s.values, symbolSize: 6, connectNulls: true, lineStyle: { width: 2 },
          markLine: i === 0 && marks.length ? { silent: true, symbol: "none", lineStyle: { color: "#9c1f1f", type: "dashed" }, data: marks } : undefined,
        })),
      };
    },
    map(data, outline) {
      const values = [...(data.values || []), ...(data.points || [])].map((v) => v.value || 0);
      const option = {
        ...base(),
        tooltip: { ...base().tooltip, formatter: (p) => (p.data ? `${p.name}\n${exact(p.seriesType === "effectScatter" || p.seriesType === "scatter" ? p.data.figure : p.value, data.unit)}` : p.name) },
        visualMap: (data.values || []).length ? { min: 0, max: Math.max(1, ...values), left: 4, bottom: 4, itemHeight: 80, itemWidth: 10, textStyle: text, inRange: { color: ["#e9f2f4", "#8fc0c9", "#0b5563"] }, seriesIndex: 0, formatter: (v) => short(Math.round(v), data.unit) } : undefined,
        series: [],
      };
      const shape = { map: outline, roam: false, aspectScale: 0.82, label: { show: (data.values || []).length < 40, ...text, fontSize: 11 }, itemStyle: { areaColor: "#eef4f5", borderColor: "#9fb1b7" }, emphasis: { itemStyle: { areaColor: "#f6dfae" }, label: text } };
      option.series.push({ type: "map", ...shape, selectedMode: false, data: data.values || [], geoIndex: undefined });
      if ((data.points || []).length) {
        option.geo = { ...shape, label: { show: false }, silent: true };
        option.series[0].geoIndex = 0;
        option.series.push({ type: "scatter", coordinateSystem: "geo", symbolSize: (v, p) => 6 + 20 * Math.sqrt((p.data.figure || 0) / Math.max(1, ...values)), data: data.points.map((p) => ({ name: p.name, value: p.at, figure: p.value, url: p.url })), itemStyle: { color: "#0b5563", opacity: 0.75 } });
      }
      return option;
    },
  };

  function rowsOf(kind, data) {
    if (kind === "sankey" || kind === "graph") {
      const title = Object.fromEntries(data.nodes.map((node) => [node.name, node.title || node.name]));
      return [[word("从", "From"), word("到", "To"), word("数额", "Amount")], ...data.links.map((l) => [title[l.source], title[l.target], exact(l.value, data.unit)])];
    }
    if (kind === "map") return [[word("地区", "Place"), word("数值", "Value")], ...[...(data.values || []), ...(data.points || [])].map((v) => [v.name, exact(v.value, data.unit)])];
    return [["", ...data.series.map((s) => s.name)], ...data.labels.map((label, i) => [label, ...data.series.map((s) => exact(s.values[i], data.unit))]), ...(data.marks || []).map((m) => [m.name, exact(m.value, data.unit)])];
  }

  function addTable(box, kind, data) {
    const [head, ...rows] = rowsOf(kind, data);
    const details = document.createElement("details");
    details.className = "chart-data";
    details.append(Object.assign(document.createElement("summary"), { textContent: word("图中数字", "Figures of this chart") }));
    const wrap = Object.assign(document.createElement("div"), { className: "table-responsive", tabIndex: 0 });
    const table = Object.assign(document.createElement("table"), { className: "table table-sm" });
    const line = (parent, cells, tag) => {
      const tr = parent.appendChild(document.createElement("tr"));
      cells.forEach((cell, i) => {
        const td = tr.appendChild(document.createElement(tag === "th" && cell === "" ? "td" : tag));
        td.textContent = cell;
        if (i === cells.length - 1 || (kind !== "sankey" && kind !== "graph" && i > 0)) td.className = "number";
        if (td.tagName === "TH") td.scope = "col";
      });
    };
    line(table.createTHead(), head, "th");
    const body = table.createTBody();
    rows.forEach((row) => line(body, row, "td"));
    wrap.append(table);
    details.append(wrap);
    box.after(details);
  }

  async function outlineOf(address) {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`${answer.status} ${address}`);
    window.echarts.registerMap(address, await answer.json());
    return address;
  }

  async function draw(box) {
    if (box.dataset.drawn) return;
    box.dataset.drawn = "yes";
    const kind = box.dataset.chart;
    const data = JSON.parse(document.getElementById(box.dataset.source).textContent);
    box.setAttribute("role", "img");
    if (!box.hasAttribute("aria-label")) box.setAttribute("aria-label", word("图；数字见下表", "Chart; its figures follow as a table"));
    if (!box.dataset.bare) addTable(box, kind, data);
    const outline = kind === "map" ? await outlineOf(data.outline) : undefined;
    const chart = window.echarts.init(box, null, { renderer: "svg" });
    chart.setOption(options[kind](data, outline, box));
    chart.on("click", (p) => {
      const url = (p.data && p.data.url) || (data.urls && data.urls[p.dataIndex]);
      if (url) window.location.assign(url);
    });
    new ResizeObserver(() => {
      chart.resize();
      if (kind === "sankey" || kind === "graph") chart.setOption(options[kind](data, outline, box), true); // placed by the box's size
    }).observe(box);
    box.dataset.ready = "yes";
  }

  const drawAll = (root) => root.querySelectorAll(".chart[data-chart]").forEach((box) => {
    draw(box).catch((error) => { box.textContent = word("图未能画出，请看下表。", "The chart could not be drawn; see the table."); console.error(error); });
  });
  drawAll(document);
  document.addEventListener("htmx:load", (event) => drawAll(event.detail.elt));
})();
