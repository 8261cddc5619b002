// The text below the pointer. It is built from text nodes, so names are never read as HTML.
"use strict";

distF1.number = function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return String(Number(value.toPrecision(4)));
};

// Return the tooltip of a point: its name, and each dimension of its values.
distF1.tooltip = function tooltip(params, option) {
  const box = document.createElement("div");
  const add = (text, isTitle) => {
    const line = document.createElement("div");
    line.textContent = text;
    if (isTitle) line.className = "tooltip-title";
    box.append(line);
  };
  if (params.componentType !== "series") return "";
  if (params.seriesName && !params.seriesName.startsWith("series\0")) add(params.seriesName, true);
  const values = Array.isArray(params.value) ? params.value : [params.value];
  const axes = [option.xAxis, option.yAxis].map((axis) => (Array.isArray(axis) ? axis[0] : axis));
  const names = params.dimensionNames ?? [];
  values.forEach((value, i) => {
    const categories = i < 2 && axes[i]?.type === "category" ? axes[i].data : null;
    const text = categories ? categories[value] : distF1.number(value);
    if (value !== null) add(`${names[i] ?? ""}: ${text}`);
  });
  return box;
};
