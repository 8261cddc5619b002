// Colours of charts are names of custom properties of the page, e.g. "--series-1". They are looked
// up when a chart is drawn, and again when the reader changes to dark mode or prints.
"use strict";
const distF1 = { charts: [] };

distF1.color = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Return a copy of an option with the colours looked up. Only values of keys that end in "color"
// are names of colours, so the names of classes stay what they are.
distF1.withColors = function withColors(value, isColor = false) {
  if (Array.isArray(value)) return value.map((item) => withColors(item, isColor));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        withColors(item, isColor || /color$/i.test(key)),
      ]),
    );
  }
  return isColor && typeof value === "string" && value.startsWith("--")
    ? distF1.color(value)
    : value;
};

distF1.theme = function theme() {
  const text = { color: distF1.color("--text") };
  const muted = { color: distF1.color("--muted") };
  const line = { lineStyle: { color: distF1.color("--rule") } };
  const axis = {
    axisLine: line,
    axisTick: line,
    axisLabel: muted,
    nameTextStyle: muted,
    splitLine: { lineStyle: { color: distF1.color("--grid") } },
  };
  return {
    color: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => distF1.color(`--series-${i}`)),
    backgroundColor: "transparent",
    textStyle: { fontFamily: "system-ui, sans-serif" },
    legend: {
      textStyle: text,
      inactiveColor: muted.color,
      pageTextStyle: muted,
      pageIconColor: muted.color,
      pageIconInactiveColor: distF1.color("--rule"),
    },
    tooltip: {
      backgroundColor: distF1.color("--panel"),
      borderColor: distF1.color("--rule"),
      textStyle: text,
    },
    visualMap: { textStyle: muted },
    categoryAxis: axis,
    valueAxis: axis,
  };
};

// Draw all charts again, in the colours that now apply.
distF1.recolor = function recolor() {
  const theme = distF1.theme();
  for (const chart of distF1.charts) {
    chart.instance.setTheme(theme);
    chart.draw();
  }
};

const isDark = matchMedia("(prefers-color-scheme: dark)");
isDark.addEventListener("change", distF1.recolor);
// Paper is light. Its width is unknown until it is too late to draw again, so charts are scaled.
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing");
  distF1.recolor();
  for (const { instance } of distF1.charts) {
    instance.getZr().flush();
    const size = `0 0 ${instance.getWidth()} ${instance.getHeight()}`;
    instance.getDom().querySelector("svg")?.setAttribute("viewBox", size);
  }
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  for (const { instance } of distF1.charts) {
    instance.getDom().querySelector("svg")?.removeAttribute("viewBox");
  }
  distF1.recolor();
});
