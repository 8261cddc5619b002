// Draw each chart of the page from the JSON next to it.
"use strict";

// With more points, a canvas is faster than SVG, which prints sharper.
const MAX_SVG_POINTS = 3000;

// Resize a chart with its element. On paper, the browser scales the chart instead.
distF1.fit = function fit(instance) {
  new ResizeObserver(() => {
    if (!document.documentElement.classList.contains("printing")) instance.resize();
  }).observe(instance.getDom());
};

distF1.Chart = class {
  constructor(element, data) {
    this.element = element;
    this.data = data;
    this.view = 0;
    this.shown = data.shown.length ? new Set(data.shown) : null;
    const points = data.option.series.reduce((sum, series) => sum + (series.data?.length ?? 0), 0);
    this.instance = echarts.init(element, distF1.theme(), {
      renderer: points > MAX_SVG_POINTS ? "canvas" : "svg",
    });
    this.draw();
    distF1.fit(this.instance);
  }

  get series() {
    return this.data.option.series;
  }

  // Names of the series that readers can choose.
  get names() {
    return this.series.filter((series) => !series.silent).map((series) => series.name);
  }

  draw() {
    const { option, views } = this.data;
    const drawn = distF1.withColors(option);
    drawn.series = drawn.series.filter((s) => !this.shown || s.silent || this.shown.has(s.name));
    if (drawn.legend) drawn.legend.data = drawn.series.filter((s) => !s.silent).map((s) => s.name);
    if (drawn.tooltip?.trigger === "item") {
      drawn.tooltip.formatter = (params) => distF1.tooltip(params, option);
    }
    drawn.animation = false;
    this.instance.setOption(drawn, { replaceMerge: ["series"] });
    if (views.length) this.instance.setOption(distF1.withColors(views[this.view].option));
  }

  choose(view) {
    this.view = view;
    this.draw();
  }

  show(name, isShown) {
    if (isShown) this.shown.add(name);
    else this.shown.delete(name);
    this.draw();
  }

  // Zoom all axes by a factor around the middle; `null` shows everything.
  zoom(factor) {
    this.instance.getOption().dataZoom.forEach(({ start, end }, i) => {
      const middle = (start + end) / 2;
      const half = factor === null ? 50 : Math.min(50, ((end - start) / 2) * factor);
      const center = Math.min(Math.max(factor === null ? 50 : middle, half), 100 - half);
      this.instance.dispatchAction({
        type: "dataZoom",
        dataZoomIndex: i,
        start: center - half,
        end: center + half,
      });
    });
  }
};

for (const element of document.querySelectorAll("[data-chart]")) {
  const json = document.getElementById(element.dataset.chart).textContent;
  const chart = new distF1.Chart(element, JSON.parse(json));
  element.chart = chart;
  distF1.charts.push(chart);
}
